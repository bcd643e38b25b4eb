// Runs one WGSL kernel on arrays, for tests of the pieces that kernels are made of.
import type { GpuContext } from '../../../src/kernels/webgpu/context.js';

/** Binds `inputs` and then an array of `length` words as bindings 0, 1, … of `code`, runs it, and returns that array. */
export async function runKernel(
  context: GpuContext,
  code: string,
  inputs: readonly (Float32Array | Uint32Array)[],
  length: number,
  workgroups: number,
): Promise<ArrayBuffer> {
  const pipeline = await context.pipeline(code, 'test');
  const buffers = await Promise.all(inputs.map(({ byteLength }) => context.allocate(byteLength, 'input')));
  inputs.forEach((values, i) => context.write(buffers[i], 0, values));
  const output = await context.allocate(4 * length, 'output');
  const encoder = context.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    context.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [...buffers, output].map((buffer, binding) => ({ binding, resource: { buffer } })),
    }),
  );
  pass.dispatchWorkgroups(workgroups);
  pass.end();
  const result = await context.submitAndRead(encoder, [{ buffer: output, offset: 0, bytes: 4 * length }]);
  for (const buffer of [...buffers, output]) context.free(buffer);
  return result;
}
