// Ordinary least squares and ridge regression of a fixed block: estimates, and draws around them.
import type { LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import { cholesky, solve, solveTransposed } from '../linearAlgebra.js';
import { drawInverseGamma } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';
import { type NormalEquations, normalEquations, residualSumOfSquares } from './normalEquations.js';

export interface LeastSquares {
  /** θ̂, `[free]`. */
  readonly estimate: Float64Array;
  readonly residualSumOfSquares: number;
  /** Rows less the effective number of coefficients, tr (F'F + P)⁻¹ F'F. */
  readonly degrees: number;
  /**
   * σ² ~ RSS / χ² and θ ~ N(θ̂, σ² (F'F + P)⁻¹), written to `target`; returns σ. Without a penalty it is the posterior under flat priors of θ
   * and log σ, whose intervals of θ are Student's t intervals.
   */
  draw(stream: RandomStream, target: Float64Array): number;
}

/** What those before it may leave of a column, at least, as a share of its sum of squares. */
const dependence = 1e-12;

/**
 * Minimises ‖y − Fθ‖² + Σ p_i θ_i². Throws RangeError where columns depend on each other and no penalty tells them apart, or where no rows are left
 * for the error.
 * @param penalties p, `[free]`; default 0
 */
export function leastSquares(structure: LinearHierarchy, penalties?: Float64Array): LeastSquares {
  const equations = normalEquations(structure);
  const { factor, estimate } = solvePenalised(equations, penalties);
  const degrees = equations.rows - effectiveCoefficients(equations, factor, penalties);
  if (degrees < 1e-6)
    throw new RangeError(`${equations.rows} rows do not determine ${estimate.length} coefficients and an error`);
  const squares = residualSumOfSquares(structure, estimate);
  return {
    estimate,
    residualSumOfSquares: squares,
    degrees,
    draw: (stream, target) => {
      const sigma = Math.sqrt(drawInverseGamma(stream, degrees / 2, squares / 2));
      stream.fillNormal(target);
      solveTransposed(factor, target);
      for (let i = 0; i < target.length; i++) target[i] = estimate[i] + sigma * target[i];
      return sigma;
    },
  };
}

/** θ̂ and the Cholesky factor of F'F + P. */
export function solvePenalised(
  { gram, cross }: Pick<NormalEquations, 'gram' | 'cross'>,
  penalties?: Float64Array,
): { readonly factor: Float64Array; readonly estimate: Float64Array } {
  const free = cross.length;
  const matrix = gram.slice();
  penalties?.forEach((p, i) => (matrix[i * (free + 1)] += p));
  const factor = cholesky(matrix, free);
  const isTold = (i: number): boolean => factor![i * (free + 1)] ** 2 > dependence * matrix[i * (free + 1)];
  if (factor === undefined || !cross.every((_, i) => isTold(i)))
    throw new RangeError('the columns depend on each other: leave one of them out');
  const estimate = cross.slice();
  solve(factor, estimate);
  solveTransposed(factor, estimate);
  return { factor, estimate };
}

/** p − tr (F'F + P)⁻¹ P = p − Σ p_i ‖L⁻¹e_i‖². */
function effectiveCoefficients(
  { cross }: NormalEquations,
  factor: Float64Array,
  penalties: Float64Array | undefined,
): number {
  let count = cross.length;
  penalties?.forEach((p, i) => {
    if (p === 0) return;
    const unit = new Float64Array(cross.length);
    unit[i] = 1;
    solve(factor, unit);
    count -= p * unit.reduce((sum, value) => sum + value * value, 0);
  });
  return count;
}
