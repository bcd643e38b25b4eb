// The device of a fit: by name, or by timing one gradient on each there is, as `hierax fit --device auto` does.
import { type Candidate, chooseDevice } from '../../../src/cli/devices/chooseDevice.js';
import type { OpenDevice } from '../../../src/cli/devices/openDevice.js';
import { InputError } from '../../../src/data/inputError.js';
import { modelSettings, nuts, type PreparedMethod } from '../../../src/inference/index.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import { GpuContext } from '../../../src/kernels/webgpu/context.js';
import { NoAdapterError } from '../../../src/kernels/webgpu/errors.js';
import { webgpuDevice } from '../../../src/kernels/webgpu/webgpuDevice.js';
import type { Model } from '../../../src/models/model.js';
import type { DeviceChoice } from '../messages.js';
import { browserThreads, threadCount } from './threads.js';

/** A model compiled for all chains on an open device. */
export interface Target {
  readonly prepared: PreparedMethod;
  /** Device and threads, in words; with `auto` the figures of all that were timed. */
  readonly device: string;
  /** Ends the threads and closes the device. */
  dispose(): Promise<void>;
}

const noGpu = 'this browser offers no WebGPU adapter to this page; choose another device, or a browser that does';

/** Rejects with InputError when the GPU is asked for and there is none, and with the device's own faults. */
export async function openTarget(choice: DeviceChoice, model: Model, chains: number): Promise<Target> {
  const prepare = ({ device }: OpenDevice): Promise<PreparedMethod> =>
    nuts.prepare(model, device, { chains, threads: threadCount() }, browserThreads);
  const among = await candidates(choice);
  const { centre } = modelSettings(model, {}).initial!;
  const { open, prepared, line } = await chooseDevice(among, prepare, centre as Float64Array, chains);
  const words = [
    `${nameOf(open)}: ${prepared.division}`,
    ...(line === undefined ? [] : [`timed: ${line.replace(/^device: /, '')}`]),
  ];
  return {
    prepared,
    device: words.join('; '),
    dispose: async () => {
      await prepared.dispose();
      open.dispose();
    },
  };
}

/** With `auto` the processor, and a GPU that does not merely imitate one. */
async function candidates(choice: DeviceChoice): Promise<Candidate[]> {
  const cpu: Candidate = { label: 'WebAssembly', open: () => Promise.resolve(openCpu()) };
  if (choice === 'cpu') return [cpu];
  const gpu = await openGpu();
  if (choice === 'webgpu') {
    if (gpu === undefined) throw new InputError(noGpu);
    return [{ label: nameOf(gpu), open: () => Promise.resolve(gpu) }];
  }
  if (gpu === undefined) return [cpu];
  if (gpu.isSoftware) {
    gpu.dispose();
    return [cpu];
  }
  return [cpu, { label: nameOf(gpu), open: () => Promise.resolve(gpu) }];
}

function openCpu(): OpenDevice {
  return {
    device: cpuDevice(),
    adapter: undefined,
    isSoftware: false,
    allocatedBytes: () => undefined,
    dispose: () => undefined,
  };
}

/** Undefined where there is no WebGPU, or no adapter. */
async function openGpu(): Promise<OpenDevice | undefined> {
  if (!('gpu' in navigator)) return undefined;
  try {
    const context = await GpuContext.create(navigator.gpu);
    const { name, vendor, isSoftware } = context.adapter;
    return {
      device: webgpuDevice(context),
      adapter: `${vendor} ${name}`,
      isSoftware,
      allocatedBytes: () => context.allocatedBytes,
      dispose: () => context.dispose(),
    };
  } catch (error) {
    if (error instanceof NoAdapterError) return undefined;
    throw error;
  }
}

const nameOf = ({ device, adapter }: OpenDevice): string =>
  device.name === 'cpu' ? 'WebAssembly' : `WebGPU (${adapter})`;
