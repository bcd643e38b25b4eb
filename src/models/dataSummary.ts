// What a model was fitted to, for the report: sizes, and columns with their figures in the data's units.
import type { Predictor } from '../data/predictors.js';

/** The data behind a fit. Figures are those of the rows, units or markets that the column describes. */
export interface DataSummary {
  readonly rows: number;
  /** Members of each level by its name in the singular, innermost first: `unit`, 120. */
  readonly sizes: readonly { readonly name: string; readonly count: number }[];
  /** Quartiles of the rows of a group; null without groups. */
  readonly rowsPerGroup: Quartiles | null;
  readonly columns: readonly ColumnSummary[];
  readonly notes: readonly string[];
}

export interface Quartiles {
  /** What the groups are, e.g. `unit`. */
  readonly group: string;
  readonly min: number;
  readonly q25: number;
  readonly median: number;
  readonly q75: number;
  readonly max: number;
}

export interface ColumnSummary {
  readonly name: string;
  /** What the column is in the model, e.g. `response`, `x`. */
  readonly role: string;
  readonly mean: number;
  readonly sd: number;
  readonly min: number;
  readonly max: number;
  /** How it enters the model, e.g. `centred by 1.02, divided by 0.31`. */
  readonly standardised: string;
}

const short = (x: number): string => String(Number(x.toPrecision(4)));

/** A predictor, which may have been standardised. */
export function summarisePredictor(role: string, { name, values, standardisation }: Predictor): ColumnSummary {
  if (standardisation === null) return summariseColumn(role, name, values);
  const { mean, sd } = standardisation;
  const scaled = summariseColumn(role, name, values);
  const back = (x: number): number => mean + sd * x;
  return {
    ...scaled,
    mean: back(scaled.mean),
    sd: sd * scaled.sd,
    min: back(scaled.min),
    max: back(scaled.max),
    standardised: `centred by ${short(mean)}, divided by ${short(sd)}`,
  };
}

/** A column as it is. */
export function summariseColumn(role: string, name: string, values: Float64Array): ColumnSummary {
  let sum = 0;
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  const sd = Math.sqrt(squares / Math.max(1, values.length - 1));
  return { name, role, mean, sd, min, max, standardised: 'as it is' };
}

/** Rows of each group, from the place of its first row and the end. */
export function summariseGroups(group: string, rowStart: Int32Array): Quartiles {
  const sizes = Float64Array.from({ length: rowStart.length - 1 }, (_, g) => rowStart[g + 1] - rowStart[g]).sort();
  const at = (share: number): number => {
    const place = share * (sizes.length - 1);
    const below = Math.floor(place);
    return sizes[below] + (place - below) * (sizes[Math.min(below + 1, sizes.length - 1)] - sizes[below]);
  };
  return { group, min: at(0), q25: at(0.25), median: at(0.5), q75: at(0.75), max: at(1) };
}
