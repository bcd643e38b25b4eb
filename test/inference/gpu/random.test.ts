// Random numbers on the device: the integers of the host's Philox bit for bit, and its normals to f32.
import { afterAll, describe, expect, it } from 'vitest';
import { normals, philox } from '../../../src/inference/gpu/wgsl/momentumKernels.js';
import { philox4x32 } from '../../../src/inference/random/philox.js';
import { PhiloxStream, randomKey } from '../../../src/inference/random/streams.js';
import { testGpu } from '../../kernels/webgpu/testGpu.js';
import { runKernel } from './runKernel.js';

const context = await testGpu();
afterAll(() => context?.dispose());

const wordsKernel = `${philox}
@group(0) @binding(0) var<storage, read> input: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4u>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= arrayLength(&output)) { return; }
  let at = 6u * id.x;
  output[id.x] = philox4x32(vec4u(input[at], input[at + 1u], input[at + 2u], input[at + 3u]), vec2u(input[at + 4u], input[at + 5u]));
}`;

const normalsKernel = `${philox}
${normals}
@group(0) @binding(0) var<storage, read> input: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= arrayLength(&output)) { return; }
  output[id.x] = normal(id.x, vec3u(input[0], input[1], input[2]), vec2u(input[3], input[4]));
}`;

const anyWord = () => Math.floor(Math.random() * 2 ** 32);
const hex = (text: string) => text.split(' ').map((word) => parseInt(word, 16));

describe.skipIf(context === undefined)('Philox4x32-10 in WGSL', () => {
  it('gives the published vectors of Random123', async () => {
    // Known-answer tests `philox4x32 10` of Random123 1.09 (kat_vectors): counter and key, result.
    const known = [
      ['00000000 00000000 00000000 00000000 00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
      ['ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
      ['243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
    ];
    const input = Uint32Array.from(known.flatMap(([counter]) => hex(counter)));
    const words = new Uint32Array(await runKernel(context!, wordsKernel, [input], 12, 1));
    expect([...words]).toEqual(known.flatMap(([, answer]) => hex(answer)));
  });

  it('gives the integers of the host for any counter and key', async () => {
    const count = 1000;
    const input = Uint32Array.from({ length: 6 * count }, anyWord);
    const words = new Uint32Array(await runKernel(context!, wordsKernel, [input], 4 * count, Math.ceil(count / 64)));
    const expected = new Uint32Array(4);
    for (let i = 0; i < count; i++) {
      const [c0, c1, c2, c3, low, high] = input.subarray(6 * i);
      philox4x32(c0, c1, c2, c3, low, high, expected);
      expect([...words.subarray(4 * i, 4 * i + 4)]).toEqual([...expected]);
    }
  });
});

describe.skipIf(context === undefined)('normals in WGSL', () => {
  it('are those of the host to f32', async () => {
    const count = 100_001;
    const seed = Math.floor(Math.random() * 2 ** 48);
    const [chain, step, site] = [anyWord(), anyWord(), anyWord()];
    const key = randomKey(seed);
    const input = Uint32Array.of(site, step, chain, key.low, key.high);
    const z = new Float32Array(await runKernel(context!, normalsKernel, [input], count, Math.ceil(count / 64)));
    const expected = new Float64Array(count);
    new PhiloxStream(key, chain, step, site).fillNormal(expected);
    let largest = 0;
    // Near 0 and 1 uniforms of 24 bits are coarse: r = √(−2 log u) is then off by up to √(2⁻²³), most often by far less.
    let mean = 0;
    for (let i = 0; i < count; i++) {
      const error = Math.abs(z[i] - expected[i]);
      largest = Math.max(largest, error);
      mean += error / count;
    }
    expect(largest, `seed ${seed}`).toBeLessThan(5e-4);
    expect(mean, `seed ${seed}`).toBeLessThan(2e-7);
  });
});
