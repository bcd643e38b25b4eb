// The tests' own effective sample size, against autoregressions whose autocorrelation time is known.
import { expect, it } from 'vitest';
import { randomKey, stepKey } from '../../src/inference/random/streams.js';
import { effectiveSampleSize } from './monteCarlo.js';

it.each([-0.5, 0, 0.5, 0.9])('of an autoregression with coefficient %d is n (1 − ρ)/(1 + ρ)', (rho) => {
  const draws = 20_000;
  const chains = [0, 1, 2, 3].map((chain) => {
    const z = new Float64Array(draws);
    stepKey(randomKey(5), chain, 0).stream(0).fillNormal(z);
    for (let i = 1; i < draws; i++) z[i] = rho * z[i - 1] + Math.sqrt(1 - rho * rho) * z[i];
    return [...z];
  });
  const expected = (4 * draws * (1 - rho)) / (1 + rho);
  expect(Math.abs(Math.log(effectiveSampleSize(chains) / expected))).toBeLessThan(0.15);
});

it('falls when chains disagree', () => {
  const apart = [0, 1].map((chain) => {
    const z = new Float64Array(1000);
    stepKey(randomKey(5), chain, 0).stream(0).fillNormal(z);
    return [...z].map((value) => value + 10 * chain);
  });
  expect(effectiveSampleSize(apart)).toBeLessThan(10);
});
