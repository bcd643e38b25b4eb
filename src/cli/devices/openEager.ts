// Opens devices that run the tensor operations one by one: tfjs' own backends, loaded when they are asked for.
import { env } from '@tensorflow/tfjs-core';
import { InputError } from '../../data/inputError.js';
import type { Device } from '../../kernels/device.js';
import { BackendMissingError, eagerDevice } from '../../kernels/eager/eagerDevice.js';

/** Backends that run in Node. */
const known = ['cpu', 'wasm'];

/** Throws InputError when the backend's package is not installed, or does not run here. */
export async function openEager(backend: string): Promise<Device> {
  const name = `@tensorflow/tfjs-backend-${backend}`;
  // Otherwise the cpu backend advertises tfjs-node on stderr.
  env().set('PROD', true);
  try {
    await import(name);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const what = isMissing ? `${name} is not installed` : `${name} does not load: ${(error as Error).message}`;
    const remedy = known.includes(backend) ? `npm install ${name}` : `backends that run in Node: ${known.join(', ')}`;
    throw new InputError(`device eager:${backend}: ${what}; ${remedy}`);
  }
  return eagerDevice(backend);
}

/** The device, whose refusals are the user's to mend: a backend that does not start, sums too long for f32. */
export function inputErrors(device: Device): Device {
  return {
    ...device,
    compile: (program, binding) =>
      device.compile(program, binding).catch((error: unknown) => {
        if (!(error instanceof BackendMissingError || error instanceof RangeError)) throw error;
        throw new InputError(`device ${device.name}: ${error.message}; use --device cpu`);
      }),
  };
}

/** Which of the known backends are installed. */
export async function eagerBackends(): Promise<string[]> {
  const found: string[] = [];
  for (const backend of known) {
    try {
      await import(`@tensorflow/tfjs-backend-${backend}`);
      found.push(backend);
    } catch {
      // Not installed: the answer is the list.
    }
  }
  return found;
}
