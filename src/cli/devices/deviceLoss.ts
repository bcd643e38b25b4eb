// What follows a device's fault in the middle of a run: stop, the same device opened anew, or the processor.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../data/config.js';
import type { DeviceName } from '../../data/configSchema.js';
import { DeviceMemoryError, NoAdapterError, ShaderCompileError } from '../../kernels/webgpu/errors.js';
import type { DeviceFault } from './deviceFault.js';

/** Decides after each fault of a run. */
export class DeviceLossPolicy {
  /** Attempts since the run last went forward. */
  private attempts = 0;
  private lastProgress = -1;

  constructor(
    private readonly onDeviceLoss: Config['onDeviceLoss'],
    /** Milliseconds to wait before each attempt to open a lost device, as long as no checkpoint is saved in between. */
    private readonly delays: readonly number[],
  ) {}

  /**
   * The device to go on with from the last checkpoint; throws the fault when the run is to stop.
   * @param progress checkpoints saved so far: attempts count from the last one
   */
  async next(fault: DeviceFault, device: DeviceName, progress: number, signal?: AbortSignal): Promise<DeviceName> {
    if (this.onDeviceLoss === 'stop' || device === 'cpu') throw fault;
    if (this.onDeviceLoss === 'cpu') return 'cpu';
    // The driver will refuse the same shader again.
    if (fault instanceof ShaderCompileError) throw fault;
    // Without progress a device that has not the memory will not have it a moment later either.
    if (fault instanceof DeviceMemoryError && progress <= Math.max(0, this.lastProgress)) throw fault;
    if (progress > this.lastProgress) this.attempts = 0;
    this.lastProgress = progress;
    if (this.attempts === this.delays.length) throw fault;
    const delay = this.delays[this.attempts++];
    await sleep(delay, undefined, { signal }).catch(() => undefined);
    return device;
  }
}

/** While a run is under way an adapter that cannot be found is a fault of the device, not of the user's input. */
export async function vanished<T>(opening: Promise<T>): Promise<T> {
  return opening.catch((error: unknown) => {
    throw error instanceof Error && error.name === 'InputError'
      ? new NoAdapterError(error.message, { cause: error })
      : error;
  });
}
