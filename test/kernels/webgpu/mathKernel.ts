// Runs a WGSL function over arrays, and measures f32 results in units in the last place of the true value.
import type { GpuContext } from '../../../src/kernels/webgpu/context.js';
import { type MathName, mathCall, mathSource } from '../../../src/kernels/webgpu/math/mathSource.js';
import type { WgslType } from '../../../src/kernels/webgpu/math/template.js';

/** Runs a module whose `main` (workgroups of 64 along x, elements of one f32 or vector) maps bindings 0 and 1 to binding 2. */
export async function runOnArrays(
  gpu: GpuContext,
  code: string,
  label: string,
  x: Float32Array,
  y: Float32Array,
  invocations: number,
): Promise<Float32Array> {
  const pipeline = await gpu.pipeline(code, label);
  const buffers = await Promise.all([x, y, x].map((values) => gpu.allocate(values.byteLength, label)));
  gpu.write(buffers[0], 0, x);
  gpu.write(buffers[1], 0, y);
  const encoder = gpu.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    gpu.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    }),
  );
  pass.dispatchWorkgroups(Math.ceil(invocations / 64));
  pass.end();
  const result = await gpu.submitAndRead(encoder, [{ buffer: buffers[2], offset: 0, bytes: x.byteLength }]);
  for (const buffer of buffers) gpu.free(buffer);
  return new Float32Array(result);
}

const argumentCount: Partial<Record<MathName, number>> = {
  pow: 2,
  atan2: 2,
  mod: 2,
  min: 2,
  max: 2,
  infinity: 0,
  nan: 0,
};

/** f(x) or f(x, y) for every element; the length is a multiple of 4. */
export function evaluate(
  gpu: GpuContext,
  name: MathName,
  type: WgslType,
  x: Float32Array,
  y: Float32Array = x,
): Promise<Float32Array> {
  const args = ['x[i]', 'y[i]'].slice(0, argumentCount[name] ?? 1).join(', ');
  const code = `${mathSource([name], type)}
@group(0) @binding(0) var<storage, read_write> x: array<${type}>;
@group(0) @binding(1) var<storage, read_write> y: array<${type}>;
@group(0) @binding(2) var<storage, read_write> result: array<${type}>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  if (i < arrayLength(&x)) {
    let anchor = x[i] + y[i];
    result[i] = select(anchor, ${mathCall(name, type)}(${args}), true);
  }
}`;
  return runOnArrays(gpu, code, `${name} of ${type}`, x, y, x.length);
}

const smallestNormal = 2 ** -126;

/** Distance of neighbouring f32 numbers at the f64 number x; in the subnormal range, which may be flushed to zero, that of the smallest normal. */
function ulpOf(x: number): number {
  const size = Math.min(Math.max(Math.abs(x), smallestNormal), 3.4028234663852886e38);
  return 2 ** (Math.floor(Math.log2(size)) - 23);
}

/** Error in ulps of the true value; 0 for equal infinities and for two NaN, Infinity for what cannot be compared; overflow in the last ulp is no error. */
export function errorInUlps(actual: number, expected: number): number {
  const rounded = Math.fround(expected);
  if (Object.is(actual, rounded) || actual === rounded)
    return Number.isFinite(rounded) ? (actual - expected) / ulpOf(expected) : 0;
  if (Number.isNaN(actual) || Number.isNaN(rounded)) return Infinity;
  const finite = Math.max(-(2 ** 128), Math.min(2 ** 128, actual));
  const finiteExpected = Math.max(-(2 ** 128), Math.min(2 ** 128, expected));
  if (Math.abs(expected) < smallestNormal && Math.abs(actual) < smallestNormal) return 0;
  return (finite - finiteExpected) / ulpOf(finiteExpected);
}
