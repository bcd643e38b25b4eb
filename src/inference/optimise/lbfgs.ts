// Limited-memory BFGS: climbs to a maximum, and hands out every iterate for those who make use of the path.
import { type Evaluating, newPoint, type Point } from './evaluating.js';
import { lineSearch } from './lineSearch.js';
import { addScaled, dot, isFiniteVector } from './vectors.js';

export interface OptimiseOptions {
  /** A step that is expected to gain less than this, several times in a row, ends the climb; default 1e-8. */
  readonly tolerance?: number;
  /** Default 1000. */
  readonly maxIterations?: number;
  /** Rough inverse curvatures (variances), `[dimension]`; default 1. */
  readonly variances?: ArrayLike<number>;
  /** Rounding error of values, relative to their size; default 1e-14. */
  readonly rounding?: number;
}

export interface LbfgsOptions extends OptimiseOptions {
  /** Pairs of steps and gradient changes kept; default 10. */
  readonly history?: number;
  /** Applies a rough inverse of the negative Hessian, a matrix, to a vector, in place of `variances`. */
  readonly precondition?: (vector: Float64Array) => Float64Array;
  /** Another preconditioner from an iterate on (the start is the first), where it is time for one: pairs of steps are then collected anew. */
  readonly renew?: (point: Point) => ((vector: Float64Array) => Float64Array) | undefined;
  /** Called with the start and every point accepted after it. */
  readonly onIterate?: (point: Point) => void;
}

export type OptimiseStop = 'converged' | 'precision' | 'iterations' | 'notFinite';

export interface OptimiseResult {
  readonly point: Point;
  readonly iterations: number;
  readonly evaluations: number;
  /** `precision`: no step rises any more although one should; `notFinite`: the start cannot be evaluated. */
  readonly stop: OptimiseStop;
}

/** Iterations in a row that must gain too little. */
const IDLE = 3;

/** A step s and the fall y of the gradient along it, with s'y. */
interface Pair {
  readonly step: Float64Array;
  readonly fall: Float64Array;
  readonly product: number;
  /** The preconditioned fall. */
  readonly image: Float64Array;
}

/**
 * Maximises from `start` by L-BFGS (Liu and Nocedal 1989; two-loop recursion of Nocedal and Wright 2006, algorithm 7.4) with a Wolfe line
 * search. The initial inverse Hessian is γ · diag(variances), or γ times the preconditioner; γ from the last pair.
 */
export function* lbfgs(start: ArrayLike<number>, options: LbfgsOptions = {}): Evaluating<OptimiseResult> {
  const { tolerance = 1e-8, maxIterations = 1000, rounding = 1e-14, history = 10, onIterate } = options;
  const dimension = start.length;
  const variances = options.variances ?? new Float64Array(dimension).fill(1);
  let { precondition = (vector: Float64Array) => vector.map((value, i) => value * variances[i]) } = options;
  let point = newPoint(dimension);
  point.position.set(start);
  yield [point];
  let evaluations = 1;
  const end = (iterations: number, stop: OptimiseStop): OptimiseResult => ({ point, iterations, evaluations, stop });
  if (!Number.isFinite(point.value) || !isFiniteVector(point.gradient)) return end(0, 'notFinite');
  onIterate?.(point);
  precondition = options.renew?.(point) ?? precondition;
  let pairs: Pair[] = [];
  /** The preconditioned gradient: by linearity, that of everything else is had from these. */
  let natural = precondition(point.gradient);
  let idle = 0;
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    const direction = twoLoop(point.gradient, pairs, natural);
    const promise = dot(direction, point.gradient);
    if (!(promise > 0)) return end(iteration - 1, 'converged');
    // Without pairs the curvature is a guess: a first step moves by about one of the given sds in each dimension, at most.
    const firstStep = pairs.length > 0 ? 1 : Math.min(1, Math.sqrt(dimension / promise));
    const noise = rounding * Math.abs(point.value);
    const found = yield* lineSearch(point, direction, firstStep, noise);
    if (found === undefined) {
      if (pairs.length === 0) return end(iteration - 1, promise < Math.sqrt(tolerance) ? 'converged' : 'precision');
      pairs = [];
      continue;
    }
    evaluations += found.evaluations;
    const before = point;
    const gain = found.point.value - before.value;
    point = found.point;
    onIterate?.(point);
    const renewed = options.renew?.(point);
    if (renewed !== undefined) [precondition, pairs] = [renewed, []];
    const naturalBefore = natural;
    natural = precondition(point.gradient);
    const pair = renewed === undefined ? pairOf(before, point, naturalBefore, natural) : undefined;
    if (pair !== undefined) pairs = [...pairs.slice(pairs.length < history ? 0 : 1), pair];
    idle = promise < tolerance || gain < tolerance ? idle + 1 : 0;
    if (idle >= IDLE) return end(iteration, 'converged');
  }
  return end(maxIterations, 'iterations');
}

function pairOf(from: Point, to: Point, naturalFrom: Float64Array, naturalTo: Float64Array): Pair | undefined {
  const step = difference(to.position, from.position);
  const fall = difference(from.gradient, to.gradient);
  const product = dot(step, fall);
  const isUsable = product > 1e-12 * dot(fall, fall) && product > 0;
  return isUsable ? { step, fall, product, image: difference(naturalFrom, naturalTo) } : undefined;
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  const result = new Float64Array(a.length);
  for (let i = 0; i < result.length; i++) result[i] = a[i] - b[i];
  return result;
}

/** The inverse Hessian (of the negative function) times the gradient, of which `natural` is the preconditioned image. */
function twoLoop(gradient: Float64Array, pairs: readonly Pair[], natural: Float64Array): Float64Array {
  const direction = natural.slice();
  const last = pairs.at(-1);
  if (last === undefined) return direction;
  const rest = gradient.slice();
  const weights = new Float64Array(pairs.length);
  for (let k = pairs.length - 1; k >= 0; k--) {
    weights[k] = dot(pairs[k].step, rest) / pairs[k].product;
    addScaled(rest, -weights[k], pairs[k].fall);
    addScaled(direction, -weights[k], pairs[k].image);
  }
  const scale = last.product / dot(last.fall, last.image);
  for (let i = 0; i < direction.length; i++) direction[i] *= scale;
  pairs.forEach(({ step, fall, product }, k) =>
    addScaled(direction, weights[k] - dot(fall, direction) / product, step),
  );
  return direction;
}
