// The scalar special functions against golden values, identities and special values.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  digamma,
  erf,
  erfc,
  log1pExp,
  logGamma,
  logSigmoid,
  normalCdf,
  normalLogCdf,
  sigmoid,
  trigamma,
} from '../../src/kernels/math/specialFunctions.js';
import { golden, ulpDistance } from './mathFixture.js';

describe('golden values', () => {
  /** Distance in doubles from the correctly rounded value: the documented error, rounded. */
  const within: readonly (readonly [string, (x: number) => number, number])[] = [
    ['logGamma', logGamma, 6],
    ['digamma', digamma, 3],
    ['trigamma', trigamma, 3],
    ['trigammaNegative', trigamma, 4],
    ['erf', erf, 2],
    ['erfc', erfc, 5],
    ['normalCdf', normalCdf, 5],
    ['normalLogCdf', normalLogCdf, 5],
    ['softplus', log1pExp, 2],
    ['sigmoid', sigmoid, 2],
    ['logSigmoid', logSigmoid, 2],
  ];
  test.each(within)('%s', (name, f, bound) => {
    const failures = golden[name]
      .map(([x, expected]) => ({ x, expected, actual: f(x) }))
      .filter(({ actual, expected }) => ulpDistance(actual, expected) > bound);
    expect(golden[name].length).toBeGreaterThan(50);
    expect(failures).toEqual([]);
  });

  // Between the poles the functions cross zero; there the error is relative to 1.
  test.each([
    ['logGammaNegative', logGamma],
    ['digammaNegative', digamma],
  ] as const)('%s', (name, f) => {
    for (const [x, expected] of golden[name]) {
      expect(Math.abs(f(x) - expected) / (1 + Math.abs(expected)), `${name}(${x})`).toBeLessThan(1e-15);
    }
  });
});

describe('identities', () => {
  const argument = fc.double({ min: 0.01, max: 100, noNaN: true });
  const close = (a: number, b: number, tolerance: number): void => {
    expect(Math.abs(a - b)).toBeLessThan(tolerance * (1 + Math.abs(a) + Math.abs(b)));
  };
  test('recurrences of logGamma, digamma and trigamma', () => {
    fc.assert(
      fc.property(argument, (x) => {
        close(logGamma(x + 1), logGamma(x) + Math.log(x), 3e-15);
        close(digamma(x + 1) - 1 / x, digamma(x), 3e-15);
        close(trigamma(x + 1) + 1 / (x * x), trigamma(x), 3e-15);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
  test('reflections', () => {
    fc.assert(
      fc.property(fc.double({ min: -30, max: 30, noNaN: true }), (x) => {
        expect(erf(-x)).toBe(-erf(x));
        close(erf(x) + erfc(x), 1, 1e-15);
        close(normalCdf(x) + normalCdf(-x), 1, 1e-15);
        close(sigmoid(x) + sigmoid(-x), 1, 1e-15);
        close(log1pExp(x) - log1pExp(-x), x, 1e-15);
        close(logSigmoid(x), Math.log(sigmoid(x)), 2e-15);
      }),
      { seed: 8, numRuns: 500 },
    );
  });
  test('digamma and trigamma are the derivatives of logGamma and digamma', () => {
    for (const x of [0.3, 0.9, 1.46, 2.5, 6.9, 8.4, 20, 300, -0.7, -4.3]) {
      const h = 1e-4 * Math.min(1, Math.abs(x));
      close((logGamma(x + h) - logGamma(x - h)) / (2 * h), digamma(x), 1e-6);
      close((digamma(x + h) - digamma(x - h)) / (2 * h), trigamma(x), 1e-6);
    }
  });
});

describe('special values', () => {
  const cases: readonly (readonly [string, (x: number) => number, number, number])[] = [
    ['logGamma', logGamma, 0, Infinity],
    ['logGamma', logGamma, -0, Infinity],
    ['logGamma', logGamma, -7, Infinity],
    ['logGamma', logGamma, -1e300, Infinity],
    ['logGamma', logGamma, Infinity, Infinity],
    ['logGamma', logGamma, -Infinity, Infinity],
    ['logGamma', logGamma, NaN, NaN],
    ['logGamma', logGamma, 1, 0],
    ['logGamma', logGamma, 2, 0],
    ['digamma', digamma, 0, -Infinity],
    ['digamma', digamma, -0, Infinity],
    ['digamma', digamma, -4, NaN],
    ['digamma', digamma, Infinity, Infinity],
    ['digamma', digamma, -Infinity, NaN],
    ['digamma', digamma, NaN, NaN],
    ['trigamma', trigamma, 0, Infinity],
    ['trigamma', trigamma, -4, Infinity],
    ['trigamma', trigamma, Infinity, 0],
    ['trigamma', trigamma, -Infinity, NaN],
    ['trigamma', trigamma, NaN, NaN],
    ['erf', erf, Infinity, 1],
    ['erf', erf, -Infinity, -1],
    ['erf', erf, -0, -0],
    ['erf', erf, NaN, NaN],
    ['erfc', erfc, Infinity, 0],
    ['erfc', erfc, -Infinity, 2],
    ['erfc', erfc, NaN, NaN],
    ['normalCdf', normalCdf, -Infinity, 0],
    ['normalCdf', normalCdf, Infinity, 1],
    ['normalCdf', normalCdf, NaN, NaN],
    ['normalLogCdf', normalLogCdf, -Infinity, -Infinity],
    ['normalLogCdf', normalLogCdf, NaN, NaN],
    ['log1pExp', log1pExp, Infinity, Infinity],
    ['log1pExp', log1pExp, -Infinity, 0],
    ['log1pExp', log1pExp, NaN, NaN],
    ['sigmoid', sigmoid, Infinity, 1],
    ['sigmoid', sigmoid, -Infinity, 0],
    ['sigmoid', sigmoid, NaN, NaN],
    ['logSigmoid', logSigmoid, -Infinity, -Infinity],
  ];
  test.each(cases)('%s', (_, f, x, expected) => {
    expect(f(x)).toBe(expected);
  });

  test('normalLogCdf(Infinity) is zero', () => {
    expect(Math.abs(normalLogCdf(Infinity))).toBe(0);
  });
});
