// Histograms for the report: of draws, and of ranks per chain.
import { argsort } from './argsort.js';
import { allFinite, drawsPerChain } from './draws.js';
import type { Chains } from './draws.js';
import { poolDraws } from './pooledDraws.js';
import { quantileOfSorted } from './quantile.js';

/** Bars between `edges[k]` and `edges[k + 1]`; the last bar holds its upper edge. */
export interface Histogram {
  /** `[bins + 1]`, ascending. */
  readonly edges: Float64Array;
  /** `[bins]` number of values. */
  readonly counts: Uint32Array;
}

const MAX_BINS = 200;

/**
 * Histogram of the finite values over their range.
 * @param bins number of bars; by default the rule of Freedman & Diaconis (1981), 2 · IQR · n^(−1/3) wide, at most 200 bars
 * @returns no bar at all when no value is finite; one bar for constant values
 */
export function histogram(values: Float64Array, bins?: number): Histogram {
  const sorted = values.filter(Number.isFinite).sort();
  const n = sorted.length;
  if (n === 0) return { edges: new Float64Array(0), counts: new Uint32Array(0) };
  const min = sorted[0];
  const max = sorted[n - 1];
  const range = max - min;
  const bars = range > 0 ? (bins ?? freedmanDiaconisBins(sorted)) : 1;
  if (!(Number.isInteger(bars) && bars > 0)) throw new RangeError(`bins must be a positive whole number, got ${bins}`);
  const edges = Float64Array.from({ length: bars + 1 }, (_, k) => (k === bars ? max : min + (range * k) / bars));
  const counts = new Uint32Array(bars);
  let bar = 0;
  for (const value of sorted) {
    while (bar < bars - 1 && value >= edges[bar + 1]) bar++;
    counts[bar]++;
  }
  return { edges, counts };
}

function freedmanDiaconisBins(sorted: Float64Array): number {
  const n = sorted.length;
  const width = (2 * (quantileOfSorted(sorted, 0.75) - quantileOfSorted(sorted, 0.25))) / Math.cbrt(n);
  const range = sorted[n - 1] - sorted[0];
  // Sturges' rule where the quartiles coincide.
  const bars = width > 0 ? Math.ceil(range / width) : Math.ceil(Math.log2(n)) + 1;
  return Math.max(1, Math.min(MAX_BINS, bars));
}

/** How each chain's draws rank among the draws of all chains. */
export interface RankHistogram {
  /** `[bins + 1]` rank edges from 0 to the number of draws. */
  readonly edges: Float64Array;
  /** `[chain][bin]` number of draws. */
  readonly counts: readonly Uint32Array[];
  /** Expected number per chain and bin when the chains agree. */
  readonly expected: number;
}

/**
 * Rank histogram (Vehtari et al. 2021, §5.1): flat for every chain when the chains agree. Ties ranked by position would favour
 * the first chain, so the ranks of tied draws are dealt to the chains in turn, in proportion to how many each has.
 * @param bins number of bins, 20 by default
 * @returns null when a draw is not finite
 */
export function rankHistogram(chains: Chains, bins = 20): RankHistogram | null {
  if (!(Number.isInteger(bins) && bins > 0)) throw new RangeError(`bins must be a positive whole number, got ${bins}`);
  const draws = drawsPerChain(chains);
  const { values } = poolDraws(chains);
  if (!allFinite(values)) return null;
  const order = spreadTies(values, argsort(values), draws, chains.length);
  const total = values.length;
  const counts = chains.map(() => new Uint32Array(bins));
  order.forEach((position, rank) => {
    counts[Math.floor(position / draws)][Math.floor((rank * bins) / total)]++;
  });
  const edges = Float64Array.from({ length: bins + 1 }, (_, k) => (total * k) / bins);
  return { edges, counts, expected: draws / bins };
}

/** The order with each run of ties interleaved over the chains in proportion to what each has in the run. */
function spreadTies(values: Float64Array, order: Uint32Array, draws: number, chains: number): Uint32Array {
  const out = order.slice();
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to]] === values[order[from]]) to++;
    if (to - from > 1) {
      const sizes = new Float64Array(chains);
      for (let i = from; i < to; i++) sizes[Math.floor(order[i] / draws)]++;
      const seen = new Float64Array(chains);
      const placed = Array.from(order.subarray(from, to), (position) => {
        const chain = Math.floor(position / draws);
        return { position, place: (seen[chain]++ + 0.5) / sizes[chain] };
      });
      placed.sort((a, b) => a.place - b.place);
      placed.forEach(({ position }, i) => (out[from + i] = position));
    }
    from = to;
  }
  return out;
}
