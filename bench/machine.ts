// What a benchmark ran on, printed with its figures.
import { availableParallelism, cpus, loadavg } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly architecture: string;
  readonly node: string;
  /** Runnable threads over the last minute when the benchmark began: above 0, others were at work too. */
  readonly loadAverage: number;
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    architecture: process.arch,
    node: process.version,
    loadAverage: loadavg()[0],
  };
}
