// What a chain holds between two sweeps: the values of everything that the hierarchy declares, changed in place.

export interface LevelValues {
  /** `[group][k]` */
  readonly coefficients: Float64Array;
  /** `[k]` */
  readonly sds: Float64Array;
  /** `[k][k]`; undefined where the covariance is diagonal. */
  readonly lower: Float64Array | undefined;
}

export interface TermValues {
  readonly levels: readonly LevelValues[];
  readonly population: Float64Array;
}

/** Fits `HierarchyValues`. */
export interface ChainValues {
  sigma: number;
  readonly terms: readonly TermValues[];
  readonly fixed: { readonly coefficients: Float64Array; readonly local?: Float64Array; global?: number } | undefined;
  /** Precisions of the rows relative to 1/σ², `[rows]`; drawn at the start of every sweep. Absent with normal errors. */
  readonly weights?: Float64Array;
}

/** All numbers of a chain but the weights, in order. */
export function packValues({ sigma, terms, fixed }: ChainValues): Float64Array {
  const parts: ArrayLike<number>[] = [[sigma]];
  for (const { levels, population } of terms) {
    for (const { coefficients, sds, lower } of levels) parts.push(coefficients, sds, lower ?? []);
    parts.push(population);
  }
  if (fixed !== undefined) {
    parts.push(fixed.coefficients, fixed.local ?? []);
    if (fixed.global !== undefined) parts.push([fixed.global]);
  }
  const packed = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    packed.set(part, offset);
    offset += part.length;
  }
  return packed;
}

/** Puts packed numbers back. Throws RangeError when there are too many or too few. */
export function unpackValues(packed: Float64Array, values: ChainValues): void {
  let offset = 0;
  const take = (target: Float64Array): void => {
    if (offset + target.length > packed.length) throw new RangeError('resume: the saved chain is of another model');
    target.set(packed.subarray(offset, (offset += target.length)));
  };
  values.sigma = packed[offset++];
  for (const { levels, population } of values.terms) {
    for (const { coefficients, sds, lower } of levels) {
      take(coefficients);
      take(sds);
      if (lower !== undefined) take(lower);
    }
    take(population);
  }
  const { fixed } = values;
  if (fixed !== undefined) {
    take(fixed.coefficients);
    if (fixed.local !== undefined) take(fixed.local);
    if (fixed.global !== undefined) fixed.global = packed[offset++];
  }
  if (offset !== packed.length) throw new RangeError('resume: the saved chain is of another model');
}
