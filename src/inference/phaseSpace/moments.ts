// Running means and variances of a chain's positions, and covariances over the metric's dense block (Welford 1962).
import type { DrawPairs } from './drawPairs.js';
import type { SavedMoments } from './phaseSpaces.js';

/** Accumulates in place; `reset` starts a new window. */
export class RunningMoments implements SavedMoments {
  count = 0;
  readonly mean: Float64Array;
  /** Sums of squared deviations, `[dimension]`. */
  readonly squares: Float64Array;
  /** Sums of products of deviations over `indices`, `[size][size]` row-major, lower triangle. */
  readonly products: Float64Array;
  private readonly deviation: Float64Array;

  constructor(
    dimension: number,
    readonly indices: Int32Array,
    /** Where given, draws are kept with their gradients. */
    readonly pairs?: DrawPairs,
  ) {
    this.mean = new Float64Array(dimension);
    this.squares = new Float64Array(dimension);
    this.products = new Float64Array(indices.length ** 2);
    this.deviation = new Float64Array(indices.length);
  }

  /** @param gradient needed where draws are kept with theirs */
  add(position: Float64Array, gradient?: Float64Array): void {
    if (gradient) this.pairs?.add(position, gradient);
    const { mean, squares, products, indices, deviation } = this;
    const size = indices.length;
    this.count++;
    indices.forEach((index, row) => (deviation[row] = position[index] - mean[index]));
    for (let i = 0; i < mean.length; i++) {
      const before = position[i] - mean[i];
      mean[i] += before / this.count;
      squares[i] += before * (position[i] - mean[i]);
    }
    for (let row = 0; row < size; row++) {
      const after = position[indices[row]] - mean[indices[row]];
      for (let column = 0; column <= row; column++) products[row * size + column] += after * deviation[column];
    }
  }

  /** Takes in the moments of other positions (Chan, Golub & LeVeque 1983). */
  merge({ count, mean, squares, products, pairs }: SavedMoments): void {
    if (count === 0) return;
    if (pairs) this.pairs?.merge(pairs);
    const { indices, deviation } = this;
    const size = indices.length;
    const weight = (this.count * count) / (this.count + count);
    indices.forEach((index, row) => (deviation[row] = mean[index] - this.mean[index]));
    for (let row = 0; row < size; row++) {
      for (let column = 0; column <= row; column++) {
        const at = row * size + column;
        this.products[at] += products[at] + weight * deviation[row] * deviation[column];
      }
    }
    this.count += count;
    for (let i = 0; i < mean.length; i++) {
      const difference = mean[i] - this.mean[i];
      this.mean[i] += (difference * count) / this.count;
      this.squares[i] += squares[i] + weight * difference * difference;
    }
  }

  reset(): void {
    this.pairs?.reset();
    this.count = 0;
    for (const vector of [this.mean, this.squares, this.products]) vector.fill(0);
  }

  /** Continues from saved moments. */
  set({ count, mean, squares, products, pairs }: SavedMoments): void {
    if (pairs) this.pairs?.set(pairs);
    this.count = count;
    this.mean.set(mean);
    this.squares.set(squares);
    this.products.set(products);
  }
  /** A copy. */
  save(): SavedMoments {
    const { count, mean, squares, products, pairs } = this;
    return {
      count,
      mean: mean.slice(),
      squares: squares.slice(),
      products: products.slice(),
      ...(pairs && { pairs: pairs.save() }),
    };
  }
}
