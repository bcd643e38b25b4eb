// The metric estimated from a window of warm-up: regularised variances, and a shrunk covariance over the dense block or a low-rank part.
import { estimateLowRank } from './estimateLowRank.js';
import type { LowRankLimits, Metric } from './metric.js';
import { blockMetric } from './metric.js';
import type { SavedMoments } from './phaseSpaces.js';

/** Moments of a window, and the dimensions that its `products` are over. */
type WindowMoments = SavedMoments & { readonly indices: Int32Array };

/** Draws that the prior variance counts for (Stan's regularisation). */
export const PRIOR_DRAWS = 5;
/** With fewer draws than this per dimension of the block its correlations are shrunk. */
const DRAWS_PER_DIMENSION = 5;

/**
 * Inverse mass n/(n+5) S + 5/(n+5) diag(prior variances), S the window's variances and, over the dense block, its covariance.
 * With limits of a low-rank metric, and draws and gradients to estimate it from, it is that of `estimateLowRank`.
 * Returns undefined for a window of fewer than two draws or with moments that are not finite.
 */
export function estimateMetric(
  moments: WindowMoments,
  priorVariances: Float64Array,
  lowRank?: LowRankLimits,
): Metric | undefined {
  const { count, squares, indices, pairs } = moments;
  if (count < 2 || !squares.every(Number.isFinite)) return undefined;
  const weight = count / (count + PRIOR_DRAWS);
  const variances = squares.map((sum, i) => (weight * sum) / (count - 1) + (1 - weight) * priorVariances[i]);
  const found = lowRank && pairs && estimateLowRank({ ...moments, pairs }, weight, variances, priorVariances, lowRank);
  return found ?? blockMetric(variances, indices, blockCovariance(moments, weight, variances));
}

function blockCovariance(moments: WindowMoments, weight: number, variances: Float64Array): Float64Array {
  const { count, products, indices } = moments;
  const size = indices.length;
  const kept = 1 - correlationShrinkage(moments);
  const covariance = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    covariance[row * size + row] = variances[indices[row]];
    for (let column = 0; column < row; column++) {
      const value = (weight * kept * products[row * size + column]) / (count - 1);
      covariance[row * size + column] = value;
      covariance[column * size + row] = value;
    }
  }
  return covariance;
}

/**
 * How far the correlations of a short window shrink towards 0: Σ Var(r) / Σ r², with Var(r) ≈ (1 − r²)²/(n − 1)
 * (after Schäfer & Strimmer 2005, eq. 8). None when the window has five draws per dimension: a few strong correlations
 * among many absent ones would be lost.
 */
function correlationShrinkage({ count, products, squares, indices }: WindowMoments): number {
  const size = indices.length;
  if (count >= DRAWS_PER_DIMENSION * size) return 0;
  let [noise, signal] = [0, 0];
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < row; column++) {
      const scale = squares[indices[row]] * squares[indices[column]];
      const squared = scale > 0 ? products[row * size + column] ** 2 / scale : 0;
      noise += (1 - squared) ** 2 / (count - 1);
      signal += squared;
    }
  }
  return signal > noise ? noise / signal : 1;
}
