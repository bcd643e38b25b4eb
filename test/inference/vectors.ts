// Vectors for tests: standard normals that depend on their numbers alone, inner products, orthonormal directions.
import { randomKey, stepKey } from '../../src/inference/random/streams.js';

/** Standard normals that depend on the two numbers alone. */
export function normals(length: number, seed: number, index = 0): Float64Array {
  const z = new Float64Array(length);
  stepKey(randomKey(seed), 0, index).stream(0).fillNormal(z);
  return z;
}

export const dot = (x: ArrayLike<number>, y: ArrayLike<number>): number =>
  Array.from(x).reduce((sum, value, i) => sum + value * y[i], 0);

export function orthonormal(dimension: number, count: number, seed: number): Float64Array[] {
  const columns: Float64Array[] = [];
  for (let k = 0; k < count; k++) {
    let column = normals(dimension, seed, k);
    for (const other of columns) {
      const along = dot(other, column);
      column = column.map((value, i) => value - along * other[i]);
    }
    const length = Math.sqrt(dot(column, column));
    columns.push(column.map((value) => value / length));
  }
  return columns;
}
