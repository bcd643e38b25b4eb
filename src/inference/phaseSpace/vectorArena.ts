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
  /** Where kernels leave several sums. */
  readonly results: Float64Array;
  /** Where the next vector goes. */
  private next: number;
  private readonly start: number;

  /** @param memory one of the limits `vectorMemory`, at whose end the vectors are put; by default one of their own */
  constructor(readonly memory: WebAssembly.Memory = ownMemory()) {
    this.kernels = vectorKernels(memory);
    this.start = memory.buffer.byteLength;
    this.next = this.start;
    this.results = this.allocate(8).values;
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

/** Vectors per chain, about, that deep trees of NUTS need. */
const vectorsPerChain = 80;
/** Memory for vectors that chains may take beside the program, whose memory cannot exceed 4 GiB. */
const mostSharedBytes = 2 ** 30;

/** The arena of all chains of a density, in its memory where that has room; undefined: every chain takes one of its own. */
export function sharedArena({ memory, dimension, lanes }: BatchedLogDensity): VectorArena | undefined {
  return 8 * dimension * lanes * vectorsPerChain <= mostSharedBytes ? new VectorArena(memory) : undefined;
}
