// What chained equations work on: variables with gaps, and their expansion into columns of a regression.

interface VariableBase {
  readonly name: string;
  /** Rows whose value is to be made, `[gaps]`. */
  readonly gaps: Int32Array;
  /** Rows that a model of it is fitted to: observed, and not held out. */
  readonly known: Int32Array;
}

export interface NumberVariable extends VariableBase {
  readonly kind: 'number';
  /** By row; gaps hold the values made so far. */
  readonly values: Float64Array;
}

export interface LabelVariable extends VariableBase {
  readonly kind: 'labels';
  readonly levels: number;
  /** By row; gaps hold the levels made so far. */
  readonly codes: Int32Array;
}

export type Variable = NumberVariable | LabelVariable;

/** Row-major `[row][column]`: the constant, numbers with mean 0 and standard deviation 1, and indicators of all levels but the first. */
export interface Design {
  readonly columns: number;
  readonly values: Float64Array;
}

export function designOf(variables: readonly Variable[], rows: number): Design {
  const widths = variables.map((own) => (own.kind === 'number' ? 1 : own.levels - 1));
  const columns = 1 + widths.reduce((sum, width) => sum + width, 0);
  const values = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) values[row * columns] = 1;
  let at = 1;
  for (const [v, own] of variables.entries()) {
    if (own.kind === 'labels') {
      for (let row = 0; row < rows; row++) if (own.codes[row] > 0) values[row * columns + at + own.codes[row] - 1] = 1;
    } else {
      const { mean, sd } = momentsOf(own.values);
      for (let row = 0; row < rows; row++) values[row * columns + at] = sd > 0 ? (own.values[row] - mean) / sd : 0;
    }
    at += widths[v];
  }
  return { columns, values };
}

function momentsOf(values: Float64Array): { mean: number; sd: number } {
  let mean = 0;
  for (const value of values) mean += value / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, sd: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}
