// A program whose parameters and outputs stay in the memory of a GPU: what samplers that live there work with.
import type { GpuContext } from './context.js';

/** f32 numbers `[element][lane]` in a buffer. */
export interface DeviceArray {
  readonly buffer: GPUBuffer;
  /** Bytes from the start of the buffer, a multiple of 256. */
  readonly offset: number;
  /** Elements; the array has `size` × lanes numbers. */
  readonly size: number;
}

/**
 * An output that f32 cannot hold well enough: energies of millions of rows. An evaluation leaves words (sums as pairs of
 * f32, small parameters) on the device, and the host makes the output of them in f64.
 */
export interface AccurateOutput {
  /** f32 `[word][lane]` */
  readonly words: DeviceArray;
  /** The output of every lane, from a copy of the words; the same array at every call. */
  evaluate(words: Float32Array): Float64Array;
}

export interface ResidentProgram {
  readonly context: GpuContext;
  /** Stride of all arrays: the number of chains, or more. */
  readonly lanes: number;
  /** All parameter blocks one after another. */
  readonly parameters: DeviceArray;
  /** Outputs that follow one another in the program, as one array. */
  output(...names: string[]): DeviceArray;
  /** An output that was asked for in f64 (`ProgramBinding.accurate`). */
  accurate(name: string): AccurateOutput;
  /** Appends the evaluation of all lanes to a compute pass. */
  encode(pass: GPUComputePassEncoder): void;
  /** Dispatches that `encode` appends. */
  readonly dispatches: number;
  /** Bytes that one evaluation reads and writes, counting every array once per pass over it. */
  readonly bytesMoved: number;
}
