// Running moments of vectors whose draws are not kept: mean, variance, split R-hat and ESS in memory free of the number of draws.
import type { SumsPlan } from '../inference/index.js';
import { rhatFromMoments } from './rhat.js';
import { rhatNestedFromMoments } from './rhatNested.js';

/** Sizes of a collection of running moments, fixed before the first draw. */
export interface RunningMomentsOptions {
  readonly chains: number;
  /** Length of each draw. */
  readonly dimension: number;
  /** Draws to come from each chain; they are cut in two halves and each half in batches. */
  readonly drawsPerChain: number;
}

/** Figures of one component. Quantiles need draws, which were not kept: they are null. */
export interface MomentsSummary {
  readonly mean: number;
  readonly sd: number;
  /** sd / √essBatchMeans. */
  readonly mcseMean: number;
  readonly q5: null;
  readonly q50: null;
  readonly q95: null;
  /** Split R-hat from the moments of half-chains: neither rank-normalised nor folded. */
  readonly splitRhatMoments: number;
  /** Effective sample size for the mean by replicated batch means. */
  readonly essBatchMeans: number;
}

/** Moments of one chain. */
interface ChainMoments {
  count: number;
  /** Mean and sum of squared deviations of each half, `[half][dimension]` (Welford 1962). */
  readonly means: readonly [Float64Array, Float64Array];
  readonly squares: readonly [Float64Array, Float64Array];
  /** Sum of the draws of the batch under way, `[dimension]`. */
  readonly batchSum: Float64Array;
  batchCount: number;
  /** Batches finished. */
  batches: number;
  /** Σ (batch length) · (batch mean − half mean)² over finished batches of both halves, `[dimension]`. */
  readonly batchSquares: Float64Array;
}

/** What `restore` goes on from. */
export interface MomentsSnapshot {
  readonly total: number;
  readonly chains: readonly ChainMoments[];
}

/** The figures of all components, each `[dimension]`. */
export interface MomentsColumns {
  readonly mean: Float64Array;
  readonly sd: Float64Array;
  readonly mcseMean: Float64Array;
  readonly splitRhatMoments: Float64Array;
  readonly essBatchMeans: Float64Array;
}

/**
 * Welford moments of vectors, 48 bytes per component and chain.
 *
 * ESS: each half of N planned draws per chain is cut into about √N / 2 batches as even as can be, so that batches hold about
 * √N draws (Flegal & Jones 2010). With ȳ_k the means of the batches of b_k draws of all chains and ȳ the mean of all draws,
 * Σ b_k (ȳ_k − ȳ)² / (batches − 1) estimates the long-run variance (replicated batch means: Argon & Andradóttir 2006), and
 * ESS = draws · W / that, W the pooled variance within chains; chains that disagree lower it. It is capped at
 * draws · log10(draws) like the other ESS. It estimates what `essMean` does with more noise: at four chains of 1,000 draws, 128
 * batches, the relative error is about √(2 / 127) = 13 %; autocorrelation that outlasts a batch is not seen.
 */
export class RunningMoments {
  readonly dimension: number;
  readonly drawsPerChain: number;
  private readonly plan: SumsPlan;
  private readonly chains: readonly ChainMoments[];
  private total = 0;

  /** @throws RangeError when a size is not a positive whole number. */
  constructor({ chains, dimension, drawsPerChain }: RunningMomentsOptions) {
    for (const [name, size] of Object.entries({ chains, dimension, drawsPerChain })) {
      if (!(Number.isInteger(size) && size > 0))
        throw new RangeError(`${name} must be a positive whole number, got ${size}`);
    }
    this.dimension = dimension;
    this.drawsPerChain = drawsPerChain;
    this.plan = momentsPlan(drawsPerChain);
    const zeros = () => new Float64Array(dimension);
    this.chains = Array.from({ length: chains }, () => ({
      count: 0,
      means: [zeros(), zeros()],
      squares: [zeros(), zeros()],
      batchSum: zeros(),
      batchCount: 0,
      batches: 0,
      batchSquares: zeros(),
    }));
  }

  /** The state as plain records and typed arrays (the live ones: encode it before the next `push`). */
  snapshot(): MomentsSnapshot {
    return { total: this.total, chains: this.chains };
  }

