// Eigenvalues and eigenvectors of a small symmetric matrix.

/** Eigenvalues in descending order, and their orthonormal vectors, `[k][size]`. */
export interface Eigensystem {
  readonly values: Float64Array;
  readonly vectors: readonly Float64Array[];
}

/** Steps of the QL iteration for one eigenvalue, at most; two or three are usual. */
const MOST_STEPS = 60;

/**
 * Eigensystem of a symmetric matrix (`[size][size]`): Householder reflections make it tridiagonal, QL steps with implicit shifts
 * diagonal (Golub & Van Loan, §8.3). Of a matrix that is not finite it consists of numbers that are not.
 */
export function symmetricEigensystem(matrix: Float64Array, size: number): Eigensystem {
  const { diagonal, off, rows } = tridiagonalise(matrix, size);
  for (let first = 0; first < size; first++) {
    for (let step = 0; step < MOST_STEPS; step++) {
      let last = first;
      while (last < size - 1 && !isNegligible(off[last], diagonal[last], diagonal[last + 1])) last++;
      if (last === first) break;
      implicitStep(diagonal, off, rows, first, last);
    }
  }
  const order = rows.map((_, k) => k).sort((j, k) => diagonal[k] - diagonal[j]);
  return { values: Float64Array.from(order, (k) => diagonal[k]), vectors: order.map((k) => rows[k]) };
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Element i couples i and i + 1. */
  readonly off: Float64Array;
  /** Qᵀ by rows, the matrix being Q T Qᵀ. */
  readonly rows: Float64Array[];
}

function isNegligible(value: number, before: number, after: number): boolean {
  return !(Math.abs(value) > Number.EPSILON * (Math.abs(before) + Math.abs(after)));
}

function tridiagonalise(matrix: Float64Array, size: number): Tridiagonal {
  const a = Array.from({ length: size }, (_, row) => matrix.slice(row * size, (row + 1) * size));
  const reflections: { readonly v: Float64Array; readonly scale: number }[] = [];
  const product = new Float64Array(size);
  for (let k = 0; k + 2 < size; k++) {
    // I − scale v vᵀ makes zeros below the subdiagonal of column k.
    const v = new Float64Array(size);
    for (let i = k + 1; i < size; i++) v[i] = a[i][k];
    const length = Math.sqrt(dot(v, v));
    const head = v[k + 1] > 0 ? -length : length;
    v[k + 1] -= head;
    const square = dot(v, v);
    const scale = square > 0 ? 2 / square : 0;
    reflections.push({ v, scale });
    for (let i = k + 1; i < size; i++) product[i] = scale * dot(a[i], v, k + 1);
    const half = (scale / 2) * dot(product, v, k + 1);
    for (let i = k + 1; i < size; i++) product[i] -= half * v[i];
    for (let i = k + 1; i < size; i++) {
      const row = a[i];
      for (let j = k + 1; j < size; j++) row[j] -= v[i] * product[j] + product[i] * v[j];
    }
    a[k + 1][k] = a[k][k + 1] = square > 0 ? head : 0;
  }
  const rows = Array.from({ length: size }, (_, k) => Float64Array.from({ length: size }, (_, i) => Number(i === k)));
  for (const { v, scale } of reflections.reverse()) {
    for (const row of rows) {
      const along = scale * dot(row, v);
      for (let i = 0; i < size; i++) row[i] -= along * v[i];
    }
  }
  return {
    diagonal: Float64Array.from(a, (row, k) => row[k]),
    off: Float64Array.from({ length: size }, (_, k) => (k + 1 < size ? a[k + 1][k] : 0)),
    rows,
  };
}

/** One QL step on rows `first` … `last`, with Wilkinson's shift. */
function implicitStep(
  diagonal: Float64Array,
  off: Float64Array,
  rows: readonly Float64Array[],
  first: number,
  last: number,
): void {
  const ratio = (diagonal[first + 1] - diagonal[first]) / (2 * off[first]);
  const root = Math.hypot(ratio, 1);
  const shift = diagonal[first] - off[first] / (ratio + (ratio < 0 ? -root : root));
  let bulge = diagonal[last] - shift;
  let [sine, cosine, correction] = [1, 1, 0];
  for (let i = last - 1; i >= first; i--) {
    const [along, across] = [sine * off[i], cosine * off[i]];
    const length = Math.hypot(along, bulge);
    off[i + 1] = length;
    if (length === 0) {
      diagonal[i + 1] -= correction;
      off[last] = 0;
      return;
    }
    sine = along / length;
    cosine = bulge / length;
    const rest = diagonal[i + 1] - correction;
    const mixed = (diagonal[i] - rest) * sine + 2 * cosine * across;
    correction = sine * mixed;
    diagonal[i + 1] = rest + correction;
    bulge = cosine * mixed - across;
    rotate(rows[i], rows[i + 1], cosine, sine);
  }
  diagonal[first] -= correction;
  off[first] = bulge;
  off[last] = 0;
}

function rotate(upper: Float64Array, lower: Float64Array, cosine: number, sine: number): void {
  for (let k = 0; k < upper.length; k++) {
    const [above, below] = [upper[k], lower[k]];
    lower[k] = sine * above + cosine * below;
    upper[k] = cosine * above - sine * below;
  }
}

function dot(x: Float64Array, y: Float64Array, from = 0): number {
  let sum = 0;
  for (let i = from; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}
