// Variates against the moments and quantiles of their distributions, and normals made by WebAssembly against the plain stream.
import { describe, expect, it } from 'vitest';
import {
  drawGamma,
  drawInverseGamma,
  drawInverseWishartFactor,
  drawNormal,
  drawWishartFactor,
} from '../../src/inference/random/distributions.js';
import { NormalSource, normalsPerPass } from '../../src/inference/random/normalKernel.js';
import { PhiloxStream, randomKey } from '../../src/inference/random/streams.js';

const seeds = [1, 2, 3];
const streamOf = (seed: number): PhiloxStream => new PhiloxStream(randomKey(seed), 2, 5, 9);

/** Distance of a mean of independent values from `expected`, in standard errors. */
function errorsOff(values: readonly number[], expected: number): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1);
  return Math.abs(mean - expected) / Math.sqrt(variance / values.length);
}

/** Share of values below a quantile, in standard errors from its level. */
function shareOff(values: readonly number[], quantile: number, level: number): number {
  const share = values.filter((value) => value < quantile).length / values.length;
  return Math.abs(share - level) / Math.sqrt((level * (1 - level)) / values.length);
}

describe.each(seeds)('variates, seed %i', (seed) => {
  const many = (draw: (stream: PhiloxStream) => number, n = 40_000): number[] => {
    const stream = streamOf(seed);
    return Array.from({ length: n }, () => draw(stream));
  };

  it('normal', () => {
    const z = many(drawNormal);
    expect(errorsOff(z, 0)).toBeLessThan(4);
    expect(
      errorsOff(
        z.map((x) => x ** 4),
        3,
      ),
    ).toBeLessThan(4);
    expect(shareOff(z, 1.6448536269514722, 0.95)).toBeLessThan(4);
  });

  // Quantiles of gamma(shape, 1): chi-square tables, halved (df 1, 3, 20, 200).
  it.each([
    [0.5, 0.0078953866, 0.1, 1.3527717],
    [1.5, 0.2921872, 0.1, 3.1256943],
    [10, 6.2213047, 0.1, 14.2059903],
    [100, 87.4197, 0.1, 113.0102],
  ])('gamma of shape %f', (shape, low, level, high) => {
    const x = many((stream) => drawGamma(stream, shape));
    expect(x.every((value) => value > 0 && value < Infinity)).toBe(true);
    expect(errorsOff(x, shape)).toBeLessThan(4);
    expect(
      errorsOff(
        x.map((value) => (value - shape) ** 2),
        shape,
      ),
    ).toBeLessThan(4);
    expect(shareOff(x, low, level)).toBeLessThan(4);
    expect(shareOff(x, high, 0.9)).toBeLessThan(4);
  });

  it('inverse gamma', () => {
    const x = many((stream) => drawInverseGamma(stream, 6, 10));
    expect(errorsOff(x, 2)).toBeLessThan(4);
    expect(
      errorsOff(
        x.map((value) => 1 / value),
        0.6,
      ),
    ).toBeLessThan(4);
  });

  it('Wishart and inverse Wishart', () => {
    const [df, size] = [9, 3];
    const lower = Float64Array.of(2, 0, 0, -1, 1.5, 0, 0.5, 0.3, 1);
    const product = (a: Float64Array): Float64Array => {
      const c = new Float64Array(size * size);
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j++)
          for (let k = 0; k < size; k++) c[i * size + j] += a[i * size + k] * a[j * size + k];
      return c;
    };
    const scale = product(lower);
    const stream = streamOf(seed);
    const wishart = Array.from({ length: 10_000 }, () => product(drawWishartFactor(stream, df, size)));
    const inverse = Array.from({ length: 10_000 }, () => product(drawInverseWishartFactor(stream, df, lower, size)));
    for (let entry = 0; entry < size * size; entry++) {
      const isDiagonal = entry % (size + 1) === 0;
      expect(
        errorsOff(
          wishart.map((w) => w[entry]),
          isDiagonal ? df : 0,
        ),
      ).toBeLessThan(4);
      // E Σ = S / (df − size − 1).
      expect(
        errorsOff(
          inverse.map((w) => w[entry]),
          scale[entry] / (df - size - 1),
        ),
      ).toBeLessThan(4);
    }
  });
});

describe('normals made by WebAssembly', () => {
  it('are those of the stream, with any stride', () => {
    const memory = new WebAssembly.Memory({ initial: 4, maximum: 65536, shared: true });
    const source = new NormalSource(memory);
    const values = new Float64Array(memory.buffer);
    for (const [step, count, stride] of [
      [0, 2, 1],
      [7, 1000, 4],
      [2 ** 31 + 3, 4000, 2],
    ]) {
      const stream = new PhiloxStream(randomKey('normals'), 3, step, 6);
      values.fill(0);
      source.fill(64, count, 8 * stride, stream.counter);
      const expected = new Float64Array(Math.ceil(count / normalsPerPass) * normalsPerPass);
      stream.fillNormal(expected);
      expected.forEach((z, i) => expect(Math.abs(values[8 + i * stride] - z)).toBeLessThan(1e-14));
      expect(values[8 + expected.length * stride]).toBe(0);
    }
  });
});
