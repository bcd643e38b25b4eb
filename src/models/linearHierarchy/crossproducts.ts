// Per-unit orthogonal factors of the rows: what a Gaussian likelihood needs of them, whatever their number.

/** For each unit, X'X = R'R with R upper triangular, z = the projected response, and the residual sum of squares of all units. */
export interface UnitFactors {
  readonly units: number;
  readonly coefficients: number;
  readonly rows: number;
  /** `[unit][coefficient][coefficient]`, zero below the diagonal; zero rows where a unit's predictors are dependent. */
  readonly upper: Float64Array;
  /** `[unit][coefficient]`. */
  readonly projected: Float64Array;
  /** Σ over units of ‖y − X b̂‖². */
  readonly residualSumOfSquares: number;
  /** The same by unit, `[unit]`. */
  readonly residuals: Float64Array;
  /** Rows left over by the coefficients, summed over units: degrees of freedom of the residual sum of squares. */
  readonly residualDegrees: number;
}

/**
 * Householder QR of [X y] for each unit (Golub and Van Loan 2013, algorithm 5.2.1): ‖y − X b‖² = ‖z − R b‖² + residual, with no
 * sums of squares that could cancel. Rank-deficient units and units with fewer rows than coefficients are exact too.
 * @param x columns of the design, each `[rows]`, rows sorted by unit
 * @param rowStart first row of each unit, and the end
 */
export function unitFactors(y: Float64Array, x: readonly Float64Array[], rowStart: Int32Array): UnitFactors {
  const units = rowStart.length - 1;
  const coefficients = x.length;
  const upper = new Float64Array(units * coefficients * coefficients);
  const projected = new Float64Array(units * coefficients);
  const width = coefficients + 1;
  let longest = 0;
  for (let u = 0; u < units; u++) longest = Math.max(longest, rowStart[u + 1] - rowStart[u]);
  const block = Array.from({ length: width }, () => new Float64Array(longest));
  const residuals = new Float64Array(units);
  let residualDegrees = 0;
  for (let u = 0; u < units; u++) {
    const count = rowStart[u + 1] - rowStart[u];
    for (let k = 0; k < coefficients; k++) block[k].set(x[k].subarray(rowStart[u], rowStart[u + 1]));
    block[coefficients].set(y.subarray(rowStart[u], rowStart[u + 1]));
    const rank = Math.min(count, coefficients);
    for (let k = 0; k < rank; k++) reflect(block, k, count);
    for (let i = 0; i < rank; i++) {
      for (let k = i; k < coefficients; k++) upper[(u * coefficients + i) * coefficients + k] = block[k][i];
      projected[u * coefficients + i] = block[coefficients][i];
    }
    residualDegrees += count - rank;
    for (let row = rank; row < count; row++) residuals[u] += block[coefficients][row] ** 2;
  }
  const residualSumOfSquares = residuals.reduce((sum, residual) => sum + residual, 0);
  return { units, coefficients, rows: y.length, upper, projected, residualSumOfSquares, residuals, residualDegrees };
}

/** One Householder reflection: zeroes column k below row k, and applies the same to the columns after it. */
function reflect(block: readonly Float64Array[], k: number, count: number): void {
  const column = block[k];
  let norm = 0;
  for (let row = k; row < count; row++) norm = Math.hypot(norm, column[row]);
  if (norm === 0) return;
  const alpha = column[k] > 0 ? -norm : norm;
  const head = column[k] - alpha;
  let squared = head * head;
  for (let row = k + 1; row < count; row++) squared += column[row] * column[row];
  if (squared === 0) return;
  for (let j = k + 1; j < block.length; j++) {
    const other = block[j];
    let dot = head * other[k];
    for (let row = k + 1; row < count; row++) dot += column[row] * other[row];
    const scale = (2 * dot) / squared;
    other[k] -= scale * head;
    for (let row = k + 1; row < count; row++) other[row] -= scale * column[row];
  }
  column[k] = alpha;
}
