// Normal distributions in which each element is conditionally linear in its parents: mean-field, full-rank, and all between.
import { type Family, LOG_2PI } from './family.js';
import type { DependencePattern } from './pattern.js';

/**
 * u_i = μ_i + δ_i, δ_i = σ_i ε_i + Σ_j A_ij δ_j over the parents j of i (Tan and Nott 2018: a sparse Cholesky factor of the precision).
 * φ = (μ, log σ, A), A in the order of the pattern. The ELBO of a log-concave density has no stationary point but its maximum where the
 * pattern is closed under ancestors: φ is then a smooth image of the Cholesky factor of the covariance, in which the ELBO is concave
 * (Domke 2020, theorem 9).
 */
export class ConditionalFamily implements Family {
  readonly dimension: number;
  readonly noiseCount: number;
  readonly parameterCount: number;
  readonly noiseOrder: Int32Array;
  private readonly ancestors = new Map<number, Int32Array>();
  private readonly noiseAncestors = new Map<number, Int32Array>();

  constructor(
    readonly name: 'mean-field' | 'full-rank' | 'structured',
    private readonly pattern: DependencePattern,
    /** The dependence that the density is known to have, for fixed draws; default: that of the family. */
    private readonly noisePattern: DependencePattern = pattern,
  ) {
    this.dimension = this.noiseCount = pattern.order.length;
    this.parameterCount = 2 * this.dimension + pattern.parents.length;
    this.noiseOrder = noisePattern.order;
  }

  start(): Float64Array {
    return new Float64Array(this.parameterCount);
  }

  transform(phi: Float64Array, noise: Float64Array, draws: number, positions: Float64Array): void {
    const { dimension, pattern } = this;
    const { order, start, parents } = pattern;
    for (const i of order) {
      const [row, sd] = [i * draws, Math.exp(phi[dimension + i])];
      for (let m = 0; m < draws; m++) positions[row + m] = sd * noise[row + m];
      for (let e = start[i]; e < start[i + 1]; e++) {
        const [from, slope] = [parents[e] * draws, phi[2 * dimension + e]];
        for (let m = 0; m < draws; m++) positions[row + m] += slope * positions[from + m];
      }
    }
    this.shift(phi, draws, positions);
  }

  pullback(
    phi: Float64Array,
    noise: Float64Array,
    draws: number,
    positions: Float64Array,
    slopes: Float64Array,
    gradient: Float64Array,
  ): void {
    const { dimension, pattern } = this;
    const { order, start, parents } = pattern;
    for (let i = 0; i < dimension; i++) {
      let sum = 0;
      for (let m = i * draws; m < (i + 1) * draws; m++) sum += slopes[m];
      gradient[i] += sum;
    }
    for (let k = dimension - 1; k >= 0; k--) {
      const i = order[k];
      const row = i * draws;
      let sum = 0;
      for (let m = row; m < row + draws; m++) sum += slopes[m] * noise[m];
      gradient[dimension + i] += Math.exp(phi[dimension + i]) * sum;
      for (let e = start[i]; e < start[i + 1]; e++) {
        const j = parents[e];
        const [from, slope, mean] = [j * draws, phi[2 * dimension + e], phi[j]];
        let product = 0;
        for (let m = 0; m < draws; m++) {
          const own = slopes[row + m];
          product += own * (positions[from + m] - mean);
          slopes[from + m] += slope * own;
        }
        gradient[2 * dimension + e] += product;
      }
    }
  }

  entropy(phi: Float64Array): number {
    const { dimension } = this;
    let sum = 0.5 * dimension * (1 + LOG_2PI);
    for (let i = dimension; i < 2 * dimension; i++) sum += phi[i];
    return sum;
  }

  addEntropyGradient(_: Float64Array, factor: number, gradient: Float64Array): void {
    for (let i = this.dimension; i < 2 * this.dimension; i++) gradient[i] += factor;
  }

