// Rows through a link as about normal observations of η: for the shape of trajectories, and for how coefficients follow the scalars.
import { groupOfRow } from '../../../models/linearHierarchy/hierarchyModel.js';
import type { GeneralisedHierarchy, Likelihood, NestedTerm } from '../../../models/linearHierarchy/structure.js';
import { cholesky, solve, solveTransposed } from '../../linearAlgebra.js';

/** Groups of more coefficients than these are not fitted one by one, and get a diagonal metric. */
export const mostDense = 8;
/**
 * Reweightings at most, the change of a coefficient that ends them, the precision that holds a group's to those of all rows together, and how often
 * dispersion and groups are fitted in turn.
 */
const fitting = { most: 25, change: 1e-3, precision: 0.25, dispersions: 3 } as const;
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
  const columns = term.levels[0].size > mostDense ? [new Float64Array(rows).fill(1)] : term.columns;
  let information = informationOf(structure);
  let { eta, leverages } = fittedPredictor(columns, term, information);
  if (structure.likelihood.kind === 'negativeBinomial') {
    for (let n = 0; n < fitting.dispersions; n++) {
      information = informationOf(structure, dispersionAround(structure.y, information, eta, leverages));
      ({ eta, leverages } = fittedPredictor(columns, term, information));
    }
  }
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
  /** Expected response at η. */
  readonly mean: (row: number, eta: number) => number;
}

/** @param phi dispersion of negative binomial responses; default a lower bound */
function informationOf({ y, likelihood }: GeneralisedHierarchy, phi?: number): RowInformation {
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
        mean: (row, eta) => trials(row) / (1 + Math.exp(-eta)),
      };
    }
    case 'poisson':
    case 'negativeBinomial': {
      const dispersion = likelihood.kind === 'poisson' ? Infinity : (phi ?? roughDispersion(y));
      const logExposure = (row: number): number => likelihood.logExposure?.[row] ?? 0;
      const mean = (row: number, eta: number): number => Math.exp(eta + logExposure(row));
      return {
        at: (row, eta) => {
          const expected = mean(row, eta);
          const excess = 1 + expected / dispersion;
          return { weight: expected / excess, score: (y[row] - expected) / excess };
        },
        start: (row) => Math.log(y[row] + 0.5) - logExposure(row),
        mean,
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

/** Bounds of an estimate of φ. */
const [leastDispersion, mostDispersion] = [0.05, 1e6];

/** φ at which Pearson's statistic is the number of rows, those that pull their own fit weighing as much more (McCullagh and Nelder 1989, §6.2.3). */
function dispersionAround(
  y: Float64Array,
  { mean }: RowInformation,
  eta: Float64Array,
  leverages: Float64Array,
): number {
  const excess = (phi: number): number =>
    y.reduce((sum, value, row) => {
      const expected = mean(row, eta[row]);
      const variance = expected * (1 + expected / phi) * Math.max(1 - leverages[row], 0.05);
      return sum + (value - expected) ** 2 / variance - 1;
    }, 0);
  let [low, high] = [Math.log(leastDispersion), Math.log(mostDispersion)];
  while (high - low > 0.01) {
    const middle = (low + high) / 2;
    if (excess(Math.exp(middle)) > 0) high = middle;
    else low = middle;
  }
  return Math.exp((low + high) / 2);
}

/** Of every row, by fits to the groups, each held to the fit of all rows: η, and how much of the row's own response is in it. */
function fittedPredictor(
  columns: readonly Float64Array[],
  term: NestedTerm,
  information: RowInformation,
): { readonly eta: Float64Array; readonly leverages: Float64Array } {
  const { rowStart, rowOrder, levels } = term;
  const size = columns.length;
  const all = Int32Array.from(groupOfRow(term).keys());
  const centre = fit(columns, all, new Float64Array(size), 1e-6, information).b;
  const eta = new Float64Array(all.length);
  const leverages = new Float64Array(all.length);
  for (let g = 0; g < levels[0].groups; g++) {
    const own = all.subarray(rowStart[g], rowStart[g + 1]).map((place) => rowOrder?.[place] ?? place);
    const { b, factor } = fit(columns, own, centre, fitting.precision, information);
    for (const row of own) {
      eta[row] = predictorAt(columns, row, b);
      if (factor === undefined) continue;
      const x = Float64Array.from(columns, (column) => column[row]);
      solve(factor, x);
      leverages[row] = information.at(row, eta[row]).weight * x.reduce((sum, value) => sum + value * value, 0);
    }
  }
  return { eta, leverages };
}

function predictorAt(columns: readonly Float64Array[], row: number, b: Float64Array): number {
  let eta = 0;
  for (let k = 0; k < b.length; k++) eta += columns[k][row] * b[k];
  return Math.max(-farthestPredictor, Math.min(farthestPredictor, eta));
}

/**
 * The mode of the rows' density times N(b; centre, I/precision), by reweighted least squares from the responses (McCullagh and Nelder 1989, §2.5),
 * and the Cholesky factor of its precision.
 */
function fit(
  columns: readonly Float64Array[],
  rows: Int32Array,
  centre: Float64Array,
  precision: number,
  { at, start }: RowInformation,
): { readonly b: Float64Array; readonly factor: Float64Array | undefined } {
  const size = columns.length;
  let b = centre;
  let factor: Float64Array | undefined;
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
    factor = cholesky(matrix, size);
    if (factor === undefined) break;
    solve(factor, next);
    solveTransposed(factor, next);
    const last = b;
    b = next;
    if (b.every((x, i) => Math.abs(x - last[i]) < fitting.change)) break;
  }
  return { b, factor };
}
