// Columns of the rows as one matrix.
import type { ModelArray } from '../model.js';

/** Made whenever it is read: a copy of millions of rows is not kept beside the one that a program holds. */
export function matrixOf(columns: readonly Float64Array[], rows: number): ModelArray {
  return {
    shape: [rows, columns.length],
    get values() {
      return rowMajor(columns, rows);
    },
  };
}

/** Row-major `[row][column]`. */
export function rowMajor(columns: readonly Float64Array[], rows: number): Float64Array {
  const matrix = new Float64Array(rows * columns.length);
  for (const [k, column] of columns.entries())
    for (let i = 0; i < rows; i++) matrix[i * columns.length + k] = column[i];
  return matrix;
}
