// Rank-normalised split R-hat: the larger of the bulk and the folded figure (Vehtari, Gelman, Simpson, Carpenter, Bürkner 2021).
import { allFinite, isConstant, meanOf, varianceOf } from './draws.js';
import type { Chains } from './draws.js';
import { halfChainValues, poolDraws } from './pooledDraws.js';
import type { HalfChains } from './pooledDraws.js';
import { foldedRankNormalise, rankNormalise, sortDraws } from './rankNormalise.js';
import type { SortedDraws } from './rankNormalise.js';

/**
 * R-hat of values in half-chains: √(((N − 1)/N · W + B/N) / W) (eq. 1–4). NaN when all values are equal; infinite when each
 * half-chain is constant but they differ.
 */
export function rhatOfHalfChains(values: Float64Array, halves: HalfChains): number {
  const { starts, length } = halves;
  if (length < 2 || isConstant(halfChainValues(values, halves))) return NaN;
  const means = Float64Array.from(starts, (start) => meanOf(values, start, start + length));
  const variances = Float64Array.from(starts, (start, k) => varianceOf(values, start, start + length, means[k]));
  return rhatFromMoments(means, meanOf(variances), length);
}

/**
 * The same from half-chain means (`[halfChain]`), the mean W of the half-chain variances and the length of a half-chain.
 */
export function rhatFromMoments(means: Float64Array, withinVariance: number, length: number): number {
  return Math.sqrt(varianceOf(means) / withinVariance + (length - 1) / length);
}

/** Larger of the R-hat of rank-normalised draws and of folded rank-normalised draws; NaN when either is. */
function rhatOfSorted(draws: SortedDraws): number {
  const bulk = rankNormalise(draws);
  const folded = foldedRankNormalise(draws);
  return Math.max(rhatOfHalfChains(bulk.scores, bulk.halves), rhatOfHalfChains(folded.scores, folded.halves));
}

/** Rank-normalised split R-hat. NaN for constant or non-finite draws and for chains of fewer than four draws. */
export function rhat(chains: Chains): number {
  const draws = poolDraws(chains);
  if (draws.halves.length < 2 || !allFinite(draws.values)) return NaN;
  return rhatOfSorted(sortDraws(draws));
}

/** Split R-hat of the draws as they are, without ranks: what running moments estimate (posterior's `rhat_basic`). */
export function rhatBasic(chains: Chains): number {
  const draws = poolDraws(chains);
  return allFinite(draws.values) ? rhatOfHalfChains(draws.values, draws.halves) : NaN;
}
