// Draws from priors follow their densities: by Kolmogorov and Smirnov against the distribution functions of their marginals.
import { describe, expect, it } from 'vitest';
import { parsePrior } from '../../../src/data/prior.js';
import { drawCovariance } from '../../../src/inference/calibration/covarianceVariates.js';
import { drawPriorVariate } from '../../../src/inference/calibration/priorVariates.js';
import { PhiloxStream, randomKey } from '../../../src/inference/random/streams.js';
import { incompleteBeta } from '../../../src/diagnostics/specialFunctions.js';
import type { CovariancePrior } from '../../../src/models/covariancePriors.js';
import { normal } from '../../../src/models/distributions/index.js';
import { priorLogDensity } from '../../../src/models/priors.js';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

const count = 4000;
/** Of √n D; a sample of the right distribution exceeds it once in about 50,000. */
const limit = 2.33;

function distance(sample: readonly number[], distribution: (x: number) => number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  const largest = sorted.reduce((most, x, i) => {
    const f = distribution(x);
    return Math.max(most, Math.abs(f - i / count), Math.abs(f - (i + 1) / count));
  }, 0);
  return largest * Math.sqrt(count);
}

const streamOf = (seed: number): PhiloxStream => new PhiloxStream(randomKey(seed), 0, 0, 0);

/** Distribution function by the density's own integral over a grid of x = g(u), u in (0, 1). */
function integrated(log: (x: tf.Tensor) => tf.Tensor, isPositive: boolean): (x: number) => number {
  const n = 40_000;
  const u = Float64Array.from({ length: n }, (_, i) => (i + 0.5) / n);
  const x = u.map((v) => (isPositive ? v / (1 - v) : Math.log(v / (1 - v)) * 3));
  const slope = u.map((v) => (isPositive ? 1 / (1 - v) ** 2 : 3 / (v * (1 - v))));
  const density = log(tf.tensor1d(Float32Array.from(x))).dataSync();
  const sums = new Float64Array(n);
  let sum = 0;
  for (let i = 0; i < n; i++) sums[i] = sum += (Math.exp(density[i]) * slope[i]) / n;
  const place = (value: number): number => (isPositive ? value / (1 + value) : 1 / (1 + Math.exp(-value / 3)));
  return (value) => sums[Math.max(0, Math.min(n - 1, Math.round(place(value) * n - 0.5)))];
}

describe('univariate priors', () => {
  it.each([
    'normal(1, 2)',
    'studentT(4, 0.5, 1.5)',
    'cauchy(0, 1)',
    'laplace(0.5, 1.5)',
    'logNormal(0.3, 0.8)',
    'halfNormal(2)',
    'halfStudentT(3, 1.5)',
    'halfCauchy(0.7)',
    'exponential(2)',
    'gamma(2.5, 1.5)',
    'gamma(0.5, 1)',
    'inverseGamma(3, 2)',
    'precisionGamma(2.5, 1.5)',
  ])('%s', (written) => {
    const prior = parsePrior(written);
    const isPositive = !/^(?:normal|studentT|cauchy|laplace)/.test(written);
    const distribution = integrated((x) => priorLogDensity(prior, x), isPositive);
    for (const seed of [1, 2]) {
      const stream = streamOf(seed);
      const sample = Array.from({ length: count }, () => drawPriorVariate(stream, prior));
      expect(distance(sample, distribution)).toBeLessThan(limit);
    }
  });

  it('refuses what nothing can be drawn from', () => {
    expect(() => drawPriorVariate(streamOf(1), parsePrior('flat'))).toThrow(/improper/);
    expect(() => drawPriorVariate(streamOf(1), parsePrior('lkj(2)'))).toThrow(/matrix/);
  });
});

/** P(T ≤ x) of Student's t. */
function studentTBelow(x: number, df: number): number {
  const tail = 0.5 * incompleteBeta(df / (df + x * x), df / 2, 0.5);
  return x > 0 ? 1 - tail : tail;
}

describe('covariance priors', () => {
  const sample = (prior: CovariancePrior, k: number, isFull: boolean, seed: number) => {
    const stream = streamOf(seed);
    return Array.from({ length: count }, () => drawCovariance(stream, prior, k, isFull));
  };
  /** Correlation of the first and the last coefficient. */
  const corner = (lower: Float64Array, k: number): number => {
    const dot = (i: number, j: number) =>
      Array.from({ length: k }, (_, m) => lower[i * k + m] * lower[j * k + m]).reduce((a, b) => a + b);
    return dot(0, k - 1);
  };

  it('Huang–Wand: half-t standard deviations, and with two degrees of freedom uniform correlations', () => {
    const prior: CovariancePrior = { kind: 'huangWand', df: 2, scales: [1, 0.5, 2] };
    for (const isFull of [false, true]) {
      const draws = sample(prior, 3, isFull, 5);
      for (const [i, scale] of prior.scales.entries()) {
        const halfT = (x: number): number => 2 * studentTBelow(x / scale, 2) - 1;
        expect(
          distance(
            draws.map(({ sds }) => sds[i]),
            halfT,
          ),
        ).toBeLessThan(limit);
      }
    }
    const correlations = sample(prior, 3, true, 6).map(({ lower }) => corner(lower!, 3));
    expect(distance(correlations, (r) => (1 + r) / 2)).toBeLessThan(limit);
  });

  it('LKJ: beta correlations', () => {
    for (const [k, eta] of [
      [2, 1],
      [4, 2.5],
    ]) {
      const prior: CovariancePrior = { kind: 'separate', sd: parsePrior('halfNormal(1)'), eta };
      const correlations = sample(prior, k, true, 8).map(({ lower }) => corner(lower!, k));
      const shape = eta + (k - 2) / 2;
      expect(distance(correlations, (r) => incompleteBeta((1 + r) / 2, shape, shape))).toBeLessThan(limit);
    }
  });

  it('inverse Wishart: a diagonal element is inverse gamma, with correlations or without', () => {
    const prior: CovariancePrior = { kind: 'inverseWishart', df: 6, scale: 2 };
    const variances = (isFull: boolean) => sample(prior, 3, isFull, 9).map(({ sds }) => sds[2] ** 2);
    const distribution = integrated((x) => priorLogDensity(parsePrior('inverseGamma(2, 1)'), x), true);
    for (const isFull of [false, true]) expect(distance(variances(isFull), distribution)).toBeLessThan(limit);
  });
});

it('the distance sees a wrong scale', () => {
  const stream = streamOf(3);
  const draws = Array.from({ length: count }, () => 1.25 * drawPriorVariate(stream, parsePrior('normal(0, 1)')));
  expect(
    distance(
      draws,
      integrated((x) => normal.logDensity(x), false),
    ),
  ).toBeGreaterThan(limit);
});