  subtractScore(
    phi: Float64Array,
    noise: Float64Array,
    draws: number,
    _: Float64Array,
    slopes: Float64Array,
    logDensities: Float64Array,
  ): void {
    const { dimension, pattern } = this;
    const { start, parents } = pattern;
    logDensities.fill(this.entropy(phi) - dimension / 2);
    for (let m = 0; m < draws; m++) logDensities[m] *= -1;
    for (let i = 0; i < dimension; i++) {
      const [row, precision] = [i * draws, Math.exp(-phi[dimension + i])];
      for (let m = 0; m < draws; m++) {
        slopes[row + m] += noise[row + m] * precision;
        logDensities[m] -= 0.5 * noise[row + m] * noise[row + m];
      }
      for (let e = start[i]; e < start[i + 1]; e++) {
        const [from, slope] = [parents[e] * draws, phi[2 * dimension + e] * precision];
        for (let m = 0; m < draws; m++) slopes[from + m] -= slope * noise[row + m];
      }
    }
  }

  errorScales(phi: Float64Array): Float64Array {
    const { dimension, pattern } = this;
    const scales = new Float64Array(this.parameterCount).fill(1);
    for (let i = 0; i < dimension; i++) {
      scales[i] = Math.exp(-phi[dimension + i]);
      for (let e = pattern.start[i]; e < pattern.start[i + 1]; e++) {
        scales[2 * dimension + e] = Math.exp(phi[dimension + pattern.parents[e]] - phi[dimension + i]);
      }
    }
    return scales;
  }

  /** From the images of unit noise of every ancestor: exact, and cheap for few indices. */
  covariance(phi: Float64Array, indices: ArrayLike<number>): Float64Array {
    const rows = Array.from(indices, (index) => this.factorRow(phi, index));
    const covariance = new Float64Array(rows.length ** 2);
    rows.forEach((row, a) =>
      rows.forEach((other, b) => {
        let sum = 0;
        for (const [element, value] of row) sum += value * (other.get(element) ?? 0);
        covariance[a * rows.length + b] = sum;
      }),
    );
    return covariance;
  }

  readonly noisePredecessors = (element: number): Int32Array =>
    ancestorsOf(this.noisePattern, element, this.noiseAncestors);

  /** Row of the factor L of the covariance: how an element depends on each noise. */
  private factorRow(phi: Float64Array, index: number): Map<number, number> {
    const { dimension, pattern } = this;
    const weights = new Map([[index, 1]]);
    const row = new Map<number, number>();
    // Children before parents: the weight of an element is complete when its turn comes.
    const rank = this.ranks();
    const waiting = [index, ...ancestorsOf(pattern, index, this.ancestors)].sort((a, b) => rank[b] - rank[a]);
    for (const i of waiting) {
      const weight = weights.get(i) ?? 0;
      row.set(i, weight * Math.exp(phi[dimension + i]));
      for (let e = pattern.start[i]; e < pattern.start[i + 1]; e++) {
        const j = pattern.parents[e];
        weights.set(j, (weights.get(j) ?? 0) + weight * phi[2 * dimension + e]);
      }
    }
    return row;
  }

  private rankOfElement: Int32Array | undefined;
  private ranks(): Int32Array {
    if (this.rankOfElement === undefined) {
      this.rankOfElement = new Int32Array(this.dimension);
      this.pattern.order.forEach((i, k) => (this.rankOfElement![i] = k));
    }
    return this.rankOfElement;
  }

  private shift(phi: Float64Array, draws: number, positions: Float64Array): void {
    for (let i = 0; i < this.dimension; i++) {
      const mean = phi[i];
      for (let m = i * draws; m < (i + 1) * draws; m++) positions[m] += mean;
    }
  }
}

/** Parents, their parents and so on. */
function ancestorsOf(pattern: DependencePattern, element: number, known: Map<number, Int32Array>): Int32Array {
  const before = known.get(element);
  if (before !== undefined) return before;
  const { start, parents } = pattern;
  const found = new Set<number>();
  for (const parent of parents.subarray(start[element], start[element + 1])) {
    for (const further of ancestorsOf(pattern, parent, known)) found.add(further);
    found.add(parent);
  }
  const list = Int32Array.from(found);
  known.set(element, list);
  return list;
}
