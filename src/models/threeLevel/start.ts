// Where chains of the three-level model start: around the pilot estimates, as wide as those are uncertain.
import type { StartingPoint } from '../model.js';
import { scaleParameter } from '../groupPriors.js';
import { covarianceStart, levelStart, populationStart } from '../linearHierarchy/levelStart.js';
import type { PilotEstimates } from '../linearHierarchy/pilot.js';
import type { ThreeLevelContext } from './context.js';
import type { ThreeLevelDesign } from './design.js';

export function threeLevelStart(context: ThreeLevelContext, pilot: PilotEstimates): Record<string, StartingPoint> {
  const scale = scaleParameter(context.family);
  const { data, priors, centring, p, q, design } = context;
  const units = data.units.count;
  const markets = data.markets?.names.length ?? 0;
  const spreadSd = (groups: number): number => 1 / Math.sqrt(2 * Math.max(1, groups));
  const unitMean = (unit: number, c: number): number => pilot.unitMeans[unit * p + c];
  const start: Record<string, StartingPoint> = {
    ...(scale === 'sigma' && { sigma: { centre: [Math.log(pilot.sigma)], sd: [spreadSd(data.rows)] } }),
    // From a variance of twice the mean's square down to nearly that of Poisson.
    ...(scale === 'phi' && { phi: { centre: [0], sd: [1] } }),
    ...covarianceStart(priors.unit, pilot.unitSd, spreadSd(units), units),
    beta: levelStart(units, centring.unit, pilot.unitCoefficients, pilot.unitCoefficientSd, pilot.unitSd, unitMean),
  };
  // Without shrinkage chains start as near as the units' spreads say: with the errors of their estimates too, joint NUTS of counts got stuck more often.
  const { population } = priors;
  const isShrunk = population.kind === 'normal' && population.horseshoe !== undefined;
  const errors = populationErrors(
    design,
    units,
    isShrunk ? pilot : { ...pilot, unitShare: pilot.unitShare.map(() => 1) },
  );
  if (pilot.marketSd === null) return { ...start, ...populationStart('gamma', population, pilot.population, errors) };
  const { marketSd } = pilot;
  Object.assign(start, populationStart('delta', population, pilot.population, errors));
  Object.assign(start, covarianceStart(priors.market!, marketSd, Math.max(0.2, spreadSd(markets)), markets));
  start.gamma = levelStart(
    markets,
    centring.market,
    pilot.marketCoefficients!,
    pilot.marketCoefficientSd!,
    marketSd,
    (market, c) => pilot.marketMeans![market * p * q + c],
  );
  return start;
}

/** Rough standard errors of the population's coefficients, `[p·q·r]`, by the spreads of the groups that they are means of, and their errors. */
export function populationErrors(
  design: ThreeLevelDesign,
  units: number,
  { unitSd, unitShare, marketSd }: PilotEstimates,
): Float64Array {
  const q = design.units.names.length;
  const of = unitSd.length * q;
  // What is left of the spread of units' estimates, τ² + v = τ² / share, in the mean of a group of them, by coefficient of the unit design.
  const estimateSd = unitSd.map((sd, i) => sd / Math.sqrt(Math.max(1e-4, unitShare[i])));
  const meanSd = (i: number, groups: number): number =>
    estimateSd[Math.floor(i / q)] / (Math.sqrt(units / groups) * design.units.sds[i % q]);
  if (design.markets === null || marketSd === null) return Float64Array.from({ length: of }, (_, i) => meanSd(i, 1));
  const { sds, columns } = design.markets;
  const markets = columns[0].length;
  return Float64Array.from({ length: of * sds.length }, (_, i) => {
    const coefficient = Math.floor(i / sds.length);
    return Math.hypot(marketSd[coefficient], meanSd(coefficient, markets)) / (Math.sqrt(markets) * sds[i % sds.length]);
  });
}
