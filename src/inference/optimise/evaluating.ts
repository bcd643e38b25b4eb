// What optimisers ask for: points at which a function is to be evaluated. Coroutines yield them; drivers fill in values and gradients.
import type { BatchedLogDensity } from '../logDensity.js';

/** A position with the function's value and gradient there, once a driver has filled them in. */
export interface Point {
  /** `[dimension]` */
  readonly position: Float64Array;
  /** NaN or −∞ where the function cannot be evaluated. */
  value: number;
  /** `[dimension]` */
  readonly gradient: Float64Array;
}

/** A coroutine that yields points, to be resumed when all of them are evaluated. */
export type Evaluating<Result> = Generator<readonly Point[], Result, void>;

export function newPoint(dimension: number): Point {
  return { position: new Float64Array(dimension), value: NaN, gradient: new Float64Array(dimension) };
}

/** Runs one coroutine with a function that evaluates its points one by one. Rejects with the signal's reason when it is aborted. */
export async function driveAlone<Result>(
  coroutine: Evaluating<Result>,
  evaluate: (point: Point) => void | Promise<void>,
  signal?: AbortSignal,
): Promise<Result> {
  let next = coroutine.next();
  let turnEnds = performance.now() + TURN;
  while (!next.done) {
    for (const point of next.value) {
      const running = evaluate(point);
      if (running) await running;
    }
    signal?.throwIfAborted();
    turnEnds = await turn(turnEnds);
    next = coroutine.next();
  }
  return next.value;
}

/**
 * Runs coroutines side by side on the lanes of a density: what all of them ask for is evaluated together, as many points at a
 * time as there are lanes. Results in the order of the coroutines; a coroutine's result does not depend on the others.
 */
export async function driveTogether<Result>(
  coroutines: readonly Evaluating<Result>[],
  density: BatchedLogDensity,
  signal?: AbortSignal,
): Promise<Result[]> {
  const states = coroutines.map((coroutine) => coroutine.next());
  let turnEnds = performance.now() + TURN;
  for (;;) {
    const points = states.flatMap((state) => (state.done ? [] : state.value));
    for (let first = 0; first < points.length; first += density.lanes) {
      const running = evaluateLanes(density, points, first);
      if (running) await running;
      signal?.throwIfAborted();
      turnEnds = await turn(turnEnds);
    }
    let isAnyLeft = false;
    states.forEach((state, i) => {
      if (state.done) return;
      states[i] = coroutines[i].next();
      isAnyLeft = true;
    });
    if (!isAnyLeft) return states.map((state) => state.value as Result);
  }
}

/** Evaluates as many of `points`, from `first` on, as there are lanes. Spare lanes keep what they held. */
function evaluateLanes(density: BatchedLogDensity, points: readonly Point[], first: number): void | Promise<void> {
  const { lanes, dimension, positions } = density;
  const count = Math.min(lanes, points.length - first);
  for (let lane = 0; lane < count; lane++) {
    const { position } = points[first + lane];
    for (let i = 0, at = lane; i < dimension; i++, at += lanes) positions[at] = position[i];
  }
  const read = (): void => {
    const { logDensities, gradients } = density;
    for (let lane = 0; lane < count; lane++) {
      const point = points[first + lane];
      point.value = logDensities[lane];
      for (let i = 0, at = lane; i < dimension; i++, at += lanes) point.gradient[i] = gradients[at];
    }
  };
  const running = density.evaluate();
  return running ? running.then(read) : read();
}

/** Longest stretch of work between two turns of the event loop, in milliseconds. */
const TURN = 50;

/** Gives the event loop a turn where one is due; the time of the next. */
export async function turn(ends: number): Promise<number> {
  if (performance.now() < ends) return ends;
  await new Promise<void>((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
  return performance.now() + TURN;
}
