// The tfjs backends that eager devices are tested on.
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { eagerDevice } from '../../../src/kernels/eager/eagerDevice.js';
import type { Device } from '../../../src/kernels/device.js';

export const eagerDevices: readonly Device[] = ['cpu', 'wasm'].map(eagerDevice);
