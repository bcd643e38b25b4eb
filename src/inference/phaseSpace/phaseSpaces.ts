// The phase spaces of all chains of a run on one device: what answers the samplers' lists of requests.
import type { GpuSiteReport } from '../gpu/gpuSiteReport.js';
import type { LowRankLimits } from './metric.js';
import type { PooledOperations } from './pooled.js';
import type { Request } from './requests.js';

/** Slots that a sampler has in use at once, at most; numbers are given out from 0. */
export interface SlotCounts {
  readonly points: number;
  readonly momenta: number;
}

export interface PhaseSpacesSettings {
  /** Chains, at most the density's lanes; chain c (counted from 0 here) has lane c. */
  readonly chains: number;
  /** Inverse masses of the first metric, `[dimension]`; it is diagonal. */
  readonly inverseMass: Float64Array;
  /** Dimensions of the dense block that `adapt` gives the metric, ascending; empty for a diagonal metric. */
  readonly denseIndices: Int32Array;
  /** The low-rank part that `adapt` gives the metric; there is then no dense block. */
  readonly lowRank?: LowRankLimits;
  /** Slots that each chain needs with a given lookahead. */
  readonly slots: (lookahead: number) => SlotCounts;
  /** Sites on the density's own device, for `report` requests. */
  readonly report?: GpuSiteReport;
}

/** Running moments of a metric window (Welford 1962): what `RunningMoments` accumulates. */
export interface SavedMoments {
  readonly count: number;
  /** `[dimension]` */
  readonly mean: Float64Array;
  /** Sums of squared deviations, `[dimension]`. */
  readonly squares: Float64Array;
  /** Sums of products of deviations over the dense dimensions, `[size][size]` row-major, lower triangle. */
  readonly products: Float64Array;
  /** Of a low-rank metric: draws with their gradients. */
  readonly pairs?: SavedPairs;
}

/** Draws of a metric window with their gradients: what `DrawPairs` keeps. */
export interface SavedPairs {
  /** Moments of all gradients; without products. */
  readonly gradients: SavedMoments;
  /** Every how many draws one is kept. */
  readonly stride: number;
  /** Kept draws and their gradients, `[dimension]` each. */
  readonly keptDraws: readonly Float64Array[];
  readonly keptGradients: readonly Float64Array[];
}

/** The low-rank part of a metric (`LowRank`). */
export interface SavedLowRank {
  /** `[rank][dimension]` */
  readonly columns: Float64Array;
  /** `[rank]` */
  readonly eigenvalues: Float64Array;
}

/** The vectors of a chain that a snapshot holds, in f64: restored, they give the very numbers of an unbroken run. */
export interface SavedVectors {
  /** `[dimension]` */
  readonly position: Float64Array;
  /** `[dimension]`; 0 where the dense block takes over. */
  readonly inverseMass: Float64Array;
  /** Inverse mass over the dense dimensions, `[size][size]`; undefined where the metric is (still) diagonal. */
  readonly blockInverseMass: Float64Array | undefined;
  /** Absent where the metric has none (yet). */
  readonly lowRank?: SavedLowRank;
  readonly moments: SavedMoments;
}

/**
 * Vectors of all chains, their metrics and the moments of their metric windows. A chain's results never depend on what other
 * chains ask for.
 */
export interface PhaseSpaces {
  readonly dimension: number;
  readonly chains: number;
  /** Leapfrog steps of one trajectory that are worth planning at once; 1 where an answer costs no round trip. May change. */
  readonly lookahead: number;
  /**
   * Carries out one list per chain; undefined for chains that have none. Each chain's k-th request that needs a gradient is
   * evaluated in the same batch as the other chains' k-th. The arrays of answers are valid until the next call.
   */
  answer(
    lists: readonly (readonly Request[] | undefined)[],
  ): readonly ArrayLike<number>[] | Promise<readonly ArrayLike<number>[]>;
  /** Log density of a slot of a chain, known from the answers. */
  logDensityAt(chain: number, point: number): number;
  /** Copies of a chain's vectors after all lists answered so far. */
  save(chain: number, point: number): SavedVectors | Promise<SavedVectors>;
  /** Puts saved vectors back; the point is to be evaluated before anything else. */
  restore(chain: number, point: number, saved: SavedVectors): void;
  /** What samplers that pool their adaptation need; absent on devices that do not reduce over chains. */
  readonly pooled?: PooledOperations;
  /** Diagonal of a chain's inverse mass matrix, `[dimension]`, dense block or low-rank part included. */
  inverseMassDiagonal(chain: number): Float64Array | Promise<Float64Array>;
  /** Values that a `report` request brings; absent where phase space knows of no sites. */
  readonly reportedValues?: number;
  /** Bytes of memory that the vectors take on the device. */
  readonly memoryBytes: number;
  dispose(): void;
}
