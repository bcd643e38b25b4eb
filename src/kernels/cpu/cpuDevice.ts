// The CPU device: WebAssembly SIMD generated at run time, on worker threads where the caller can start them.
import { compile } from '../compiler/compile.js';
import type { Device } from '../device.js';
import { CpuExecutable, type StartThreads } from './executable.js';

export interface CpuDeviceOptions {
  /** Threads in all, the calling one included; default 1. */
  readonly threads?: number;
  /** `single` stores real data columns as f32; arithmetic and sums stay f64. Default double. */
  readonly precision?: 'double' | 'single';
  /** How to start further threads; without it everything runs on the calling thread. */
  readonly startThreads?: StartThreads;
}

export function cpuDevice({ threads = 1, precision = 'double', startThreads }: CpuDeviceOptions = {}): Device {
  return {
    name: 'cpu',
    precision,
    threads: startThreads === undefined ? 1 : threads,
    compile: (program, { companion, beside, ...binding }) => {
      // Only programs of this device are handed to it.
      const first = beside as CpuExecutable | undefined;
      const compiled = compile(program, { ...binding, precision, ...(first && { before: first.stored }) });
      return CpuExecutable.create(compiled, threads, startThreads, { companion, beside: first });
    },
  };
}
