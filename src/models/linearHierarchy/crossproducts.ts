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
    const pivots = triangulate(block, coefficients, count);
    let rank = 0;
    for (const [k, row] of pivots.entries()) {
      if (row < 0) continue;
      for (let j = k; j < coefficients; j++) upper[(u * coefficients + k) * coefficients + j] = block[j][row];
      projected[u * coefficients + k] = block[coefficients][row];
      rank++;
    }
    residualDegrees += count - rank;
    for (let row = rank; row < count; row++) residuals[u] += block[coefficients][row] ** 2;
  }
  const residualSumOfSquares = residuals.reduce((sum, residual) => sum + residual, 0);
  return { units, coefficients, rows: y.length, upper, projected, residualSumOfSquares, residuals, residualDegrees };
}

/**
 * Householder reflections that make the first columns of a block upper triangular, applied to the columns after them too. A column that
 * depends on those before it makes a row of zeros; the next column then takes its place in the block.
 * @returns by column the row of the block that holds its row of R; −1 for a row of zeros. Rows after the last are residuals
 */
export function triangulate(block: readonly Float64Array[], columns: number, count: number): Int32Array {
  const pivots = new Int32Array(columns).fill(-1);
  let rank = 0;
  for (let k = 0; k < columns && rank < count; k++) if (reflect(block, k, rank, count)) pivots[k] = rank++;
  return pivots;
}

/** What is left of a column, as a share of its length, when it depends on others up to rounding. */
const dependent = 1e-12;

/**
 * One Householder reflection: zeroes column k below row `first`, and applies the same to the columns after it. False, and nothing
 * done, where the column depends on those before it.
 */
function reflect(block: readonly Float64Array[], k: number, first: number, count: number): boolean {
  const column = block[k];
  let above = 0;
  let norm = 0;
  for (let row = 0; row < first; row++) above = Math.hypot(above, column[row]);
  for (let row = first; row < count; row++) norm = Math.hypot(norm, column[row]);
  if (!(norm > dependent * above)) return false;
  const alpha = column[first] > 0 ? -norm : norm;
  const head = column[first] - alpha;
  let squared = head * head;
  for (let row = first + 1; row < count; row++) squared += column[row] * column[row];
  for (let j = k + 1; j < block.length; j++) {
    const other = block[j];
    let dot = head * other[first];
    for (let row = first + 1; row < count; row++) dot += column[row] * other[row];
    const scale = (2 * dot) / squared;
    other[first] -= scale * head;
    for (let row = first + 1; row < count; row++) other[row] -= scale * column[row];
  }
  column[first] = alpha;
  return true;
}
