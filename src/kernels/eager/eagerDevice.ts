// Devices that replay programs operation by operation with the stock kernels of a tfjs backend.
import * as tf from '@tensorflow/tfjs-core';
import type { Device } from '../device.js';
import { EagerExecutable } from './eagerExecutable.js';

/** A tfjs backend was asked for that nobody has registered, or that did not start. */
export class BackendMissingError extends Error {
  override readonly name = 'BackendMissingError';
}

/**
 * A device over a registered tfjs backend (`import '@tensorflow/tfjs-backend-cpu'` registers `cpu`): its name is
 * `eager:<backend>`, and `cuda` over TensorFlow. Arithmetic is f32; outputs that a binding calls accurate are finished in f64 on the host.
 * `compile` rejects with BackendMissingError when there is no such backend, and with RangeError for sums too long for f32.
 */
export function eagerDevice(backend: string): Device {
  return {
    name: backend === 'tensorflow' ? 'cuda' : `eager:${backend}`,
    precision: 'single',
    threads: 1,
    compile: async (program, binding) => {
      await start(backend);
      return EagerExecutable.create(backend, program, binding);
    },
  };
}

/** Starts a backend and leaves the active one active. */
async function start(backend: string): Promise<void> {
  const engine = tf.engine();
  const previous = engine.backendName as string | null | undefined;
  if (engine.findBackendFactory(backend) === null) {
    throw new BackendMissingError(
      `tfjs has no backend '${backend}': install and import @tensorflow/tfjs-backend-${backend} (registered: ${Object.keys(engine.registryFactory).join(', ') || 'none'})`,
    );
  }
  if (!(await tf.setBackend(backend))) throw new BackendMissingError(`the tfjs backend '${backend}' did not start`);
  if (previous !== null && previous !== undefined) await tf.setBackend(previous);
}
