// Opens a device by name, or says in one line what is missing for it and how to get it.
import type { Config } from '../../data/config.js';
import type { DeviceName } from '../../data/configSchema.js';
import { InputError } from '../../data/inputError.js';
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Device } from '../../kernels/device.js';
import { NoAdapterError } from '../../kernels/webgpu/errors.js';
import { whyNoGpu } from './gpuAdvice.js';
import { machine } from './machine.js';
import { openCuda } from './openCuda.js';
import { inputErrors, openEager } from './openEager.js';
import type { GpuFindings } from './probeGpu.js';

/** A device that a fit runs on. */
export interface OpenDevice {
  readonly device: Device;
  /** What the device is called where there may be several: the name of the GPU. */
  readonly adapter: string | undefined;
  /** Imitates a GPU on the processor. */
  readonly isSoftware: boolean;
  /** Bytes of all that is allocated on the device, where it has memory of its own. */
  allocatedBytes(): number | undefined;
  /** Closes the device; more than once does no harm. */
  dispose(): void;
}

/** What the user may ask of a device. */
export type DeviceWishes = Pick<Config, 'precision'>;

/** In words: `cpu`, `webgpu NVIDIA H200`. */
export function deviceLabel({ device, adapter }: Pick<OpenDevice, 'device' | 'adapter'>): string {
  return adapter === undefined ? device.name : `${device.name} ${adapter}`;
}

/** Precision of the numbers on a device: the processor offers both. */
export function precisionOn(name: DeviceName, { precision }: DeviceWishes): 'double' | 'single' {
  return name === 'cpu' ? (precision ?? 'double') : 'single';
}

/**
 * Opens a device that was asked for by name. Throws InputError when it is not there or cannot do what is wished.
 * @param findings what is known of GPUs; looked for when it is left out
 */
export async function openDevice(name: DeviceName, wishes: DeviceWishes, findings?: GpuFindings): Promise<OpenDevice> {
  if (name === 'cpu') return inHostMemory(cpuDevice({ precision: wishes.precision }));
  if (wishes.precision === 'double') {
    throw new InputError(
      `device ${name} computes in single precision with compensated sums; leave out precision: double, or use --device cpu`,
    );
  }
  if (name === 'webgpu') return openWebgpu(findings ?? (await machine.probeGpu()));
  if (name.startsWith('eager:')) return inHostMemory(inputErrors(await openEager(name.slice('eager:'.length))));
  const { device, adapter, isOnGpu } = await openCuda(() => machine.openTensorflow());
  return { ...inHostMemory(inputErrors(device)), adapter, isSoftware: !isOnGpu };
}

function inHostMemory(device: Device): OpenDevice {
  return {
    device,
    adapter: undefined,
    isSoftware: false,
    allocatedBytes: () => undefined,
    dispose: () => undefined,
  };
}

/** Throws InputError; what an adapter that is there does wrong comes as it is (DeviceLostError). */
async function openWebgpu(findings: GpuFindings): Promise<OpenDevice> {
  const [found] = findings.adapters;
  if (found === undefined) throw noGpu(findings);
  const context = await machine.openGpu().catch((error: unknown) => {
    throw error instanceof NoAdapterError ? noGpu(findings) : error;
  });
  return {
    device: machine.gpuDevice(context),
    adapter: found.deviceName,
    isSoftware: found.isSoftware,
    allocatedBytes: () => context.allocatedBytes,
    dispose: () => context.dispose(),
  };
}

function noGpu(findings: GpuFindings): InputError {
  const { what, remedy } = whyNoGpu(findings, process.platform);
  return new InputError(`device webgpu: ${what}; ${remedy}; hierax doctor shows what was found`);
}
