// What samplers ask of phase space: lists of small operations on numbered slots, each answered by one number.
import type { RandomStream } from '../random/streams.js';

/** A point of phase space: the slot of an evaluated position and the slot of a momentum. */
export interface PhasePoint {
  /** Slot holding position, log density and gradient. */
  readonly point: number;
  /** Slot holding a momentum. */
  readonly momentum: number;
}

/** Momenta (slots) at the two ends of a stretch of trajectory, in order of time, and the sum of all momenta on it. */
export interface MomentumSpan {
  readonly begin: number;
  readonly end: number;
  readonly sum: number;
}

/**
 * Requests and their answers:
 * - `evaluate`: log density and gradient at the position in slot `point` → log density;
 * - `leapfrog`: one step of signed size `stepSize` (`to` may equal `from`) → energy at `to`, +∞ where it is not a number;
 * - `refresh`: a new momentum from its Gaussian → energy. A device draws the integers of `stream.counter` itself; a stream
 *   without one is drawn from on the host (`fillNormal`), element i of the vector being z[i];
 * - `turning`: puts the sum of both spans' momenta in slot `sum` → smallest of the six products of the generalised
 *   U-turn criterion for the joined span, and for each span with the nearest momentum of the other; turning when ≤ 0.
 *   `sum` is none of the six slots;
 * - `write`: puts `position` `[dimension]` into a slot, not yet evaluated there → 0;
 * - `read`: copies a vector of a slot to `target` `[dimension]` → 0; the target is filled when the answers are there;
 * - `report`: evaluates the sites that phase space was given at the position in slot `point`: kept values to `target`, filled when
 *   the answers are there; and the others into their running moments where the draw counts → 0;
 * - `observe`: the moments of the metric's window take in the position in slot `point` → 0;
 * - `adapt`: estimates the metric from the moments, sets it, and clears the moments → 1; 0 when they allow no estimate
 *   (fewer than two observations, or not finite): the metric then stays, and the moments are cleared all the same.
 */
export type Request =
  | { readonly kind: 'evaluate'; readonly point: number }
  | { readonly kind: 'leapfrog'; readonly from: PhasePoint; readonly to: PhasePoint; readonly stepSize: number }
  | { readonly kind: 'refresh'; readonly at: PhasePoint; readonly stream: RandomStream }
  | { readonly kind: 'turning'; readonly left: MomentumSpan; readonly right: MomentumSpan; readonly sum: number }
  | { readonly kind: 'write'; readonly point: number; readonly position: Float64Array }
  | {
      readonly kind: 'read';
      readonly point: number;
      readonly vector: 'position' | 'gradient';
      readonly target: Float64Array;
    }
  | { readonly kind: 'report'; readonly point: number; readonly target: Float64Array; readonly isCounted: boolean }
  | { readonly kind: 'observe'; readonly point: number }
  | { readonly kind: 'adapt'; readonly priorVariances: Float64Array };

/** Requests that need a gradient: evaluated for all chains as one batch. */
export type BatchedRequest = Extract<Request, { readonly kind: 'evaluate' | 'leapfrog' }>;

/** Whether a request needs a gradient. */
export function isBatched(request: Request): request is BatchedRequest {
  return request.kind === 'leapfrog' || request.kind === 'evaluate';
}

/**
 * A computation that asks phase space for what it needs: it yields a list of requests and is resumed with one number for
 * each. Requests of a list are carried out in order (a slot may be written again later in the same list), and none depends
 * on the answer to another. A list may be speculative: answers beyond a divergence or a turn are dropped, and what such
 * requests compute from vectors that are not finite does not matter. The answers are valid until the next list is yielded.
 */
export type Coroutine<Result> = Generator<readonly Request[], Result, ArrayLike<number>>;

/** What a sampler sees of its chain's phase space beside its requests. */
export interface PhaseSpace {
  /** Leapfrog steps that a list may hold at most. */
  readonly lookahead: number;
  /** Log density of a slot, known from the last answered evaluation or leapfrog step that wrote to it. */
  logDensityAt(point: number): number;
}
