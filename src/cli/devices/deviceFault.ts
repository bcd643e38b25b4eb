// Which failures are the device's: those that another device, or the same one opened anew, may be spared.
import { DeviceLostError, DeviceMemoryError, NoAdapterError, ShaderCompileError } from '../../kernels/webgpu/errors.js';

export type DeviceFault = DeviceLostError | DeviceMemoryError | NoAdapterError | ShaderCompileError;

const faults = [DeviceLostError, DeviceMemoryError, NoAdapterError, ShaderCompileError] as const;

/** The fault of a device behind an error, or undefined when the error has another cause. */
export function deviceFault(error: unknown): DeviceFault | undefined {
  for (let e = error; e instanceof Error; e = e.cause) {
    const found = e;
    if (faults.some((type) => found instanceof type)) return found as DeviceFault;
  }
  return undefined;
}
