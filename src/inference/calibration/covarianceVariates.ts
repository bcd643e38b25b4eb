// Draws of standard deviations and correlations from the priors of a covariance.
import type { CovariancePrior } from '../../models/covariancePriors.js';
import { cholesky } from '../linearAlgebra.js';
import { drawGamma, drawInverseGamma, drawInverseWishartFactor, drawNormal } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';
import { drawHalfStudentT, drawPriorVariate } from './priorVariates.js';

/** Standard deviations `[k]` and, where the covariance is full, the Cholesky factor `[k][k]` of the correlations. */
export interface CovarianceVariate {
  readonly sds: Float64Array;
  readonly lower: Float64Array | undefined;
}

/** One draw of the prior whose density is `covarianceLogDensity`. Throws RangeError for improper priors. */
export function drawCovariance(
  stream: RandomStream,
  prior: CovariancePrior,
  k: number,
  isFull: boolean,
): CovarianceVariate {
  switch (prior.kind) {
    case 'huangWand': {
      const { df, scales } = prior;
      if (!isFull)
        return { sds: Float64Array.from(scales, (scale) => drawHalfStudentT(stream, df, scale)), lower: undefined };
      // Σ | a ~ IW(ν + k − 1, 2ν diag(1/a)), a_i ~ IG(½, 1/A_i²) (Huang and Wand 2013, equation 2).
      const factor = new Float64Array(k * k);
      for (const [i, scale] of scales.entries())
        factor[i * k + i] = Math.sqrt((2 * df) / drawInverseGamma(stream, 0.5, 1 / (scale * scale)));
      return split(drawInverseWishartFactor(stream, df + k - 1, factor, k), k);
    }
    case 'inverseWishart': {
      const { df, scale } = prior;
      if (!isFull) {
        const shape = (df - k + 1) / 2;
        return {
          sds: Float64Array.from({ length: k }, () => Math.sqrt(drawInverseGamma(stream, shape, scale / 2))),
          lower: undefined,
        };
      }
      const factor = new Float64Array(k * k);
      for (let i = 0; i < k; i++) factor[i * k + i] = Math.sqrt(scale);
      return split(drawInverseWishartFactor(stream, df, factor, k), k);
    }
    case 'separate':
      return {
        sds: Float64Array.from({ length: k }, () => drawPriorVariate(stream, prior.sd)),
        lower: isFull ? drawLkjFactor(stream, prior.eta, k) : undefined,
      };
    default:
      throw new Error((prior satisfies never as CovariancePrior).kind);
  }
}

/** Standard deviations and correlation factor of B B', B `[k][k]`. */
function split(factor: Float64Array, k: number): CovarianceVariate {
  const covariance = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j < k; j++) {
      let sum = 0;
      for (let m = 0; m < k; m++) sum += factor[i * k + m] * factor[j * k + m];
      covariance[i * k + j] = sum;
    }
  }
  const sds = Float64Array.from({ length: k }, (_, i) => Math.sqrt(covariance[i * k + i]));
  const correlation = covariance.map((value, at) => value / (sds[Math.floor(at / k)] * sds[at % k]));
  const lower = cholesky(correlation, k);
  if (lower === undefined) throw new RangeError('a covariance drawn from the prior is singular to working precision');
  return { sds, lower };
}

/**
 * Cholesky factor of a correlation matrix from LKJ(eta): the onion method (Lewandowski, Kurowicka and Joe 2009, §3.2). Row i is
 * √y times a uniform direction, then √(1 − y), y ~ beta(i/2, eta + (k − 1 − i)/2).
 */
function drawLkjFactor(stream: RandomStream, eta: number, k: number): Float64Array {
  const lower = new Float64Array(k * k);
  lower[0] = 1;
  for (let i = 1; i < k; i++) {
    const a = drawGamma(stream, i / 2);
    const share = a / (a + drawGamma(stream, eta + (k - 1 - i) / 2));
    const direction = Float64Array.from({ length: i }, () => drawNormal(stream));
    const norm = Math.hypot(...direction);
    for (let j = 0; j < i; j++) lower[i * k + j] = (Math.sqrt(share) * direction[j]) / norm;
    lower[i * k + i] = Math.sqrt(1 - share);
  }
  return lower;
}
