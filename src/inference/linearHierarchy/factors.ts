// Covariances of common factors in f64, and exact draws of the factors of groups whose coefficients are given.
import type { FactorValues } from '../../models/linearHierarchy/values.js';
import { cholesky, solve, solveTransposed } from '../linearAlgebra.js';

/** Standard deviations `[k]` and the Cholesky factor of the correlations `[k][k]` of ΛΛ' + diag(ψ²), written to the target. */
export function setCovariance(
  { loadings, uniques }: FactorValues,
  { sds, lower }: { readonly sds: Float64Array; readonly lower: Float64Array },
): void {
  const k = uniques.length;
  const factors = loadings.length / k;
  const matrix = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = i === j ? uniques[i] ** 2 : 0;
      for (let f = 0; f < factors; f++) sum += loadings[i * factors + f] * loadings[j * factors + f];
      matrix[i * k + j] = sum;
    }
    sds[i] = Math.sqrt(matrix[i * k + i]);
  }
  for (let i = 0; i < k; i++) for (let j = 0; j <= i; j++) matrix[i * k + j] /= sds[i] * sds[j];
  const factor = cholesky(matrix, k);
  if (factor === undefined) throw new RangeError('a covariance of factors is singular to working precision');
  lower.set(factor);
}

/** The level's covariance from what it is made of. */
export function covarianceOfFactors(factors: FactorValues) {
  const k = factors.uniques.length;
  const covariance = { sds: new Float64Array(k), lower: new Float64Array(k * k), factors };
  setCovariance(factors, covariance);
  return covariance;
}

/** z | v ~ N(Wv, (KK')⁻¹) with KK' = I + Λ'Ψ⁻¹Λ and W = (KK')⁻¹Λ'Ψ⁻¹. */
export interface FactorConditional {
  /** K, lower, `[factors][factors]`. */
  readonly root: Float64Array;
  /** W, `[factors][k]`. */
  readonly weights: Float64Array;
}

export function factorConditional({ loadings, uniques }: FactorValues): FactorConditional {
  const k = uniques.length;
  const m = loadings.length / k;
  const precision = new Float64Array(m * m);
  for (let f = 0; f < m; f++) {
    precision[f * m + f] = 1;
    for (let g = 0; g <= f; g++)
      for (let i = 0; i < k; i++) precision[f * m + g] += (loadings[i * m + f] * loadings[i * m + g]) / uniques[i] ** 2;
  }
  const root = cholesky(precision, m)!;
  const weights = new Float64Array(m * k);
  const column = new Float64Array(m);
  for (let i = 0; i < k; i++) {
    for (let f = 0; f < m; f++) column[f] = loadings[i * m + f] / uniques[i] ** 2;
    solve(root, column);
    solveTransposed(root, column);
    for (let f = 0; f < m; f++) weights[f * k + i] = column[f];
  }
  return { root, weights };
}

/**
 * An exact draw of the factors of every group given its coefficients' deviations from their means: what a report shows of z, which no method
 * samples. Rotated like Λ (see `alignLoadings`) it goes with the aligned loadings.
 * @param deviations `[group][k]`; @param noise standard normals, `[group][factors]`
 * @returns `[group][factors]`
 */
export function drawFactors(factors: FactorValues, deviations: Float64Array, noise: Float64Array): Float64Array {
  const { root, weights } = factorConditional(factors);
  const k = factors.uniques.length;
  const m = weights.length / k;
  const scores = noise.slice();
  for (let g = 0; g * k < deviations.length; g++) {
    const own = scores.subarray(g * m, (g + 1) * m);
    solveTransposed(root, own);
    for (let f = 0; f < m; f++) for (let i = 0; i < k; i++) own[f] += weights[f * k + i] * deviations[g * k + i];
  }
  return scores;
}
