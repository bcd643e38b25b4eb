// Updates of the spreads of pooled coefficients: given the coefficients, then given the coefficients over their spread (Yu and Meng 2011).
import type { CoefficientPrior } from '../../models/linearHierarchy/structure.js';
import type { PooledValues } from '../../models/linearHierarchy/values.js';
import type { RandomStream } from '../random/streams.js';
import { logPrior } from './priorDensity.js';
import { updateSd } from './sdUpdates.js';
import type { LocalQuadratic } from './shrinkage.js';
import { sliceSample } from './slice.js';

/** A first width of slices of log s given the standardised coefficients, of which little may be known. */
const width = 1;

/**
 * New spreads, and coefficients that follow them; both change in place.
 * @param quadratic undefined: coefficients stay, without the second update
 */
export function updateSpreads(
  stream: RandomStream,
  { means, pooling }: CoefficientPrior,
  quadratic: LocalQuadratic | undefined,
  coefficients: Float64Array,
  { sds }: PooledValues,
): void {
  const { places, sets, priors } = pooling!;
  const size = coefficients.length;
  const slopes = quadratic?.slopes.slice();
  for (const [k, prior] of priors.entries()) {
    const own = places.filter((_, j) => sets[j] === k);
    const deviations = Float64Array.from(own, (i) => coefficients[i] - (means?.[i] ?? 0));
    const sum = deviations.reduce((squares, x) => squares + x * x, 0);
    sds[k] = updateSd(stream, prior, { count: own.length, sum }, sds[k]);
    if (quadratic === undefined) continue;
    const { gram } = quadratic;
    // Deviations times 1 + t: log density t·slope − ½ t²·curvature.
    const change = new Float64Array(size);
    for (const [n, i] of own.entries())
      for (let other = 0; other < size; other++) change[other] += deviations[n] * gram[i * size + other];
    const slope = own.reduce((total, i, n) => total + deviations[n] * slopes![i], 0);
    const curvature = own.reduce((total, i, n) => total + deviations[n] * change[i], 0);
    const before = sds[k];
    const log = sliceSample(stream, Math.log(before), width, (logSd) => {
      const sd = Math.exp(logSd);
      const t = sd / before - 1;
      return logPrior(prior, sd) + logSd + t * (slope - 0.5 * t * curvature);
    });
    sds[k] = Math.exp(log);
    const step = sds[k] / before - 1;
    for (const [n, i] of own.entries()) coefficients[i] += step * deviations[n];
    for (let i = 0; i < size; i++) slopes![i] -= step * change[i];
  }
}
