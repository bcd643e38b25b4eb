// The metric's dense block of every chain: moments and estimate on the host in f64 (few dimensions), matrices for the device.
import { solveTransposed } from '../linearAlgebra.js';
import { estimateMetric } from '../phaseSpace/estimateMetric.js';
import type { Metric } from '../phaseSpace/metric.js';
import { blockMetric, diagonalMetric, inverseMassDiagonal } from '../phaseSpace/metric.js';
import type { SavedVectors } from '../phaseSpace/phaseSpaces.js';
import { RunningMoments } from '../phaseSpace/moments.js';

interface Block {
  /** Over the block alone: `[size]`, with a dense part over all of it once there is one. */
  metric: Metric;
  readonly moments: RunningMoments;
}

export class DenseBlocks {
  private readonly size: number;
  private readonly local: Int32Array;
  private readonly blocks: readonly Block[];

  /** @param inverseMass first inverse masses of all dimensions */
  constructor(
    chains: number,
    private readonly indices: Int32Array,
    inverseMass: Float64Array,
  ) {
    this.size = indices.length;
    this.local = Int32Array.from(indices, (_, row) => row);
    this.blocks = Array.from({ length: chains }, () => ({
      metric: diagonalMetric(this.size, this.ofBlock(inverseMass)),
      moments: new RunningMoments(this.size, this.local),
    }));
  }

  /** Takes a position into the moments: its first `size` numbers are those of the block. */
  observe(chain: number, position: ArrayLike<number>): void {
    this.blocks[chain].moments.add(Float64Array.from(this.local, (row) => position[row]));
  }

  /** Estimates the block's metric from its moments. */
  estimate(chain: number, priorVariances: Float64Array): void {
    const block = this.blocks[chain];
    block.metric = estimateMetric(block.moments, this.ofBlock(priorVariances)) ?? block.metric;
  }

  /** Estimates one metric from the moments of all chains, merged in their order, and gives it to each. */
  estimateTogether(priorVariances: Float64Array): void {
    const pooled = new RunningMoments(this.size, this.local);
    for (const { moments } of this.blocks) pooled.merge(moments);
    const metric = estimateMetric(pooled, this.ofBlock(priorVariances));
    if (metric) for (const block of this.blocks) block.metric = metric;
  }

  clearMoments(chain: number): void {
    this.blocks[chain].moments.reset();
  }

  /** Inverse mass A, then B with p = B z for standard normal z, both by columns: `[2][k][row]`. */
  matrices(chain: number): Float32Array {
    const { size } = this;
    const { inverseMass, block } = this.blocks[chain].metric;
    const matrices = new Float32Array(2 * size * size);
    const factor = matrices.subarray(size * size);
    if (block === undefined) {
      inverseMass.forEach((variance, row) => {
        matrices[row * (size + 1)] = variance;
        factor[row * (size + 1)] = 1 / Math.sqrt(variance);
      });
      return matrices;
    }
    matrices.set(block.inverseMass);
    for (let k = 0; k < size; k++) {
      const column = new Float64Array(size);
      column[k] = 1;
      solveTransposed(block.factor, column);
      factor.set(column, k * size);
    }
    return matrices;
  }

  /** Variances of the block's dimensions, in its order. */
  diagonal(chain: number): Float64Array {
    return inverseMassDiagonal(this.blocks[chain].metric);
  }

  /** Puts the block's share into vectors of all dimensions; returns what is saved beside them. */
  save(
    chain: number,
    inverseMass: Float64Array,
    mean: Float64Array,
    squares: Float64Array,
  ): { readonly blockInverseMass: Float64Array | undefined; readonly products: Float64Array } {
    const { metric, moments } = this.blocks[chain];
    this.indices.forEach((index, row) => {
      inverseMass[index] = metric.inverseMass[row];
      mean[index] = moments.mean[row];
      squares[index] = moments.squares[row];
    });
    return { blockInverseMass: metric.block?.inverseMass.slice(), products: moments.products.slice() };
  }

  restore(chain: number, { inverseMass, blockInverseMass, moments }: SavedVectors): void {
    const block = this.blocks[chain];
    const variances = this.ofBlock(inverseMass);
    block.metric =
      blockInverseMass === undefined
        ? { inverseMass: variances }
        : blockMetric(variances, this.local, blockInverseMass.slice());
    block.moments.count = moments.count;
    block.moments.mean.set(this.ofBlock(moments.mean));
    block.moments.squares.set(this.ofBlock(moments.squares));
    block.moments.products.set(moments.products);
  }

  private ofBlock(vector: Float64Array): Float64Array {
    return Float64Array.from(this.indices, (index) => vector[index]);
  }
}
