// Effective sample sizes over several chains, with the estimator and the conventions of the R package posterior.
import { autocovarianceByLag } from './autocovariance.js';
import { allFinite, isConstant, meanOf, varianceOf } from './draws.js';
import type { Chains } from './draws.js';
import { halfChainValues, poolDraws } from './pooledDraws.js';
import type { HalfChains, PooledDraws } from './pooledDraws.js';
import { quantile } from './quantile.js';
import { rankNormalise, sortDraws } from './rankNormalise.js';

/**
 * ESS of the mean of values in half-chains: N·M / τ, τ from the combined autocorrelation of all half-chains truncated by
 * Geyer's initial monotone sequence (Vehtari et al. 2021, eq. 10–13; Geyer 1992). NaN when the values are constant or a
 * half-chain has fewer than three. Values must be finite.
 */
export function essOfHalfChains(values: Float64Array, halves: HalfChains): number {
  const { starts, length } = halves;
  if (length < 3 || isConstant(halfChainValues(values, halves))) return NaN;
  const means = Float64Array.from(starts, (start) => meanOf(values, start, start + length));
  const covarianceAt = autocovarianceByLag(values, halves, means);
  const variance = covarianceAt(0);
  const within = (variance * length) / (length - 1);
  const total = variance + (starts.length > 1 ? varianceOf(means) : 0);
  const draws = starts.length * length;
  const tau = integratedAutocorrelationTime(length, (lag) => 1 - (within - covarianceAt(lag)) / total);
  // An antithetic chain can be better than independent draws, but by no more than a factor log10 of their number.
  return draws / Math.max(tau, 1 / Math.log10(draws));
}

/**
 * τ = −1 + 2 Σ ρ over the initial positive sequence of pair sums made monotone, plus the even autocorrelation that follows
 * it once: posterior's improvement for antithetic chains. With half-chains of at most five draws no pair beyond the first is
 * looked at and τ is 2, as there.
 */
function integratedAutocorrelationTime(length: number, rhoAt: (lag: number) => number): number {
  let sum = 0;
  let previousPair = Infinity;
  let even = 1;
  let odd = rhoAt(1);
  let lag = 0;
  // Invariant: `even` and `odd` are the autocorrelations at lag and lag + 1, and `sum` holds all accepted pairs before.
  while (lag < length - 5 && even + odd > 0) {
    const pair = Math.min(even + odd, previousPair);
    sum += pair;
    previousPair = pair;
    lag += 2;
    even = rhoAt(lag);
    odd = rhoAt(lag + 1);
  }
  if (lag === 0) return 2;
  const last = even > 0 || even + odd >= 0 ? even : 0;
  return -1 + 2 * sum + last;
}

function essUnlessBad(draws: PooledDraws, figure: () => number): number {
  return draws.halves.length < 2 || !allFinite(draws.values) ? NaN : figure();
}

/** ESS for the mean. NaN: constant or non-finite draws, or fewer than six per chain (so for all ESS here). */
export function essMean(chains: Chains): number {
  const draws = poolDraws(chains);
  return essUnlessBad(draws, () => essOfHalfChains(draws.values, draws.halves));
}

/** Bulk ESS: ESS of the rank-normalised draws (Vehtari et al. 2021, §4.3). */
export function essBulk(chains: Chains): number {
  const draws = poolDraws(chains);
  return essUnlessBad(draws, () => {
    const { scores, halves } = rankNormalise(sortDraws(draws));
    return essOfHalfChains(scores, halves);
  });
}

/** Tail ESS: the smaller ESS of the 5 % and the 95 % quantile; NaN when either is (a quantile that all draws reach). */
export function essTail(chains: Chains): number {
  return Math.min(essQuantile(chains, 0.05), essQuantile(chains, 0.95));
}

/**
 * ESS for the p-quantile: ESS of the indicator x ≤ q_p (§4.3). For p = 1 the quantile half a draw below is meant.
 * @throws RangeError when p lies outside [0, 1].
 */
export function essQuantile(chains: Chains, p: number): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`a quantile's probability must lie in [0, 1], got ${p}`);
  const draws = poolDraws(chains);
  const count = draws.values.length;
  const probability = p === 1 ? (count - 0.5) / count : p;
  return essUnlessBad(draws, () => essBelow(draws, quantile(draws.values, probability)));
}

/** ESS of the indicator that a draw does not exceed `threshold`. */
export function essBelow(draws: PooledDraws, threshold: number): number {
  if (isConstant(draws.values)) return NaN;
  const { values } = draws;
  const indicator = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) indicator[i] = values[i] <= threshold ? 1 : 0;
  return essOfHalfChains(indicator, draws.halves);
}

/** ESS for the standard deviation: ESS of |x − mean| (posterior's `ess_sd`). */
export function essSd(chains: Chains): number {
  const draws = poolDraws(chains);
  return essUnlessBad(draws, () => {
    const mean = meanOf(draws.values);
    return essOfHalfChains(
      draws.values.map((value) => Math.abs(value - mean)),
      draws.halves,
    );
  });
}
