// Monte-Carlo standard errors of mean, standard deviation and quantiles (Vehtari et al. 2021, §4.4; R package posterior).
import { meanOf, varianceOf } from './draws.js';
import type { Chains } from './draws.js';
import { essMean, essQuantile } from './ess.js';
import { poolDraws } from './pooledDraws.js';
import { betaQuantile } from './specialFunctions.js';

/** Probabilities at one normal standard deviation either side, with the digits that posterior uses. */
const ONE_SD = [0.1586553, 0.8413447] as const;

/** sd / √(ESS of the mean). NaN where that ESS is. */
export function mcseMean(chains: Chains): number {
  return Math.sqrt(varianceOf(poolDraws(chains).values)) / Math.sqrt(essMean(chains));
}

/** Delta method on the mean of squared deviations, with their own ESS (Kenney & Keeping 1951, p. 141). */
export function mcseSd(chains: Chains): number {
  const { values } = poolDraws(chains);
  const mean = meanOf(values);
  const squares = chains.map((chain) => chain.map((value) => (value - mean) ** 2));
  const ess = essMean(squares);
  const pooled = poolDraws(squares).values;
  const secondMoment = meanOf(pooled);
  const fourthMoment = meanOf(pooled.map((square) => square * square));
  const varianceError = (fourthMoment - secondMoment ** 2) / ess;
  return Math.sqrt(varianceError / secondMoment / 4);
}

/**
 * Half the distance between the order statistics that bound the p-quantile at one standard deviation of a
 * Beta(ESS p + 1, ESS (1 − p) + 1) (§4.4).
 * @throws RangeError when p lies outside [0, 1].
 */
export function mcseQuantile(chains: Chains, p: number): number {
  const ess = essQuantile(chains, p);
  if (Number.isNaN(ess)) return NaN;
  const sorted = poolDraws(chains).values.sort();
  const count = sorted.length;
  const [low, high] = ONE_SD.map((q) => betaQuantile(q, ess * p + 1, ess * (1 - p) + 1));
  const below = sorted[Math.max(Math.floor(low * count), 1) - 1];
  const above = sorted[Math.min(Math.ceil(high * count), count) - 1];
  return (above - below) / 2;
}
