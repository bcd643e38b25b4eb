// Where the coefficients and correlations of a level, and the population's coefficients, start, in what is sampled.
import type { StartingPoint } from '../model.js';
import { sampledUnit } from './coefficientPrior.js';
import { shrunkSd } from './horseshoe.js';
import { hasFactors, type LevelCovariance, type Population } from './structure.js';

/** The parameters of a level's covariance. @param spreads rough standard deviations `[k]`; @param sd how far their logs are known */
export function covarianceStart(
  covariance: LevelCovariance,
  spreads: Float64Array,
  sd: number,
  groups: number,
): Record<string, StartingPoint> {
  const k = spreads.length;
  const ofSds = { centre: spreads.map(Math.log), sd: new Float64Array(k).fill(sd) };
  if (!hasFactors(covariance)) {
    const { sds, cholesky } = covariance;
    return { [sds]: ofSds, ...(cholesky !== undefined && { [cholesky]: correlationStart(k, groups) }) };
  }
  const { sds, loadings, factors } = covariance;
  const pattern = loadingsPattern(spreads, factors);
  const width = pattern.map((_, at) => 0.2 * spreads[Math.floor(at / factors)]);
  return { [sds]: ofSds, [loadings]: { centre: pattern, sd: width } };
}

/** No correlations, known the better the more groups there are. */
function correlationStart(k: number, groups: number): StartingPoint {
  const length = (k * (k - 1)) / 2;
  return { centre: new Float64Array(length), sd: new Float64Array(length).fill(Math.min(0.5, 1 / Math.sqrt(groups))) };
}

/**
 * Loadings of either sign, half as large as the spreads: at 0, where rotations leave them, the density has a saddle.
 * @returns `[coefficient][factor]`
 */
export function loadingsPattern(spreads: ArrayLike<number>, factors: number): Float64Array {
  const size = spreads.length;
  return Float64Array.from({ length: size * factors }, (_, at) => {
    const [coefficient, factor] = [Math.floor(at / factors), at % factors];
    return 0.5 * spreads[coefficient] * Math.cos((Math.PI * (coefficient + 0.5) * (factor + 1)) / size);
  });
}

/** Coefficients start at their estimates, translated to what is sampled: a = λ m + (b − m) / s^(1−λ). */
export function levelStart(
  groups: number,
  centring: readonly number[],
  values: Float64Array,
  sds: Float64Array,
  spread: Float64Array,
  meanOf: (group: number, coefficient: number) => number,
): StartingPoint {
  const k = centring.length;
  const centre = new Float64Array(groups * k);
  const sd = new Float64Array(groups * k);
  for (let i = 0; i < groups * k; i++) {
    const c = i % k;
    const mean = meanOf(Math.floor(i / k), c);
    const scale = spread[c] ** (1 - centring[c]);
    centre[i] = centring[c] * mean + (values[i] - mean) / scale;
    sd[i] = sds[i] / scale;
  }
  return { centre, sd };
}

/**
 * The population's coefficients at their means; where a horseshoe shrinks them its local scales begin where they leave these alone.
 * @param errors rough standard errors, `[coefficient]`
 */
export function populationStart(
  name: string,
  prior: Population['prior'],
  means: Float64Array,
  errors: Float64Array,
): Record<string, StartingPoint> {
  const horseshoe = prior.kind === 'normal' ? prior.horseshoe : undefined;
  if (horseshoe === undefined) return { [name]: { centre: means, sd: errors } };
  const { places, local, global, globalScale, slab } = horseshoe;
  const [centre, sd] = [means.slice(), errors.slice()];
  const widths = places.map((place) => Math.max(globalScale, Math.abs(means[place])));
  for (const [j, place] of places.entries()) {
    const spread = shrunkSd(widths[j] / globalScale, globalScale, slab?.scale ?? Infinity);
    centre[place] = means[place] / sampledUnit(spread, errors[place]);
    sd[place] = 1;
  }
  return {
    [global]: { centre: [Math.log(globalScale)], sd: [1] },
    [local]: {
      centre: widths.map((width) => Math.log(width / globalScale)),
      sd: new Float64Array(places.length).fill(1),
    },
    ...(slab && { [slab.name]: { centre: [Math.log(slab.scale)], sd: [0.5] } }),
    [name]: { centre, sd },
  };
}
