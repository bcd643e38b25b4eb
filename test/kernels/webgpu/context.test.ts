// Buffers, kernels and faults of a GPU context.
import { afterAll, describe, expect, it } from 'vitest';
import { DeviceMemoryError, ShaderCompileError } from '../../../src/kernels/webgpu/errors.js';
import { testGpu } from './testGpu.js';

const context = await testGpu();
afterAll(() => context?.dispose());

const double = `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&x)) { x[id.x] = 2 * x[id.x]; }
}`;

describe.skipIf(context === undefined)('GPU context', () => {
  it('runs a kernel on what was written and reads it back', async () => {
    const gpu = context!;
    const values = Float32Array.from({ length: 100 }, () => Math.random());
    const buffer = await gpu.allocate(values.byteLength, 'numbers');
    gpu.write(buffer, 0, values);
    const pipeline = await gpu.pipeline(double, 'double');
    const encoder = gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      gpu.device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer } }],
      }),
    );
    pass.dispatchWorkgroups(2);
    pass.end();
    const result = new Float32Array(
      await gpu.submitAndRead(encoder, [{ buffer, offset: 0, bytes: values.byteLength }]),
    );
    expect([...result]).toEqual([...values].map((x) => 2 * x));
    gpu.free(buffer);
  });

  it('names kernel and line of a shader that does not compile', async () => {
    const broken = double.replace('2 * x[id.x]', '2 * y');
    await expect(context!.pipeline(broken, 'broken')).rejects.toThrow(ShaderCompileError);
    await expect(context!.pipeline(broken, 'broken')).rejects.toThrow(/kernel broken, line 4/);
  });

  it('refuses an array larger than a buffer', async () => {
    await expect(context!.allocate(2 ** 40, 'too large')).rejects.toThrow(DeviceMemoryError);
  });
});
