// The low-rank metric of a window of draws and gradients, by minimising the Fisher divergence.
import { cholesky, solveTransposed } from '../linearAlgebra.js';
import { symmetricEigensystem } from '../symmetricEigensystem.js';
import { LowRank } from './lowRank.js';
import type { LowRankLimits, Metric } from './metric.js';
import type { SavedMoments, SavedPairs } from './phaseSpaces.js';

/** Moments of a window with draws and gradients kept. */
type PairedMoments = SavedMoments & { readonly pairs: SavedPairs };

/** With fewer kept draws than this per direction sought, fewer directions are sought. */
const DRAWS_PER_DIRECTION = 4;
/** Added to the variances within the subspace, which are about 1: keeps what the window shows no movement of away from 0. */
const JITTER = 1e-6;
/** A direction of which less than this part lies outside of those before it adds nothing. */
const LEAST_OUTSIDE = 1e-3;

/**
 * The metric for which draws x and gradients g have the same covariance in its coordinates: M⁻¹ Cov(g) M⁻¹ = Cov(x), the least Fisher
 * divergence of a normal approximation (Seyboldt, Carlson & Carpenter 2024). The diagonal D is √(Var x / Var g), shrunk
 * towards the prior variances like variances are. The rest is sought in the space of the leading principal components of the scaled draws
 * D^−½ x and of the scaled gradients D^½ g: the geometric mean of Cov(x) and Cov(g)⁻¹ there. As gradients say of every direction how wide it
 * is, a few draws suffice. Logarithms of its eigenvalues are shrunk by n/(n + 5), and those near 1 are dropped.
 * Undefined where there are too few draws or a gradient is not finite.
 */
export function estimateLowRank(
  moments: PairedMoments,
  weight: number,
  variances: Float64Array,
  priorVariances: Float64Array,
  { rank, cutoff }: LowRankLimits,
): Metric | undefined {
  const { gradients, keptDraws, keptGradients } = moments.pairs;
  const sought = Math.min(rank, Math.floor(keptDraws.length / DRAWS_PER_DIRECTION));
  if (sought < 1 || !gradients.squares.every(Number.isFinite)) return undefined;
  const inverseMass = variances.map((variance, i) => {
    const scale = Math.sqrt(moments.squares[i] / gradients.squares[i]);
    return scale > 0 && scale < Infinity ? weight * scale + (1 - weight) * priorVariances[i] : variance;
  });
  const scales = inverseMass.map(Math.sqrt);
  const x = centredRows(keptDraws, (value, i) => value / scales[i]);
  const g = centredRows(keptGradients, (value, i) => value * scales[i]);
  const basis = orthonormal([...leadingDirections(x, sought), ...leadingDirections(g, sought)]);
  const mean = geometricMean(covarianceWithin(x, basis), covarianceWithin(g, basis), basis.length);
  if (!mean) return { inverseMass };
  const { values, vectors } = symmetricEigensystem(mean, basis.length);
  const chosen = vectors
    .map((vector, k) => ({ vector, logEigenvalue: weight * Math.log(values[k]) }))
    .filter(({ logEigenvalue }) => Math.abs(logEigenvalue) > Math.log(cutoff) && Number.isFinite(logEigenvalue))
    .sort((a, b) => Math.abs(b.logEigenvalue) - Math.abs(a.logEigenvalue))
    .slice(0, rank);
  if (chosen.length === 0) return { inverseMass };
  const dimension = scales.length;
  const columns = new Float64Array(chosen.length * dimension);
  chosen.forEach(({ vector }, k) => {
    const column = columns.subarray(k * dimension, (k + 1) * dimension);
    basis.forEach((direction, j) => addScaled(vector[j], direction, column));
    for (let i = 0; i < dimension; i++) column[i] *= scales[i];
  });
  const eigenvalues = Float64Array.from(chosen, ({ logEigenvalue }) => Math.exp(logEigenvalue));
  return { inverseMass, lowRank: new LowRank(inverseMass, columns, eigenvalues) };
}

