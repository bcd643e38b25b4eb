// The penalty of ridge regression by cross-validation (Hoerl and Kennard 1970; Stone 1974).
import type { LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import { solvePenalised } from './leastSquares.js';
import { type NormalEquations, normalEquations, rowsOf } from './normalEquations.js';

export interface RidgePenalty {
  /** λ: minimised is ‖y − Fθ‖² + λ Σ s_i² θ_i², s_i the standard deviations of the columns. */
  readonly lambda: number;
  /** λ s_i² by free coefficient; 0 for constants and for effects of categories. */
  readonly penalties: Float64Array;
  /** Root mean squared error of rows held out, with the penalty and without; NaN where least squares cannot be solved. */
  readonly rmse: number;
  readonly rmseUnpenalised: number;
}

const folds = 10;
/** λ over the number of rows, as powers of ten: where it is looked for, and in what steps. */
const [least, most, step] = [-6, 3, 0.25];
/** Steps by which the best of them is made finer, each to 0.62 of the interval before it. */
const refinements = 12;
const golden = (Math.sqrt(5) - 1) / 2;

/** Throws RangeError where no column varies, or where rows are fewer than folds. */
export function ridgePenalty(structure: LinearHierarchy): RidgePenalty {
  const { rows, fixed } = structure;
  if (rows < folds) throw new RangeError(`${rows} rows are too few for ${folds}-fold cross-validation`);
  const parts = Array.from({ length: folds }, (_, fold) => normalEquations(rowsOf(structure, rowsOfFold(rows, fold))));
  const whole = parts.reduce(sum);
  const variances = new Float64Array(whole.cross.length);
  for (const [d, column] of (fixed?.dense ?? []).entries()) variances[d] = varianceOf(column);
  if (variances.every((variance) => variance === 0)) throw new RangeError('there is no column that varies');
  const penaltiesOf = (lambda: number): Float64Array => variances.map((variance) => lambda * variance);
  const rmseOf = (lambda: number): number => {
    const error = parts.reduce((total, part) => total + heldOut(part, difference(whole, part), penaltiesOf(lambda)), 0);
    return Math.sqrt(error / rows);
  };
  const at = (power: number): number => rmseOf(rows * 10 ** power);
  const powers = Array.from({ length: (most - least) / step + 1 }, (_, i) => least + i * step);
  const errors = powers.map(at);
  const best = powers[errors.indexOf(Math.min(...errors))];
  const power = refine(at, best - step, best + step);
  const lambda = rows * 10 ** power;
  return { lambda, penalties: penaltiesOf(lambda), rmse: at(power), rmseUnpenalised: orNaN(() => rmseOf(0)) };
}

/** Golden-section search. */
function refine(at: (power: number) => number, from: number, to: number): number {
  let [low, high] = [from, to];
  let [left, right] = [high - golden * (high - low), low + golden * (high - low)];
  let [ofLeft, ofRight] = [at(left), at(right)];
  for (let i = 0; i < refinements; i++) {
    if (ofLeft < ofRight) {
      [high, right, ofRight] = [right, left, ofLeft];
      left = high - golden * (high - low);
      ofLeft = at(left);
    } else {
      [low, left, ofLeft] = [left, right, ofRight];
      right = low + golden * (high - low);
      ofRight = at(right);
    }
  }
  return (low + high) / 2;
}

/** Rows spread evenly over the folds, in no rhythm of weeks or groups: multiples of the golden ratio, modulo 1. */
function rowsOfFold(rows: number, fold: number): Int32Array {
  const isHere = (row: number): boolean => Math.floor(folds * ((row * golden) % 1)) === fold;
  return Int32Array.from({ length: rows }, (_, row) => row).filter(isHere);
}

/** ‖y − Fθ̂‖² of the rows held out, θ̂ from the others. */
function heldOut({ gram, cross, squares }: NormalEquations, others: NormalEquations, penalties: Float64Array): number {
  const { estimate } = solvePenalised(others, penalties);
  const size = estimate.length;
  let error = squares;
  for (let i = 0; i < size; i++) {
    let product = 0;
    for (let j = 0; j < size; j++) product += gram[i * size + j] * estimate[j];
    error += estimate[i] * (product - 2 * cross[i]);
  }
  return error;
}

const sum = (a: NormalEquations, b: NormalEquations): NormalEquations => combine(a, b, 1);
const difference = (a: NormalEquations, b: NormalEquations): NormalEquations => combine(a, b, -1);

function combine(a: NormalEquations, b: NormalEquations, sign: 1 | -1): NormalEquations {
  const add = (left: Float64Array, right: Float64Array): Float64Array => left.map((x, i) => x + sign * right[i]);
  return {
    rows: a.rows + sign * b.rows,
    gram: add(a.gram, b.gram),
    cross: add(a.cross, b.cross),
    squares: a.squares + sign * b.squares,
  };
}

function varianceOf(column: Float64Array): number {
  const mean = column.reduce((total, x) => total + x / column.length, 0);
  const variance = column.reduce((total, x) => total + (x - mean) ** 2 / column.length, 0);
  return variance > 1e-20 * mean ** 2 ? variance : 0;
}

function orNaN(compute: () => number): number {
  try {
    return compute();
  } catch (error) {
    if (error instanceof RangeError) return NaN;
    throw error;
  }
}
