// Whether ranks of true values among posterior draws are uniform, as they are for an exact method (simulation-based calibration).
import { PhiloxStream, randomKey } from '../inference/random/streams.js';
import { incompleteBeta } from './specialFunctions.js';

/** Uniform samples that the distribution of the test statistic is made from. */
const REFERENCE_SAMPLES = 2000;
/** The band holds the whole curve of a uniform sample with this probability. */
const BAND_PROBABILITY = 0.95;

/** Counts of ranks below 1, 2, … between which the curve of a uniform sample lies, `[point]` each. */
export interface RankBand {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
}

/**
 * Simultaneous test and band for the empirical distribution of ranks (Säilynoja, Bürkner and Vehtari 2022, §3 with the coverage
 * found by simulation). Counts of `simulations` ranks below each value are binomial if the ranks are uniform on 0 … `values` − 1;
 * the statistic is the smallest two-sided tail probability along the curve.
 */
export class RankUniformity {
  /** `[point][count]`: smaller of the two tails at a count, doubled. */
  private readonly tails: readonly Float64Array[];
  /** Statistics of uniform samples, ascending. */
  private readonly reference: Float64Array;

  /** @param simulations number of ranks; @param values number of values that a rank can take, at least 2 */
  constructor(
    private readonly simulations: number,
    private readonly values: number,
  ) {
    this.tails = Array.from({ length: values - 1 }, (_, i) => twoSidedTails(simulations, (i + 1) / values));
    const stream = new PhiloxStream(randomKey(1), 0, 0, 0);
    this.reference = Float64Array.from({ length: REFERENCE_SAMPLES }, () =>
      this.statistic(Array.from({ length: simulations }, () => Math.floor(stream.uniform() * values))),
    ).sort();
  }

  /** Probability that uniform ranks lie at least as far from uniform somewhere along the curve. */
  pValue(ranks: readonly number[]): number {
    const own = this.statistic(ranks);
    let atMost = 0;
    while (atMost < this.reference.length && this.reference[atMost] <= own * (1 + 1e-12)) atMost++;
    return (atMost + 1) / (this.reference.length + 1);
  }

  /** Counts of ranks below 1, …, values − 1. */
  curve(ranks: readonly number[]): Int32Array {
    const below = new Int32Array(this.values);
    for (const rank of ranks) below[rank]++;
    for (let i = 1; i < below.length; i++) below[i] += below[i - 1];
    return below.subarray(0, this.values - 1);
  }

  band(): RankBand {
    const level = this.reference[Math.floor((1 - BAND_PROBABILITY) * this.reference.length)];
    const inside = (point: Float64Array, isUpper: boolean): number => {
      for (let i = 0; i <= this.simulations; i++) {
        const count = isUpper ? this.simulations - i : i;
        if (point[count] >= level) return count;
      }
      throw new Error('a tail of a half or more is within every level');
    };
    return {
      lower: Int32Array.from(this.tails, (point) => inside(point, false)),
      upper: Int32Array.from(this.tails, (point) => inside(point, true)),
    };
  }

  private statistic(ranks: readonly number[]): number {
    let smallest = 1;
    for (const [point, count] of this.curve(ranks).entries()) smallest = Math.min(smallest, this.tails[point][count]);
    return smallest;
  }
}

/** 2 min(P(X ≤ k), P(X ≥ k)) for X ~ binomial(n, p), `[k]`, at most 1. */
function twoSidedTails(n: number, p: number): Float64Array {
  return Float64Array.from({ length: n + 1 }, (_, k) => {
    const atMost = k === n ? 1 : 1 - incompleteBeta(p, k + 1, n - k);
    const atLeast = k === 0 ? 1 : incompleteBeta(p, k, n - k + 1);
    return Math.min(1, 2 * Math.min(atMost, atLeast));
  });
}
