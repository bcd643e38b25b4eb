// Recovers the numbers a user wrote from the float32 arrays that tfjs makes of them.

/** Integers up to here are exact in float32. */
const exactIntegerLimit = 2 ** 24;

/** The decimal with the fewest digits that rounds to the float32 value `x`: 0.1 comes back as 0.1, not 0.10000000149. */
export function shortestDecimal(x: number): number {
  if (!Number.isFinite(x) || (Number.isInteger(x) && Math.abs(x) <= exactIntegerLimit)) return x;
  // Six digits survive a float32 round trip, nine always identify a float32 value.
  for (let digits = 6; digits <= 9; digits++) {
    const candidate = Number(x.toPrecision(digits));
    if (Math.fround(candidate) === x) return candidate;
  }
  return x;
}

/** Values of a tfjs tensor as f64: float32 as shortest decimals, int32 and bool as they are. */
export function literalValues(values: ArrayLike<number>, dtype: string): ArrayLike<number> {
  return dtype === 'float32' ? Float64Array.from(values, shortestDecimal) : values;
}

/** The value that all of `values` share; undefined when there is none. */
export function uniformValue(values: ArrayLike<number>): number | undefined {
  if (values.length === 0) return undefined;
  for (let i = 1; i < values.length; i++) if (!Object.is(values[i], values[0])) return undefined;
  return values[0];
}