  /** Goes on from a snapshot taken with the same options: later figures equal those of an unbroken collection. */
  static restore(options: RunningMomentsOptions, saved: MomentsSnapshot): RunningMoments {
    const moments = new RunningMoments(options);
    moments.total = saved.total;
    for (const [chain, state] of saved.chains.entries()) Object.assign(moments.chains[chain], state);
    return moments;
  }

  /** Planned length of a half; of an odd number of draws the second half takes one more. */
  private halfLength(half: 0 | 1): number {
    const { firstHalf } = this.plan;
    return half === 0 ? firstHalf : this.drawsPerChain - firstHalf;
  }

  /**
   * Adds the next draw of a chain.
   * @param values `[dimension]`
   * @throws RangeError when the length differs or all planned draws have been added.
   */
  push(chain: number, values: ArrayLike<number>): void {
    const state = this.chains[chain];
    if (values.length !== this.dimension) {
      throw new RangeError(`a draw must have ${this.dimension} components, got ${values.length}`);
    }
    if (state.count >= this.drawsPerChain) {
      throw new RangeError(`chain ${chain} already holds its ${this.drawsPerChain} planned draws`);
    }
    const half = state.count < this.halfLength(0) ? 0 : 1;
    const inHalf = state.count - (half === 0 ? 0 : this.halfLength(0)) + 1;
    const mean = state.means[half];
    const square = state.squares[half];
    const { batchSum } = state;
    for (let d = 0; d < this.dimension; d++) {
      const value = values[d];
      const delta = value - mean[d];
      mean[d] += delta / inHalf;
      square[d] += delta * (value - mean[d]);
      batchSum[d] += value;
    }
    state.count++;
    this.total++;
    state.batchCount++;
    if (this.plan.batchEnds[half].includes(inHalf)) finishBatch(state, half, inHalf);
  }

  /** Draws added so far, all chains together. */
  get draws(): number {
    return this.total;
  }

  /** Figures of one component; NaN where there are too few draws or the component is constant. */
  summary(index: number): MomentsSummary {
    let mean = NaN;
    let seen = 0;
    let within = 0;
    let between = 0;
    let batchSquares = 0;
    let batches = 0;
    let begun = 0;
    for (const state of this.chains) {
      if (state.count === 0) continue;
      const chain = this.chainFigures(state, index);
      // Merging by differences of means keeps constants exact (Chan, Golub & LeVeque 1983).
      const difference = begun === 0 ? 0 : chain.mean - mean;
      between += (difference * difference * seen * state.count) / (seen + state.count);
      seen += state.count;
      mean = begun === 0 ? chain.mean : mean + (difference * state.count) / seen;
      begun++;
      within += chain.squares;
      batchSquares += chain.batchSquares;
      batches += chain.batches;
    }
    const withinVariance = within / (this.draws - begun);
    const longRunVariance = (batchSquares + between) / (batches - 1);
    const cap = this.draws * Math.log10(this.draws);
    const defined = withinVariance > 0 && batches > 1;
    const ess = defined ? Math.min((this.draws * withinVariance) / longRunVariance, cap) : NaN;
    const sd = Math.sqrt((within + between) / (this.draws - 1));
    return {
      mean,
      sd,
      mcseMean: sd / Math.sqrt(ess),
      q5: null,
      q50: null,
      q95: null,
      splitRhatMoments: this.splitRhat(index),
      essBatchMeans: ess,
    };
  }

  /** The figures of all components in one pass. */
  columns(): MomentsColumns {
    const column = () => new Float64Array(this.dimension);
    const out = {
      mean: column(),
      sd: column(),
      mcseMean: column(),
      splitRhatMoments: column(),
      essBatchMeans: column(),
    };
    for (let d = 0; d < this.dimension; d++) {
      const summary = this.summary(d);
      out.mean[d] = summary.mean;
      out.sd[d] = summary.sd;
      out.mcseMean[d] = summary.mcseMean;
      out.splitRhatMoments[d] = summary.splitRhatMoments;
      out.essBatchMeans[d] = summary.essBatchMeans;
    }
    return out;
  }

  /**
   * Nested R-hat of every component from the moments of half-chains, neither rank-normalised nor folded; `superchains` as in
   * `rhatNested`. NaN for fewer than two superchains, constants, and a single draw from each.
   */
  rhatNested(superchains: number): Float64Array {
    return Float64Array.from({ length: this.dimension }, (_, d) => this.rhatNestedOf(d, superchains));
  }

