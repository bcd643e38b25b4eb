// What a chain holds between two sweeps: the values of everything that the hierarchy declares, changed in place.
import type { FactorValues, PooledValues } from '../../models/linearHierarchy/values.js';

export interface LevelValues {
  /** `[group][k]` */
  readonly coefficients: Float64Array;
  /** `[k]` */
  readonly sds: Float64Array;
  /** `[k][k]`; undefined where the covariance is diagonal. */
  readonly lower: Float64Array | undefined;
  /** Λ and ψ, where the covariance is that of factors: `sds` and `lower` follow from them. */
  readonly factors?: FactorValues;
}

export interface TermValues {
  readonly levels: readonly LevelValues[];
  readonly population: Float64Array;
  readonly shrinkage?: ShrinkageState;
}

/** What the standard deviations of a prior are made of: fits `ShrinkageValues`. */
export type ShrinkageState = HorseshoeState | PooledValues;

/** Scales of a horseshoe: λ, τ and c, Infinity where there is no slab. */
export interface HorseshoeState {
  readonly local: Float64Array;
  global: number;
  slab: number;
}

/** Fits `HierarchyValues`. */
export interface ChainValues {
  sigma: number;
  readonly terms: readonly TermValues[];
  readonly fixed: { readonly coefficients: Float64Array; readonly shrinkage?: ShrinkageState } | undefined;
  /** Precisions of the rows relative to 1/σ², `[rows]`; drawn at the start of every sweep. Absent with normal errors. */
  readonly weights?: Float64Array;
  /** Pólya-Gamma precisions of 0/1 responses in blocks of rows, `[group][row]`; absent where sweeps do without. */
  readonly omega?: Float64Array;
}

const hasSlab = ({ slab }: HorseshoeState): boolean => slab < Infinity;

/** All numbers of a chain but the weights, in order. */
export function packValues({ sigma, terms, fixed, omega }: ChainValues): Float64Array {
  const parts: ArrayLike<number>[] = [[sigma]];
  const add = (own: Float64Array, shrinkage: ShrinkageState | undefined): void => {
    parts.push(own);
    if (shrinkage === undefined) return;
    if ('sds' in shrinkage) return void parts.push(shrinkage.sds);
    parts.push(shrinkage.local, [shrinkage.global]);
    if (hasSlab(shrinkage)) parts.push([shrinkage.slab]);
  };
  for (const { levels, population, shrinkage } of terms) {
    for (const { coefficients, sds, lower, factors } of levels) {
      parts.push(coefficients, sds, lower ?? []);
      if (factors !== undefined) parts.push(factors.loadings, factors.uniques);
    }
    add(population, shrinkage);
  }
  if (fixed !== undefined) add(fixed.coefficients, fixed.shrinkage);
  if (omega !== undefined) parts.push(omega);
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
  const takeWith = (target: Float64Array, shrinkage: ShrinkageState | undefined): void => {
    take(target);
    if (shrinkage === undefined) return;
    if ('sds' in shrinkage) return take(shrinkage.sds);
    take(shrinkage.local);
    shrinkage.global = packed[offset++];
    if (hasSlab(shrinkage)) shrinkage.slab = packed[offset++];
  };
  values.sigma = packed[offset++];
  for (const { levels, population, shrinkage } of values.terms) {
    for (const { coefficients, sds, lower, factors } of levels) {
      take(coefficients);
      take(sds);
      if (lower !== undefined) take(lower);
      if (factors === undefined) continue;
      take(factors.loadings);
      take(factors.uniques);
    }
    takeWith(population, shrinkage);
  }
  const { fixed, omega } = values;
  if (fixed !== undefined) takeWith(fixed.coefficients, fixed.shrinkage);
  if (omega !== undefined) take(omega);
  if (offset !== packed.length) throw new RangeError('resume: the saved chain is of another model');
}
