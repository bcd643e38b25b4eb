// Sample quantiles by linear interpolation between order statistics (R's type 7; Hyndman & Fan 1996).

/**
 * The p-quantile of ascending values: position 1 + (n − 1) p in one-based order statistics.
 * @throws RangeError when p lies outside [0, 1].
 */
export function quantileOfSorted(sorted: Float64Array, p: number): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`a quantile's probability must lie in [0, 1], got ${p}`);
  if (sorted.length === 0) return NaN;
  const position = 1 + (sorted.length - 1) * p;
  const below = Math.floor(position);
  const low = sorted[below - 1];
  const high = sorted[Math.ceil(position) - 1];
  const fraction = position - below;
  return fraction > 0 && high !== low ? (1 - fraction) * low + fraction * high : low;
}

/** The p-quantile of values in any order; NaN when one of them is NaN or when there are none. */
export function quantile(values: Float64Array, p: number): number {
  const sorted = values.slice().sort();
  // The typed-array sort puts NaN last.
  if (Number.isNaN(sorted[sorted.length - 1])) return NaN;
  return quantileOfSorted(sorted, p);
}
