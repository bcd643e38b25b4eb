// Sorting of draws with their positions: a least-significant-digit radix sort on the bits of the doubles.

/** Bits taken from the low and the high 32-bit word per pass: [shift, number of bits]. */
const DIGITS = [
  [0, 11],
  [11, 11],
  [22, 10],
] as const;
const BUCKETS = 2048;

const counts = new Uint32Array(BUCKETS);

/**
 * Positions of the values in ascending order (ties in order of position, −0 before 0). Values must not be NaN.
 * Linear in their number: six passes, of which those where all values share a digit are skipped.
 */
export function argsort(values: Float64Array): Uint32Array {
  const n = values.length;
  const words = new Uint32Array(values.buffer, values.byteOffset, 2 * n);
  // Word order of a double depends on the machine; the sign bit of −1 tells which word is the high one.
  const highWord = new Uint32Array(Float64Array.of(-1).buffer)[1] !== 0 ? 1 : 0;
  const low = new Uint32Array(n);
  const high = new Uint32Array(n);
  // Unsigned order of the transformed bits is the numeric order of the doubles.
  for (let i = 0; i < n; i++) {
    const top = words[2 * i + highWord];
    const bottom = words[2 * i + 1 - highWord];
    const negative = top >>> 31 === 1;
    high[i] = negative ? ~top : top ^ 0x80000000;
    low[i] = negative ? ~bottom : bottom;
  }
  let order = new Uint32Array(n);
  let next = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  for (const keys of [low, high]) {
    for (const [shift, bits] of DIGITS) {
      if (scatter(keys, shift, (1 << bits) - 1, order, next)) [order, next] = [next, order];
    }
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
