// Nested R-hat: convergence of many short chains, grouped by the point they started from (Margossian et al. 2024).
import { allFinite, isConstant, meanOf, varianceOf } from './draws.js';
import type { Chains } from './draws.js';
import { halfChainValues, poolDraws } from './pooledDraws.js';
import type { HalfChains, PooledDraws } from './pooledDraws.js';
import { foldedRankNormalise, rankNormalise, sortDraws } from './rankNormalise.js';

/**
 * √(1 + B/W) from the moments of chains (or half-chains) of equal length that lie superchain by superchain: B is the variance of
 * the superchains' means, W the mean over superchains of the variance between their chains' means plus the mean variance within
 * their chains (Margossian, Hoffman, Sountsov, Riou-Durand, Vehtari & Gelman 2024, "Nested R-hat", Bayesian Analysis, eq. 6–8).
 * B/W estimates the variance of a superchain's mean in units of the posterior variance: what its start has left in it, plus one
 * over its effective draws. Unlike R-hat it needs no variance within chains, so one draw per chain is enough.
 * @param means `[chain]`
 * @param withinVariances `[chain]`; all 0 for chains of a single draw
 * @param superchains how many there are; divides the number of chains
 */
export function rhatNestedFromMoments(means: Float64Array, withinVariances: Float64Array, superchains: number): number {
  const size = means.length / superchains;
  if (superchains < 2) return NaN;
  const superchainMeans = new Float64Array(superchains);
  let within = 0;
  for (let k = 0; k < superchains; k++) {
    const [start, end] = [k * size, (k + 1) * size];
    superchainMeans[k] = meanOf(means, start, end);
    within += meanOf(withinVariances, start, end) + (size > 1 ? varianceOf(means, start, end) : 0);
  }
  return Math.sqrt(1 + varianceOf(superchainMeans) / (within / superchains));
}

/** The same of values in half-chains. NaN when all values are equal, or for superchains of a single value. */
export function rhatNestedOfHalfChains(
  values: Float64Array,
  { starts, length }: HalfChains,
  superchains: number,
): number {
  if (superchains < 2 || length === 0 || (length === 1 && starts.length === superchains)) return NaN;
  if (isConstant(halfChainValues(values, { starts, length }))) return NaN;
  const means = Float64Array.from(starts, (start) => meanOf(values, start, start + length));
  const variances = Float64Array.from(starts, (start, k) =>
    length > 1 ? varianceOf(values, start, start + length, means[k]) : 0,
  );
  return rhatNestedFromMoments(means, variances, superchains);
}

/**
 * Rank-normalised, folded nested R-hat, with chains split in halves as in `rhat`; chains of one draw stay whole. Equals
 * `arviz_stats.rhat_nested` where that is defined (an even number of at least four draws). NaN for constant or non-finite draws,
 * fewer than two superchains, and one draw from each.
 * @param superchains chains k·M … (k+1)·M − 1 form superchain k, M the number of chains over this number
 * @throws RangeError when the chains cannot be divided so.
 */
export function rhatNested(chains: Chains, superchains: number): number {
  const draws = superchainDraws(chains, superchains);
  if (!draws) return NaN;
  const sorted = sortDraws(draws);
  const figures = [rankNormalise(sorted), foldedRankNormalise(sorted)].map(({ scores, halves }) =>
    rhatNestedOfHalfChains(scores, halves, superchains),
  );
  return Math.max(...figures);
}

/** Nested R-hat of whole chains and of the draws as they are: the paper's figure and posterior's `rhat_nested`. */
export function rhatNestedBasic(chains: Chains, superchains: number): number {
  const draws = superchainDraws(chains, superchains);
  if (!draws) return NaN;
  const length = draws.values.length / chains.length;
  const starts = Int32Array.from(chains, (_, c) => c * length);
  return rhatNestedOfHalfChains(draws.values, { starts, length }, superchains);
}

function superchainDraws(chains: Chains, superchains: number): PooledDraws | undefined {
  if (!Number.isInteger(superchains) || superchains < 1 || chains.length % superchains !== 0)
    throw new RangeError(`${chains.length} chains cannot be divided into ${superchains} superchains of equal size`);
  const draws = poolDraws(chains);
  return draws.values.length > 0 && allFinite(draws.values) ? draws : undefined;
}
