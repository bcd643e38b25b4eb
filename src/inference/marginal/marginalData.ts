// What the marginal density needs of the data, computed once: lower triangular factors of each unit's rows, and the shift of y.
import type { DataArray } from '../../kernels/compiler/memoryLayout.js';
import { type UnitFactors, unitFactors } from '../../models/linearHierarchy/crossproducts.js';
import { deviatingOf, hasConstants, outerSize, populationPlaces } from '../../models/linearHierarchy/links.js';
import type {
  CoefficientPrior,
  HierarchyLevel,
  LinearHierarchy,
  NestedTerm,
} from '../../models/linearHierarchy/structure.js';
import { lowerTriangle } from './columns.js';
import { type CrossedData, crossedData } from './crossedData.js';

/** Names of the arrays of data. */
export const unitData = 'units';
export const covariatesName = (level: number): string => `covariates ${level}`;
export const parentName = (level: number): string => `parent ${level}`;

export interface MarginalData {
  /** By name: units `[group][column]`, and by level the covariates `[group][q]` and the groups of the next level. */
  readonly arrays: ReadonlyMap<string, DataArray>;
  readonly rows: number;
  /** Σ ‖y − X b̂‖² within units. */
  readonly residualSumOfSquares: number;
  /** Rough standard deviation of the residuals, and typical size of each column: a start for the scales. */
  readonly residualSd: number;
  readonly columnSizes: Float64Array;
  /** Population coefficients that were subtracted, in the order of the population. */
  readonly shift: Float64Array;
  /** A fixed block beside the nest; undefined where there is none. */
  readonly crossed: CrossedData | undefined;
  /** Prior means of the population after the shift. */
  readonly priorMeans: Float64Array;
}

/**
 * Coefficients in the order in which a level's factors hold their rows: those that do not deviate first, so that the others, integrated out from the
 * last to the first, leave them alone.
 */
export function rowOrder(level: Pick<HierarchyLevel, 'size' | 'deviating'>): readonly number[] {
  const last = deviatingOf(level);
  return [...Array.from({ length: level.size }, (_, i) => i).filter((i) => !last.includes(i)), ...last];
}

/**
 * For each unit X'X = L'L with L lower triangular and z with ‖y − Xb‖² = ‖z − Lb‖² + residual: orthogonal factors of the columns,
 * in the order of `rowOrder`, taken from the last to the first. y is shifted by a pooled least-squares fit, so that nothing is subtracted from large numbers.
 */
export function marginalData(structure: LinearHierarchy, term: NestedTerm, prior: CoefficientPrior): MarginalData {
  const { y, rows, fixed } = structure;
  const { columns, rowStart, levels } = term;
  const inOrder = (values: Float64Array): Float64Array =>
    term.rowOrder === undefined ? values : Float64Array.from(term.rowOrder, (row) => values[row]);
  const order = rowOrder(levels[0]);
  const factors = unitFactors(inOrder(y), order.map((i) => inOrder(columns[i])).reverse(), rowStart);
  const { units, coefficients: p, upper, projected } = factors;
  const places = populationPlaces(levels);
  const pooled = new Float64Array(p);
  if (hasConstants(levels)) for (const [i, value] of pooledFit(upper, projected, p).entries()) pooled[order[i]] = value;
  // Constants that are shrunk are counted from where they are shrunk to.
  for (let i = 0; i < p; i++) if (prior.horseshoe?.places.includes(places[i])) pooled[i] = 0;
  const width = (p * (p + 1)) / 2 + p;
  // Units after those with rows have zeros.
  const values = new Float64Array(levels[0].groups * width);
  for (let u = 0; u < units; u++) {
    let next = u * width;
    // Rows and columns the other way round: the upper triangle becomes a lower one.
    const element = (i: number, j: number): number => upper[(u * p + p - 1 - i) * p + p - 1 - j];
    for (const [i, j] of lowerTriangle(p)) values[next++] = element(i, j);
    for (let i = 0; i < p; i++) {
      let z = projected[u * p + p - 1 - i];
      for (let j = 0; j <= i; j++) z -= element(i, j) * pooled[order[j]];
      values[next++] = z;
    }
  }
  const arrays = new Map<string, DataArray>([[unitData, { shape: [levels[0].groups, width], values }]]);
  for (const [l, { groups, covariates, covariateCount, parent }] of levels.entries()) {
    arrays.set(covariatesName(l), { shape: [groups, covariateCount], values: covariates });
    if (parent !== null) arrays.set(parentName(l), { shape: [groups], values: parent });
  }
  const shift = new Float64Array(outerSize(levels[levels.length - 1]));
  for (let i = 0; i < p; i++) shift[places[i]] = pooled[i];
  const crossed = fixed && crossedData(structure, term, fixed, pooled);
  return {
    arrays: new Map([...arrays, ...(crossed?.arrays ?? [])]),
    rows,
    crossed,
    residualSumOfSquares: factors.residualSumOfSquares,
    residualSd: roughResidualSd(y, factors),
    columnSizes: Float64Array.from(columns, rootMeanSquare),
    shift,
    priorMeans: shift.map((s, i) => (prior.means?.[i] ?? 0) - s),
  };
}

