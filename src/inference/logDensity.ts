// What a sampler needs of a model: a log density with its gradient on unconstrained space, evaluated for all chains at once.

import type { AccurateOutput, DeviceArray, ResidentProgram } from '../kernels/webgpu/resident.js';

/** A density whose positions and gradients stay in the memory of a GPU. */
export interface ResidentDensity {
  /** Its `parameters` are the positions. */
  readonly program: ResidentProgram;
  /** The gradient in the order of the position. */
  readonly gradients: DeviceArray;
  readonly value: AccurateOutput;
}

/**
 * A log density on ℝ^dimension, evaluated for a batch of chains ("lanes") in one call.
 * Arrays are `[dimension][lane]` with the lane innermost and `lanes` as stride; the caller writes `positions`, calls
 * `evaluate`, and reads `logDensities` (`[lane]`) and `gradients` (same layout as `positions`).
 * Lanes whose position is outside the support, or whose arithmetic fails, report −∞ or NaN: a value, never an exception.
 * A lane's result depends on its own position only, bit for bit.
 */
export interface BatchedLogDensity {
  readonly dimension: number;
  /** Number of lanes, at least the number of chains; spare lanes may hold anything finite. */
  readonly lanes: number;
  readonly positions: Float64Array;
  readonly logDensities: Float64Array;
  readonly gradients: Float64Array;
  /** The shared memory that positions and gradients lie in, where it may grow to 65536 pages: samplers keep vectors there. */
  readonly memory?: WebAssembly.Memory;
  /** Carries out a job of `vectorKernels` in that memory, on the density's threads; absent where a thread alone is as good. */
  readonly runVectors?: (job: number) => void;
  /** What phase spaces on the density's own device work with; absent where positions live in the host's memory. */
  readonly resident?: ResidentDensity;
  /** Asynchronous on devices that are; synchronous evaluators return undefined. */
  evaluate(): void | Promise<void>;
}
