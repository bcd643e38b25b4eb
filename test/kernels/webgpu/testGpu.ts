// The GPU that tests run on: SwiftShader, or with HIERAX_TEST_GPU=1 the machine's own.
import { nodeGpu } from '../../../src/kernels/adapters/nodeGpu.js';
import { GpuContext, type GpuLimits } from '../../../src/kernels/webgpu/context.js';
import { NoAdapterError } from '../../../src/kernels/webgpu/errors.js';

/** A device, or undefined where there is none (tests are skipped, visibly); HIERAX_REQUIRE_WEBGPU=1 makes that an error. */
export async function testGpu(limits?: Partial<GpuLimits>): Promise<GpuContext | undefined> {
  try {
    return await GpuContext.create(await nodeGpu(), { limits });
  } catch (error) {
    if (error instanceof NoAdapterError && process.env.HIERAX_REQUIRE_WEBGPU === undefined) return undefined;
    throw error;
  }
}
