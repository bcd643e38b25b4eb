// Operations on vectors, carried out together: block by block, so that vectors cross the memory bus once for several operations.
import type { PhiloxCounter } from '../random/streams.js';
import { VectorArena } from './vectorArena.js';
import { blockBounds, jobLayout, operations } from './vectorKernels.js';

/** Operations and sums that a job has room for; a full one is carried out. */
const mostOperations = 64;
const mostSums = 256;

/**
 * Vectors are given by their addresses. Operations work element by element, in their order, so that each may use what those before it
 * have written. Vectors of a single block are worked on as soon as an operation is added.
 */
export class VectorJob {
  /** There is one block. */
  readonly isImmediate: boolean;
  private readonly bounds: Int32Array;
  private readonly bytes: number;
  private readonly address: number;
  private readonly words: Int32Array;
  private readonly numbers: Float64Array;
  /** Sums of the operations, `[block][sum]` with the stride of the job under way. */
  private readonly blockSums: Float64Array;
  /** Sums over all blocks, of every operation since the last `reset`. */
  private totals = new Float64Array(mostSums);
  private operations = 0;
  private sums = 0;
  /** Totals of operations that are done. */
  private known = 0;

  constructor(
    private readonly arena: VectorArena,
    private readonly length: number,
  ) {
    this.bounds = blockBounds(length);
    this.isImmediate = this.bounds.length === 2;
    this.bytes = VectorArena.bytesOf(length);
    const jobBytes = this.isImmediate ? 0 : jobLayout.head + mostOperations * jobLayout.record;
    const { address } = arena.allocate(jobBytes / 8);
    this.address = address;
    this.words = new Int32Array(arena.memory.buffer, address, jobBytes / 4);
    this.numbers = new Float64Array(arena.memory.buffer, address, jobBytes / 8);
    this.blockSums = arena.allocate(this.isImmediate ? 8 : (this.bounds.length - 1) * mostSums).values;
  }

  /** p' = p + ε/2 ∇, q' = q + ε m⁻¹ p'. */
  kickAndDrift(p: number, g: number, q: number, inverseMass: number, newP: number, newQ: number, step: number): void {
    if (this.isImmediate) this.arena.kernels.kickAndDrift(p, g, q, inverseMass, newP, newQ, this.bytes, step);
    else this.add(operations.kickAndDrift, 0, step, p, g, q, inverseMass, newP, newQ);
  }

  /** p ← p + ε/2 ∇; returns where Σ m⁻¹ p² is among the totals. */
  kick(p: number, g: number, inverseMass: number, step: number): number {
    if (!this.isImmediate) return this.add(operations.kick, 1, step, p, g, inverseMass, 8 * this.sums);
    this.blockSums[0] = this.arena.kernels.kick(p, g, inverseMass, this.bytes, step);
    return this.keep(1);
  }

  /** total = first + last; returns where the two products are among the totals. */
  turningOfPair(first: number, last: number, inverseMass: number, total: number): number {
    if (!this.isImmediate) {
      return this.add(operations.turningOfPair, 2, 0, first, last, inverseMass, total, 8 * this.sums);
    }
    this.arena.kernels.turningOfPair(first, last, inverseMass, total, this.bytes, this.blockSums.byteOffset);
    return this.keep(2);
  }

  /** total = leftSum + rightSum; returns where the six products are among the totals. */
  turningOfStretches(
    leftBegin: number,
    leftEnd: number,
    leftSum: number,
    rightBegin: number,
    rightEnd: number,
    rightSum: number,
    inverseMass: number,
    total: number,
  ): number {
    const vectors = [leftBegin, leftEnd, leftSum, rightBegin, rightEnd, rightSum, inverseMass, total] as const;
    if (!this.isImmediate) return this.add(operations.turningOfStretches, 6, 0, ...vectors, 8 * this.sums);
    this.arena.kernels.turningOfStretches(...vectors, this.bytes, this.blockSums.byteOffset);
    return this.keep(6);
  }

  /** Copies all numbers, with strides in bytes. */
  copy(source: number, sourceStride: number, target: number, targetStride: number): void {
    if (this.isImmediate) this.arena.kernels.copy(source, sourceStride, target, targetStride, this.length);
    else this.add(operations.copy, 0, 0, source, sourceStride, target, targetStride);
  }

  /**
   * p = z/√m⁻¹, or z where m⁻¹ is 0, with the normals of a counter; returns where Σ m⁻¹ p² is among the totals. Not for a single block.
   */
  refresh(p: number, inverseMass: number, { site, step, chain, keyLow, keyHigh }: PhiloxCounter): number {
    return this.add(operations.refresh, 1, 0, p, inverseMass, 8 * this.sums, site, step, chain, keyLow, keyHigh);
  }

  /** Carries out what was added. */
  run(): void {
    if (this.operations === 0) return;
    const { words, bounds, sums, known, blockSums } = this;
    // Blocks do not share lines of a cache.
    const stride = 8 * Math.ceil(sums / 8);
    words[0] = this.operations;
    words[1] = blockSums.byteOffset;
    words[2] = 8 * stride;
    this.arena.run(bounds, this.address);
    this.keep(sums);
    for (let i = 0; i < sums; i++) {
      for (let block = 1, at = stride + i; block + 1 < bounds.length; block++, at += stride) {
        this.totals[known + i] += blockSums[at];
      }
    }
    this.sums = this.operations = 0;
  }

  /** A sum of an operation that was carried out since the last `reset`. */
  total(at: number): number {
    return this.totals[at];
  }

  /** Forgets all totals; nothing may be waiting to be carried out. */
  reset(): void {
    this.known = 0;
  }

  /** Returns where the operation's sums will be among the totals. */
  private add(operation: number, sums: number, number: number, ...parameters: readonly number[]): number {
    const { words } = this;
    const record = jobLayout.head + this.operations++ * jobLayout.record;
    words[record / 4] = operation;
    for (let i = 0; i < parameters.length; i++) words[record / 4 + 1 + i] = parameters[i];
    this.numbers[(record + jobLayout.number) / 8] = number;
    const first = this.known + this.sums;
    this.sums += sums;
    // Room for whatever comes next.
    if (this.operations === mostOperations || this.sums + 6 > mostSums) this.run();
    return first;
  }

  /** Takes block 0's sums over as totals; returns where they are. */
  private keep(sums: number): number {
    const first = this.known;
    this.known += sums;
    if (this.known > this.totals.length) {
      const totals = new Float64Array(2 * this.known);
      totals.set(this.totals);
      this.totals = totals;
    }
    for (let i = 0; i < sums; i++) this.totals[first + i] = this.blockSums[i];
    return first;
  }
}
