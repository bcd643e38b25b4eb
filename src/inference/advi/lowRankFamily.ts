// Normal distributions whose covariance is a diagonal plus a matrix of low rank (Ong, Nott and Smith 2018).
import { cholesky, solve, solveTransposed } from '../linearAlgebra.js';
import { type RandomKey, sites, stepKey } from '../random/streams.js';
import { type Family, LOG_2PI, scaled } from './family.js';

/** Size of the loadings at the start: at 0 their gradient vanishes. */
const FIRST_LOADINGS = 0.1;

/** Up to this many dimensions all fixed draws are made uncorrelated. */
const MOST_UNCORRELATED = 100;

/** u = μ + exp(d) ∘ z + B w with z, w standard normal; φ = (μ, d, B) with B `[dimension][rank]`, noise (z, w). */
export class LowRankFamily implements Family {
  readonly name = 'low-rank';
  readonly noiseCount: number;
  readonly parameterCount: number;
  readonly noiseOrder: Int32Array;
  readonly globals = new Int32Array(0);
  private readonly factors: Int32Array;

  constructor(
    readonly dimension: number,
    private readonly rank: number,
    private readonly key: RandomKey,
  ) {
    this.noiseCount = dimension + rank;
    this.parameterCount = dimension * (2 + rank);
    this.factors = Int32Array.from({ length: rank }, (_, r) => dimension + r);
    this.noiseOrder = Int32Array.from({ length: this.noiseCount }, (_, i) => (i < rank ? dimension + i : i - rank));
  }

  readonly noisePredecessors = (element: number): Int32Array => {
    if (element >= this.dimension) return this.factors.subarray(0, element - this.dimension);
    if (this.dimension > MOST_UNCORRELATED) return this.factors;
    return Int32Array.from({ length: element + this.rank }, (_, i) => (i < element ? i : this.dimension + i - element));
  };

  start(): Float64Array {
    const phi = new Float64Array(this.parameterCount);
    const loadings = phi.subarray(2 * this.dimension);
    stepKey(this.key, 0, 0).stream(sites.initialPosition).fillNormal(loadings);
    loadings.forEach((value, i) => (loadings[i] = (FIRST_LOADINGS * value) / Math.sqrt(this.rank)));
    return phi;
  }

  array(length: number): Float64Array {
    return new Float64Array(length);
  }

  transform(phi: Float64Array, noise: Float64Array, draws: number, positions: Float64Array): void {
    const { dimension, rank } = this;
    for (let i = 0; i < dimension; i++) {
      const [row, sd] = [i * draws, Math.exp(phi[dimension + i])];
      for (let m = 0; m < draws; m++) positions[row + m] = phi[i] + sd * noise[row + m];
      for (let r = 0; r < rank; r++) {
        const [from, loading] = [(dimension + r) * draws, phi[2 * dimension + i * rank + r]];
        for (let m = 0; m < draws; m++) positions[row + m] += loading * noise[from + m];
      }
    }
  }

  pullback(
    phi: Float64Array,
    noise: Float64Array,
    draws: number,
    _: Float64Array,
    slopes: Float64Array,
    gradient: Float64Array,
  ): void {
    const { dimension, rank } = this;
    const product = (i: number, element: number): number => {
      let sum = 0;
      for (let m = 0; m < draws; m++) sum += slopes[i * draws + m] * noise[element * draws + m];
      return sum;
    };
    for (let i = 0; i < dimension; i++) {
      for (let m = i * draws; m < (i + 1) * draws; m++) gradient[i] += slopes[m];
      gradient[dimension + i] += Math.exp(phi[dimension + i]) * product(i, i);
      for (let r = 0; r < rank; r++) gradient[2 * dimension + i * rank + r] += product(i, dimension + r);
    }
  }

  entropy(phi: Float64Array): number {
    const { dimension } = this;
    let sum = 0.5 * dimension * (1 + LOG_2PI);
    for (let i = dimension; i < 2 * dimension; i++) sum += phi[i];
    const factor = this.capacitance(phi);
    for (let r = 0; r < this.rank; r++) sum += Math.log(factor[r * (this.rank + 1)]);
    return sum;
  }

