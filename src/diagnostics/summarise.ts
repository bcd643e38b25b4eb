// The summary of one scalar: every figure of summary.json from one sort and one pooling of the draws.
import { allFinite, isConstant, meanOf, varianceOf } from './draws.js';
import type { Chains } from './draws.js';
import { essBelow, essOfHalfChains } from './ess.js';
import { poolDraws } from './pooledDraws.js';
import { quantileOfSorted } from './quantile.js';
import { foldedRankNormalise, rankNormalise, sortDraws } from './rankNormalise.js';
import { rhatOfHalfChains } from './rhat.js';
import { rhatNestedOfHalfChains } from './rhatNested.js';

/** Figures of one scalar, in its own units (ESS: number of draws). Undefined figures are NaN. */
export interface Summary {
  readonly mean: number;
  readonly sd: number;
  /** Monte-Carlo standard error of `mean`. */
  readonly mcseMean: number;
  /** Quantiles at 5, 50 and 95 % (R's type 7). */
  readonly q5: number;
  readonly q50: number;
  readonly q95: number;
  readonly essBulk: number;
  readonly essTail: number;
  /** Rank-normalised split R-hat, the larger of bulk and folded. */
  readonly rhat: number;
  /** Rank-normalised nested R-hat; NaN unless the chains form superchains. */
  readonly rhatNested: number;
}

/**
 * Summary of one scalar; each figure equals the function of its name (`rhat`, `essBulk`, …). Any NaN or infinite draw makes
 * all figures NaN; constant draws keep mean, sd and quantiles.
 * @param superchains how many superchains the chains form, in order; 1 where they have starts of their own
 */
export function summarise(chains: Chains, superchains = 1): Summary {
  const draws = poolDraws(chains);
  const { values, halves } = draws;
  if (values.length === 0 || !allFinite(values)) return undefinedSummary();
  const sorted = sortDraws(draws);
  const mean = meanOf(values);
  const sd = Math.sqrt(varianceOf(values, 0, values.length, mean));
  const q5 = quantileOfSorted(sorted.sorted, 0.05);
  const q50 = quantileOfSorted(sorted.sorted, 0.5);
  const q95 = quantileOfSorted(sorted.sorted, 0.95);
  const known = { ...undefinedSummary(), mean, sd, q5, q50, q95 };
  if (isConstant(values)) return known;
  const bulk = rankNormalise(sorted);
  const folded = foldedRankNormalise(sorted);
  const nested = [bulk, folded].map((z) => rhatNestedOfHalfChains(z.scores, z.halves, superchains));
  const rhatNested = Math.max(...nested);
  if (halves.length < 2) return { ...known, rhatNested };
  return {
    mean,
    sd,
    mcseMean: sd / Math.sqrt(essOfHalfChains(values, halves)),
    q5,
    q50,
    q95,
    essBulk: essOfHalfChains(bulk.scores, bulk.halves),
    essTail: Math.min(essBelow(draws, q5), essBelow(draws, q95)),
    rhat: Math.max(rhatOfHalfChains(bulk.scores, bulk.halves), rhatOfHalfChains(folded.scores, folded.halves)),
    rhatNested,
  };
}

function undefinedSummary(): Summary {
  const moments = { mean: NaN, sd: NaN, mcseMean: NaN, q5: NaN, q50: NaN, q95: NaN };
  return { ...moments, essBulk: NaN, essTail: NaN, rhat: NaN, rhatNested: NaN };
}
