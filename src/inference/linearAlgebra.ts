// Small dense linear algebra of the metric: Cholesky factor, triangular solves, symmetric products.

/**
 * Lower Cholesky factor L of a symmetric matrix A = L Lᵀ (`[size][size]`, row-major; the lower triangle is read).
 * Returns undefined when A is not positive definite to working precision.
 */
export function cholesky(matrix: Float64Array, size: number): Float64Array | undefined {
  const factor = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let rest = matrix[row * size + column];
      for (let k = 0; k < column; k++) rest -= factor[row * size + k] * factor[column * size + k];
      if (column < row) factor[row * size + column] = rest / factor[column * size + column];
      else if (rest > 0 && Number.isFinite(rest)) factor[row * size + row] = Math.sqrt(rest);
      else return undefined;
    }
  }
  return factor;
}

/** Solves L x = b in place, L lower triangular (`[size][size]`, row-major). */
export function solve(factor: Float64Array, vector: Float64Array): void {
  const size = vector.length;
  for (let row = 0; row < size; row++) {
    let rest = vector[row];
    for (let k = 0; k < row; k++) rest -= factor[row * size + k] * vector[k];
    vector[row] = rest / factor[row * size + row];
  }
}

/** Solves Lᵀ x = b in place, L lower triangular (`[size][size]`, row-major). */
export function solveTransposed(factor: Float64Array, vector: Float64Array): void {
  const size = vector.length;
  for (let row = size - 1; row >= 0; row--) {
    const value = vector[row] / factor[row * size + row];
    vector[row] = value;
    for (let k = 0; k < row; k++) vector[k] -= factor[row * size + k] * value;
  }
}

/** result = A·vector, A of `[size][size]`, row-major. */
export function multiply(matrix: Float64Array, vector: Float64Array, result: Float64Array): void {
  const size = vector.length;
  for (let row = 0, offset = 0; row < size; row++, offset += size) {
    let total = 0;
    for (let k = 0; k < size; k++) total += matrix[offset + k] * vector[k];
    result[row] = total;
  }
}
