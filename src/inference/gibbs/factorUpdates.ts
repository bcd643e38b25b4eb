// Loadings and what the factors leave, given the products of a level's deviations: factors are drawn on the way and dropped.
import type { FactorCovariance } from '../../models/linearHierarchy/structure.js';
import type { FactorValues } from '../../models/linearHierarchy/values.js';
import { type FactorConditional, factorConditional } from '../linearHierarchy/factors.js';
import { cholesky, solve, solveTransposed } from '../linearAlgebra.js';
import { drawNormal, drawWishartFactor } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';
import { precisionOf } from './correlations.js';
import type { Products } from './covarianceUpdates.js';
import { logPrior } from './priorDensity.js';
import { updateSd } from './sdUpdates.js';
import { sliceSample } from './slice.js';

/**
 * Each ψ_i, and how row i's variance is shared between it and Λ_i, with the factors integrated out: given factors, a ψ near 0 hardly moves. Then
 * Λ, and ψ again, given the factors z of all groups, which are drawn given the deviations v first. Arrays change in place.
 */
export function updateFactors(
  stream: RandomStream,
  { factors: m, prior }: Pick<FactorCovariance, 'factors' | 'prior'>,
  products: Products,
  { loadings, uniques }: FactorValues,
): void {
  const k = uniques.length;
  for (let i = 0; i < k; i++) updateShares(stream, prior, products, { loadings, uniques }, i);
  const { own, cross } = drawFactorProducts(stream, products, factorConditional({ loadings, uniques }), k);
  for (let i = 0; i < k; i++) {
    const precision = own.map((value) => value / uniques[i] ** 2);
    for (let f = 0; f < m; f++) precision[f * m + f] += 1 / prior.loadingSds[i] ** 2;
    const root = cholesky(precision, m)!;
    const row = loadings.subarray(i * m, (i + 1) * m);
    for (let f = 0; f < m; f++) row[f] = cross[i * m + f] / uniques[i] ** 2;
    solve(root, row);
    for (let f = 0; f < m; f++) row[f] += drawNormal(stream);
    solveTransposed(root, row);
    let sum = products.matrix[i * k + i];
    for (let f = 0; f < m; f++) {
      let product = 0;
      for (let g = 0; g < m; g++) product += own[f * m + g] * row[g];
      sum += row[f] * (product - 2 * cross[i * m + f]);
    }
    uniques[i] = updateSd(stream, prior.sd, { count: products.count, sum: Math.max(0, sum) }, uniques[i]);
  }
}

/** Slices of log ψ_i, and of the angle a with ψ_i = s cos a and |Λ_i| = s sin a, the factors integrated out. */
function updateShares(
  stream: RandomStream,
  { loadingSds, sd }: FactorCovariance['prior'],
  products: Products,
  factors: FactorValues,
  i: number,
): void {
  const { loadings, uniques } = factors;
  const m = loadings.length / uniques.length;
  const row = loadings.subarray(i * m, (i + 1) * m);
  const atUnique = (log: number): number => {
    uniques[i] = Math.exp(log);
    return logPrior(sd, uniques[i]) + log + logDeviations(products, factors);
  };
  uniques[i] = Math.exp(sliceSample(stream, Math.log(uniques[i]), 1, atUnique));
  const length = Math.hypot(...row);
  const size = Math.hypot(length, uniques[i]);
  const direction = row.map((x) => x / length);
  const set = (angle: number): void => {
    uniques[i] = size * Math.cos(angle);
    for (let f = 0; f < m; f++) row[f] = size * Math.sin(angle) * direction[f];
  };
  const atAngle = (angle: number): number => {
    if (!(angle > 0 && angle < Math.PI / 2)) return -Infinity;
    set(angle);
    const share = Math.sin(angle);
    // Of |Λ_i| in m dimensions: |Λ_i|^(m − 1).
    const ofLoadings = (m - 1) * Math.log(share) - 0.5 * ((size * share) / loadingSds[i]) ** 2;
    return logPrior(sd, uniques[i]) + ofLoadings + logDeviations(products, factors);
  };
  set(sliceSample(stream, Math.atan2(length, uniques[i]), 0.5, atAngle));
}

/** Log density of the deviations given Λ and ψ, up to a constant; −Infinity where Σ is singular to working precision. */
function logDeviations({ count, matrix }: Products, { loadings, uniques }: FactorValues): number {
  const k = uniques.length;
  const m = loadings.length / k;
  const sigma = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = i === j ? uniques[i] ** 2 : 0;
      for (let f = 0; f < m; f++) sum += loadings[i * m + f] * loadings[j * m + f];
      sigma[i * k + j] = sum;
    }
  }
  const lower = cholesky(sigma, k);
  if (lower === undefined) return -Infinity;
  const precision = precisionOf(new Float64Array(k).fill(1), lower);
  let density = 0;
  for (let i = 0; i < k; i++) density -= count * Math.log(lower[i * k + i]);
  for (let at = 0; at < k * k; at++) density -= 0.5 * precision[at] * matrix[at];
  return density;
}

