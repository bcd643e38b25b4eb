// The low-rank part of a metric: M⁻¹ = D^½ (I + U (Λ − I) Uᵀ) D^½ with a few orthonormal columns U.
import type { Correction, Momentum } from './correction.js';

/**
 * C = V (Λ − I) Vᵀ with V = D^½ U; the image of a momentum is Vᵀ p. Every operation passes over V once or twice: O(dimension × rank).
 */
export class LowRank implements Correction {
  readonly size: number;
  private readonly coefficients: Float64Array;

  constructor(
    /** D, `[dimension]`, positive. */
    private readonly variances: Float64Array,
    /** V, one column after another, `[rank][dimension]`. */
    readonly columns: Float64Array,
    /** Λ, `[rank]`, positive. */
    readonly eigenvalues: Float64Array,
  ) {
    this.size = eigenvalues.length;
    this.coefficients = new Float64Array(this.size);
  }

  project(momentum: Float64Array, image: Float64Array): void {
    for (let k = 0; k < this.size; k++) image[k] = dot(this.columns, k * momentum.length, momentum);
  }

  addVelocity(image: Float64Array, factor: number, target: Float64Array): void {
    const { columns, eigenvalues, size } = this;
    for (let k = 0; k < size; k++) {
      addScaled(columns, k * target.length, factor * (eigenvalues[k] - 1) * image[k], target);
    }
  }

  product(p: Momentum, r: Momentum): number {
    let sum = 0;
    for (let k = 0; k < this.size; k++) sum += (this.eigenvalues[k] - 1) * p.image[k] * r.image[k];
    return sum;
  }

  /** p = D^−½ (I + U (Λ^−½ − I) Uᵀ) z, from w = D^−½ z: Uᵀ z = Vᵀ w, and D^−½ U = D⁻¹ V. */
  shapeMomentum(momentum: Float64Array): void {
    const { columns, eigenvalues, coefficients, variances } = this;
    const dimension = momentum.length;
    this.project(momentum, coefficients);
    for (let k = 0; k < this.size; k++) {
      const factor = (1 / Math.sqrt(eigenvalues[k]) - 1) * coefficients[k];
      for (let i = 0, at = k * dimension; i < dimension; i++, at++) {
        momentum[i] += (factor * columns[at]) / variances[i];
      }
    }
  }

  /** xᵀ D^−½ U (Λ⁻¹ − I) Uᵀ D^−½ x, where Uᵀ D^−½ x = Vᵀ D⁻¹ x. */
  squaredDistance(x: Float64Array): number {
    const { coefficients, eigenvalues, variances } = this;
    this.project(
      x.map((value, i) => value / variances[i]),
      coefficients,
    );
    return coefficients.reduce((sum, c, k) => sum + (1 / eigenvalues[k] - 1) * c * c, 0);
  }

  addDiagonal(diagonal: Float64Array): void {
    this.columns.forEach((value, at) => {
      const k = Math.floor(at / diagonal.length);
      diagonal[at % diagonal.length] += (this.eigenvalues[k] - 1) * value * value;
    });
  }
}

/** Product of a vector with the column that begins at `at`; four sums at once, which processors can overlap. */
function dot(columns: Float64Array, at: number, vector: Float64Array): number {
  const { length } = vector;
  const whole = length - (length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4, at += 4) {
    a += columns[at] * vector[i];
    b += columns[at + 1] * vector[i + 1];
    c += columns[at + 2] * vector[i + 2];
    d += columns[at + 3] * vector[i + 3];
  }
  for (let i = whole; i < length; i++, at++) a += columns[at] * vector[i];
  return a + b + (c + d);
}

function addScaled(columns: Float64Array, at: number, factor: number, target: Float64Array): void {
  for (let i = 0; i < target.length; i++, at++) target[i] += factor * columns[at];
}
