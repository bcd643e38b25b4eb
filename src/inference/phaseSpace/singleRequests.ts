// Requests one at a time: what samplers yield until they speak in lists (requests.ts).
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
 * - `leapfrog`: one step of signed size `stepSize` (`to` may equal `from`) → energy at `to`, +∞ where it is not finite;
 * - `refresh`: a new momentum from its Gaussian → energy;
 * - `turning`: puts the sum of both spans' momenta in slot `sum` → smallest of the six products of the generalised
 *   U-turn criterion for the joined span, and for each span with the nearest momentum of the other; turning when ≤ 0.
 */
export type Request =
  | { readonly kind: 'evaluate'; readonly point: number }
  | { readonly kind: 'leapfrog'; readonly from: PhasePoint; readonly to: PhasePoint; readonly stepSize: number }
  | { readonly kind: 'refresh'; readonly at: PhasePoint; readonly stream: RandomStream }
  | { readonly kind: 'turning'; readonly left: MomentumSpan; readonly right: MomentumSpan; readonly sum: number };

/** Requests that need a gradient: the driver gathers them over all chains and evaluates them as one batch. */
export type BatchedRequest = Extract<Request, { readonly kind: 'evaluate' | 'leapfrog' }>;

/** A computation that asks phase space for what it needs and is resumed with the answers. */
export type Coroutine<Result> = Generator<Request, Result, number>;

/** What a sampler sees of phase space beside its requests. */
export interface PhaseSpace {
  /** Log density of an evaluated slot. */
  logDensityAt(point: number): number;
}
