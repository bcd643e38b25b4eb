// Draws of a full covariance given the products of its deviations, by each prior: conjugate where it is, else slice by slice.
import type { CovariancePrior } from '../../models/covariancePriors.js';
import { cholesky } from '../linearAlgebra.js';
import { drawInverseGamma, drawInverseWishartFactor } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';
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

/** (R⁻¹)_ii of R = L L', `[k]`: squared column norms of L⁻¹. */
export function inverseCorrelationDiagonal(lower: Float64Array, k: number): Float64Array {
  const inverse = invertLower(lower, k);
  return Float64Array.from({ length: k }, (_, i) => {
    let sum = 0;
    for (let row = i; row < k; row++) sum += inverse[row * k + i] ** 2;
    return sum;
  });
}

/** Σ⁻¹ of diag(s) L L' diag(s), `[k][k]`; L undefined: of diag(s²). */
export function precisionOf(sds: Float64Array, lower: Float64Array | undefined): Float64Array {
  const k = sds.length;
  const precision = new Float64Array(k * k);
  if (lower === undefined) {
    for (let i = 0; i < k; i++) precision[i * k + i] = 1 / (sds[i] * sds[i]);
    return precision;
  }
  const inverse = invertLower(lower, k);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let row = i; row < k; row++) sum += inverse[row * k + i] * inverse[row * k + j];
      precision[i * k + j] = precision[j * k + i] = sum / (sds[i] * sds[j]);
    }
  }
  return precision;
}

function invertLower(lower: Float64Array, k: number): Float64Array {
  const inverse = new Float64Array(k * k);
  for (let column = 0; column < k; column++) {
    for (let row = column; row < k; row++) {
      let rest = row === column ? 1 : 0;
      for (let j = column; j < row; j++) rest -= lower[row * k + j] * inverse[j * k + column];
      inverse[row * k + column] = rest / lower[row * k + row];
    }
  }
  return inverse;
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

/** The factor of free partial correlations, written to `lower`; returns the log Jacobian of the map (see `choleskyCorrelation`). */
function factorOf(free: Float64Array, k: number, lower: Float64Array): number {
  lower.fill(0);
  let logJacobian = 0;
  let next = 0;
  for (let i = 0; i < k; i++) {
    let rest = 1;
    for (let j = 0; j < i; j++) {
      const x = free[next++];
      const shrink = 1 / Math.cosh(x);
      lower[i * k + j] = Math.tanh(x) * rest;
      logJacobian += 2 * Math.log(shrink) + Math.log(rest);
      rest *= shrink;
    }
    lower[i * k + i] = rest;
  }
  return logJacobian;
}

function partialCorrelations(lower: Float64Array, k: number): Float64Array {
  const free = new Float64Array((k * (k - 1)) / 2);
  let next = 0;
  for (let i = 1; i < k; i++) {
    let rest = 1;
    for (let j = 0; j < i; j++) {
      const correlation = lower[i * k + j] / rest;
      free[next++] = Math.atanh(correlation);
      rest *= Math.sqrt((1 - correlation) * (1 + correlation));
    }
  }
  return free;
}
