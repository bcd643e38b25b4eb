// A rough look at the data before sampling: estimates that chains start from, from all consumers or a sample of them.
import type { ThreeLevelData } from '../../data/threeLevelData.js';
import { countPilot } from '../linearHierarchy/countPilot.js';
import { unitFactors } from '../linearHierarchy/crossproducts.js';
import { outerPlaces } from '../linearHierarchy/links.js';
import { type PilotEstimates, pilotEstimates } from '../linearHierarchy/pilot.js';
import type { HbmmmDesign, Layout } from './design.js';

/** More consumers than these say no more of where to start. */
const mostConsumers = 20_000;

export interface HbmmmPilot extends PilotEstimates {
  /** Consumer at each place of the estimates. */
  readonly consumers: Int32Array;
}

/**
 * Places of a market's coefficients among the pilot's, `[size]`: the pilot has a regression on all traits for every coefficient of the rows, of which the
 * constant's and the controls' mean alone is used.
 */
export function pilotPlaces({ p: size, traits, regressions }: Layout): number[] {
  const covariateCount = traits + 1;
  return outerPlaces({ size, covariateCount, regressions }).map(
    ({ coefficient, covariate }) => coefficient * covariateCount + covariate,
  );
}

/** Rough standard errors of the population's coefficients, `[size]`, by the spreads of the groups that they are means of, and their errors. */
export function populationErrors(
  { units, markets }: ThreeLevelData,
  { layout, traits }: HbmmmDesign,
  { unitSd, unitShare, marketSd }: HbmmmPilot,
): Float64Array {
  const q = layout.traits + 1;
  const sds = [1, ...traits.sds];
  // What is left of the spread of consumers' estimates, τ² + v = τ² / share, in the mean of all.
  const estimateSd = unitSd.map((sd, i) => sd / Math.sqrt(Math.max(1e-4, unitShare[i])));
  return Float64Array.from(pilotPlaces(layout), (at, a) => {
    const own = estimateSd[Math.floor(at / q)] / (Math.sqrt(units.count) * sds[at % q]);
    return layout.theta.includes(a) ? own : Math.hypot(marketSd![at] / Math.sqrt(markets!.names.length), own);
  });
}

/** Columns of the rows: the constant, channels, controls. */
export function hbmmmPilot(data: ThreeLevelData, { channels, controls, traits, layout }: HbmmmDesign): HbmmmPilot {
  const step = Math.ceil(data.units.count / mostConsumers);
  const consumers = Int32Array.from({ length: Math.ceil(data.units.count / step) }, (_, i) => i * step);
  const { rowStart } = data.units;
  const ownStart = new Int32Array(consumers.length + 1);
  for (const [i, consumer] of consumers.entries())
    ownStart[i + 1] = ownStart[i] + rowStart[consumer + 1] - rowStart[consumer];
  const sampled = (values: Float64Array): Float64Array => {
    if (step === 1) return values;
    const own = new Float64Array(ownStart[consumers.length]);
    for (const [i, consumer] of consumers.entries())
      own.set(values.subarray(rowStart[consumer], rowStart[consumer + 1]), ownStart[i]);
    return own;
  };
  const ofConsumers = (values: Float64Array): Float64Array => Float64Array.from(consumers, (i) => values[i]);
  const y = sampled(data.y);
  const columns = [new Float64Array(y.length).fill(1), ...[...channels.columns, ...controls.columns].map(sampled)];
  const sds = [1, ...channels.sds, ...controls.sds];
  const input = {
    covariates: [new Float64Array(consumers.length).fill(1), ...traits.columns.map(ofConsumers)],
    marketOfUnit: Int32Array.from(consumers, (i) => data.units.market![i]),
    markets: data.markets!.names.length,
    marketCovariates: [new Float64Array(data.markets!.names.length).fill(1)],
    response: data.response,
    fallbackSd: sds.map((sd) => (0.3 * data.response.sd) / sd),
  };
  if (layout.p !== columns.length) throw new Error(`${columns.length} columns for ${layout.p} coefficients`);
  if (data.counts === undefined)
    return { ...pilotEstimates({ ...input, factors: unitFactors(y, columns, ownStart) }), consumers };
  const { family, trials, logExposure } = data.counts;
  const counts = {
    family,
    ...(trials && { trials: sampled(trials) }),
    ...(logExposure && { logExposure: sampled(logExposure) }),
  };
  return { ...countPilot(y, counts, columns, ownStart, input), consumers };
}
