// Threads in a browser, as workers of the fit's own worker: those that share a program's rows, and those that draw chains.
import type { ChainWorker, ThreadStarters } from '../../../src/inference/threads/index.js';
import type { Threads } from '../../../src/kernels/cpu/executable.js';
import type { WorkerSetup } from '../../../src/kernels/cpu/tasks.js';

/** Threads that a fit may use: one where the page may not share memory. */
export const threadCount = (): number => (crossOriginIsolated ? navigator.hardwareConcurrency : 1);

const failure = (event: Event): Error =>
  new Error(`a thread has failed: ${event instanceof ErrorEvent ? event.message : event.type}`);

async function startThreads(count: number, setup: WorkerSetup): Promise<Threads> {
  const workers = await Promise.all(
    Array.from({ length: count }, async () => {
      const worker = new Worker(new URL('./rowWorker.ts', import.meta.url), { type: 'module' });
      await new Promise<void>((resolve, reject) => {
        worker.onmessage = () => resolve();
        worker.onerror = (event) => reject(failure(event));
        worker.postMessage(setup);
      });
      return worker;
    }),
  );
  return {
    stop: () => {
      for (const worker of workers) worker.terminate();
      return Promise.resolve();
    },
  };
}

function startChainWorker(): ChainWorker {
  const worker = new Worker(new URL('./chainWorker.ts', import.meta.url), { type: 'module' });
  return {
    post: (message) => worker.postMessage(message),
    listen: ({ onMessage, onError }) => {
      worker.onmessage = ({ data }: MessageEvent<Parameters<typeof onMessage>[0]>) => onMessage(data);
      worker.onerror = (event) => onError(failure(event));
      worker.onmessageerror = (event) => onError(failure(event));
    },
    end: () => {
      worker.terminate();
      return Promise.resolve();
    },
  };
}

export const browserThreads: ThreadStarters = { startThreads, startChainWorker };
