// What a device reports of draws that never leave it: values of some sites, and running moments of others.

/** How the draws of a chain are cut for running moments. */
export interface SumsPlan {
  /** Planned draws of the first half of a chain, and of both. */
  readonly firstHalf: number;
  readonly drawsPerChain: number;
  /** Numbers of the draws, within a half, with which a batch ends, `[half][batch]`. */
  readonly batchEnds: readonly [readonly number[], readonly number[]];
}

/** Running moments of one chain: those of diagnostics/runningMoments.ts. */
export interface ChainSums {
  readonly count: number;
  /** Mean and sum of squared deviations of each half, `[half][value]`. */
  readonly means: readonly [Float64Array, Float64Array];
  readonly squares: readonly [Float64Array, Float64Array];
  /** Sum of the batch under way, its draws, and batches finished. */
  readonly batchSum: Float64Array;
  readonly batchCount: number;
  readonly batches: number;
  /** Σ (batch length) · (batch mean − half mean)² over finished batches, `[value]`. */
  readonly batchSquares: Float64Array;
}

export interface SavedSums {
  /** Draws of all chains. */
  readonly total: number;
  readonly chains: readonly ChainSums[];
}

/** What a listener wants of a draw from a device that reports sites: nothing, the kept values, or these and a place in the moments. */
export type SitesWanted = 'nothing' | 'values' | 'values and sums';
