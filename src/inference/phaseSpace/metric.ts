// The metric of the kinetic energy: a diagonal inverse mass, with a dense block over chosen dimensions where asked for.
import { cholesky } from '../linearAlgebra.js';

/** Largest number of dimensions of a dense block: a million entries, and three such matrices per chain. */
const DENSE_METRIC_LIMIT = 1000;

/** Which metric to adapt: `block` is dense over the dimensions listed (population parameters) and diagonal over the rest. */
export type MetricKind =
  | { readonly kind: 'diagonal' }
  | { readonly kind: 'dense' }
  | { readonly kind: 'block'; readonly dense: ArrayLike<number> };

/** The dense part: inverse mass A = L Lᵀ over `indices`. */
interface DenseBlock {
  /** Dimensions covered, ascending. */
  readonly indices: Int32Array;
  /** A, `[size][size]` row-major. */
  readonly inverseMass: Float64Array;
  /** L, `[size][size]` row-major, lower. */
  readonly factor: Float64Array;
}

/** Inverse mass matrix M⁻¹; kinetic energy is pᵀ M⁻¹ p / 2 and velocity M⁻¹ p. */
export interface Metric {
  /** `[dimension]`; 0 where the dense block takes over. */
  readonly inverseMass: Float64Array;
  readonly block?: DenseBlock;
}

/** Dimensions that the dense block of a metric kind covers. Throws RangeError for bad indices or more than the limit. */
export function denseIndices(kind: MetricKind, dimension: number): Int32Array {
  const indices =
    kind.kind === 'diagonal'
      ? new Int32Array(0)
      : Int32Array.from(kind.kind === 'dense' ? { length: dimension } : kind.dense, indexOf).sort();
  if (indices.length > DENSE_METRIC_LIMIT) {
    throw new RangeError(
      `metric: ${indices.length} dense dimensions, the limit is ${DENSE_METRIC_LIMIT}; use a diagonal or block metric`,
    );
  }
  indices.forEach((index, position) => {
    if (!(index >= 0 && index < dimension))
      throw new RangeError(`metric: dense dimension ${index} is not between 0 and ${dimension - 1}`);
    if (position > 0 && indices[position - 1] === index)
      throw new RangeError(`metric: dense dimension ${index} is listed twice`);
  });
  return indices;
}

function indexOf(value: unknown, position: number): number {
  return typeof value === 'number' ? value : position;
}

/** A diagonal metric with the given variances `[dimension]`; all ones when none are given. */
export function diagonalMetric(dimension: number, variances?: ArrayLike<number>): Metric {
  return { inverseMass: variances ? Float64Array.from(variances) : new Float64Array(dimension).fill(1) };
}

/**
 * Metric with variances `[dimension]` and, over `indices`, the covariance given (`[size][size]`).
 * A covariance that is not positive definite is not used: those dimensions keep their variances.
 */
export function blockMetric(variances: Float64Array, indices: Int32Array, covariance: Float64Array): Metric {
  const factor = indices.length > 0 ? cholesky(covariance, indices.length) : undefined;
  if (!factor) return { inverseMass: variances };
  const inverseMass = variances.slice();
  for (const index of indices) inverseMass[index] = 0;
  return { inverseMass, block: { indices, inverseMass: covariance, factor } };
}

/** Diagonal of M⁻¹, `[dimension]`, dense block included. */
export function inverseMassDiagonal(metric: Metric): Float64Array {
  const diagonal = metric.inverseMass.slice();
  metric.block?.indices.forEach(
    (index, row) => (diagonal[index] = metric.block!.inverseMass[row * (metric.block!.indices.length + 1)]),
  );
  return diagonal;
}
