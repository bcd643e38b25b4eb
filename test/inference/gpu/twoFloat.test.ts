// Two-float sums keep what plain f32 loses, whatever the shader compiler would like to simplify.
import { afterAll, describe, expect, it } from 'vitest';
import { type PartialSums, storeSums, twoFloat } from '../../../src/inference/gpu/wgsl/sums.js';
import { testGpu } from '../../kernels/webgpu/testGpu.js';
import { runKernel } from './runKernel.js';

const context = await testGpu();
afterAll(() => context?.dispose());

/** One workgroup adds up the input, by threads or altogether. */
const sumKernel = (step: string, whose: PartialSums) => `
const THREADS = 64u;
struct Header { zero: u32, length: u32, partialCount: u32, parts: u32 }
@group(0) @binding(0) var<storage, read> header: Header;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> partials: array<vec2f>;
${twoFloat}
${storeSums(whose, 1)}
@compute @workgroup_size(THREADS) fn main(@builtin(local_invocation_index) thread: u32) {
  zero = header.zero;
  var sum = vec2f();
  for (var i = thread; i < header.length; i += THREADS) { ${step} }
  storeSums(array(sum), 0u, 0u, thread);
}`;
const compensated = 'sum = accumulate(sum, input[i]);';
const plain = 'sum.x += input[i];';

async function sumOf(step: string, whose: PartialSums, values: Float32Array): Promise<number> {
  const parts = whose === 'thread' ? 64 : 1;
  const header = Uint32Array.of(0, values.length, parts, parts);
  const result = await runKernel(context!, sumKernel(step, whose), [header, values], 2 * parts, 1);
  return new Float32Array(result).reduce((sum, x) => sum + x, 0);
}

describe.skipIf(context === undefined).each(['thread', 'workgroup'] as const)(
  'partial sums of each %s, of a large and many small numbers',
  (whose) => {
    const count = 200_000;
    const values = Float32Array.from({ length: count }, () => Math.random());
    for (let i = 0; i < 64; i++) values[i] = 1e8;
    const exact = values.reduce((sum, x) => sum + x, 0);

    it('are right to f64 as two-float sums', async () => {
      // Each sum of a thread and each of the tree rounds its low part: 2⁻²⁴ of about 10⁴.
      expect(Math.abs((await sumOf(compensated, whose, values)) - exact)).toBeLessThan(0.05);
    });

    it('are wrong as plain f32 sums, so that the test can fail', async () => {
      expect(Math.abs((await sumOf(plain, whose, values)) - exact)).toBeGreaterThan(1000);
    });

    it('come back to small differences of large sums', async () => {
      const cancelling = Float32Array.from(
        { length: 6400 },
        (_, i) => (i < 3200 ? 1 : -1) * (2 ** 30 + 2 ** 20 * (i % 3200)),
      );
      cancelling[77] += 128;
      const difference = cancelling.reduce((sum, x) => sum + x, 0);
      expect(difference).not.toBe(0);
      expect(await sumOf(compensated, whose, cancelling)).toBeCloseTo(difference, 1);
    });
  },
);
