// Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations.

export interface Eigen {
  /** `[size]` */
  readonly values: Float64Array;
  /** Columns are the eigenvectors, `[size][size]`. */
  readonly vectors: Float64Array;
}

/** A = E diag(values) E' of a symmetric matrix `[size][size]`: Golub and Van Loan (2013), algorithm 8.5.3. */
export function eigenSymmetric(matrix: Float64Array, size: number): Eigen {
  const a = matrix.slice();
  const vectors = new Float64Array(size * size);
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1;
  const norm = Math.sqrt(a.reduce((sum, value) => sum + value * value, 0));
  for (let round = 0; round < 60 && offDiagonal(a, size) > 1e-15 * norm; round++) {
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) rotate(a, vectors, p, q, size);
    }
  }
  return { values: Float64Array.from({ length: size }, (_, i) => a[i * size + i]), vectors };
}

function offDiagonal(a: Float64Array, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) sum += a[i * size + j] ** 2;
  return Math.sqrt(2 * sum);
}

/** Zeroes element (p, q). */
function rotate(a: Float64Array, vectors: Float64Array, p: number, q: number, size: number): void {
  const apq = a[p * size + q];
  if (apq === 0) return;
  const tau = (a[q * size + q] - a[p * size + p]) / (2 * apq);
  const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.sqrt(1 + tau * tau));
  const cosine = 1 / Math.sqrt(1 + t * t);
  const sine = t * cosine;
  for (let i = 0; i < size; i++) {
    const [left, right] = [a[i * size + p], a[i * size + q]];
    a[i * size + p] = cosine * left - sine * right;
    a[i * size + q] = sine * left + cosine * right;
    const [u, v] = [vectors[i * size + p], vectors[i * size + q]];
    vectors[i * size + p] = cosine * u - sine * v;
    vectors[i * size + q] = sine * u + cosine * v;
  }
  for (let i = 0; i < size; i++) {
    const [upper, lower] = [a[p * size + i], a[q * size + i]];
    a[p * size + i] = cosine * upper - sine * lower;
    a[q * size + i] = sine * upper + cosine * lower;
  }
}
