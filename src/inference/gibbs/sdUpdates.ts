// Draws of standard deviations given sums of squares: σ of the errors and diagonal covariances, by each prior.
import type { CovariancePrior } from '../../models/covariancePriors.js';
import type { PriorSpec } from '../../models/linearHierarchy/structure.js';
import { drawInverseGamma } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';
import { logPrior } from './priorDensity.js';
import { sliceSample } from './slice.js';

/** Sum of squares of `count` normal deviations with mean 0. */
export interface Squares {
  readonly count: number;
  readonly sum: number;
}

/**
 * A standard deviation given its deviations, from `current`: half-t priors by their auxiliary scale (Huang and Wand 2013, with one
 * coefficient), others by a slice on the log scale.
 * @param more log density that multiplies the prior
 */
export function updateSd(
  stream: RandomStream,
  prior: PriorSpec,
  squares: Squares,
  current: number,
  more?: (sd: number) => number,
): number {
  if (more !== undefined) return sliceOnLogScale(stream, squares, current, (sd) => logPrior(prior, sd) + more(sd));
  const [a, b] = prior.parameters;
  switch (prior.family) {
    case 'halfStudentT':
      return updateHalfT(stream, a, b, squares, current);
    case 'halfCauchy':
      return updateHalfT(stream, 1, a, squares, current);
    case 'precisionGamma':
      return Math.sqrt(drawInverseGamma(stream, a + squares.count / 2, b + squares.sum / 2));
    default:
      return sliceOnLogScale(stream, squares, current, (sd) => logPrior(prior, sd));
  }
}

/** Standard deviation of coefficient i of a diagonal covariance of `size` coefficients. */
export function updateDiagonalSd(
  stream: RandomStream,
  prior: CovariancePrior,
  i: number,
  size: number,
  squares: Squares,
  current: number,
): number {
  switch (prior.kind) {
    case 'huangWand':
      return updateHalfT(stream, prior.df, prior.scales[i], squares, current);
    case 'inverseWishart': {
      const shape = (prior.df - size + 1 + squares.count) / 2;
      return Math.sqrt(drawInverseGamma(stream, shape, (prior.scale + squares.sum) / 2));
    }
    case 'separate':
      return updateSd(stream, prior.sd, squares, current);
    default:
      throw new Error((prior satisfies never as CovariancePrior).kind);
  }
}

/** s² | a ~ IG(ν/2, ν/a), a ~ IG(½, 1/A²) makes s half-t(ν, A): a is drawn given s, then s given a. */
function updateHalfT(
  stream: RandomStream,
  df: number,
  scale: number,
  { count, sum }: Squares,
  current: number,
): number {
  const auxiliary = drawInverseGamma(stream, (df + 1) / 2, df / (current * current) + 1 / (scale * scale));
  return Math.sqrt(drawInverseGamma(stream, (df + count) / 2, df / auxiliary + sum / 2));
}

function sliceOnLogScale(
  stream: RandomStream,
  { count, sum }: Squares,
  current: number,
  logPriorOf: (sd: number) => number,
): number {
  const density = (logSd: number): number => {
    const sd = Math.exp(logSd);
    return logPriorOf(sd) + logSd - count * logSd - (0.5 * sum) / (sd * sd);
  };
  return Math.exp(sliceSample(stream, Math.log(current), logScaleWidth(count), density));
}

/** About three posterior standard deviations of the log of a scale. */
export const logScaleWidth = (count: number): number => 3 / Math.sqrt(2 * count + 2);
