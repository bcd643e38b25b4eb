// Draws of a full covariance given the products of its deviations, by each prior: conjugate where it is, else slice by slice.
import type { CovariancePrior } from '../../models/covariancePriors.js';
import { cholesky } from '../linearAlgebra.js';
import { drawInverseGamma, drawInverseWishartFactor } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';
import { factorOf, inverseCorrelationDiagonal, partialCorrelations, precisionOf } from './correlations.js';
import { logPrior } from './priorDensity.js';
import { logScaleWidth } from './sdUpdates.js';
import { sliceSample } from './slice.js';

/** Σ = diag(s) L L' diag(s). Arrays change in place. */
export interface FullCovariance {
  readonly sds: Float64Array;
  readonly lower: Float64Array;
}

/** Σ_g V_g V_g' over `count` groups, `[k][k]`. */
export interface Products {
  readonly count: number;
  readonly matrix: Float64Array;
}

/** Draws s and L given the products of the deviations. */
export function updateFullCovariance(
  stream: RandomStream,
  prior: CovariancePrior,
  products: Products,
  covariance: FullCovariance,
): void {
  const k = covariance.sds.length;
  switch (prior.kind) {
    case 'inverseWishart':
      return drawConjugate(stream, prior.df, new Float64Array(k).fill(prior.scale), products, covariance);
    case 'huangWand': {
      const inverse = inverseCorrelationDiagonal(covariance.lower, k);
      // a_i given Σ, then Σ given a (Huang and Wand 2013, §4).
      const diagonal = inverse.map((own, i) => {
        const rate = (prior.df * own) / covariance.sds[i] ** 2 + 1 / prior.scales[i] ** 2;
        return (2 * prior.df) / drawInverseGamma(stream, (prior.df + k) / 2, rate);
      });
      return drawConjugate(stream, prior.df + k - 1, diagonal, products, covariance);
    }
    case 'separate':
      updateSds(stream, prior, products, covariance);
      return updateCorrelations(stream, prior.eta, products, covariance);
    default:
      throw new Error((prior satisfies never as CovariancePrior).kind);
  }
}

/** Σ ~ inverse Wishart(df + count, diag(scale) + products). */
function drawConjugate(
  stream: RandomStream,
  df: number,
  scale: Float64Array,
  { count, matrix }: Products,
  { sds, lower }: FullCovariance,
): void {
  const k = sds.length;
  const total = matrix.slice();
  for (let i = 0; i < k; i++) total[i * k + i] += scale[i];
  const factor = drawInverseWishartFactor(stream, df + count, cholesky(total, k)!, k);
  const sigma = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let m = 0; m < k; m++) sum += factor[i * k + m] * factor[j * k + m];
      sigma[i * k + j] = sum;
    }
    sds[i] = Math.sqrt(sigma[i * k + i]);
  }
  for (let i = 0; i < k; i++) for (let j = 0; j <= i; j++) sigma[i * k + j] /= sds[i] * sds[j];
  lower.set(cholesky(sigma, k)!);
}

/** Each standard deviation given the others and the correlations. */
function updateSds(
  stream: RandomStream,
  prior: Extract<CovariancePrior, { kind: 'separate' }>,
  { count, matrix }: Products,
  { sds, lower }: FullCovariance,
): void {
  const k = sds.length;
  const inverse = precisionOf(new Float64Array(k).fill(1), lower);
  for (let i = 0; i < k; i++) {
    const own = inverse[i * k + i] * matrix[i * k + i];
    let cross = 0;
    for (let j = 0; j < k; j++) if (j !== i) cross += (inverse[i * k + j] * matrix[i * k + j]) / sds[j];
    const density = (logSd: number): number => {
      const sd = Math.exp(logSd);
      return logPrior(prior.sd, sd) + (1 - count) * logSd - (0.5 * own) / (sd * sd) - cross / sd;
    };
    sds[i] = Math.exp(sliceSample(stream, Math.log(sds[i]), logScaleWidth(count), density));
  }
}

/** Each free partial correlation given the others, under LKJ(eta). */
function updateCorrelations(
  stream: RandomStream,
  eta: number,
  { count, matrix }: Products,
  { sds, lower }: FullCovariance,
): void {
  const k = sds.length;
  const scaled = matrix.map((value, at) => value / (sds[Math.floor(at / k)] * sds[at % k]));
  const free = partialCorrelations(lower, k);
  const trial = new Float64Array(k * k);
  let next = 0;
  for (let i = 1; i < k; i++) {
    for (let j = 0; j < i; j++, next++) {
      const at = next;
      const density = (x: number): number => {
        const kept = free[at];
        free[at] = x;
        const value = correlationDensity(free, eta, count, scaled, k, trial);
        free[at] = kept;
        return value;
      };
      free[at] = sliceSample(stream, free[at], Math.min(1, 4 / Math.sqrt(count + 1)), density);
    }
  }
  factorOf(free, k, lower);
}

/** Log density of the free partial correlations: LKJ(eta), the Jacobian of the map, and `count` deviations with products `scaled`. */
function correlationDensity(
  free: Float64Array,
  eta: number,
  count: number,
  scaled: Float64Array,
  k: number,
  lower: Float64Array,
): number {
  let density = factorOf(free, k, lower);
  for (let i = 1; i < k; i++) density += (2 * (eta - 1) + (k - 1 - i) - count) * Math.log(lower[i * k + i]);
  const precision = precisionOf(ones(k), lower);
  let trace = 0;
  for (let at = 0; at < k * k; at++) trace += precision[at] * scaled[at];
  const value = density - 0.5 * trace;
  return Number.isNaN(value) ? -Infinity : value;
}

const ones = (k: number): Float64Array => new Float64Array(k).fill(1);
