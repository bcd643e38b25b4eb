// What a family of approximations must offer: reparameterised draws, their derivatives, entropy, and moments.

/** Draws that a family works on together, at most. */
export const BLOCK = 32;

/**
 * Distributions q(u; φ) of standardised positions u, drawn as u = T(φ, ε) with independent standard normals ε. Arrays of several draws are
 * `[element][draw]` with the draw innermost; an even number of draws at a time.
 */
export interface Family {
  readonly name: 'mean-field' | 'full-rank' | 'low-rank' | 'structured';
  /** Of u. */
  readonly dimension: number;
  /** Standard normals of one draw. */
  readonly noiseCount: number;
  /** Length of φ. First means of u, at which `start` puts 0, and log scales, `[dimension]` each. */
  readonly parameterCount: number;
  /** φ of the standard normal, or near it where that is a saddle point. */
  start(): Float64Array;
  /** Numbers where `transform` and `pullback` have them at hand; they take any others too. */
  array(length: number): Float64Array;
  /** Writes u = T(φ, ε), `[dimension][draws]`. What `pullback` and `naturalise` need of a block of draws is kept until the next with its number. */
  transform(phi: Float64Array, noise: Float64Array, draws: number, positions: Float64Array, block?: number): void;
  /**
   * Adds Σ over draws of (∂T/∂φ)' slope to `gradient`, at the positions that `transform` wrote for the block at the same φ. May overwrite slopes
   * that are an `array` of the family.
   */
  pullback(
    phi: Float64Array,
    noise: Float64Array,
    draws: number,
    positions: Float64Array,
    slopes: Float64Array,
    gradient: Float64Array,
    block?: number,
  ): void;
  entropy(phi: Float64Array): number;
  /** Adds `factor` times the entropy's gradient. */
  addEntropyGradient(phi: Float64Array, factor: number, gradient: Float64Array): void;
  /** Subtracts ∇_u log q from `slopes`, and writes log q of every draw, `[draws]`. */
  subtractScore(
    phi: Float64Array,
    noise: Float64Array,
    draws: number,
    positions: Float64Array,
    slopes: Float64Array,
    logDensities: Float64Array,
  ): void;
  /** Writes log q of every draw, `[draws]`, at the positions that `transform` wrote. */
  logDensity(
    phi: Float64Array,
    noise: Float64Array,
    draws: number,
    positions: Float64Array,
    logDensities: Float64Array,
  ): void;
  /** What errors of φ are multiplied with so that 1 is an error that matters: one sd of a position, or e-fold of a scale. */
  errorScales(phi: Float64Array): Float64Array;
  /**
   * Applies the inverse of the Fisher information, as far as it is easily had, to gradients: what makes natural gradients of them. To be
   * called after `transform` of all blocks of draws at φ.
   */
  naturalise(phi: Float64Array): (gradient: Float64Array) => Float64Array;
  /** Elements on which everything else depends; empty where none are known. */
  readonly globals: Int32Array;
  /** Covariance of some elements of u, `[k][k]`. */
  covariance(phi: Float64Array, indices: ArrayLike<number>): Float64Array;
  /** Noise elements that precede each one: fixed draws are made uncorrelated with those (`noise.ts`). */
  readonly noisePredecessors: (element: number) => ArrayLike<number>;
  /** Noise elements in an order in which predecessors come first. */
  readonly noiseOrder: ArrayLike<number>;
}

export const LOG_2PI = Math.log(2 * Math.PI);

/** A preconditioner that scales every element by itself. */
export function scaled(errorScales: Float64Array): (gradient: Float64Array) => Float64Array {
  return (gradient) => gradient.map((value, i) => value / (errorScales[i] * errorScales[i]));
}

/** Sizes of the blocks that a number of draws is cut into. */
export function blockSizes(draws: number): number[] {
  return Array.from({ length: Math.ceil(draws / BLOCK) }, (_, b) => Math.min(BLOCK, draws - b * BLOCK));
}
