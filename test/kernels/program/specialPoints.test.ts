// Values and gradients where formulas usually fail: ties, zeros, infinities, tails.
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { choleskySmall, logSumExp, normalLogCdf, safeWhere } from '../../../src/kernels/ops/index.js';
import { evaluate, gradientProgram } from '../support.js';

type Tensor = tf.Tensor;

/** Value and gradients of a function of one parameter at a point. */
function at(
  fn: (x: Tensor) => Tensor,
  x: readonly number[],
  shape = [x.length],
): { value: number[]; gradient: number[] } {
  const { program } = gradientProgram(({ x: p }) => fn(p), { parameters: { x: shape } });
  const results = evaluate(program, { x });
  // + 0 makes −0 compare equal to 0.
  const numbers = (name: string): number[] => Array.from(results.get(name)!, (v) => v + 0);
  return { value: numbers('value'), gradient: numbers('gradient of x') };
}

describe('at special points', () => {
  test('ties in max share the gradient', () => {
    expect(at((x) => x.max(), [1, 3, 3]).gradient).toEqual([0, 0.5, 0.5]);
    expect(at((x) => x.min(0), [2, 2, 2, 5]).gradient).toEqual([1 / 3, 1 / 3, 1 / 3, 0]);
  });

  test('ties may differ by rounding, and may be zero or infinite', () => {
    expect(at((x) => x.max(), [3, 3 * (1 - 1e-15), 2]).gradient).toEqual([0.5, 0.5, 0]);
    expect(at((x) => x.max(), [-3, -3 * (1 + 1e-15), -4]).gradient).toEqual([0.5, 0.5, 0]);
    expect(at((x) => x.min(), [-3, -3 * (1 - 1e-15), 2]).gradient).toEqual([0.5, 0.5, 0]);
    expect(at((x) => x.max(), [0, -1e-300]).gradient).toEqual([1, 0]);
    expect(at((x) => x.max(), [Infinity, 1]).gradient).toEqual([1, 0]);
    expect(at((x) => x.max(), [-Infinity, -Infinity]).gradient).toEqual([0.5, 0.5]);
  });

  test('prod with one and with two zeros', () => {
    expect(at((x) => x.prod(), [2, 0, 5]).gradient).toEqual([0, 10, 0]);
    expect(at((x) => x.prod(), [2, 0, 0]).gradient).toEqual([0, 0, 0]);
  });

  test('where over a log gives NaN, safeWhere does not', () => {
    expect(at((x) => tf.where(x.greater(0), x.log(), 0).sum(), [-1, 2]).gradient).toEqual([0, 0.5]);
    expect(at((x) => tf.where(x.greater(0), x.log(), 0).sum(), [0, 2]).gradient[0]).toBeNaN();
    const safe = at((x) => safeWhere(x.greater(0), x, (y) => y.log(), -7).sum(), [0, -1, 2]);
    expect(safe).toEqual({ value: [-14 + Math.log(2)], gradient: [0, 0, 0.5] });
  });

  test('logSumExp of infinities', () => {
    expect(at((x) => logSumExp(x), [-Infinity, -Infinity])).toEqual({ value: [-Infinity], gradient: [0, 0] });
    expect(at((x) => logSumExp(x), [-Infinity, 3])).toEqual({ value: [3], gradient: [0, 1] });
    expect(at((x) => logSumExp(x), [800, 800]).value[0]).toBeCloseTo(800 + Math.log(2), 12);
    expect(at((x) => logSumExp(x), [-800, -800]).value[0]).toBeCloseTo(-800 + Math.log(2), 12);
    expect(at((x) => logSumExp(x), [Infinity, 0]).value).toEqual([Infinity]);
  });

  test('stable tails', () => {
    expect(at((x) => x.softplus(), [-800, 800])).toEqual({ value: [0, 800], gradient: [0, 1] });
    expect(at((x) => x.sigmoid(), [-40]).value[0]).toBeCloseTo(Math.exp(-40), 30);
    expect(at((x) => x.log1p(), [1e-18]).value).toEqual([1e-18]);
    expect(at((x) => x.expm1(), [1e-18]).value).toEqual([1e-18]);
    // log Φ(−40) = −804.608442… (Abramowitz and Stegun 26.2.12, four terms)
    const asymptotic =
      -800 - Math.log(40 * Math.sqrt(2 * Math.PI)) + Math.log1p(-1 / 1600 + 3 / 1600 ** 2 - 15 / 1600 ** 3);
    const tail = at((x) => normalLogCdf(x), [-40]);
    expect(tail.value[0]).toBeCloseTo(asymptotic, 9);
    expect(tail.gradient[0]).toBeCloseTo(40 + 1 / 40, 3);
  });

  test('floor division is exact where a rounded reciprocal would not be', () => {
    const numerators = Array.from({ length: 200 }, (_, i) => i - 100);
    const quotient = at((x) => tf.floorDiv(x, 49), numerators).value;
    expect(quotient).toEqual(numerators.map((n) => Math.floor(n / 49) + 0));
  });

  test('a matrix that is not positive definite gives NaN', () => {
    expect(at((x) => choleskySmall(x), [1, 2, 2, 1], [2, 2]).value).toEqual([NaN, NaN, NaN, NaN]);
  });
});
