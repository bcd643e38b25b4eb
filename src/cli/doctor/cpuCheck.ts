// Tries the cpu device: a regression's log density with its gradient, compared with the plain interpreter and timed.
import { coreCount, startThreads } from '../../kernels/adapters/nodeThreads.js';
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import { interpret } from '../../kernels/program/interpreter.js';
import { type DeviceTrial, type Reference, tryDevice } from './trialProgram.js';

/** What one thread, or all, did. */
interface CpuTrial extends DeviceTrial {
  readonly threads: number;
}

export interface CpuCheck {
  /** Compiled code runs on one thread and agrees with the interpreter. */
  readonly isWorking: boolean;
  /** One thread, then all cores where there are several; what failed is left out and told in `faults`. */
  readonly trials: readonly CpuTrial[];
  readonly faults: readonly string[];
}

/** Sums over the rows run in another order than the interpreter's. */
const agreement = 1e-10;

/** Runs the trials on `cores` threads; failures are part of the result, never thrown. */
export async function checkCpuDevice(cores = coreCount(), reference: Reference = interpret): Promise<CpuCheck> {
  const trials: CpuTrial[] = [];
  const faults: string[] = [];
  for (const threads of cores > 1 ? [1, cores] : [1]) {
    const on = `on ${threads} thread${threads === 1 ? '' : 's'}`;
    try {
      const trial = { threads, ...(await tryDevice(cpuDevice({ threads, startThreads }), reference)) };
      if (trial.largestDifference <= agreement) trials.push(trial);
      else faults.push(`${on}: differs from the interpreter by ${trial.largestDifference.toExponential(1)}`);
    } catch (error) {
      faults.push(`${on}: ${(error instanceof Error ? error.message : String(error)).split('\n')[0]}`);
    }
  }
  return { isWorking: trials.some(({ threads }) => threads === 1), trials, faults };
}
