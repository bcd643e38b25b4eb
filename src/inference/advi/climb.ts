// What a climb of the ELBO returns, whichever way it went, and what it tells while it goes.

export interface ElboAt {
  readonly iteration: number;
  readonly elbo: number;
}

export interface Climb {
  readonly phi: Float64Array;
  readonly iterations: number;
  readonly isConverged: boolean;
  /** Why it stopped, in words. */
  readonly why: string;
  readonly elboTrace: readonly ElboAt[];
}

export interface ClimbListener {
  readonly onProgress?: (at: ElboAt) => void;
  readonly signal?: AbortSignal;
}

/** Widening of an element, in e-folds of its scale at the start, that only an improper posterior can ask for. */
const MOST_WIDENING = 15;

/** Whether an element's scale or mean has left all bounds. φ begins with means and log scales, `[dimension]` each. */
export function isUnbounded(phi: Float64Array, dimension: number): boolean {
  for (let i = 0; i < dimension; i++) {
    if (!(Math.abs(phi[i]) < Math.exp(MOST_WIDENING)) || !(phi[dimension + i] < MOST_WIDENING)) return true;
  }
  return false;
}
