// Rank normalisation of draws, plain and folded about the median (Vehtari et al. 2021, §4.1 and §4.2).
import { argsort, inOrder } from './argsort.js';
import { halfChains } from './pooledDraws.js';
import type { HalfChains, PooledDraws } from './pooledDraws.js';
import { quantileOfSorted } from './quantile.js';
import { normalQuantile } from './specialFunctions.js';

/** Draws with their ascending order, shared by quantiles, ranks and folded ranks. */
export interface SortedDraws extends PooledDraws {
  /** Positions in `values` in ascending order of value. */
  readonly order: Uint32Array;
  /** `values` in that order. */
  readonly sorted: Float64Array;
}

/** Sorts finite draws. */
export function sortDraws({ values, halves }: PooledDraws): SortedDraws {
  const order = argsort(values);
  return { values, halves, order, sorted: inOrder(values, order) };
}

/** Normal scores in the layout of the half-chains end to end, `[halfChain][draw]`. */
export interface NormalScores {
  readonly scores: Float64Array;
  readonly halves: HalfChains;
}

/** z = Φ⁻¹((rank − 3/8) / (S + 1/4)), average ranks of ties, S the number of draws in half-chains (eq. 14). */
export function rankNormalise(draws: SortedDraws): NormalScores {
  return normalScores(draws, draws.order, draws.sorted);
}

/**
 * The same scores of |x − median|, which show chains that differ in scale (§4.2). The folded draws need no second sort:
 * they fall towards the median and rise after it, so the two arms are merged from the middle outwards.
 */
export function foldedRankNormalise(draws: SortedDraws): NormalScores {
  const { order, sorted } = draws;
  const foldedOrder = new Uint32Array(order.length);
  const folded = new Float64Array(order.length);
  mergeArms(order, sorted, quantileOfSorted(sorted, 0.5), foldedOrder, folded);
  return normalScores(draws, foldedOrder, folded);
}

// Each loop over all draws is a function of its own, so that the engine can change to compiled code within it for good.

/** |x − median| in ascending order, to `folded`, and the positions in that order, to `foldedOrder`. */
function mergeArms(
  order: Uint32Array,
  sorted: Float64Array,
  median: number,
  foldedOrder: Uint32Array,
  folded: Float64Array,
): void {
  const n = sorted.length;
  let right = lowerBound(sorted, median);
  let left = right - 1;
  for (let i = 0; i < n; i++) {
    const leftDistance = left >= 0 ? median - sorted[left] : Infinity;
    const rightDistance = right < n ? sorted[right] - median : Infinity;
    const fromLeft = leftDistance <= rightDistance && left >= 0;
    folded[i] = fromLeft ? leftDistance : rightDistance;
    foldedOrder[i] = order[fromLeft ? left-- : right++];
  }
}

/** First index whose value is not below `target`. */
function lowerBound(sorted: Float64Array, target: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < target) low = middle + 1;
    else high = middle;
  }
  return low;
}

function normalScores({ values, halves }: PooledDraws, order: Uint32Array, sorted: Float64Array): NormalScores {
  const { starts, length } = halves;
  const scores = new Float64Array(starts.length * length);
  scoreRanks(order, sorted, slotTable(values.length, halves), scoreTable(scores.length), scores);
  const ends = Int32Array.from(starts, (_, k) => k * length);
  return { scores, halves: { starts: ends, length } };
}

/** Writes to its slot the score of every draw that has one. */
function scoreRanks(
  order: Uint32Array,
  sorted: Float64Array,
  slots: Int32Array,
  table: Float64Array,
  scores: Float64Array,
): void {
  const n = order.length;
  let rank = 0;
  for (let from = 0; from < n;) {
    let to = from;
    let tied = 0;
    do {
      if (slots[order[to]] >= 0) tied++;
      to++;
    } while (to < n && sorted[to] === sorted[from]);
    // Twice the average of the ranks rank + 1 … rank + tied.
    const score = table[2 * rank + tied + 1];
    for (let i = from; i < to; i++) {
      const slot = slots[order[i]];
      if (slot >= 0) scores[slot] = score;
    }
    rank += tied;
    from = to;
  }
}

let lastSlots = { chains: 0, draws: 0, slots: new Int32Array(0) };

/** Where each pooled position lies in the half-chain layout; −1 for the middle draw of an odd chain. */
function slotTable(count: number, { starts, length }: HalfChains): Int32Array {
  const chains = length === 1 && starts.length === count ? starts.length : starts.length / 2;
  const draws = count / chains;
  if (lastSlots.chains === chains && lastSlots.draws === draws) return lastSlots.slots;
  const halves = halfChains(chains, draws);
  const slots = new Int32Array(count).fill(-1);
  halves.starts.forEach((start, k) => {
    for (let i = 0; i < halves.length; i++) slots[start + i] = k * halves.length + i;
  });
  lastSlots = { chains, draws, slots };
  return slots;
}

let lastScores = { count: -1, table: new Float64Array(0) };

/** Normal score of half-integer ranks: entry 2r holds the score of rank r among `count` draws. */
function scoreTable(count: number): Float64Array {
  if (lastScores.count === count) return lastScores.table;
  const table = new Float64Array(2 * count + 1);
  for (let twice = 0; twice < table.length; twice++) {
    table[twice] = normalQuantile((twice / 2 - 3 / 8) / (count + 1 / 4));
  }
  lastScores = { count, table };
  return table;
}
