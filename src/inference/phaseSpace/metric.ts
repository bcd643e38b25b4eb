// The metric of the kinetic energy: a diagonal inverse mass, with a dense block or a low-rank part beside it where asked for.
import { cholesky } from '../linearAlgebra.js';
import type { Correction } from './correction.js';
import { DenseBlock } from './denseBlock.js';
import type { LowRank } from './lowRank.js';

/** Largest number of dimensions of a dense block: a million entries, and three such matrices per chain. */
const DENSE_METRIC_LIMIT = 1000;

/** Bytes that the draws and gradients of a low-rank metric's window take in a chain, at most; and draws kept, at most and at least. */
const WINDOW_BYTES = 2 ** 25;
const MOST_KEPT_DRAWS = 128;
const FEWEST_KEPT_DRAWS = 16;

/**
 * Which metric to adapt: `block` is dense over the dimensions listed (population parameters) and diagonal over the rest; `lowRank` is a
 * diagonal and at most `rank` directions (default 20) whose variance differs from it by more than the factor `cutoff` (default 2).
 */
export type MetricKind =
  | { readonly kind: 'diagonal' }
  | { readonly kind: 'dense' }
  | { readonly kind: 'block'; readonly dense: ArrayLike<number> }
  | { readonly kind: 'lowRank'; readonly rank?: number; readonly cutoff?: number };

/** What a low-rank metric is learnt with. */
export interface LowRankLimits {
  /** Columns, at most. */
  readonly rank: number;
  /** Eigenvalues between 1/cutoff and cutoff are left at 1. */
  readonly cutoff: number;
  /** Draws of a window that a chain keeps, at most. */
  readonly keptDraws: number;
}

/** Inverse mass matrix M⁻¹; kinetic energy is pᵀ M⁻¹ p / 2 and velocity M⁻¹ p. It has one correction at most. */
export interface Metric {
  /** `[dimension]`; 0 where the dense block takes over. */
  readonly inverseMass: Float64Array;
  readonly block?: DenseBlock;
  readonly lowRank?: LowRank;
}

/** What the metric has beside its diagonal. */
export function correctionOf({ block, lowRank }: Metric): Correction | undefined {
  return block ?? lowRank;
}

/** Dimensions that the dense block of a metric kind covers. Throws RangeError for bad indices or more than the limit. */
export function denseIndices(kind: MetricKind, dimension: number): Int32Array {
  const indices =
    kind.kind === 'diagonal' || kind.kind === 'lowRank'
      ? new Int32Array(0)
      : Int32Array.from(kind.kind === 'dense' ? { length: dimension } : kind.dense, indexOf).sort();
  if (indices.length > DENSE_METRIC_LIMIT) {
    throw new RangeError(
      `metric: ${indices.length} dense dimensions, the limit is ${DENSE_METRIC_LIMIT}; use a diagonal, lowRank or block metric`,
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

/**
 * Limits of a low-rank metric; undefined for the other kinds. Each chain keeps 128 draws with their gradients, or as many as 32 MiB hold;
 * chains that estimate one metric together share the 128.
 * @param pooledChains chains that estimate one metric together
 * Throws RangeError for a rank that is not a positive whole number, a cutoff of 1 or less, or more dimensions than 16 draws have room for.
 */
export function lowRankLimits(kind: MetricKind, dimension: number, pooledChains = 1): LowRankLimits | undefined {
  if (kind.kind !== 'lowRank') return undefined;
  const { rank = 20, cutoff = 2 } = kind;
  if (!Number.isSafeInteger(rank) || rank < 1)
    throw new RangeError(`metric.rank: ${rank} is not a whole number above 0`);
  if (!(cutoff > 1 && cutoff < Infinity)) throw new RangeError(`metric.cutoff: ${cutoff} is not above 1 and finite`);
  const room = Math.floor(WINDOW_BYTES / (16 * dimension));
  if (room < FEWEST_KEPT_DRAWS) {
    const limit = WINDOW_BYTES / (16 * FEWEST_KEPT_DRAWS);
    throw new RangeError(`metric: lowRank keeps draws of at most ${limit} dimensions, not ${dimension}; use diagonal`);
  }
  const share = Math.max(2, Math.ceil(MOST_KEPT_DRAWS / pooledChains));
  return { rank: Math.min(rank, dimension), cutoff, keptDraws: Math.min(share, room) };
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
  return { inverseMass, block: new DenseBlock(indices, covariance, factor) };
}

/** Diagonal of M⁻¹, `[dimension]`, correction included. */
export function inverseMassDiagonal(metric: Metric): Float64Array {
  const diagonal = metric.inverseMass.slice();
  correctionOf(metric)?.addDiagonal(diagonal);
  return diagonal;
}
