// Small dense matrices as plain lists of rows: the references of the model tests are written with these.

export type Matrix = readonly (readonly number[])[];

export function matrixOf(rows: number, columns: number, entry: (i: number, j: number) => number): number[][] {
  return Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => entry(i, j)));
}

export function multiply(a: Matrix, b: Matrix): number[][] {
  return matrixOf(a.length, b[0].length, (i, j) => a[i].reduce((sum, x, k) => sum + x * b[k][j], 0));
}

export function transpose(a: Matrix): number[][] {
  return matrixOf(a[0].length, a.length, (i, j) => a[j][i]);
}

/** Inverse and log |det| by Gauss–Jordan elimination with partial pivoting. */
export function invert(a: Matrix): { inverse: number[][]; logDet: number } {
  const n = a.length;
  const work = a.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  let logDet = 0;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(work[i][k]) > Math.abs(work[pivot][k])) pivot = i;
    [work[k], work[pivot]] = [work[pivot], work[k]];
    const head = work[k][k];
    logDet += Math.log(Math.abs(head));
    work[k] = work[k].map((x) => x / head);
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = work[i][k];
      work[i] = work[i].map((x, j) => x - factor * work[k][j]);
    }
  }
  return { inverse: work.map((row) => row.slice(n)), logDet };
}

export const logDeterminant = (a: Matrix): number => (a.length === 0 ? 0 : invert(a).logDet);

/** Jacobian `[output][input]` of a map by five-point differences. */
export function jacobian(
  map: (x: Float64Array) => ArrayLike<number>,
  at: ArrayLike<number>,
  step: (x: number) => number = () => 1e-3,
): number[][] {
  const columns = Array.from({ length: at.length }, (_, j) => {
    const h = step(at[j]);
    const shifted = (multiple: number): ArrayLike<number> => {
      const x = Float64Array.from(at);
      x[j] += multiple * h;
      return map(x);
    };
    const [a, b, c, d] = [shifted(-2), shifted(-1), shifted(1), shifted(2)];
    return Array.from({ length: a.length }, (_, i) => (8 * (c[i] - b[i]) - (d[i] - a[i])) / (12 * h));
  });
  return columns.length === 0 ? [] : transpose(columns);
}
