// Pareto smoothed importance sampling (Vehtari, Simpson, Gelman, Yao and Gabry 2024): weights with a stable tail, and the shape k̂ of that tail.
import { fitGeneralisedPareto, generalisedParetoQuantile } from './generalisedPareto.js';

export interface SmoothedWeights {
  /** Smoothed, normalised to sum to one, on the log scale, in the order given. */
  readonly logWeights: Float64Array;
  /**
   * k̂, the estimated shape of the ratios' tail: +∞ where it could not be fitted (fewer than 25 draws, or an infinite ratio), 0
   * where the ratios are equal up to rounding.
   */
  readonly paretoK: number;
  /** 1 / Σ w²: the number of equally weighted draws with as large a variance of weights. */
  readonly effectiveSize: number;
}

/** Fewest tail draws that a distribution is fitted to. */
const FEWEST_TAIL = 5;
/** Log ratios closer together than this have no tail but rounding's. */
const ROUNDING = 1e-9;

/**
 * Smooths importance ratios given by their logarithms, up to a constant; −∞ is a ratio of 0, and NaN counts as one.
 * The largest min(S/5, 3√(S/r)) ratios are replaced by the expected order statistics of a generalised Pareto distribution fitted
 * to them and truncated at the largest raw ratio (§2.4 and algorithm 1).
 * @param relativeEfficiency r: effective over actual number of draws; 1 for independent draws
 */
export function paretoSmooth(logRatios: ArrayLike<number>, relativeEfficiency = 1): SmoothedWeights {
  const count = logRatios.length;
  const clean = Float64Array.from(logRatios, (value) => (Number.isNaN(value) ? -Infinity : value));
  const most = clean.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!Number.isFinite(most)) {
    return { logWeights: new Float64Array(count).fill(NaN), paretoK: Infinity, effectiveSize: NaN };
  }
  const shifted = clean.map((value) => value - most);
  const tail = Math.ceil(Math.min(0.2 * count, 3 * Math.sqrt(count / relativeEfficiency)));
  const paretoK = tail >= FEWEST_TAIL ? smoothTail(shifted, tail) : Infinity;
  let sum = 0;
  for (const value of shifted) sum += Math.exp(value);
  const logSum = Math.log(sum);
  let squares = 0;
  const logWeights = shifted.map((value) => value - logSum);
  for (const value of logWeights) squares += Math.exp(2 * value);
  return { logWeights, paretoK, effectiveSize: 1 / squares };
}

/** Replaces the largest log ratios (shifted to a maximum of 0) in place; returns k̂. */
function smoothTail(shifted: Float64Array, tail: number): number {
  const order = Uint32Array.from(shifted.keys()).sort((a, b) => shifted[a] - shifted[b] || a - b);
  const first = order.length - tail;
  const cutoff = shifted[order[first - 1]];
  if (-shifted[order[first]] < ROUNDING) return 0;
  const exceedances = Float64Array.from(order.subarray(first), (i) => Math.exp(shifted[i]) - Math.exp(cutoff));
  const fit = fitGeneralisedPareto(exceedances);
  if (!Number.isFinite(fit.shape)) return Infinity;
  for (let rank = 0; rank < tail; rank++) {
    const ratio = generalisedParetoQuantile(fit, (rank + 0.5) / tail) + Math.exp(cutoff);
    shifted[order[first + rank]] = Math.min(0, Math.log(ratio));
  }
  return fit.shape;
}

/**
 * The largest k̂ at which `draws` draws make the estimate's error small and its Monte-Carlo standard error trustworthy
 * (Vehtari et al. 2024, §3.2.4 and equation 13): min(1 − 1/log₁₀ S, 0.7).
 */
export function paretoKThreshold(draws: number): number {
  return Math.min(1 - 1 / Math.log10(draws), 0.7);
}
