// Conjugate gradients on Hessian products by gradient differences: for Newton steps in a trust region, and for solving with a Hessian.
import { type Evaluating, newPoint, type Point } from './evaluating.js';
import { addScaled, dot } from './vectors.js';

/** Where the Hessian is taken, and how long the steps of the differences are (in standard deviations of `variances`). */
export interface HessianProduct {
  readonly at: Point;
  readonly variances: ArrayLike<number>;
  readonly differenceStep: number;
}

/** −H v by central differences of gradients, both points in one request. */
export function* curvatureTimes(
  { at, variances, differenceStep }: HessianProduct,
  vector: Float64Array,
): Evaluating<Float64Array> {
  const dimension = vector.length;
  let square = 0;
  for (let i = 0; i < dimension; i++) square += (vector[i] * vector[i]) / variances[i];
  const step = differenceStep / Math.sqrt(square);
  const [ahead, behind] = [newPoint(dimension), newPoint(dimension)];
  for (let i = 0; i < dimension; i++) {
    ahead.position[i] = at.position[i] + step * vector[i];
    behind.position[i] = at.position[i] - step * vector[i];
  }
  yield [ahead, behind];
  return vector.map((_, i) => (behind.gradient[i] - ahead.gradient[i]) / (2 * step));
}

export interface ConjugateGradientOptions {
  /** Ends when the residual has fallen to this share of its first norm. */
  readonly tolerance: number;
  readonly maxIterations: number;
  /** Longest solution, in the norm of the preconditioner; default: no limit. */
  readonly radius?: number;
}

export interface ConjugateGradientResult {
  readonly solution: Float64Array;
  readonly iterations: number;
  readonly isConverged: boolean;
  /** A direction along which the function curves upwards ended the iteration. */
  readonly hasNegativeCurvature: boolean;
}

/**
 * Solves (−H) x = b by conjugate gradients preconditioned by diag(variances), from x = 0. Within a trust region it stops at its
 * boundary, or goes there along a direction of negative curvature (Steihaug 1983); without one it stops at such a direction.
 */
export function* conjugateGradient(
  product: HessianProduct,
  right: Float64Array,
  { tolerance, maxIterations, radius = Infinity }: ConjugateGradientOptions,
): Evaluating<ConjugateGradientResult> {
  const { variances } = product;
  const solution = new Float64Array(right.length);
  const residual = right.slice();
  let scaled = residual.map((value, i) => value * variances[i]);
  let search = scaled.slice();
  let square = dot(residual, scaled);
  const first = square;
  const done = (iterations: number, isConverged: boolean, hasNegativeCurvature = false): ConjugateGradientResult => ({
    solution,
    iterations,
    isConverged,
    hasNegativeCurvature,
  });
  if (first === 0) return done(0, true);
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    const curved = yield* curvatureTimes(product, search);
    const curvature = dot(search, curved);
    const step = square / curvature;
    const isPositive = curvature > 0;
    if (!isPositive || leaves(solution, search, step, variances, radius)) {
      if (radius < Infinity) addScaled(solution, toBoundary(solution, search, variances, radius), search);
      return done(iteration, false, !isPositive);
    }
    addScaled(solution, step, search);
    addScaled(residual, -step, curved);
    scaled = residual.map((value, i) => value * variances[i]);
    const next = dot(residual, scaled);
    if (next <= tolerance * tolerance * first) return done(iteration, true);
    search = scaled.map((value, i) => value + (next / square) * search[i]);
    square = next;
  }
  return done(maxIterations, false);
}

/** Inner product in which a step of one standard deviation has length 1. */
function scaledDot(a: Float64Array, b: Float64Array, variances: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] * b[i]) / variances[i];
  return sum;
}

function leaves(
  solution: Float64Array,
  search: Float64Array,
  step: number,
  variances: ArrayLike<number>,
  radius: number,
): boolean {
  if (radius === Infinity) return false;
  const moved = solution.map((value, i) => value + step * search[i]);
  return scaledDot(moved, moved, variances) > radius * radius;
}

/** The positive multiple of `search` that leads from `solution` to the boundary. */
function toBoundary(
  solution: Float64Array,
  search: Float64Array,
  variances: ArrayLike<number>,
  radius: number,
): number {
  const a = scaledDot(search, search, variances);
  const b = scaledDot(solution, search, variances);
  const c = scaledDot(solution, solution, variances) - radius * radius;
  return (-b + Math.sqrt(b * b - a * c)) / a;
}
