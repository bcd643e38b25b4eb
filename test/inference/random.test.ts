// Philox against the published vectors of Random123, and what the streams built on it promise.
import { describe, expect, it } from 'vitest';
import { philox4x32 } from '../../src/inference/random/philox.js';
import { PhiloxStream, randomKey, stepKey } from '../../src/inference/random/streams.js';

const hex = (text: string) => text.split(' ').map((word) => parseInt(word, 16));

describe('philox4x32-10', () => {
  // Known-answer tests `philox4x32 10` of Random123 1.09 (kat_vectors): counter, key, result.
  it.each([
    ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('counter %s key %s', (counter, key, answer) => {
    const output = new Uint32Array(4);
    const [c0, c1, c2, c3] = hex(counter);
    const [low, high] = hex(key);
    philox4x32(c0, c1, c2, c3, low, high, output);
    expect([...output]).toEqual(hex(answer));
  });
});

describe('streams', () => {
  const key = randomKey(7);

  it('give uniforms in (0, 1) with the uniform distribution', () => {
    const stream = new PhiloxStream(key, 0, 0, 0);
    const n = 100_000;
    const counts = new Array<number>(20).fill(0);
    for (let i = 0; i < n; i++) {
      const u = stream.uniform();
      expect(u > 0 && u < 1).toBe(true);
      counts[Math.floor(u * 20)]++;
    }
    // Chi-square with 19 degrees of freedom: 99.9 % point 43.8.
    expect(counts.reduce((sum, count) => sum + (count - n / 20) ** 2 / (n / 20), 0)).toBeLessThan(43.8);
  });

  it('use 53 bits: half-integers over 2^52, low bits included', () => {
    const stream = new PhiloxStream(key, 1, 2, 3);
    const scaled = Array.from({ length: 200 }, () => stream.uniform() * 2 ** 53);
    expect(scaled.every((value) => Number.isSafeInteger(value) && value % 2 === 1)).toBe(true);
    expect(new Set(scaled.map((value) => value % 64)).size).toBeGreaterThan(25);
  });

  it('give standard normals', () => {
    const z = new Float64Array(200_001);
    stepKey(key, 3, 9).stream(0).fillNormal(z);
    const moment = (power: number) => z.reduce((sum, value) => sum + value ** power, 0) / z.length;
    // Standard errors of the first four moments: √(1, 2, 15, 96)/√n.
    [0, 1, 0, 3].forEach((expected, k) => {
      expect(Math.abs(moment(k + 1) - expected)).toBeLessThan(4 * Math.sqrt([1, 2, 15, 96][k] / z.length));
    });
    expect(z.reduce((sum, value, i) => sum + (i > 0 ? value * z[i - 1] : 0), 0) / Math.sqrt(z.length)).toBeLessThan(4);
  });

  it('depend on seed, chain, step and site, and on nothing else', () => {
    const first = (seed: number | string, chain: number, step: number, site: number) =>
      stepKey(randomKey(seed), chain, step).stream(site).uniform();
    const all = [first(7, 0, 0, 0), first(8, 0, 0, 0), first(7, 1, 0, 0), first(7, 0, 1, 0), first(7, 0, 0, 1)];
    expect(new Set([...all, first('seven', 0, 0, 0), first(7 + 2 ** 40, 0, 0, 0), first(-7, 0, 0, 0)]).size).toBe(8);
    expect(first(7, 0, 1, 0)).toBe(all[3]);
    expect(first('seven', 2, 1, 0)).toBe(first('seven', 2, 1, 0));
  });

  it('give the first normals whatever the length asked for', () => {
    const [short, long] = [new Float64Array(5), new Float64Array(8)];
    stepKey(key, 0, 0).stream(0).fillNormal(short);
    stepKey(key, 0, 0).stream(0).fillNormal(long);
    expect([...long.subarray(0, 5)]).toEqual([...short]);
  });

  it('refuse a seed that is no integer', () => {
    expect(() => randomKey(1.5)).toThrow(/seed: 1.5 is not an integer/);
  });
});
