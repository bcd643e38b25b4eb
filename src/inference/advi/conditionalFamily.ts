// Normal distributions in which each element is conditionally linear in its parents: mean-field, full-rank, and all between.
import { ConditionalDraws } from './conditionalDraws.js';
import { type Family, LOG_2PI } from './family.js';
import { Lineage } from './lineage.js';
import { naturalGradient, type ParentLists, parentLists } from './naturalGradient.js';
import type { DependencePattern } from './pattern.js';

/**
 * u_i = μ_i + δ_i, δ_i = σ_i ε_i + Σ_j A_ij δ_j over the parents j of i (Tan and Nott 2018: a sparse Cholesky factor of the precision); a sum's δ is
 * that of its element plus Σ_j A_ij δ_j. φ = (μ, log σ, A), A in the order of the pattern. Where the pattern is closed under ancestors
 * φ is a smooth image of the Cholesky factor of the covariance, in which the ELBO of a log-concave density is concave (Domke 2020, theorem
 * 9): it then has no stationary point but its maximum.
 */
export class ConditionalFamily implements Family {
  readonly dimension: number;
  readonly noiseCount: number;
  readonly parameterCount: number;
  readonly noiseOrder: Int32Array;
  readonly globals: Int32Array;
  private readonly lineage: Lineage;
  private readonly noiseLineage: Lineage;
  private readonly draws: ConditionalDraws;
  private lists: ParentLists | undefined;

  constructor(
    readonly name: 'mean-field' | 'full-rank' | 'structured',
    private readonly pattern: DependencePattern,
    /** The dependence that the density is known to have, for fixed draws; default: that of the family. */
    noisePattern: DependencePattern = pattern,
  ) {
    this.dimension = this.noiseCount = pattern.dimension;
    this.parameterCount = 2 * this.dimension + pattern.parents.length;
    this.noiseOrder = noisePattern.order.filter((node) => node < this.dimension);
    this.globals = noisePattern.globals;
    this.draws = new ConditionalDraws(pattern);
    this.lineage = new Lineage(pattern);
    this.noiseLineage = noisePattern === pattern ? this.lineage : new Lineage(noisePattern);
  }

  readonly noisePredecessors = (element: number): Int32Array => this.noiseLineage.elementsBefore(element);

  start(): Float64Array {
    return new Float64Array(this.parameterCount);
  }

  array(length: number): Float64Array {
    return this.draws.array(length);
  }

  transform(phi: Float64Array, noise: Float64Array, draws: number, positions: Float64Array, block = 0): void {
    this.draws.transform(phi, noise, draws, positions, block);
  }

  pullback(
    _: Float64Array,
    noise: Float64Array,
    draws: number,
    __: Float64Array,
    slopes: Float64Array,
    gradient: Float64Array,
    block = 0,
  ): void {
    this.draws.pullback(noise, draws, slopes, gradient, block);
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
    const { order, start, parents, sums } = pattern;
    logDensities.fill(dimension / 2 - this.entropy(phi));
    // Of log q to δ: −ε_i / σ_i for the element's own, passed on to its parents with the opposite sign.
    const adjoints = new Float64Array(order.length * draws);
    for (let k = order.length - 1; k >= 0; k--) {
      const i = order[k];
      const row = i * draws;
      const precision = i < dimension ? Math.exp(-phi[dimension + i]) : 0;
      if (i >= dimension) {
        const to = sums[i - dimension] * draws;
        for (let m = 0; m < draws; m++) adjoints[to + m] += adjoints[row + m];
      }
      for (let e = start[i]; e < start[i + 1]; e++) {
        const [to, slope] = [parents[e] * draws, phi[2 * dimension + e]];
        if (i < dimension) for (let m = 0; m < draws; m++) adjoints[to + m] += slope * precision * noise[row + m];
        else for (let m = 0; m < draws; m++) adjoints[to + m] += slope * adjoints[row + m];
      }
      if (i >= dimension) continue;
      for (let m = 0; m < draws; m++) {
        slopes[row + m] += noise[row + m] * precision - adjoints[row + m];
        logDensities[m] -= 0.5 * noise[row + m] * noise[row + m];
      }
    }
  }

  logDensity(phi: Float64Array, noise: Float64Array, draws: number, _: Float64Array, logDensities: Float64Array): void {
    logDensities.fill(this.dimension / 2 - this.entropy(phi));
    for (let from = 0; from < this.dimension * draws; from += draws) {
      for (let m = 0; m < draws; m++) logDensities[m] -= 0.5 * noise[from + m] * noise[from + m];
    }
  }

  errorScales(phi: Float64Array): Float64Array {
    const { dimension, pattern } = this;
    const { sums, start, parents, order } = pattern;
    const logSd = (node: number): number => phi[dimension + (node < dimension ? node : sums[node - dimension])];
    const scales = new Float64Array(this.parameterCount).fill(1);
    for (let i = 0; i < order.length; i++) {
      if (i < dimension) scales[i] = Math.exp(-phi[dimension + i]);
      for (let e = start[i]; e < start[i + 1]; e++) scales[2 * dimension + e] = Math.exp(logSd(parents[e]) - logSd(i));
    }
    return scales;
  }

  /** Fisher information: Σ⁻¹ of means, 2 of log σ, and Cov(δ of the parents) / σ² of each row of A, over the draws of the last `transform`. */
  naturalise(phi: Float64Array): (gradient: Float64Array) => Float64Array {
    this.lists ??= parentLists(this.pattern);
    return naturalGradient(this.pattern, this.lists, phi, this.draws.deltas);
  }

  covariance(phi: Float64Array, indices: ArrayLike<number>): Float64Array {
    const rows = Array.from(indices, (index) => this.lineage.factorRow(phi, index));
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
}
