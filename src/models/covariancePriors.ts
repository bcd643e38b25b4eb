// Priors of a covariance matrix Σ = diag(s) R diag(s), as densities of the standard deviations s and the Cholesky factor of R.
import type { Tensor } from '@tensorflow/tfjs-core';
import { literal, triangularSolve } from '../kernels/ops/index.js';
import { logGamma } from '../kernels/math/specialFunctions.js';
import { halfStudentT } from './distributions/index.js';
import { priorLogDensity } from './priors.js';
import type { PriorSpec } from '../data/prior.js';

/** A prior of one level's covariance. */
export type CovariancePrior =
  /** Independent half-t standard deviations; with correlations the Huang–Wand (2013) density. Scales `[coefficient]`. */
  | { readonly kind: 'huangWand'; readonly df: number; readonly scales: readonly number[] }
  | { readonly kind: 'inverseWishart'; readonly df: number; readonly scale: number }
  /** Independent standard deviations and, with correlations, LKJ(eta) (Lewandowski, Kurowicka and Joe 2009). */
  | { readonly kind: 'separate'; readonly sd: PriorSpec; readonly eta: number };

/**
 * Log density of (s, L), L the Cholesky factor of R; L undefined: Σ is diagonal.
 * @param s `[k]`; @param lower `[k, k]`. The density is with respect to ds dL (below the diagonal).
 */
export function covarianceLogDensity(prior: CovariancePrior, s: Tensor, lower: Tensor | undefined): Tensor {
  const k = s.shape[0];
  switch (prior.kind) {
    case 'huangWand':
      return lower === undefined
        ? halfStudentT.logDensity(s, prior.df, literal(prior.scales)).sum()
        : huangWand(prior.df, prior.scales, s, lower);
    case 'inverseWishart':
      return lower === undefined
        ? inverseWishartDiagonal(prior.df, prior.scale, s, k)
        : inverseWishart(prior, s, lower);
    case 'separate': {
      const sds = priorLogDensity(prior.sd, s).sum();
      return lower === undefined ? sds : sds.add(lkj(prior.eta, lower));
    }
    default:
      throw new Error((prior satisfies never as CovariancePrior).kind);
  }
}

/** Diagonal of L, `[k]`. */
function diagonal(lower: Tensor): Tensor {
  const k = lower.shape[0];
  const mask = literal(
    Array.from({ length: k * k }, (_, i) => (Math.floor(i / k) === i % k ? 1 : 0)),
    [k, k],
  );
  return lower.mul(mask).sum(1);
}

/** Weighted sum Σ_i w_i log L_ii. */
function logDiagonalSum(lower: Tensor, weight: (i: number) => number): Tensor {
  const k = lower.shape[0];
  return diagonal(lower)
    .log()
    .mul(literal(Array.from({ length: k }, (_, i) => weight(i))))
    .sum();
}

/** log |dR / dL| = Σ (k − i) log L_ii, i from 1 (Stan reference manual). */
const logJacobianOfCorrelation = (lower: Tensor): Tensor => logDiagonalSum(lower, (i) => lower.shape[0] - 1 - i);

/** log |dΣ / d(s, R)| = k log 2 + k Σ log s. */
const logJacobianOfScales = (s: Tensor): Tensor =>
  s
    .log()
    .sum()
    .mul(s.shape[0])
    .add(literal(s.shape[0] * Math.LN2));

/** (R⁻¹)_ii, `[k]`: squared column norms of L⁻¹. */
function inverseDiagonal(lower: Tensor): Tensor {
  const k = lower.shape[0];
  const identity = literal(
    Array.from({ length: k * k }, (_, i) => (Math.floor(i / k) === i % k ? 1 : 0)),
    [k, k],
  );
  return triangularSolve(lower, identity).square().sum(0);
}

function lkj(eta: number, lower: Tensor): Tensor {
  const k = lower.shape[0];
  // Normaliser: Lewandowski, Kurowicka and Joe (2009), equation 16, i of the partial correlations in each tree of the vine.
  let logNormaliser = 0;
  for (let i = 1; i < k; i++) {
    const beta = eta + (i - 1) / 2;
    logNormaliser += i * ((2 * beta - 1) * Math.LN2 + 2 * logGamma(beta) - logGamma(2 * beta));
  }
  return logDiagonalSum(lower, () => 2 * (eta - 1))
    .add(logJacobianOfCorrelation(lower))
    .sub(literal(logNormaliser));
}

/** Multivariate log gamma function. */
function logMultivariateGamma(k: number, x: number): number {
  let sum = (k * (k - 1) * Math.log(Math.PI)) / 4;
  for (let i = 0; i < k; i++) sum += logGamma(x - i / 2);
  return sum;
}

/**
 * Huang and Wand (2013), equation 2 with the auxiliary scales integrated out:
 * Σ | a ~ IW(ν + k − 1, 2ν diag(1/a)), a_i ~ IG(½, 1/A_i²). Standard deviations are half-t(ν, A_i); with ν = 2 each
 * correlation is uniform.
 */
function huangWand(df: number, scales: readonly number[], s: Tensor, lower: Tensor): Tensor {
  const k = scales.length;
  const wishartDf = df + k - 1;
  const logDet = s
    .log()
    .sum()
    .mul(2)
    .add(logDiagonalSum(lower, () => 2));
  const rates = inverseDiagonal(lower)
    .div(s.square())
    .mul(df)
    .add(literal(scales.map((a) => 1 / (a * a))));
  const exponent = (df + k) / 2;
  // ∫ over each a: (2ν)^{(ν+k−1)/2} Γ((ν+k)/2) / (A √π) · (ν (Σ⁻¹)_ii + 1/A²)^{−(ν+k)/2}
  const constant =
    k * ((wishartDf / 2) * Math.log(2 * df) + logGamma(exponent) - 0.5 * Math.log(Math.PI)) -
    scales.reduce((sum, a) => sum + Math.log(a), 0) -
    (wishartDf * k * Math.LN2) / 2 -
    logMultivariateGamma(k, wishartDf / 2);
  return rates
    .log()
    .sum()
    .mul(-exponent)
    .sub(logDet.mul((wishartDf + k + 1) / 2))
    .add(literal(constant))
    .add(logJacobianOfScales(s))
    .add(logJacobianOfCorrelation(lower));
}

/** Inverse Wishart with scale matrix `scale` · I. */
function inverseWishart({ df, scale }: { df: number; scale: number }, s: Tensor, lower: Tensor): Tensor {
  const k = s.shape[0];
  const logDet = s
    .log()
    .sum()
    .mul(2)
    .add(logDiagonalSum(lower, () => 2));
  const trace = inverseDiagonal(lower).div(s.square()).sum().mul(literal(scale));
  const constant = (df * k * Math.log(scale)) / 2 - (df * k * Math.LN2) / 2 - logMultivariateGamma(k, df / 2);
  return logDet
    .mul(-(df + k + 1) / 2)
    .sub(trace.mul(0.5))
    .add(literal(constant))
    .add(logJacobianOfScales(s))
    .add(logJacobianOfCorrelation(lower));
}

/** The marginal variances of the inverse Wishart, taken as independent: s² ~ inverse gamma((df − k + 1)/2, scale/2). */
function inverseWishartDiagonal(df: number, scale: number, s: Tensor, k: number): Tensor {
  return priorLogDensity({ family: 'precisionGamma', parameters: [(df - k + 1) / 2, scale / 2] }, s).sum();
}
