// Evaluates a program on a device and interpreted, for several chains with different parameters, and compares every output.
import { expect } from 'vitest';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { Device } from '../../../src/kernels/device.js';
import { type Comparison, deviceErrors } from '../../devices/deviceErrors.js';

/** @param device default: the CPU */
export async function compareWithInterpreter({
  device = cpuDevice(),
  tolerance = 1e-11,
  ...comparison
}: Comparison & { readonly device?: Device; readonly tolerance?: number }): Promise<void> {
  for (const [name, error] of await deviceErrors(device, comparison)) expect(error, name).toBeLessThan(tolerance);
}