/** Scaled rows less their mean. */
function centredRows(rows: readonly Float64Array[], scaled: (value: number, i: number) => number): Float64Array[] {
  const scaledRows = rows.map((row) => row.map(scaled));
  const mean = new Float64Array(rows[0].length);
  for (const row of scaledRows) addScaled(1 / rows.length, row, mean);
  for (const row of scaledRows) addScaled(-1, mean, row);
  return scaledRows;
}

/**
 * Leading principal components of the rows: eigenvectors of the products of columns, or where rows are fewer of the products of rows,
 * and then not of length 1.
 */
function leadingDirections(rows: readonly Float64Array[], count: number): readonly Float64Array[] {
  const dimension = rows[0].length;
  if (dimension <= rows.length) {
    const columns = Array.from({ length: dimension }, (_, i) => Float64Array.from(rows, (row) => row[i]));
    return leadingEigenvectors(columns, count);
  }
  return leadingEigenvectors(rows, count).map((weights) => {
    const direction = new Float64Array(dimension);
    rows.forEach((row, j) => addScaled(weights[j], row, direction));
    return direction;
  });
}

/** Leading eigenvectors of the matrix of the vectors' inner products. */
function leadingEigenvectors(vectors: readonly Float64Array[], count: number): readonly Float64Array[] {
  const size = vectors.length;
  const products = new Float64Array(size * size);
  for (let j = 0; j < size; j++) {
    for (let k = 0; k <= j; k++) {
      products[j * size + k] = products[k * size + j] = innerProduct(vectors[j], vectors[k]);
    }
  }
  return symmetricEigensystem(products, size).vectors.slice(0, count);
}

/** Gram and Schmidt, twice over for accuracy; directions that the others span are left out. */
function orthonormal(directions: readonly Float64Array[]): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const direction of directions) {
    const length = Math.sqrt(innerProduct(direction, direction));
    if (!(length > 0 && length < Infinity)) continue;
    const rest = direction.map((value) => value / length);
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) addScaled(-innerProduct(other, rest), other, rest);
    }
    const outside = Math.sqrt(innerProduct(rest, rest));
    if (outside > LEAST_OUTSIDE) basis.push(rest.map((value) => value / outside));
  }
  return basis;
}

/** Covariance of the rows' coordinates in a basis, `[size][size]`. */
function covarianceWithin(rows: readonly Float64Array[], basis: readonly Float64Array[]): Float64Array {
  const size = basis.length;
  const covariance = new Float64Array(size * size);
  for (const row of rows) {
    const coordinates = basis.map((direction) => innerProduct(direction, row));
    coordinates.forEach((a, j) =>
      coordinates.forEach((b, k) => (covariance[j * size + k] += (a * b) / (rows.length - 1))),
    );
  }
  for (let k = 0; k < size; k++) covariance[k * (size + 1)] += JITTER;
  return covariance;
}

/**
 * The matrix A with A G A = X, symmetric and positive: L⁻ᵀ (Lᵀ X L)^½ L⁻¹ with G = L Lᵀ. Undefined where G is not positive definite.
 */
function geometricMean(x: Float64Array, g: Float64Array, size: number): Float64Array | undefined {
  const factor = size > 0 ? cholesky(g, size) : undefined;
  if (!factor) return undefined;
  const inner = product(transposed(factor, size), product(x, factor, size), size);
  const { values, vectors } = symmetricEigensystem(inner, size);
  // Columns √√value · L⁻ᵀ vector: A is the product of these with their transposes.
  const halves = vectors.map((vector, k) => {
    const half = vector.map((value) => value * Math.max(0, values[k]) ** 0.25);
    solveTransposed(factor, half);
    return half;
  });
  const mean = new Float64Array(size * size);
  for (const half of halves) half.forEach((a, j) => half.forEach((b, k) => (mean[j * size + k] += a * b)));
  return mean;
}

function product(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const result = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let k = 0; k < size; k++) {
      const value = a[row * size + k];
      for (let column = 0; column < size; column++) result[row * size + column] += value * b[k * size + column];
    }
  }
  return result;
}

function transposed(matrix: Float64Array, size: number): Float64Array {
  return matrix.map((_, at) => matrix[(at % size) * size + Math.floor(at / size)]);
}

function innerProduct(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
  return sum;
}

/** target += factor · vector */
function addScaled(factor: number, vector: Float64Array, target: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] += factor * vector[i];
}
