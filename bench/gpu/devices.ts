// The devices that the benchmark `gpu` compares, each with its copy bandwidth.
import { coreCount, startThreads } from '../../src/kernels/adapters/nodeThreads.js';
import { nodeGpu } from '../../src/kernels/adapters/nodeGpu.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import type { Device } from '../../src/kernels/device.js';
import { GpuContext } from '../../src/kernels/webgpu/context.js';
import { NoAdapterError } from '../../src/kernels/webgpu/errors.js';
import { webgpuDevice } from '../../src/kernels/webgpu/webgpuDevice.js';
import { cpuCopyBandwidth, gpuCopyBandwidth } from './copyBandwidth.js';

export interface BenchmarkDevice {
  /** As printed: `cpu, 2 threads`, `webgpu, NVIDIA H200`, `webgpu, SwiftShader (software)`. */
  readonly label: string;
  /** Only imitates a GPU: right for correctness, its times say nothing of a GPU. */
  readonly isSoftware: boolean;
  readonly device: Device;
  readonly context?: GpuContext;
  /** Bytes read and written per second by a copy. */
  copyBandwidth(): Promise<number>;
  dispose(): void;
}

export type DeviceChoice = 'all' | 'cpu' | 'webgpu';
export const deviceChoices: readonly DeviceChoice[] = ['all', 'cpu', 'webgpu'];

/** The devices that were found, and for those that were not why. */
export interface FoundDevices {
  readonly devices: readonly BenchmarkDevice[];
  readonly missing: readonly string[];
}

export async function findDevices(choice: DeviceChoice): Promise<FoundDevices> {
  const devices: BenchmarkDevice[] = [];
  const missing: string[] = [];
  if (choice !== 'webgpu') devices.push(benchmarkCpu());
  if (choice !== 'cpu') {
    try {
      devices.push(benchmarkGpu(await GpuContext.create(await nodeGpu())));
    } catch (error) {
      if (!(error instanceof NoAdapterError)) throw error;
      missing.push(`webgpu: ${error.message}`);
    }
  }
  return { devices, missing };
}

function benchmarkGpu(context: GpuContext): BenchmarkDevice {
  const { name, isSoftware } = context.adapter;
  return {
    label: `webgpu, ${name}${isSoftware ? ' (software)' : ''}`,
    isSoftware,
    device: webgpuDevice(context),
    context,
    copyBandwidth: () => gpuCopyBandwidth(context),
    dispose: () => context.dispose(),
  };
}

function benchmarkCpu(): BenchmarkDevice {
  const threads = coreCount();
  return {
    label: `cpu, ${threads} thread${threads === 1 ? '' : 's'}`,
    isSoftware: false,
    device: cpuDevice({ threads, startThreads }),
    copyBandwidth: () => cpuCopyBandwidth(threads),
    dispose: () => undefined,
  };
}
