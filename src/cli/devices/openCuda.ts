// Opens the device `cuda`: TensorFlow, where its package for Node is installed.
import { createRequire } from 'node:module';
import { InputError } from '../../data/inputError.js';
import type { Device } from '../../kernels/device.js';
import { type TensorflowDevice, TensorflowMissingError } from '../../kernels/adapters/nodeTensorflow.js';

export interface OpenedTensorflow {
  readonly device: Device;
  /** The library and what it computes on. */
  readonly adapter: string;
  readonly isOnGpu: boolean;
}

/** Throws InputError when TensorFlow is not installed or does not load. */
export async function openCuda(open: () => Promise<TensorflowDevice>): Promise<OpenedTensorflow> {
  try {
    const { device, version, isOnGpu } = await open();
    return { device, isOnGpu, adapter: `TensorFlow ${version} on the ${isOnGpu ? 'GPU' : 'processor'}` };
  } catch (error) {
    throw error instanceof TensorflowMissingError ? new InputError(`device cuda: ${error.message}`) : error;
  }
}

/** Whether the package for GPUs is installed, loadable or not. */
export function hasTensorflow(): boolean {
  try {
    createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json');
    return true;
  } catch {
    return false;
  }
}
