// The dense block of a metric: a full inverse mass over chosen dimensions, whose diagonal entries are 0.
import { multiply, solve, solveTransposed } from '../linearAlgebra.js';
import type { Correction, Momentum } from './correction.js';

/** Inverse mass A = L Lᵀ over `indices`; the image of a momentum is its velocity there, A p. */
export class DenseBlock implements Correction {
  private readonly scratch: Float64Array;

  constructor(
    /** Dimensions covered, ascending. */
    readonly indices: Int32Array,
    /** A, `[size][size]` row-major. */
    readonly inverseMass: Float64Array,
    /** L, `[size][size]` row-major, lower. */
    readonly factor: Float64Array,
  ) {
    this.scratch = new Float64Array(indices.length);
  }

  get size(): number {
    return this.indices.length;
  }

  project(momentum: Float64Array, image: Float64Array): void {
    multiply(this.inverseMass, this.ofBlock(momentum), image);
  }

  addVelocity(image: Float64Array, factor: number, target: Float64Array): void {
    const { indices } = this;
    for (let row = 0; row < indices.length; row++) target[indices[row]] += factor * image[row];
  }

  product({ image }: Momentum, { momentum: { values } }: Momentum): number {
    const { indices } = this;
    let sum = 0;
    for (let row = 0; row < indices.length; row++) sum += image[row] * values[indices[row]];
    return sum;
  }

  /** p = L⁻ᵀ z. */
  shapeMomentum(momentum: Float64Array): void {
    const block = this.ofBlock(momentum);
    solveTransposed(this.factor, block);
    this.indices.forEach((index, row) => (momentum[index] = block[row]));
  }

  /** ‖L⁻¹ x‖² */
  squaredDistance(x: Float64Array): number {
    const block = this.ofBlock(x);
    solve(this.factor, block);
    return block.reduce((sum, value) => sum + value * value, 0);
  }

  addDiagonal(diagonal: Float64Array): void {
    const { indices, inverseMass, size } = this;
    indices.forEach((index, row) => (diagonal[index] += inverseMass[row * (size + 1)]));
  }

  private ofBlock(vector: Float64Array): Float64Array {
    const { indices, scratch } = this;
    for (let row = 0; row < indices.length; row++) scratch[row] = vector[indices[row]];
    return scratch;
  }
}
