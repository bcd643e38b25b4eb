// Random counts against their exact probabilities, on both sides of every limit at which the way of drawing changes.
import { describe, expect, it } from 'vitest';
import { logGamma } from '../../src/kernels/math/specialFunctions.js';
import { drawBinomial, drawNegativeBinomial, drawPoisson } from '../../src/models/distributions/counts.js';
import { randomNumbers, type RandomNumbers } from './random.js';

const draws = 20_000;

/** Standardised chi-square of drawn counts against probabilities; cells of less than 8 expected draws are joined with their neighbours. */
function deviation(draw: (random: RandomNumbers) => number, logP: (count: number) => number, seed: string): number {
  const random = randomNumbers(seed);
  const seen = new Map<number, number>();
  for (let i = 0; i < draws; i++) {
    const count = draw(random);
    seen.set(count, (seen.get(count) ?? 0) + 1);
  }
  const last = Math.max(...seen.keys());
  let [expected, observed, total, chiSquare, cells] = [0, 0, 0, 0, 0];
  const close = (): void => {
    chiSquare += (observed - expected) ** 2 / expected;
    cells++;
    [expected, observed] = [0, 0];
  };
  for (let count = 0; count <= last; count++) {
    const share = draws * Math.exp(logP(count));
    expected += share;
    total += share;
    observed += seen.get(count) ?? 0;
    if (expected >= 8 && draws - total >= 8) close();
  }
  expected += draws - total;
  close();
  return (chiSquare - (cells - 1)) / Math.sqrt(2 * (cells - 1));
}

const logChoose = (n: number, k: number): number => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);

describe.each(['a', 'b', 'c'])('seed %s', (seed) => {
  it.each([
    [1, 0.3],
    [40, 0.1],
    [41, 0.1],
    [97, 0.5],
    [1000, 0.993],
    [100_000, 0.0001],
  ])('binomial, %d trials with %d', (n, p) => {
    const logP = (k: number): number =>
      k > n ? -Infinity : logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p);
    expect(Math.abs(deviation((random) => drawBinomial(n, p, random), logP, seed))).toBeLessThan(4);
  });

  it.each([0.02, 3, 29.9, 30.1, 400])('Poisson of mean %d', (mean) => {
    const logP = (k: number): number => k * Math.log(mean) - mean - logGamma(k + 1);
    expect(Math.abs(deviation((random) => drawPoisson(mean, random), logP, seed))).toBeLessThan(4);
  });

  it.each([
    [4, 0.4],
    [60, 5],
  ])('negative binomial of mean %d, phi %d', (mean, phi) => {
    const logP = (k: number): number =>
      logGamma(k + phi) -
      logGamma(phi) -
      logGamma(k + 1) +
      phi * Math.log(phi / (phi + mean)) +
      k * Math.log(mean / (phi + mean));
    expect(Math.abs(deviation((random) => drawNegativeBinomial(mean, phi, random), logP, seed))).toBeLessThan(4);
  });
});

it('ends at the limits', () => {
  const random = randomNumbers('limits');
  expect(drawBinomial(0, 0.5, random)).toBe(0);
  expect(drawBinomial(1000, 0, random)).toBe(0);
  expect(drawBinomial(1000, 1, random)).toBe(1000);
  expect(drawPoisson(0, random)).toBe(0);
  expect(drawPoisson(Infinity, random)).toBe(Infinity);
  expect(drawPoisson(1e12, random) / 1e12).toBeCloseTo(1, 4);
});
