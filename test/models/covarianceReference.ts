// Priors of a covariance matrix written directly on Σ, and their change of variables to (s, L) by differences.
import { logGamma } from '../../src/kernels/math/specialFunctions.js';
import { invert, jacobian, logDeterminant, type Matrix, matrixOf, multiply, transpose } from './denseMatrices.js';
import { integrate } from './quadrature.js';

/** Σ = diag(s) L L' diag(s). */
export function covarianceOf(s: ArrayLike<number>, lower: Matrix): number[][] {
  const factor = matrixOf(s.length, s.length, (i, j) => s[i] * lower[i][j]);
  return multiply(factor, transpose(factor));
}

/** Cholesky factor of the correlation matrix with these entries below the diagonal, row by row. */
export function factorOf(k: number, below: ArrayLike<number>): number[][] {
  return matrixOf(k, k, (i, j) => {
    const first = (i * (i - 1)) / 2;
    if (j > i) return 0;
    if (j < i) return below[first + j];
    let rest = 1;
    for (let m = 0; m < i; m++) rest -= below[first + m] ** 2;
    return Math.sqrt(rest);
  });
}

/** log |d vech Σ / d(s, L below the diagonal)|. */
export function logVolumeOfCovariance(s: ArrayLike<number>, below: ArrayLike<number>): number {
  const k = s.length;
  const point = Float64Array.from([...Array.from(s), ...Array.from(below)]);
  const map = (x: Float64Array): number[] => {
    const sigma = covarianceOf(x.subarray(0, k), factorOf(k, x.subarray(k)));
    return sigma.flatMap((row, i) => row.slice(0, i + 1));
  };
  return logDeterminant(jacobian(map, point, (x) => 1e-3 * Math.max(0.05, Math.abs(x))));
}

/** log |d R / d L| over the entries below the diagonal. */
export function logVolumeOfCorrelation(k: number, below: ArrayLike<number>): number {
  const map = (x: Float64Array): number[] => {
    const lower = factorOf(k, x);
    return multiply(lower, transpose(lower)).flatMap((row, i) => row.slice(0, i));
  };
  return logDeterminant(jacobian(map, below));
}

function logMultivariateGamma(k: number, x: number): number {
  // Recursion Γ_k(x) = π^{(k−1)/2} Γ(x) Γ_{k−1}(x − ½).
  return k === 1 ? logGamma(x) : ((k - 1) / 2) * Math.log(Math.PI) + logGamma(x) + logMultivariateGamma(k - 1, x - 0.5);
}

/** Inverse Wishart with a diagonal scale matrix, log density of Σ (Gelman et al., BDA3, table A.1). */
export function inverseWishartLogDensity(sigma: Matrix, df: number, scale: readonly number[]): number {
  const k = sigma.length;
  const { inverse, logDet } = invert(sigma);
  const trace = inverse.reduce((sum, row, i) => sum + row[i] * scale[i], 0);
  const logScale = scale.reduce((sum, x) => sum + Math.log(x), 0);
  const normaliser = (df * k * Math.LN2) / 2 + logMultivariateGamma(k, df / 2);
  return (df / 2) * logScale - normaliser - ((df + k + 1) / 2) * logDet - trace / 2;
}

/**
 * Huang and Wand (2013), section 2: Σ | a ~ IW(ν + k − 1, 2ν diag(1/a)), a_i ~ inverse gamma(½, 1/A_i²), with each a_i
 * integrated out numerically.
 */
export function huangWandLogDensity(sigma: Matrix, df: number, scales: readonly number[]): number {
  const k = sigma.length;
  const unit = inverseWishartLogDensity(sigma, df + k - 1, Array<number>(k).fill(2 * df));
  const precision = invert(sigma).inverse;
  const shape = (df + k - 1) / 2;
  return scales.reduce((sum, scale, i) => {
    // Ratio of the density at a to that at a = 1, times the prior of a, in u = 1/a: u ~ gamma(½, rate 1/A²).
    const tilt = df * precision[i][i];
    const rate = 1 / (scale * scale);
    const value = integrate(
      (u) => u.map((x) => x ** shape * Math.exp(-tilt * (x - 1)) * Math.sqrt(rate / Math.PI / x) * Math.exp(-rate * x)),
      'positive',
    );
    return sum + Math.log(value);
  }, unit);
}

/** LKJ(eta) on the correlation matrix, not normalised: (η − 1) log |R|. */
export function lkjKernel(k: number, below: ArrayLike<number>, eta: number): number {
  const lower = factorOf(k, below);
  return (eta - 1) * logDeterminant(multiply(lower, transpose(lower)));
}
