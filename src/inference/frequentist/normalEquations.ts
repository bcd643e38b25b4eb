// What the rows say of the coefficients of a fixed block: crossproducts of its free columns, and residuals.
import { categoryOffset } from '../../models/linearHierarchy/fixedBlock.js';
import type { FixedBlock, LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import { FixedDraws } from '../gibbs/fixedBlock.js';

export interface NormalEquations {
  readonly rows: number;
  /** F'F, `[free][free]`. */
  readonly gram: Float64Array;
  /** F'y, `[free]`. */
  readonly cross: Float64Array;
  /** y'y. */
  readonly squares: number;
}

/** Throws RangeError for a structure without columns. */
export function normalEquations({ y, rows, fixed }: LinearHierarchy): NormalEquations {
  if (fixed === undefined) throw new RangeError('there are no columns to regress on');
  // As if rows had weights: nothing is prepared for draws.
  const block = new FixedDraws(fixed, rows, true);
  const cross = new Float64Array(block.indicators);
  for (const [d, column] of fixed.dense.entries())
    for (let row = 0; row < rows; row++) cross[d] += column[row] * y[row];
  let first = fixed.dense.length;
  for (const { levels, levelOfRow, multiplier } of fixed.categories) {
    for (let row = 0; row < rows; row++) cross[first + levelOfRow[row]] += (multiplier?.[row] ?? 1) * y[row];
    first += levels;
  }
  return { rows, gram: block.gramOf(rows, undefined), cross: block.contrast(cross), squares: sumOfSquares(y) };
}

/** ‖y − Fθ‖², row by row, without the cancellation of crossproducts. */
export function residualSumOfSquares({ y, fixed }: LinearHierarchy, theta: Float64Array): number {
  const left = y.slice();
  const { dense, categories } = fixed!;
  for (const [d, column] of dense.entries())
    for (let row = 0; row < left.length; row++) left[row] -= theta[d] * column[row];
  for (const [c, { levels, levelOfRow, multiplier }] of categories.entries()) {
    const effects = effectsOf(fixed!, c, levels, theta);
    for (let row = 0; row < left.length; row++) left[row] -= (multiplier?.[row] ?? 1) * effects[levelOfRow[row]];
  }
  return sumOfSquares(left);
}

/** The structure of some rows alone, of one that has no groups. */
export function rowsOf(structure: LinearHierarchy, chosen: Int32Array): LinearHierarchy {
  const { y, fixed } = structure;
  const pick = (values: Float64Array): Float64Array => Float64Array.from(chosen, (row) => values[row]);
  return {
    ...structure,
    rows: chosen.length,
    y: pick(y),
    fixed: fixed && {
      ...fixed,
      dense: fixed.dense.map(pick),
      categories: fixed.categories.map(({ levels, levelOfRow, multiplier }) => ({
        levels,
        levelOfRow: Int32Array.from(chosen, (row) => levelOfRow[row]),
        multiplier: multiplier && pick(multiplier),
      })),
    },
  };
}

/** Effects of all levels; the last is minus the sum of the others. */
function effectsOf(block: FixedBlock, c: number, levels: number, theta: Float64Array): Float64Array {
  const free = theta.subarray(categoryOffset(block, c), categoryOffset(block, c) + levels - 1);
  return Float64Array.of(...free, -free.reduce((a, b) => a + b, 0));
}

const sumOfSquares = (values: Float64Array): number => values.reduce((sum, value) => sum + value * value, 0);
