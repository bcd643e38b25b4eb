// Natural gradients of conditionally linear normals: the inverse Fisher information, block by block, on a graph.
import { cholesky, solve, solveTransposed } from '../linearAlgebra.js';
import type { DependencePattern } from './pattern.js';

/** What is added to the diagonal of a covariance of parents, relative: it is estimated from few draws. */
const RIDGE = 1e-4;
/** Weight of a sum's own element where no child depends on the sum yet. */
const SUM_FLOOR = 0.1;

/**
 * Applies the inverse Fisher information of the family at φ: Σ for the means, ½ for log σ, and for each row of A the inverse of the
 * covariance of its parents' δ times the node's conditional variance. A sum has no variance of its own; in its place stands the precision with which its
 * children depend on it.
 * @param deltas δ of every node over some draws at φ, in blocks `[node][draw]`
 */
export function naturalGradient(
  pattern: DependencePattern,
  phi: Float64Array,
  deltas: readonly Float64Array[],
): (gradient: Float64Array) => Float64Array {
  const { dimension, order, start } = pattern;
  const variances = nodeVariances(pattern, phi);
  const factors = rowFactors(pattern, deltas);
  const work = new Float64Array(phi.length);
  const rows = Array.from(order, (_, node) =>
    work.subarray(2 * dimension + start[node], 2 * dimension + start[node + 1]),
  );
  return (gradient) => {
    work.set(gradient);
    work.set(covarianceTimes(pattern, phi, gradient));
    for (let i = dimension; i < 2 * dimension; i++) work[i] /= 2;
    rows.forEach((row, node) => {
      if (row.length === 0) return;
      const factor = factors[node]!;
      solve(factor, row);
      solveTransposed(factor, row);
      for (let k = 0; k < row.length; k++) row[k] *= variances[node];
    });
    return work.slice();
  };
}

/** Σ g: back through the graph, scaled by the variances, and forward again. */
function covarianceTimes(
  { dimension, order, start, parents, sums }: DependencePattern,
  phi: Float64Array,
  gradient: Float64Array,
): Float64Array {
  const values = new Float64Array(order.length);
  values.set(gradient.subarray(0, dimension));
  for (let k = order.length - 1; k >= 0; k--) {
    const i = order[k];
    if (i >= dimension) values[sums[i - dimension]] += values[i];
    for (let e = start[i]; e < start[i + 1]; e++) values[parents[e]] += phi[2 * dimension + e] * values[i];
  }
  for (const i of order) {
    values[i] = i < dimension ? values[i] * Math.exp(2 * phi[dimension + i]) : values[sums[i - dimension]];
    for (let e = start[i]; e < start[i + 1]; e++) values[i] += phi[2 * dimension + e] * values[parents[e]];
  }
  return values.subarray(0, dimension);
}

/** Variance of each node given its parents; of a sum the inverse of the precision with which children depend on it. */
function nodeVariances({ dimension, order, start, parents, sums }: DependencePattern, phi: Float64Array): Float64Array {
  const precisions = new Float64Array(order.length);
  for (let k = order.length - 1; k >= 0; k--) {
    const i = order[k];
    const element = i < dimension ? i : sums[i - dimension];
    precisions[i] += (i < dimension ? 1 : SUM_FLOOR) * Math.exp(-2 * phi[dimension + element]);
    for (let e = start[i]; e < start[i + 1]; e++) {
      if (parents[e] >= dimension) precisions[parents[e]] += precisions[i] * phi[2 * dimension + e] ** 2;
    }
  }
  return precisions.map((precision) => 1 / precision);
}

/** Cholesky factors of the covariance of each node's parents; nodes with the same parents share one. */
function rowFactors(
  { order, start, parents }: DependencePattern,
  deltas: readonly Float64Array[],
): (Float64Array | undefined)[] {
  const known = new Map<string, Float64Array>();
  return Array.from(order, (_, node) => {
    const list = parents.subarray(start[node], start[node + 1]);
    if (list.length === 0) return undefined;
    const key = list.join();
    const before = known.get(key);
    if (before !== undefined) return before;
    const size = list.length;
    const covariance = new Float64Array(size * size);
    let count = 0;
    for (const block of deltas) {
      const draws = block.length / order.length;
      count += draws;
      for (let a = 0; a < size; a++) {
        const one = list[a] * draws;
        for (let b = 0; b <= a; b++) {
          const other = list[b] * draws;
          let sum = 0;
          for (let m = 0; m < draws; m++) sum += block[one + m] * block[other + m];
          covariance[a * size + b] += sum;
        }
      }
    }
    for (let i = 0; i < covariance.length; i++) covariance[i] /= count;
    for (let a = 0; a < size; a++) covariance[a * (size + 1)] *= 1 + RIDGE;
    const factor = cholesky(covariance, size) ?? diagonalFactor(covariance, size);
    known.set(key, factor);
    return factor;
  });
}

/** Where parents are linearly dependent over the draws: each by itself. */
function diagonalFactor(covariance: Float64Array, size: number): Float64Array {
  const factor = new Float64Array(size * size);
  for (let i = 0; i < size; i++) factor[i * (size + 1)] = Math.sqrt(covariance[i * (size + 1)]) || 1;
  return factor;
}
