// Small dense linear algebra of the metric: Cholesky factor, triangular solves, symmetric products.

/**
 * Lower Cholesky factor L of a symmetric matrix A = L Lᵀ (`[size][size]`, row-major; the lower triangle is read), column by column.
 * Returns undefined when A is not positive definite to working precision.
 */
export function cholesky(matrix: Float64Array, size: number): Float64Array | undefined {
  const factor = new Float64Array(size * size);
  for (let column = 0; column < size; column++) {
    const own = column * size;
    let rest = matrix[own + column];
    for (let k = 0; k < column; k++) rest -= factor[own + k] * factor[own + k];
    if (!(rest > 0 && Number.isFinite(rest))) return undefined;
    const diagonal = Math.sqrt(rest);
    factor[own + column] = diagonal;
    let row = column + 1;
    for (; row + 4 <= size; row += 4) fourRows(matrix, factor, size, row, column, diagonal);
    for (; row < size; row++) {
      let element = matrix[row * size + column];
      for (let k = 0; k < column; k++) element -= factor[row * size + k] * factor[own + k];
      factor[row * size + column] = element / diagonal;
    }
  }
  return factor;
}

/** Elements of one column in four rows: each a sum of its own, so that none waits for another. */
function fourRows(
  matrix: Float64Array,
  factor: Float64Array,
  size: number,
  row: number,
  column: number,
  diagonal: number,
): void {
  const own = column * size;
  const [a, b, c, d] = [row * size, (row + 1) * size, (row + 2) * size, (row + 3) * size];
  let [first, second, third, fourth] = [matrix[a + column], matrix[b + column], matrix[c + column], matrix[d + column]];
  for (let k = 0; k < column; k++) {
    const x = factor[own + k];
    first -= factor[a + k] * x;
    second -= factor[b + k] * x;
    third -= factor[c + k] * x;
    fourth -= factor[d + k] * x;
  }
  factor[a + column] = first / diagonal;
  factor[b + column] = second / diagonal;
  factor[c + column] = third / diagonal;
  factor[d + column] = fourth / diagonal;
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

/** L⁻¹ of a lower triangle, `[k][k]`. */
export function invertLower(lower: Float64Array, k: number): Float64Array {
  const inverse = new Float64Array(k * k);
  for (let column = 0; column < k; column++) {
    for (let row = column; row < k; row++) {
      let rest = row === column ? 1 : 0;
      for (let j = column; j < row; j++) rest -= lower[row * k + j] * inverse[j * k + column];
      inverse[row * k + column] = rest / lower[row * k + row];
    }
  }
  return inverse;
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
