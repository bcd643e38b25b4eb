// A machine with a GPU that is none: the processor computes under the name webgpu, and fails when a test wants it to.
import { machine } from '../../src/cli/devices/machine.js';
import type { GpuFindings } from '../../src/cli/devices/probeGpu.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import type { Device, Executable, ProgramBinding } from '../../src/kernels/device.js';
import type { TensorProgram } from '../../src/kernels/program/tensorProgram.js';
import type { GpuContext } from '../../src/kernels/webgpu/context.js';
import { DeviceLostError } from '../../src/kernels/webgpu/errors.js';

export const findings: GpuFindings = {
  version: '0.6.2',
  complaints: [],
  failure: undefined,
  adapters: [
    {
      vendor: 'acme',
      name: 'acme driver 1.0',
      deviceName: 'Acme 9000',
      backend: 'vulkan',
      isSoftware: false,
      limits: {
        bindingBytes: 2 ** 31,
        bufferBytes: 2 ** 31,
        storageBuffers: 10,
        workgroupBytes: 2 ** 15,
        workgroupSize: 256,
      },
    },
  ],
};

export interface FakeGpu {
  /** Called before every evaluation with their number so far, over all openings; may throw. */
  onRun?: (evaluations: number) => void;
  /** Called when the adapter is opened, with the number of times so far; may throw. */
  onOpen?: (openings: number) => void;
  /** Called when a program is compiled; may throw. */
  onCompile?: () => void;
  /** Milliseconds that an evaluation takes. */
  delay?: number;
}

const own = { ...machine };

/** The machine as it is. */
export function restoreMachine(): void {
  Object.assign(machine, own);
}

/** Puts the fake in the machine's place until `restoreMachine`; returns what was asked of it. */
export function withGpu(gpu: FakeGpu = {}, found: GpuFindings = findings) {
  const asked = { openings: 0, evaluations: 0, disposals: 0 };
  const compile = async (program: TensorProgram, binding: ProgramBinding): Promise<Executable> => {
    gpu.onCompile?.();
    const executable = await cpuDevice().compile(program, binding);
    return {
      lanes: executable.lanes,
      parameters: executable.parameters,
      memoryBytes: executable.memoryBytes,
      output: (...names) => executable.output(...names),
      run: async () => {
        if (gpu.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, gpu.delay));
        asked.evaluations++;
        gpu.onRun?.(asked.evaluations);
        await executable.run();
      },
      dispose: () => executable.dispose(),
    };
  };
  const device: Device = { name: 'webgpu', precision: 'single', threads: 1, compile };
  const context = { allocatedBytes: 4096, dispose: () => void asked.disposals++ };
  Object.assign(machine, {
    mayHaveGpu: () => true,
    probeGpu: () => Promise.resolve(found),
    openGpu: async () => {
      asked.openings++;
      gpu.onOpen?.(asked.openings);
      return Promise.resolve(context as unknown as GpuContext);
    },
    gpuDevice: () => device,
    hasTensorflow: () => false,
    retryDelays: [0, 1],
  });
  return asked;
}

/** A loss at the given evaluations. */
export function lostAt(...evaluations: readonly number[]): (evaluation: number) => void {
  return (evaluation) => {
    if (evaluations.includes(evaluation)) throw new DeviceLostError('the GPU was lost: the driver was reset');
  };
}
