// Vectors in a WebAssembly memory that grows, with the kernels that work on them.
import type { BatchedLogDensity } from '../logDensity.js';
import { vectorKernels, vectorMemory, type VectorKernels } from './vectorKernels.js';

/** A vector in an arena: its address, and its numbers (a view that stays valid). */
export interface ArenaVector {
  readonly address: number;
  readonly values: Float64Array;
}

const pageBytes = 65536;
/** Vectors that start at the same place of a 4 KiB page would fall on the same lines of a first-level cache. */
const cachePeriod = 4096;
const leastOffset = 320;

export class VectorArena {
  readonly kernels: VectorKernels;
  /** Where the next vector goes. */
  private next: number;
  private readonly start: number;

  /**
   * @param memory one of the limits `vectorMemory`, at whose end the vectors are put; by default one of their own
   * @param runShared carries out a job on several threads
   */
  constructor(
    readonly memory: WebAssembly.Memory = ownMemory(),
    private readonly runShared?: (job: number) => void,
  ) {
    this.kernels = vectorKernels(memory);
    this.start = memory.buffer.byteLength;
    this.next = this.start;
  }

  /** Carries out a job of operations on all blocks. */
  run(bounds: Int32Array, job: number): void {
    if (this.runShared) this.runShared(job);
    else
      for (let block = 0; block + 1 < bounds.length; block++)
        this.kernels.run(bounds[block], bounds[block + 1], block, job);
  }

  /** Bytes of a vector as the kernels count them: whole pairs. */
  static bytesOf(length: number): number {
    return Math.ceil(length / 2) * 16;
  }

  /** Bytes that the vectors take so far. */
  get allocatedBytes(): number {
    return this.next - this.start;
  }

  /** A new vector of zeros. Throws RangeError when 4 GiB are full. */
  allocate(length: number): ArenaVector {
    const address = this.next;
    const bytes = Math.ceil(VectorArena.bytesOf(length) / 64) * 64;
    this.next += bytes + (bytes % cachePeriod < leastOffset ? leastOffset : 0);
    const missing = this.next - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / pageBytes));
    return { address, values: new Float64Array(this.memory.buffer, address, length) };
  }

  /** Makes the padding of a vector zero again. */
  clearPadding({ address, values }: ArenaVector): void {
    if (values.length % 2 > 0) new Float64Array(this.memory.buffer, address, values.length + 1)[values.length] = 0;
  }
}

function ownMemory(): WebAssembly.Memory {
  const { minimum, maximum, shared } = vectorMemory;
  return new WebAssembly.Memory({ initial: minimum, maximum, shared });
}

/** Of a memory of 65536 pages, what vectors may fill beside the program: room is left for the jobs and for what separates vectors. */
const mostSharedBytes = 2 ** 32 - 2 ** 26;

/** The arena of all chains of a density, in its memory where that has room for so many vectors; undefined: every chain takes one of its own. */
export function sharedArena(density: BatchedLogDensity, vectors: number): VectorArena | undefined {
  const { memory, dimension, runVectors } = density;
  const bytes = (8 * dimension + 1024) * vectors;
  if (memory === undefined || memory.buffer.byteLength + bytes > mostSharedBytes) return undefined;
  return new VectorArena(memory, runVectors);
}
