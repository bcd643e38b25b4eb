// Sorting of draws with their positions: a least-significant-digit radix sort on the bits of the doubles.

/** Digits of a 32-bit word, from the least significant: [shift, number of bits]. */
const DIGITS = [
  [0, 11],
  [11, 11],
  [22, 10],
] as const;

const counts = new Uint32Array(2048);

/** So many values that share their upper 32 bits are put in order by insertion; more, and the lower bits are sorted too. */
const LONGEST_INSERTION = 32;

/** Word order of a double depends on the machine; the sign bit of −1 tells which word is the high one. */
const HIGH_WORD = new Uint32Array(Float64Array.of(-1).buffer)[1] !== 0 ? 1 : 0;

/**
 * Positions of the values in ascending order (ties in order of position, −0 before 0). Values must not be NaN.
 * Linear in their number: three passes over the upper halves of the doubles, which tell most draws apart, and three over the
 * lower halves where they do not; passes where all values share a digit are skipped.
 */
export function argsort(values: Float64Array): Uint32Array {
  const n = values.length;
  const words = new Uint32Array(values.buffer, values.byteOffset, 2 * n);
  const high = new Uint32Array(n);
  // Unsigned order of the transformed bits is the numeric order of the doubles.
  for (let i = 0; i < n; i++) {
    const top = words[2 * i + HIGH_WORD];
    high[i] = top >>> 31 === 1 ? ~top : top ^ 0x80000000;
  }
  const order = sortByWord(high, ascending(n));
  return insertWithinTies(values, high, order) ? order : sortByWord(high, sortByWord(lowWords(words, n), ascending(n)));
}

/** The values in ascending order. */
export function sortAscending(values: Float64Array): Float64Array {
  return inOrder(values, argsort(values));
}

/** The values at these positions. */
export function inOrder(values: Float64Array, order: Uint32Array): Float64Array {
  const sorted = new Float64Array(order.length);
  for (let i = 0; i < order.length; i++) sorted[i] = values[order[i]];
  return sorted;
}

function ascending(n: number): Uint32Array {
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  return order;
}

/** Lower halves of doubles, so that their unsigned order is that of doubles that share the upper half. */
function lowWords(words: Uint32Array, n: number): Uint32Array {
  const low = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    const bottom = words[2 * i + 1 - HIGH_WORD];
    low[i] = words[2 * i + HIGH_WORD] >>> 31 === 1 ? ~bottom : bottom;
  }
  return low;
}

/** `order` sorted by the keys, ties as they were. */
function sortByWord(keys: Uint32Array, order: Uint32Array): Uint32Array {
  let next: Uint32Array = new Uint32Array(keys.length);
  for (const [shift, bits] of DIGITS) {
    if (scatter(keys, shift, (1 << bits) - 1, order, next)) [order, next] = [next, order];
  }
  return order;
}

/** One stable counting pass from `order` to `next`; false when all keys share the digit and nothing had to move. */
function scatter(keys: Uint32Array, shift: number, mask: number, order: Uint32Array, next: Uint32Array): boolean {
  const n = keys.length;
  counts.fill(0);
  for (let i = 0; i < n; i++) counts[(keys[i] >>> shift) & mask]++;
  if (n === 0 || counts[(keys[0] >>> shift) & mask] === n) return false;
  let offset = 0;
  for (let b = 0; b <= mask; b++) {
    const count = counts[b];
    counts[b] = offset;
    offset += count;
  }
  for (let i = 0; i < n; i++) {
    const position = order[i];
    next[counts[(keys[position] >>> shift) & mask]++] = position;
  }
  return true;
}

/** Puts values that share their upper half in order, in place; false, the work unfinished, where too many do. */
function insertWithinTies(values: Float64Array, high: Uint32Array, order: Uint32Array): boolean {
  let tieStart = 0;
  for (let i = 1; i < order.length; i++) {
    const position = order[i];
    if (high[position] !== high[order[i - 1]]) {
      tieStart = i;
      continue;
    }
    if (i - tieStart > LONGEST_INSERTION) return false;
    const value = values[position];
    let j = i;
    for (; j > tieStart && values[order[j - 1]] > value; j--) order[j] = order[j - 1];
    order[j] = position;
  }
  return true;
}
