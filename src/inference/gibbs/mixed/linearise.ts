// Rows through a link as about normal observations of η: for the shape of trajectories, and for how coefficients follow the scalars.
import { groupOfRow } from '../../../models/linearHierarchy/hierarchyModel.js';
import type { GeneralisedHierarchy, Likelihood, NestedTerm } from '../../../models/linearHierarchy/structure.js';
import { cholesky, solve, solveTransposed } from '../../linearAlgebra.js';

/** Groups of more coefficients than these are not fitted one by one, and get a diagonal metric. */
export const mostDense = 8;
/** Reweightings at most, the change of a coefficient that ends them, and the precision that holds a group's to those of all rows together. */
const fitting = { most: 25, change: 1e-3, precision: 0.25 } as const;
/** η is kept in ±this. */
const farthestPredictor = 25;

/** Precision w of a row's observation η* of its linear predictor, and wη*; each `[rows]`. */
export interface LinearisedRows {
  readonly weights: Float64Array;
  readonly shifts: Float64Array;
}

/** About rough fits of the first term to each of its groups: of its coefficients, or, where these are many, of one mean. */
export function linearise(structure: GeneralisedHierarchy): LinearisedRows {
  const { rows, terms } = structure;
  const [term] = terms;
  const information = informationOf(structure);
  const columns = term.levels[0].size > mostDense ? [new Float64Array(rows).fill(1)] : term.columns;
  const eta = fittedPredictor(columns, term, information);
  const found = { weights: new Float64Array(rows), shifts: new Float64Array(rows) };
  for (let row = 0; row < rows; row++) {
    const { weight, score } = information.at(row, eta[row]);
    found.weights[row] = weight;
    found.shifts[row] = weight * eta[row] + score;
  }
  return found;
}

interface RowInformation {
  /** −E of the second derivative of a row's log density by η, and the first. */
  readonly at: (row: number, eta: number) => { readonly weight: number; readonly score: number };
  /** η that fits the row's response alone, about. */
  readonly start: (row: number) => number;
}

function informationOf({ y, likelihood }: GeneralisedHierarchy): RowInformation {
  switch (likelihood.kind) {
    case 'bernoulli':
    case 'binomial': {
      const trials = (row: number): number => (likelihood.kind === 'binomial' ? likelihood.trials[row] : 1);
      return {
        at: (row, eta) => {
          const share = 1 / (1 + Math.exp(-eta));
          return { weight: trials(row) * share * (1 - share), score: y[row] - trials(row) * share };
        },
        start: (row) => Math.log((y[row] + 0.5) / (trials(row) - y[row] + 0.5)),
      };
    }
    case 'poisson':
    case 'negativeBinomial': {
      const phi = likelihood.kind === 'poisson' ? Infinity : roughDispersion(y);
      const logExposure = (row: number): number => likelihood.logExposure?.[row] ?? 0;
      return {
        at: (row, eta) => {
          const mean = Math.exp(eta + logExposure(row));
          return { weight: mean / (1 + mean / phi), score: (y[row] - mean) / (1 + mean / phi) };
        },
        start: (row) => Math.log(y[row] + 0.5) - logExposure(row),
      };
    }
    default:
      throw new Error((likelihood satisfies never as Likelihood).kind);
  }
}

/** φ that mean and variance of all counts would have together: a lower bound rather than an estimate. */
function roughDispersion(y: Float64Array): number {
  const mean = y.reduce((sum, value) => sum + value, 0) / y.length;
  const variance = y.reduce((sum, value) => sum + (value - mean) ** 2, 0) / y.length;
  return Math.max(0.3, mean ** 2 / Math.max(variance - mean, 0.01 * mean ** 2));
}

/** η of every row by fits to the groups, each held to the fit of all rows. */
function fittedPredictor(
  columns: readonly Float64Array[],
  term: NestedTerm,
  information: RowInformation,
): Float64Array {
  const { rowStart, rowOrder, levels } = term;
  const size = columns.length;
  const all = Int32Array.from(groupOfRow(term).keys());
  const centre = fit(columns, all, new Float64Array(size), 1e-6, information);
  const eta = new Float64Array(all.length);
  for (let g = 0; g < levels[0].groups; g++) {
    const own = all.subarray(rowStart[g], rowStart[g + 1]).map((place) => rowOrder?.[place] ?? place);
    const b = fit(columns, own, centre, fitting.precision, information);
    for (const row of own) eta[row] = predictorAt(columns, row, b);
  }
  return eta;
}

function predictorAt(columns: readonly Float64Array[], row: number, b: Float64Array): number {
  let eta = 0;
  for (let k = 0; k < b.length; k++) eta += columns[k][row] * b[k];
  return Math.max(-farthestPredictor, Math.min(farthestPredictor, eta));
}

/** The mode of the rows' density times N(b; centre, I/precision), by reweighted least squares from the responses (McCullagh and Nelder 1989, §2.5). */
function fit(
  columns: readonly Float64Array[],
  rows: Int32Array,
  centre: Float64Array,
  precision: number,
  { at, start }: RowInformation,
): Float64Array {
  const size = columns.length;
  let b = centre;
  const matrix = new Float64Array(size * size);
  for (let n = 0; n < fitting.most; n++) {
    matrix.fill(0);
    for (let i = 0; i < size; i++) matrix[i * (size + 1)] = precision;
    const next = centre.map((x) => precision * x);
    for (const row of rows) {
      const eta = n === 0 ? start(row) : predictorAt(columns, row, b);
      const { weight, score } = at(row, eta);
      for (let i = 0; i < size; i++) {
        const x = columns[i][row];
        next[i] += x * (weight * eta + score);
        for (let j = 0; j <= i; j++) matrix[i * size + j] += weight * x * columns[j][row];
      }
    }
    const factor = cholesky(matrix, size);
    if (factor === undefined) return b;
    solve(factor, next);
    solveTransposed(factor, next);
    const last = b;
    b = next;
    if (b.every((x, i) => Math.abs(x - last[i]) < fitting.change)) break;
  }
  return b;
}
