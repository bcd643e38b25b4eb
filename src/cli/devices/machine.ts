// What devices are opened from on this machine; one object, so that tests can put others in its place.
import { coreCount } from '../../kernels/adapters/nodeThreads.js';
import { nodeGpu } from '../../kernels/adapters/nodeGpu.js';
import { nodeTensorflow } from '../../kernels/adapters/nodeTensorflow.js';
import { GpuContext } from '../../kernels/webgpu/context.js';
import { webgpuDevice } from '../../kernels/webgpu/webgpuDevice.js';
import { hasTensorflow } from './openCuda.js';
import { mayHaveGpu, probeGpu } from './probeGpu.js';

export const machine = {
  coreCount,
  mayHaveGpu,
  probeGpu,
  /** Opens the adapter that the probe names first. Rejects with NoAdapterError, DeviceLostError. */
  openGpu: async (): Promise<GpuContext> => GpuContext.create(await nodeGpu()),
  /** The device that compiles for an open GPU. */
  gpuDevice: webgpuDevice,
  openTensorflow: nodeTensorflow,
  /** Whether the package of the device `cuda` is installed. */
  hasTensorflow,
  /** Milliseconds before each attempt to open a lost device anew. */
  retryDelays: [0, 2_000, 10_000] as readonly number[],
};
