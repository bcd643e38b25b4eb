// Small dense systems of the imputation models: Cholesky factor, solution, and a draw with the inverse as covariance.

/** Lower factor L, row-major, of a positive definite matrix, which it replaces. Throws RangeError where it is not positive definite. */
export function factorise(matrix: Float64Array, size: number): Float64Array {
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j];
      for (let k = 0; k < j; k++) sum -= matrix[i * size + k] * matrix[j * size + k];
      if (i === j) {
        if (!(sum > 0)) throw new RangeError('the matrix is not positive definite');
        matrix[i * size + i] = Math.sqrt(sum);
      } else matrix[i * size + j] = sum / matrix[j * size + j];
    }
  }
  return matrix;
}

/** x with L L' x = b. */
export function solve(lower: Float64Array, b: Float64Array): Float64Array {
  const size = b.length;
  const x = b.slice();
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i] -= lower[i * size + k] * x[k];
    x[i] /= lower[i * size + i];
  }
  return solveUpper(lower, x);
}

/** x with L' x = b, in place: of standard normals b it has the covariance (L L')⁻¹. */
export function solveUpper(lower: Float64Array, x: Float64Array): Float64Array {
  const size = x.length;
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) x[i] -= lower[k * size + i] * x[k];
    x[i] /= lower[i * size + i];
  }
  return x;
}
