// The devices over tfjs backends that can be tested here: cpu and wasm, and TensorFlow where it is installed.
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { nodeTensorflow, TensorflowMissingError } from '../../../src/kernels/adapters/nodeTensorflow.js';
import type { Device } from '../../../src/kernels/device.js';
import { eagerDevice } from '../../../src/kernels/eager/eagerDevice.js';

async function tensorflow(): Promise<Device[]> {
  try {
    const { device, packageName, version, isOnGpu } = await nodeTensorflow();
    console.log(`cuda: TensorFlow ${version} of ${packageName} on the ${isOnGpu ? 'GPU' : 'CPU'}`);
    return [device];
  } catch (error) {
    if (error instanceof TensorflowMissingError && error.cause === undefined) return [];
    throw error;
  }
}

export const eagerDevices: readonly Device[] = [...['cpu', 'wasm'].map(eagerDevice), ...(await tensorflow())];
