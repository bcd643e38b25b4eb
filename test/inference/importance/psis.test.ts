// Pareto smoothed importance sampling equals the R package loo on test/golden/psis.json (scripts/golden/psis.R), and its verdicts follow k̂.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  fitGeneralisedPareto,
  generalisedParetoQuantile,
} from '../../../src/inference/importance/generalisedPareto.js';
import { paretoKThreshold, paretoSmooth } from '../../../src/inference/importance/paretoSmoothing.js';
import { judgeFit, notAssessed } from '../../../src/inference/importance/verdict.js';
import { randomNumbers } from '../../models/random.js';

interface GoldenCase {
  readonly logRatios: readonly number[];
  readonly relativeEfficiency: number;
  readonly paretoK: number;
  readonly logWeights: readonly number[];
}
const golden = JSON.parse(readFileSync(new URL('../../golden/psis.json', import.meta.url), 'utf8')) as {
  readonly cases: Readonly<Record<string, GoldenCase>>;
};

describe('paretoSmooth', () => {
  it.each(Object.entries(golden.cases))(
    'agrees with loo on %s',
    (_, { logRatios, relativeEfficiency, ...expected }) => {
      const { paretoK, logWeights, effectiveSize } = paretoSmooth(logRatios, relativeEfficiency);
      // Rounding only: sums of at most 1,500 logarithms.
      expect(Math.abs(paretoK - expected.paretoK)).toBeLessThan(1e-10);
      expected.logWeights.forEach((value, i) => expect(Math.abs(logWeights[i] - value)).toBeLessThan(1e-10));
      const squares = expected.logWeights.reduce((sum, value) => sum + Math.exp(2 * value), 0);
      expect(Math.abs(effectiveSize * squares - 1)).toBeLessThan(1e-9);
    },
  );

  it('is not changed by a constant, nor by the order', () => {
    const { logRatios, paretoK } = golden.cases.boundedRatios;
    expect(paretoSmooth(logRatios.map((value) => value - 3000)).paretoK).toBeCloseTo(paretoK, 8);
    const reversed = paretoSmooth([...logRatios].reverse());
    expect(reversed.paretoK).toBe(paretoSmooth(logRatios).paretoK);
    expect([...reversed.logWeights].reverse()).toEqual([...paretoSmooth(logRatios).logWeights]);
  });

  it('answers the edges', () => {
    const constant = paretoSmooth(new Float64Array(200).fill(7));
    expect(constant.paretoK).toBe(0);
    expect(constant.effectiveSize).toBeCloseTo(200, 8);
    expect(paretoSmooth(Float64Array.from({ length: 20 }, (_, i) => i)).paretoK).toBe(Infinity);
    const withFailures = [...golden.cases.wideProposal.logRatios];
    [withFailures[3], withFailures[9]] = [NaN, -Infinity];
    const { logWeights, paretoK } = paretoSmooth(withFailures);
    expect([logWeights[3], logWeights[9]]).toEqual([-Infinity, -Infinity]);
    expect(paretoK).toBeLessThan(0.5);
    expect(paretoSmooth([NaN, -Infinity]).paretoK).toBe(Infinity);
  });
});

describe('generalised Pareto', () => {
  it.each([-0.3, 0.2, 0.7, 1.2])('finds shape %f of its own draws', (shape) => {
    const random = randomNumbers(`generalised Pareto ${shape}`);
    const draws = Float64Array.from({ length: 20_000 }, () =>
      generalisedParetoQuantile({ shape, scale: 2 }, random.uniform()),
    ).sort();
    const fit = fitGeneralisedPareto(draws);
    // The estimate's standard error is about (1 + k)/√n < 0.016.
    expect(Math.abs(fit.shape - shape)).toBeLessThan(0.05);
    expect(Math.abs(fit.scale / 2 - 1)).toBeLessThan(0.06);
  });

  it('has the exponential as its limit', () => {
    const quantile = generalisedParetoQuantile({ shape: 0, scale: 3 }, 0.9);
    expect(quantile).toBeCloseTo(3 * Math.log(10), 12);
    expect(generalisedParetoQuantile({ shape: 1e-9, scale: 3 }, 0.9)).toBeCloseTo(quantile, 6);
  });
});

describe('the verdict', () => {
  it('follows the threshold for the number of draws', () => {
    expect(paretoKThreshold(100)).toBe(0.5);
    expect(paretoKThreshold(1e6)).toBe(0.7);
    const weights = (paretoK: number, draws: number, share = 0.5) => ({
      paretoK,
      effectiveSize: share * draws,
      logWeights: new Float64Array(draws),
    });
    expect(judgeFit(weights(0.1, 1000), 5).status).toBe('good');
    expect(judgeFit(weights(0.6, 1000), 5).status).toBe('usable');
    expect(judgeFit(weights(0.69, 200), 5).status).toBe('unreliable');
    expect(judgeFit(weights(0.8, 1000), 5).words).toMatch(
      /does not cover the posterior \(Pareto k 0\.80, at most 0\.67/,
    );
    expect(judgeFit(weights(Infinity, 1000), 5).words).toMatch(/far from the posterior \(Pareto k infinite/);
    const even = judgeFit(weights(0.94, 1000, 0.98), 5);
    expect(even.status).toBe('usable');
    expect(even.words).toMatch(/near the posterior but for its far tails .* 98 % of the draws effective/);
    expect(judgeFit(weights(Infinity, 20, 0.98), 5).status).toBe('unreliable');
    expect(notAssessed(4000)).toMatchObject({ paretoK: null, status: 'notAssessed' });
  });
});
