// Newton's method with conjugate gradients in a trust region: a maximum to high precision from products with the Hessian only.
import { conjugateGradient } from './conjugateGradient.js';
import { type Evaluating, newPoint } from './evaluating.js';
import type { OptimiseOptions, OptimiseResult, OptimiseStop } from './lbfgs.js';
import { dot, isFiniteVector } from './vectors.js';

export interface NewtonOptions extends OptimiseOptions {
  /** Length of the steps of gradient differences, in standard deviations; default 1e-4. */
  readonly differenceStep?: number;
  /** Default: the dimension, at most 200. */
  readonly maxConjugateGradients?: number;
}

/** Ratios of the gain to the one foretold below which the region shrinks, and above which it may grow. */
const POOR = 0.25;
const GOOD = 0.75;

/**
 * Maximises from `start` by Newton-CG in a trust region (Nocedal and Wright 2006, algorithms 4.1 and 7.2), which holds where the function curves
 * upwards too. Each Hessian product costs two evaluations.
 */
export function* newtonConjugateGradient(
  start: ArrayLike<number>,
  options: NewtonOptions = {},
): Evaluating<OptimiseResult> {
  const { tolerance = 1e-8, maxIterations = 100, rounding = 1e-14, differenceStep = 1e-4 } = options;
  const dimension = start.length;
  const { maxConjugateGradients = Math.min(dimension, 200) } = options;
  const variances = options.variances ?? new Float64Array(dimension).fill(1);
  let point = newPoint(dimension);
  point.position.set(start);
  yield [point];
  let evaluations = 1;
  const end = (iterations: number, stop: OptimiseStop): OptimiseResult => ({ point, iterations, evaluations, stop });
  if (!Number.isFinite(point.value) || !isFiniteVector(point.gradient)) return end(0, 'notFinite');
  let radius = Math.sqrt(dimension);
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    const norm = Math.sqrt(point.gradient.reduce((sum, slope, i) => sum + slope * slope * variances[i], 0));
    if (norm === 0) return end(iteration - 1, 'converged');
    const product = { at: point, variances, differenceStep };
    // Forcing terms for superlinear convergence (Nocedal and Wright 2006, §7.1).
    const forcing = Math.min(0.1, Math.sqrt(norm));
    const solved = yield* conjugateGradient(product, point.gradient, {
      tolerance: forcing,
      maxIterations: maxConjugateGradients,
      radius,
    });
    evaluations += 2 * solved.iterations + 1;
    const step = solved.solution;
    const length = Math.sqrt(step.reduce((sum, value, i) => sum + (value * value) / variances[i], 0));
    const trial = newPoint(dimension);
    for (let i = 0; i < dimension; i++) trial.position[i] = point.position[i] + step[i];
    yield [trial];
    // Half the sum of both gradients along the step is the gain up to third order, without the cancellation of values.
    const isValid = Number.isFinite(trial.value) && isFiniteVector(trial.gradient);
    const difference = trial.value - point.value;
    const isRounding = isValid && Math.abs(difference) <= 10 * rounding * Math.abs(point.value);
    const gain = isRounding ? (dot(point.gradient, step) + dot(trial.gradient, step)) / 2 : difference;
    // Of a quadratic along a Newton direction; the region's own steps foretell at least half the slope's promise.
    const foretold = dot(point.gradient, step) / 2;
    const ratio = isValid ? gain / foretold : -1;
    if (ratio < POOR) radius = Math.min(radius, length) / 4;
    else if (ratio > GOOD && length > 0.9 * radius) radius *= 2;
    if (ratio > 1e-4) point = trial;
    if (foretold < tolerance && (solved.isConverged || radius < 1e-10)) return end(iteration, 'converged');
    if (radius < 1e-12) return end(iteration, 'precision');
  }
  return end(maxIterations, 'iterations');
}
