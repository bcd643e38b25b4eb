// The chains of a fit on the threads of Node.
import type { Device } from '../../kernels/device.js';
import {
  type ChainSizes,
  type ChainWorker,
  type Chains,
  compileChains as compileOn,
} from '../../inference/threads/index.js';
import { startThreads } from '../../kernels/adapters/nodeThreads.js';
import { nodeWorker } from '../../kernels/adapters/nodeWorker.js';
import type { Model } from '../../models/model.js';

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

/** Compiles the model for all chains. Rejects with the device's faults (see devices/deviceFault.ts). */
export async function compileChains(
  model: Model,
  { device }: { readonly device: Device },
  sizes: ChainSizes,
): Promise<Chains> {
  return compileOn(model, device, sizes, { startThreads, startChainWorker });
}