  private rhatNestedOf(index: number, superchains: number): number {
    const first = this.halfLength(0);
    const halves: readonly (0 | 1)[] = first > 0 ? [0, 1] : [1];
    const parts = this.chains.flatMap(({ count, means, squares }) =>
      halves.map((half) => {
        const length = half === 0 ? Math.min(count, first) : count - first;
        const variance = length > 1 ? squares[half][index] / (length - 1) : 0;
        return { length, mean: means[half][index], variance };
      }),
    );
    if (parts.some(({ length }) => length < 1)) return NaN;
    if (parts.length === superchains && parts.every(({ length }) => length === 1)) return NaN;
    const column = (figure: 'mean' | 'variance'): Float64Array => Float64Array.from(parts, (part) => part[figure]);
    return rhatNestedFromMoments(column('mean'), column('variance'), superchains);
  }

  private chainFigures(state: ChainMoments, index: number) {
    const first = Math.min(state.count, this.halfLength(0));
    const second = state.count - first;
    const difference = state.means[1][index] - state.means[0][index];
    const mean = second === 0 ? state.means[0][index] : state.means[0][index] + (difference * second) / state.count;
    const halves = (difference * difference * first * second) / state.count;
    // A batch under way (a run that was stopped) counts as a short batch.
    const half = state.count <= this.halfLength(0) ? 0 : 1;
    const open = state.batchCount === 0 ? 0 : batchTerm(state, half, half === 0 ? first : second, index);
    return {
      mean,
      squares: state.squares[0][index] + state.squares[1][index] + halves,
      batches: state.batches + (state.batchCount > 0 ? 1 : 0),
      batchSquares: state.batchSquares[index] + open + halves,
    };
  }

  /** Split R-hat from half-chain moments; NaN until each half of each chain has two draws, and for constants. */
  private splitRhat(index: number): number {
    const first = this.halfLength(0);
    const halves = 2 * this.chains.length;
    const means = new Float64Array(halves);
    let within = 0;
    let length = 0;
    for (let c = 0; c < this.chains.length; c++) {
      const state = this.chains[c];
      const second = state.count - first;
      if (first < 2 || second < 2) return NaN;
      means[2 * c] = state.means[0][index];
      means[2 * c + 1] = state.means[1][index];
      within += state.squares[0][index] / (first - 1) + state.squares[1][index] / (second - 1);
      length += state.count;
    }
    return rhatFromMoments(means, within / halves, length / halves);
  }
}

/** How the draws of a chain are cut in halves and batches. */
export function momentsPlan(drawsPerChain: number): SumsPlan {
  const firstHalf = Math.floor(drawsPerChain / 2);
  const lengths = [firstHalf, drawsPerChain - firstHalf];
  const [first, second] = lengths.map((length) => evenBatches(length, drawsPerChain));
  return { firstHalf, drawsPerChain, batchEnds: [first, second] };
}

/** Ends of the batches of a half: about √(drawsPerChain) / 2 of them, at least two where there are two draws. */
function evenBatches(length: number, drawsPerChain: number): number[] {
  const batches = Math.min(length, Math.max(2, Math.round(Math.sqrt(drawsPerChain) / 2)));
  return Array.from({ length: batches }, (_, k) => Math.round(((k + 1) * length) / batches));
}

/**
 * What the batch under way adds to Σ b (ȳ_k − ȳ)² by Welford's step for weighted values. The mean before the batch is not kept:
 * with `inHalf` draws so far, (batch mean − mean now) is (batch mean − mean before) · (inHalf − b) / inHalf.
 */
function batchTerm(state: ChainMoments, half: 0 | 1, inHalf: number, index: number): number {
  const b = state.batchCount;
  if (inHalf === b) return 0;
  const deviation = state.batchSum[index] / b - state.means[half][index];
  return (deviation * deviation * b * inHalf) / (inHalf - b);
}

function finishBatch(state: ChainMoments, half: 0 | 1, inHalf: number): void {
  for (let d = 0; d < state.batchSum.length; d++) state.batchSquares[d] += batchTerm(state, half, inHalf, d);
  state.batchSum.fill(0);
  state.batchCount = 0;
  state.batches++;
}
