// Where chains of the three-level model start: around the pilot estimates, as wide as those are uncertain.
import type { StartingPoint } from '../model.js';
import { scaleParameter } from '../groupPriors.js';
import { covarianceStart, levelStart } from '../linearHierarchy/levelStart.js';
import type { PilotEstimates } from '../linearHierarchy/pilot.js';
import type { ThreeLevelContext } from './context.js';

export function threeLevelStart(context: ThreeLevelContext, pilot: PilotEstimates): Record<string, StartingPoint> {
  const scale = scaleParameter(context.family);
  const { data, priors, centring, p, q, r, design } = context;
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
  // What is left of the spread of units in the mean of a group of them, by coefficient of the unit design.
  const meanSd = (i: number, groups: number): number =>
    pilot.unitSd[Math.floor(i / q)] / (Math.sqrt(units / groups) * design.units.sds[i % q]);
  if (pilot.marketSd === null) {
    start.gamma = { centre: pilot.mean, sd: Float64Array.from(pilot.mean, (_, i) => meanSd(i, 1)) };
    return start;
  }
  const { marketSd } = pilot;
  start.delta = {
    centre: Float64Array.from({ length: p * q * r }, (_, i) => (i % r === 0 ? pilot.mean[i / r] : 0)),
    sd: Float64Array.from({ length: p * q * r }, (_, i) => {
      const coefficient = Math.floor(i / r);
      const spread = Math.hypot(marketSd[coefficient], meanSd(coefficient, markets));
      return spread / (Math.sqrt(markets) * design.markets!.sds[i % r]);
    }),
  };
  Object.assign(start, covarianceStart(priors.market!, marketSd, Math.max(0.2, spreadSd(markets)), markets));
  start.gamma = levelStart(
    markets,
    centring.market,
    pilot.marketCoefficients!,
    pilot.marketCoefficientSd!,
    marketSd,
    (_, c) => pilot.mean[c],
  );
  return start;
}
