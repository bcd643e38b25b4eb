// What a metric has beside its diagonal: a symmetric matrix C that is cheap to multiply by, M⁻¹ = diag(m⁻¹) + C.
import type { ArenaVector } from './vectorArena.js';

/** A momentum `[dimension]`, and its image under the metric's correction: the few numbers that products with C p take. */
export interface Momentum {
  readonly momentum: ArenaVector;
  /** At least as long as the correction's `size`. */
  readonly image: Float64Array;
}

/** Images are linear in the momentum: that of a sum of momenta is the sum of theirs. */
export interface Correction {
  /** Numbers of an image. */
  readonly size: number;
  /** Writes the image of a momentum `[dimension]`. */
  project(momentum: Float64Array, image: Float64Array): void;
  /** target += factor · C p, p given by its image. */
  addVelocity(image: Float64Array, factor: number, target: Float64Array): void;
  /** pᵀ C r. */
  product(p: Momentum, r: Momentum): number;
  /** Makes p ~ N(0, M) of z/√m⁻¹ (of z where m⁻¹ is 0), z standard normal, in place. */
  shapeMomentum(momentum: Float64Array): void;
  /** xᵀ M x beyond Σ x²/m⁻¹ over the dimensions where m⁻¹ is not 0. */
  squaredDistance(x: Float64Array): number;
  /** diagonal += the diagonal of C. */
  addDiagonal(diagonal: Float64Array): void;
}
