// Natural gradients of conditionally linear normals: the inverse Fisher information, block by block, on a graph.
import type { DependencePattern } from './pattern.js';

/** What is added to the diagonal of a covariance of parents, relative: it is estimated from few draws. */
const RIDGE = 1e-4;
/** Weight of a sum's own element where no child depends on the sum yet. */
const SUM_FLOOR = 0.1;

/** Lists of parents without those that begin another: a Cholesky factor of a list has those of its beginnings in it. */
export interface ParentLists {
  readonly lists: readonly Int32Array[];
  /** List that each node's parents begin; −1 for nodes without. */
  readonly listOf: Int32Array;
}

export function parentLists({ order, start, parents }: DependencePattern): ParentLists {
  const lists: Int32Array[] = [];
  const listOf = new Int32Array(order.length).fill(-1);
  /** The first list that has a parent at a place. */
  const firstWith = new Map<number, number>();
  const sizeOf = (node: number): number => start[node + 1] - start[node];
  for (const node of Array.from(order).sort((a, b) => sizeOf(b) - sizeOf(a))) {
    const own = parents.subarray(start[node], start[node + 1]);
    if (own.length === 0) continue;
    const keyOf = (place: number): number => place * order.length + own[place];
    const found = firstWith.get(keyOf(own.length - 1));
    if (found !== undefined && own.every((parent, k) => parent === lists[found][k])) {
      listOf[node] = found;
      continue;
    }
    listOf[node] = lists.push(own) - 1;
    for (let place = 0; place < own.length; place++) {
      if (!firstWith.has(keyOf(place))) firstWith.set(keyOf(place), listOf[node]);
    }
  }
  return { lists, listOf };
}

/**
 * Applies the inverse Fisher information of the family at φ: Σ for the means, ½ for log σ, and for each row of A the inverse of the
 * covariance of its parents' δ times the node's conditional variance. A sum has no variance of its own; in its place stands the precision with which its
 * children depend on it.
 * @param deltas δ of every node over some draws at φ, in blocks `[node][draw]`
 */
export function naturalGradient(
  pattern: DependencePattern,
  { lists, listOf }: ParentLists,
  phi: Float64Array,
  deltas: readonly Float64Array[],
): (gradient: Float64Array) => Float64Array {
  const { dimension, order, start } = pattern;
  const variances = nodeVariances(pattern, phi);
  const factors = listFactors(lists, deltas, order.length);
  return (gradient) => {
    const result = gradient.slice();
    result.set(covarianceTimes(pattern, phi, gradient));
    for (let i = dimension; i < 2 * dimension; i++) result[i] /= 2;
    for (let node = 0; node < order.length; node++) {
      const list = listOf[node];
      if (list < 0) continue;
      const [from, size] = [2 * dimension + start[node], start[node + 1] - start[node]];
      solveBoth(factors[list], lists[list].length, result, from, size, variances[node]);
    }
    return result;
  };
}

/** x ← factor · (L L')⁻¹ x for the beginning of L, of `[stride][stride]`, and a stretch of a vector. */
function solveBoth(
  lower: Float64Array,
  stride: number,
  x: Float64Array,
  from: number,
  size: number,
  factor: number,
): void {
  for (let row = 0; row < size; row++) {
    let rest = x[from + row];
    const at = row * stride;
    for (let k = 0; k < row; k++) rest -= lower[at + k] * x[from + k];
    x[from + row] = rest / lower[at + row];
  }
  for (let row = size - 1; row >= 0; row--) {
    const at = row * stride;
    const value = x[from + row] / lower[at + row];
    for (let k = 0; k < row; k++) x[from + k] -= lower[at + k] * value;
    x[from + row] = value * factor;
  }
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

/**
 * Cholesky factors of the covariances of each list's δ over the draws, `[size][size]` each. A list that begins as the one before it did takes over
 * the rows of that beginning.
 */
function listFactors(lists: readonly Int32Array[], deltas: readonly Float64Array[], nodes: number): Float64Array[] {
  const draws = deltas.reduce((sum, block) => sum + block.length, 0) / nodes;
  let before: Int32Array | undefined;
  let last = new Float64Array(0);
  return lists.map((list) => {
    const size = list.length;
    const factor = new Float64Array(size * size);
    let known = 0;
    while (before !== undefined && known < Math.min(size, before.length) && list[known] === before[known]) {
      for (let k = 0; k <= known; k++) factor[known * size + k] = last[known * before.length + k];
      known++;
    }
    for (let row = known; row < size; row++) {
      const at = row * size;
      for (let k = 0; k <= row; k++) factor[at + k] = covarianceOver(deltas, nodes, list[row], list[k]) / draws;
      const variance = factor[at + row];
      factor[at + row] *= 1 + RIDGE;
      if (appendRow(factor, size, row)) continue;
      // Linearly dependent on those before it over the draws: by itself.
      factor.fill(0, at, at + row);
      factor[at + row] = Math.sqrt(variance) || 1;
    }
    [before, last] = [list, factor];
    return factor;
  });
}

/** Turns a row of a covariance into that of its Cholesky factor, of which the rows before it are known; false where it is not positive definite. */
function appendRow(factor: Float64Array, size: number, row: number): boolean {
  const at = row * size;
  for (let k = 0; k < row; k++) {
    let rest = factor[at + k];
    for (let j = 0; j < k; j++) rest -= factor[at + j] * factor[k * size + j];
    factor[at + k] = rest / factor[k * (size + 1)];
  }
  let rest = factor[at + row];
  for (let j = 0; j < row; j++) rest -= factor[at + j] ** 2;
  factor[at + row] = Math.sqrt(rest);
  return rest > 0 && rest < Infinity;
}

/** Sum of the products of two nodes' δ over the draws. */
function covarianceOver(deltas: readonly Float64Array[], nodes: number, one: number, other: number): number {
  let sum = 0;
  for (const block of deltas) {
    const draws = block.length / nodes;
    const [from, to] = [one * draws, (one + 1) * draws];
    const shift = (other - one) * draws;
    for (let k = from; k < to; k++) sum += block[k] * block[k + shift];
  }
  return sum;
}
