// Two-float sums keep what plain f32 loses, whatever the shader compiler would like to simplify.
import { afterAll, describe, expect, it } from 'vitest';
import { twoFloat } from '../../../src/inference/gpu/wgsl/shared.js';
import { testGpu } from '../../kernels/webgpu/testGpu.js';
import { runKernel } from './runKernel.js';

const context = await testGpu();
afterAll(() => context?.dispose());

/** One workgroup adds up the input: by threads, then over them. */
const sumKernel = (step: string) => `
const THREADS = 64u;
struct Header { zero: u32, length: u32 }
@group(0) @binding(0) var<storage, read> header: Header;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<vec2f>;
${twoFloat}
@compute @workgroup_size(THREADS) fn main(@builtin(local_invocation_index) thread: u32) {
  zero = header.zero;
  var sum = vec2f();
  for (var i = thread; i < header.length; i += THREADS) { ${step} }
  let total = groupSum(sum, thread);
  if (thread == 0u) { output[0] = total; }
}`;
const compensated = sumKernel('sum = accumulate(sum, input[i]);');
const plain = sumKernel('sum.x += input[i];');
async function sumOf(code: string, values: Float32Array): Promise<number> {
  const header = Uint32Array.of(0, values.length);
  const [high, low] = new Float32Array(await runKernel(context!, code, [header, values], 2, 1));
  return high + low;
}

describe.skipIf(context === undefined)('sums of a large and many small numbers', () => {
  const count = 200_000;
  const values = Float32Array.from({ length: count }, () => Math.random());
  for (let i = 0; i < 64; i++) values[i] = 1e8;
  const exact = values.reduce((sum, x) => sum + x, 0);

  it('are right to f64 as two-float sums', async () => {
    // Each sum of a thread and each of the tree rounds its low part: 2⁻²⁴ of about 10⁴.
    expect(Math.abs((await sumOf(compensated, values)) - exact)).toBeLessThan(0.05);
  });

  it('are wrong as plain f32 sums, so that the test can fail', async () => {
    expect(Math.abs((await sumOf(plain, values)) - exact)).toBeGreaterThan(1000);
  });

  it('come back to small differences of large sums', async () => {
    const cancelling = Float32Array.from(
      { length: 6400 },
      (_, i) => (i < 3200 ? 1 : -1) * (2 ** 30 + 2 ** 20 * (i % 3200)),
    );
    cancelling[77] += 128;
    const difference = cancelling.reduce((sum, x) => sum + x, 0);
    expect(difference).not.toBe(0);
    expect(await sumOf(compensated, cancelling)).toBeCloseTo(difference, 1);
  });
});
