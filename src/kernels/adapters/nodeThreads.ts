// Starts worker threads in Node for the CPU device.
import { availableParallelism } from 'node:os';
import type { Threads } from '../cpu/executable.js';
import type { WorkerSetup } from '../cpu/tasks.js';
import { nodeWorker } from './nodeWorker.js';

/** Starts `count` threads that serve `setup`; resolves when all are ready to take tasks. */
export async function startThreads(count: number, setup: WorkerSetup): Promise<Threads> {
  const workers = await Promise.all(
    Array.from({ length: count }, async () => {
      const worker = nodeWorker(new URL('./workerEntry.js', import.meta.url), setup);
      await new Promise<void>((resolve, reject) => {
        worker.once('message', () => resolve());
        worker.once('error', reject);
      });
      worker.unref();
      return worker;
    }),
  );
  return {
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

export function coreCount(): number {
  return availableParallelism();
}
