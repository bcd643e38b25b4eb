// How a model declares its parameters: a shape, a constraint, and names for the axes.

/** The set that a parameter lives in. Simplex, ordered and sumToZero hold along the last axis, choleskyCorrelation on the last two. */
export type Constraint =
  | { readonly kind: 'real' }
  | { readonly kind: 'positive' }
  | { readonly kind: 'interval'; readonly lower: number; readonly upper: number }
  | { readonly kind: 'simplex' }
  | { readonly kind: 'ordered' }
  | { readonly kind: 'sumToZero' }
  /** Lower Cholesky factor of a correlation matrix: unit rows, positive diagonal. */
  | { readonly kind: 'choleskyCorrelation' };

export interface ParameterSpec {
  readonly constraint: Constraint;
  /** Sizes of the axes, or the dimension names whose coordinates give them. */
  readonly dims: readonly (string | number)[];
}

type Dims = readonly (string | number)[];

const parameter =
  (constraint: Constraint) =>
  (...dims: Dims): ParameterSpec => ({ constraint, dims });

/** Any real number, e.g. `real()`, `real('school')`, `real(3, 'channel')`. */
export const real = parameter({ kind: 'real' });
/** Greater than 0. */
export const positive = parameter({ kind: 'positive' });
/** Non-negative, summing to 1 along the last axis. */
export const simplex = parameter({ kind: 'simplex' });
/** Increasing along the last axis. */
export const ordered = parameter({ kind: 'ordered' });
/** Summing to 0 along the last axis. */
export const sumToZero = parameter({ kind: 'sumToZero' });
/** Cholesky factor of a correlation matrix; give the size twice. */
export const choleskyCorrelation = parameter({ kind: 'choleskyCorrelation' });

/** Between two finite bounds. Throws RangeError when they are not increasing. */
export function interval(lower: number, upper: number, ...dims: Dims): ParameterSpec {
  if (!(lower < upper && Number.isFinite(lower) && Number.isFinite(upper))) {
    throw new RangeError(`interval(${lower}, ${upper}): the bounds must be finite and increasing`);
  }
  return { constraint: { kind: 'interval', lower, upper }, dims };
}
