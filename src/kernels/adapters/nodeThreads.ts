// Starts worker threads in Node for the CPU device.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Threads } from '../cpu/executable.js';
import type { WorkerSetup } from '../cpu/tasks.js';

/** Starts `count` threads that serve `setup`; resolves when all are ready to take tasks. */
export async function startThreads(count: number, setup: WorkerSetup): Promise<Threads> {
  const workers = await Promise.all(
    Array.from({ length: count }, async () => {
      const worker = createWorker(setup);
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

/** From the built package the entry is a module; from sources (tests, benchmarks) it is loaded through tsx. */
function createWorker(setup: WorkerSetup): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./workerEntry.js', import.meta.url), { workerData: setup });
  }
  const entry = new URL('./workerEntry.ts', import.meta.url).href;
  const bootstrap = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(entry)}); })`;
  return new Worker(bootstrap, { eval: true, workerData: setup });
}

export function coreCount(): number {
  return availableParallelism();
}