  addEntropyGradient(phi: Float64Array, factor: number, gradient: Float64Array): void {
    const { dimension, rank } = this;
    const capacitance = this.capacitance(phi);
    const own = new Float64Array(rank);
    for (let i = 0; i < dimension; i++) {
      // Row i of Σ⁻¹B is D⁻²B C⁻¹, and D_i² (Σ⁻¹)_ii = 1 − B_i C⁻¹ B_i' / D_i².
      const precision = Math.exp(-2 * phi[dimension + i]);
      const at = 2 * dimension + i * rank;
      for (let r = 0; r < rank; r++) own[r] = phi[at + r];
      solve(capacitance, own);
      solveTransposed(capacitance, own);
      let quadratic = 0;
      for (let r = 0; r < rank; r++) {
        quadratic += own[r] * phi[at + r];
        gradient[at + r] += factor * precision * own[r];
      }
      gradient[dimension + i] += factor * (1 - precision * quadratic);
    }
  }

  subtractScore(
    phi: Float64Array,
    _: Float64Array,
    draws: number,
    positions: Float64Array,
    slopes: Float64Array,
    logDensities: Float64Array,
  ): void {
    const { dimension, rank } = this;
    const capacitance = this.capacitance(phi);
    const constant = -this.entropy(phi) + dimension / 2;
    const parts = new Float64Array(rank);
    for (let m = 0; m < draws; m++) {
      parts.fill(0);
      let quadratic = 0;
      for (let i = 0; i < dimension; i++) {
        const deviation = positions[i * draws + m] - phi[i];
        const white = deviation * Math.exp(-2 * phi[dimension + i]);
        quadratic += deviation * white;
        for (let r = 0; r < rank; r++) parts[r] += phi[2 * dimension + i * rank + r] * white;
      }
      const projected = parts.slice();
      solve(capacitance, parts);
      solveTransposed(capacitance, parts);
      for (let r = 0; r < rank; r++) quadratic -= projected[r] * parts[r];
      logDensities[m] = constant - 0.5 * quadratic;
      for (let i = 0; i < dimension; i++) {
        let deviation = positions[i * draws + m] - phi[i];
        for (let r = 0; r < rank; r++) deviation -= phi[2 * dimension + i * rank + r] * parts[r];
        slopes[i * draws + m] += deviation * Math.exp(-2 * phi[dimension + i]);
      }
    }
  }

  logDensity(
    phi: Float64Array,
    noise: Float64Array,
    draws: number,
    positions: Float64Array,
    logDensities: Float64Array,
  ): void {
    this.subtractScore(phi, noise, draws, positions, new Float64Array(this.dimension * draws), logDensities);
  }

  errorScales(phi: Float64Array): Float64Array {
    const { dimension, rank } = this;
    const scales = new Float64Array(this.parameterCount).fill(1);
    for (let i = 0; i < dimension; i++) {
      let variance = Math.exp(2 * phi[dimension + i]);
      for (let r = 0; r < rank; r++) variance += phi[2 * dimension + i * rank + r] ** 2;
      scales[i] = 1 / Math.sqrt(variance);
      for (let r = 0; r < rank; r++) scales[2 * dimension + i * rank + r] = scales[i];
    }
    return scales;
  }

  naturalise(phi: Float64Array): (gradient: Float64Array) => Float64Array {
    return scaled(this.errorScales(phi));
  }

  covariance(phi: Float64Array, indices: ArrayLike<number>): Float64Array {
    const { dimension, rank } = this;
    const size = indices.length;
    const covariance = new Float64Array(size * size);
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < size; b++) {
        let sum = indices[a] === indices[b] ? Math.exp(2 * phi[dimension + indices[a]]) : 0;
        for (let r = 0; r < rank; r++)
          sum += phi[2 * dimension + indices[a] * rank + r] * phi[2 * dimension + indices[b] * rank + r];
        covariance[a * size + b] = sum;
      }
    }
    return covariance;
  }

  /** Cholesky factor of C = I + B' D⁻² B. */
  private capacitance(phi: Float64Array): Float64Array {
    const { dimension, rank } = this;
    const matrix = new Float64Array(rank * rank);
    for (let r = 0; r < rank; r++) matrix[r * (rank + 1)] = 1;
    for (let i = 0; i < dimension; i++) {
      const precision = Math.exp(-2 * phi[dimension + i]);
      const at = 2 * dimension + i * rank;
      for (let r = 0; r < rank; r++) {
        for (let s = 0; s <= r; s++) matrix[r * rank + s] += precision * phi[at + r] * phi[at + s];
      }
    }
    // Positive definite by its form; rounding spoils that only where numbers have overflowed.
    return cholesky(matrix, rank) ?? new Float64Array(rank * rank).fill(NaN);
  }
}
