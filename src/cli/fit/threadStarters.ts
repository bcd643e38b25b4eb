// How methods start their threads in Node.
import type { ChainWorker } from '../../inference/threads/index.js';
import type { ThreadStarters } from '../../inference/threads/index.js';
import { startThreads } from '../../kernels/adapters/nodeThreads.js';
import { nodeWorker } from '../../kernels/adapters/nodeWorker.js';

/** Starts a thread that draws chains. */
export function startChainWorker(): ChainWorker {
  const worker = nodeWorker(new URL('./chainWorker.js', import.meta.url), undefined);
  return {
    post: (message) => worker.postMessage(message),
    listen: ({ onMessage, onError, onExit }) => {
      worker.on('message', onMessage);
      worker.on('error', onError);
      worker.on('exit', onExit);
    },
    end: () => worker.terminate(),
  };
}

export const nodeStarters: ThreadStarters = { startThreads, startChainWorker };
