// The three-level model's data as arrays for tensor functions: designs of every level, with the constant first.
import type { ThreeLevelData } from '../../data/threeLevelData.js';

interface Standardisation {
  readonly mean: number;
  readonly sd: number;
}

/** A level's design: its columns with the constant first, in model units, and how to get back to the data's units. */
export interface LevelDesign {
  /** `Intercept`, then the names of the columns. */
  readonly names: readonly string[];
  /** Columns, each as long as the level has members; the first is all ones. */
  readonly columns: readonly Float64Array[];
  /** Mean and standard deviation of each column in model units; the constant has mean 1, sd 1. */
  readonly sds: readonly number[];
  /**
   * Row-major k × k matrix T with [1, model units] = [1, data units] T': coefficients in data units are T' times those in
   * model units.
   */
  readonly toDataUnits: Float64Array;
  readonly isStandardised: boolean;
}

export interface ThreeLevelDesign {
  readonly rows: LevelDesign;
  readonly units: LevelDesign;
  /** Null with two levels. */
  readonly markets: LevelDesign | null;
  /** Market of each unit, with three levels. */
  readonly marketOfUnit: Int32Array | null;
}

interface PredictorColumn {
  readonly name: string;
  readonly values: Float64Array;
  readonly standardisation: Standardisation | null;
}

export function threeLevelDesign(data: ThreeLevelData): ThreeLevelDesign {
  return {
    rows: levelDesign(data.rows, data.x),
    units: levelDesign(data.units.count, data.z),
    markets: data.markets === null ? null : levelDesign(data.markets.names.length, data.markets.w),
    marketOfUnit: data.markets === null ? null : data.units.market,
  };
}

function levelDesign(members: number, predictors: readonly PredictorColumn[]): LevelDesign {
  const k = predictors.length + 1;
  const toDataUnits = new Float64Array(k * k);
  toDataUnits[0] = 1;
  for (const [i, { standardisation }] of predictors.entries()) {
    // (x − mean) / sd = −mean/sd · 1 + 1/sd · x
    toDataUnits[(i + 1) * k + i + 1] = standardisation === null ? 1 : 1 / standardisation.sd;
    toDataUnits[(i + 1) * k] = standardisation === null ? 0 : -standardisation.mean / standardisation.sd;
  }
  return {
    names: ['Intercept', ...predictors.map(({ name }) => name)],
    columns: [new Float64Array(members).fill(1), ...predictors.map(({ values }) => values)],
    sds: [1, ...predictors.map(({ values }) => standardDeviation(values))],
    toDataUnits,
    isStandardised: predictors.some(({ standardisation }) => standardisation !== null),
  };
}

function standardDeviation(values: Float64Array): number {
  let mean = 0;
  for (const value of values) mean += value / values.length;
  let sum = 0;
  for (const value of values) sum += (value - mean) ** 2;
  return Math.sqrt(sum / Math.max(1, values.length - 1));
}

/** Row-major `[member][column]`. */
export function designMatrix(design: LevelDesign): Float64Array {
  const width = design.columns.length;
  const members = design.columns[0].length;
  const matrix = new Float64Array(members * width);
  for (const [k, column] of design.columns.entries())
    for (let i = 0; i < members; i++) matrix[i * width + k] = column[i];
  return matrix;
}
