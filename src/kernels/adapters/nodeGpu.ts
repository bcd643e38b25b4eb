// WebGPU in Node: Dawn through the optional package `webgpu`, loaded when it is asked for.
import { NoAdapterError } from '../webgpu/errors.js';

let instance: Promise<GPU> | undefined;

/** The process's WebGPU. Rejects with NoAdapterError when the package is not installed. */
export function nodeGpu(): Promise<GPU> {
  return (instance ??= load());
}

async function load(): Promise<GPU> {
  let dawn: typeof import('webgpu');
  try {
    dawn = await import('webgpu');
  } catch (error) {
    throw new NoAdapterError('the package `webgpu` is not installed: npm install webgpu', { cause: error });
  }
  return dawn.create([]);
}
