// TensorFlow in Node: loads tfjs-node-gpu or tfjs-node when one of them is installed, for the device `cuda`.
import { createRequire } from 'node:module';
import type { KernelBackend } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { Device } from '../device.js';
import { eagerDevice } from '../eager/eagerDevice.js';

/** The package for the device `cuda` is not installed, or does not load; the message says what to do, in one line. */
export class TensorflowMissingError extends Error {
  override readonly name = 'TensorflowMissingError';
}

export interface TensorflowDevice {
  /** Named `cuda`, also where TensorFlow finds no GPU and computes on the CPU. */
  readonly device: Device;
  /** The package that was loaded. */
  readonly packageName: string;
  /** Version of libtensorflow. */
  readonly version: string;
  readonly isOnGpu: boolean;
}

const packages = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

/** libtensorflow 2.9.1 was built against these. */
const requirements = 'CUDA 11.2 and cuDNN 8.1';

const advice = `npm install @tensorflow/tfjs-node-gpu@4.22.0 (its install script downloads libtensorflow 2.9.1, some 400 MB; the GPU needs ${requirements}); the device webgpu needs none of this`;

/** What there is of tfjs's Node backend besides KernelBackend. */
interface NodeBackend extends KernelBackend {
  readonly binding?: { readonly TF_Version?: string };
  readonly isUsingGpuDevice?: boolean;
}

/**
 * Loads TensorFlow. Rejects with TensorflowMissingError.
 * @param importPackage imports a package by name
 */
export async function nodeTensorflow(
  importPackage: (name: string) => Promise<unknown> = requirePackage,
): Promise<TensorflowDevice> {
  // TensorFlow reports its processor features at every start; warnings and errors remain.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';
  for (const packageName of packages) {
    if (!(await isLoaded(packageName, importPackage))) continue;
    const device = eagerDevice('tensorflow');
    const backend = tf.findBackend('tensorflow') as NodeBackend | null;
    return {
      device,
      packageName,
      version: backend?.binding?.TF_Version ?? 'unknown',
      isOnGpu: backend?.isUsingGpuDevice === true,
    };
  }
  throw new TensorflowMissingError(`TensorFlow for Node is not installed: ${advice}`);
}

/** By `require`: bundlers and Vite put modules of their own in the place of optional peers that they cannot find. */
function requirePackage(name: string): Promise<unknown> {
  return Promise.resolve().then((): unknown => createRequire(import.meta.url)(name));
}

/** Imports a package, which registers the backend `tensorflow`; false when it is not installed. */
async function isLoaded(packageName: string, importPackage: (name: string) => Promise<unknown>): Promise<boolean> {
  try {
    await importPackage(packageName);
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error));
    const { code } = reason as { code?: unknown };
    const isAbsent =
      (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') && reason.message.includes(`'${packageName}'`);
    if (isAbsent) return false;
    const line = reason.message.split('\n', 1)[0];
    throw new TensorflowMissingError(
      `${packageName} is installed but does not load (${line}): on Node before 23, and after the download of its install script; with a GPU ${requirements} must be found by the system's linker`,
      { cause: error },
    );
  }
}
