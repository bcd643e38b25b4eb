// What phase spaces can do over all chains at once, for samplers that pool their adaptation over chains.

/** The proposals of one transition: of each chain the slots it moved between, and how likely the move was to be accepted. */
export interface Moves {
  /** Point slots, `[chain]`. */
  readonly before: Int32Array;
  readonly after: Int32Array;
  /** Slots of the momenta at `after`, `[chain]`. */
  readonly momenta: Int32Array;
  /** Acceptance probabilities `[chain]`; 0 for a chain whose trajectory diverged, and whose vectors are not looked at. */
  readonly weights: Float64Array;
}

/**
 * Of each chain `[chain]`, with the distances of the metric, ‖x‖² = xᵀ M x (in the coordinates in which the mass is the
 * identity), q̄ the mean over all chains of the positions before and q̄' that of the positions after by their weights:
 * `changes` ‖q' − q̄'‖² − ‖q − q̄‖², and `slopes` (q' − q̄')ᵀ p', which is (q' − q̄')ᵀ M dq'/dt. NaN where the weight is 0.
 */
export interface MoveStatistics {
  readonly changes: Float64Array;
  readonly slopes: Float64Array;
}

/**
 * Operations that reduce over chains, in the order of their numbers. All chains must have the same metric: the first one, or that of
 * the last `adapt` here.
 * A chain of weight 0 may hold vectors that are not finite: it is to be selected out, not multiplied by 0. On a device two-float sums
 * in f32 serve, because the figures only steer the adaptation; differences must be taken before squares.
 */
export interface PooledOperations {
  moveStatistics(moves: Moves): MoveStatistics | Promise<MoveStatistics>;
  /**
   * Estimates one metric from the window moments of all chains together (what `observe` has taken in), sets it for every chain, and
   * clears the moments. False when they allow no estimate; the metrics then stay, and the moments are cleared all the same.
   */
  adapt(priorVariances: Float64Array): boolean | Promise<boolean>;
}
