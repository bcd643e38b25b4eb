// Tries the GPU that a fit would take, and TensorFlow where it is installed: for `hierax doctor`, in a process of its own.
import { nodeGpu } from '../../kernels/adapters/nodeGpu.js';
import { nodeTensorflow } from '../../kernels/adapters/nodeTensorflow.js';
import { GpuContext } from '../../kernels/webgpu/context.js';
import { webgpuDevice } from '../../kernels/webgpu/webgpuDevice.js';
import { checkGpu, type GpuCheck } from '../doctor/gpuCheck.js';
import type { AdapterList } from './adapters.js';
import { hasTensorflow } from './openCuda.js';

export interface SelfTest {
  /** Of the first adapter. */
  readonly check?: GpuCheck;
  readonly tensorflow: TensorflowFound;
}

/** What the device `cuda` would run on, or in one line why it cannot and how to get it. */
export interface TensorflowFound {
  readonly state: 'onGpu' | 'onProcessor' | 'failed' | 'missing';
  readonly detail: string;
}

export async function selfTest({ adapters }: AdapterList): Promise<SelfTest> {
  const tensorflow = await findTensorflow();
  if (adapters.length === 0) return { tensorflow };
  try {
    return {
      tensorflow,
      check: await checkGpu(webgpuDevice(await GpuContext.create(await nodeGpu())), {
        rows: adapters[0].isSoftware ? 20_000 : 400_000,
      }),
    };
  } catch (error) {
    return { tensorflow, check: { isWorking: false, trial: undefined, faults: [firstLine(error)] } };
  }
}

async function findTensorflow(): Promise<TensorflowFound> {
  try {
    const { packageName, version, isOnGpu } = await nodeTensorflow();
    return { state: isOnGpu ? 'onGpu' : 'onProcessor', detail: `${packageName} with TensorFlow ${version}` };
  } catch (error) {
    return { state: hasTensorflow() ? 'failed' : 'missing', detail: firstLine(error) };
  }
}

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0];