/** Normal priors of the population of the first term, and of the fixed block; undefined where the population has another. */
export function normalPriors({
  terms: [{ levels, population }],
  fixed,
}: LinearHierarchy): CoefficientPrior[] | undefined {
  const { prior } = population;
  const others = fixed === undefined ? [] : [fixed.prior];
  if (prior.kind === 'normal') return [prior, ...others];
  const { family, parameters } = prior.prior;
  if (family !== 'normal') return undefined;
  const all = (value: number): number[] => new Array<number>(outerSize(levels[levels.length - 1])).fill(value);
  return [{ means: all(parameters[0]), sds: all(parameters[1]) }, ...others];
}

function roughResidualSd(y: Float64Array, { residualDegrees, residualSumOfSquares }: UnitFactors): number {
  const mean = y.reduce((sum, value) => sum + value, 0) / y.length;
  const total = rootMeanSquare(y.map((value) => value - mean));
  const within = residualDegrees > 0 ? Math.sqrt(residualSumOfSquares / residualDegrees) : 0;
  return within > 1e-6 * total ? within : total / 2;
}

function rootMeanSquare(values: Float64Array): number {
  let squares = 0;
  for (const value of values) squares += value * value;
  return Math.sqrt(squares / values.length) || 1;
}

/** Least squares over all units from their factors (columns from the last to the first), with a trace of a ridge; columns in order. */
function pooledFit(upper: Float64Array, projected: Float64Array, p: number): Float64Array {
  const matrix = new Float64Array(p * p);
  const right = new Float64Array(p);
  for (let row = 0; row < projected.length; row++) {
    for (let i = 0; i < p; i++) {
      right[i] += upper[row * p + i] * projected[row];
      for (let j = 0; j < p; j++) matrix[i * p + j] += upper[row * p + i] * upper[row * p + j];
    }
  }
  // Gaussian elimination; a column that the others explain gets 0. Any fit will do: it is only what y is counted from.
  const scale = Float64Array.from({ length: p }, (_, i) => matrix[i * p + i]);
  const solution = new Float64Array(p);
  const used: number[] = [];
  for (let k = 0; k < p; k++) {
    if (!(matrix[k * p + k] > 1e-9 * scale[k])) continue;
    used.push(k);
    for (let i = k + 1; i < p; i++) {
      const factor = matrix[i * p + k] / matrix[k * p + k];
      for (let j = k; j < p; j++) matrix[i * p + j] -= factor * matrix[k * p + j];
      right[i] -= factor * right[k];
    }
  }
  for (const k of used.reverse()) {
    let rest = right[k];
    for (let j = k + 1; j < p; j++) rest -= matrix[k * p + j] * solution[j];
    solution[k] = rest / matrix[k * p + k];
  }
  return solution.reverse();
}