/**
 * Σ z z' and Σ v z' over the groups, z = W v + K'⁻¹ ε, drawn without the groups: they need of ε only Σ v ε' and Σ ε ε'. With D = QR the
 * deviations of all groups, Q'E is standard normal, and E'E is its square and an independent Wishart matrix.
 */
function drawFactorProducts(
  stream: RandomStream,
  { count, matrix }: Products,
  { root, weights }: FactorConditional,
  k: number,
): { readonly own: Float64Array; readonly cross: Float64Array } {
  const m = weights.length / k;
  const { lower, rank } = semidefiniteRoot(matrix, k, count);
  const rotated = Float64Array.from({ length: k * m }, () => drawNormal(stream));
  const noise = wishart(stream, count - rank, m);
  const withNoise = new Float64Array(k * m);
  for (let j = 0; j < k; j++) {
    // A column of zeros stands for no direction.
    if (lower[j * k + j] === 0) continue;
    for (let f = 0; f < m; f++) {
      for (let i = j; i < k; i++) withNoise[i * m + f] += lower[i * k + j] * rotated[j * m + f];
      for (let g = 0; g < m; g++) noise[f * m + g] += rotated[j * m + f] * rotated[j * m + g];
    }
  }
  // Σ v ε' K⁻¹, row by row.
  const shifted = withNoise.slice();
  for (let i = 0; i < k; i++) solveTransposed(root, shifted.subarray(i * m, (i + 1) * m));
  const cross = shifted.slice();
  for (let i = 0; i < k; i++)
    for (let f = 0; f < m; f++) for (let j = 0; j < k; j++) cross[i * m + f] += matrix[i * k + j] * weights[f * k + j];
  // K'⁻¹ (Σ ε ε') K⁻¹: rows, then columns.
  const own = transposed(solvedRows(root, transposed(solvedRows(root, noise, m), m), m), m);
  for (let f = 0; f < m; f++) {
    for (let g = 0; g < m; g++) {
      for (let i = 0; i < k; i++) {
        own[f * m + g] += weights[f * k + i] * cross[i * m + g] + shifted[i * m + f] * weights[g * k + i];
      }
    }
  }
  return { own, cross };
}

/** Each row x of X as K'⁻¹ x. */
function solvedRows(root: Float64Array, x: Float64Array, m: number): Float64Array {
  const result = x.slice();
  for (let f = 0; f < m; f++) solveTransposed(root, result.subarray(f * m, (f + 1) * m));
  return result;
}

const transposed = (x: Float64Array, m: number): Float64Array => x.map((_, at) => x[(at % m) * m + Math.floor(at / m)]);

/** A pivot of this share of its diagonal element is rounding. */
const dependent = 1e-12;

/** L with L L' = S, columns of zeros where S is singular; `most`: its rank at most. */
function semidefiniteRoot(matrix: Float64Array, k: number, most: number): { lower: Float64Array; rank: number } {
  const lower = new Float64Array(k * k);
  let rank = 0;
  for (let j = 0; j < k; j++) {
    const rest = (i: number): number => {
      let sum = matrix[i * k + j];
      for (let c = 0; c < j; c++) sum -= lower[i * k + c] * lower[j * k + c];
      return sum;
    };
    const pivot = rest(j);
    if (rank === most || !(pivot > dependent * matrix[j * k + j])) continue;
    rank++;
    for (let i = j; i < k; i++) lower[i * k + j] = rest(i) / Math.sqrt(pivot);
  }
  return { lower, rank };
}

/** Σ ε ε' of `count` standard normal vectors, `[size][size]`. */
function wishart(stream: RandomStream, count: number, size: number): Float64Array {
  // Bartlett's factor needs as many vectors as there are coordinates.
  const columns = count >= size ? size : count;
  const factor =
    count >= size
      ? drawWishartFactor(stream, count, size)
      : Float64Array.from({ length: size * count }, () => drawNormal(stream));
  const result = new Float64Array(size * size);
  for (let f = 0; f < size; f++)
    for (let g = 0; g < size; g++)
      for (let c = 0; c < columns; c++) result[f * size + g] += factor[f * columns + c] * factor[g * columns + c];
  return result;
}
