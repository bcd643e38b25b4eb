// The devices that one suite of tests runs on: the CPU, the GPU (software Vulkan where there is no other), tfjs's own backends, and TensorFlow where it is installed.
import { startThreads } from '../../src/kernels/adapters/nodeThreads.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import type { Device } from '../../src/kernels/device.js';
import { webgpuDevice } from '../../src/kernels/webgpu/webgpuDevice.js';
import { eagerDevices } from '../kernels/eager/backends.js';
import { testGpu } from '../kernels/webgpu/testGpu.js';
import { isThorough } from '../thorough.js';

export interface TestDevice {
  readonly label: string;
  readonly device: Device;
  /** Share of many random cases that it gets: less where compiling is slow. */
  readonly share: number;
}

/** Open until the test process ends. Without a GPU adapter the others are tested, and the suite says so. */
export async function testDevices(): Promise<TestDevice[]> {
  const gpu = await testGpu();
  const onGpu = (laneWidth: 1 | 4): TestDevice[] =>
    gpu === undefined
      ? []
      : [
          {
            label: `webgpu, ${laneWidth} lanes an invocation`,
            device: webgpuDevice(gpu, { laneWidth }),
            share: (laneWidth === 1 ? 0.2 : 0.05) * (isThorough ? 1 : 0.3),
          },
        ];
  return [
    { label: 'cpu', device: cpuDevice(), share: 1 },
    { label: 'cpu, 2 threads', device: cpuDevice({ threads: 2, startThreads }), share: 1 },
    ...onGpu(1),
    ...onGpu(4),
    ...eagerDevices.map((device) => ({ label: device.name, device, share: 1 })),
  ];
}
