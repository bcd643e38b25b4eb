// What inference knows of a device: it compiles a program, holds its arrays, and evaluates a batch of chains.
import type { DataArray } from './compiler/memoryLayout.js';
import type { PortableProgram } from './cpu/executable.js';
import type { TensorProgram } from './program/tensorProgram.js';
import type { ResidentProgram } from './webgpu/resident.js';

/**
 * Kernels of the caller's own that work on a program's memory and are shared by its threads. The module imports `env.memory` (shared,
 * at most 65536 pages) and what it needs of `mathImports`; the exported function takes (start, end, task, argument).
 */
export interface Companion {
  readonly module: WebAssembly.Module;
  readonly functionName: string;
  /** Of the tasks: task i is from bounds[i] to bounds[i + 1]. */
  readonly bounds: Int32Array;
}

export interface ProgramBinding {
  /** Parameter blocks in the order in which they lie in `Executable.parameters`. */
  readonly parameters: readonly { readonly name: string; readonly size: number }[];
  readonly data: ReadonlyMap<string, DataArray>;
  readonly chains: number;
  /** Outputs wanted in f64 on devices that compute in f32 (`ResidentProgram.accurate`); they vary between chains. */
  readonly accurate?: readonly string[];
  /**
   * A program of the same device: data that both have under the same name are the same, so that a device whose programs lie in memory of the host holds
   * them once.
   */
  readonly beside?: Executable;
  /** For devices whose programs lie in WebAssembly memory. */
  readonly companion?: Companion;
}

/** A program bound to data on a device. Arrays are `[element][lane]`, one chain a lane. */
export interface Executable {
  /** Stride of the arrays: the number of chains, or more. */
  readonly lanes: number;
  readonly parameters: Float64Array;
  /** Evaluates all lanes. */
  run(): void | Promise<void>;
  /** Outputs that follow one another in the program, as one array; the same array at every call, changed by `run`. */
  output(...names: string[]): Float64Array;
  readonly memoryBytes: number;
  /** Carries out all tasks of the companion; absent where there is none. */
  runCompanion?(argument: number): void;
  /** What another thread takes the program over with; absent where a device has no such thing. */
  readonly portable?: PortableProgram;
  /** The same program for callers that keep their vectors on the device; absent where arrays live in the host's memory. */
  readonly resident?: ResidentProgram;
  dispose(): Promise<void>;
}

export interface Device {
  readonly name: 'cpu' | 'webgpu' | 'cuda' | `eager:${string}`;
  readonly precision: 'double' | 'single';
  readonly threads: number;
  compile(program: TensorProgram, binding: ProgramBinding): Promise<Executable>;
}
