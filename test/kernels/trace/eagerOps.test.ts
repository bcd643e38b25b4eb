// The operations of hierax outside a trace: eager values and eager gradients on tfjs's cpu backend.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  logGamma as logGammaScalar,
  normalLogCdf as normalLogCdfScalar,
} from '../../../src/kernels/math/specialFunctions.js';
import {
  choleskySmall,
  cumulativeProduct,
  cumulativeSum,
  digamma,
  gatherRows,
  logDetFromCholesky,
  logGamma,
  logSumExp,
  normalCdf,
  normalLogCdf,
  safeWhere,
  segmentSum,
  triangularSolve,
} from '../../../src/kernels/ops/index.js';
import { largestError } from '../support.js';

type Tensor = tf.Tensor;

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** float32 rounding of inputs and results. */
const tolerance = 1e-6;

test('values', () => {
  const x = tf.tensor1d([0.5, 2, 7.25]);
  expect(largestError(logGamma(x).dataSync(), [0.5, 2, 7.25].map(logGammaScalar))).toBeLessThan(tolerance);
  expect(largestError(normalLogCdf(tf.neg(x)).dataSync(), [-0.5, -2, -7.25].map(normalLogCdfScalar))).toBeLessThan(
    tolerance,
  );
  // ψ(1) = −γ (Euler's constant); Φ(0) = ½
  expect(digamma(1).dataSync()[0]).toBeCloseTo(-0.5772156649, 6);
  expect(normalCdf(0).dataSync()[0]).toBe(0.5);
  expect(logGamma(tf.scalar(5, 'int32')).dataSync()[0]).toBeCloseTo(Math.log(24), 6);
  expect([
    ...logSumExp(
      tf.tensor2d([
        [-Infinity, -Infinity],
        [0, 0],
      ]),
      1,
    ).dataSync(),
  ]).toEqual([-Infinity, Math.fround(Math.log(2))]);
  expect(logSumExp(tf.zeros([2, 3]), 0, true).shape).toEqual([1, 3]);
  expect([...safeWhere(x.greater(1), x, (y) => y.log(), 0).dataSync()]).toEqual(
    [0, Math.log(2), Math.log(7.25)].map(Math.fround),
  );
  const factor = choleskySmall(
    tf.tensor2d([
      [4, 2],
      [2, 5],
    ]),
  );
  expect([...factor.dataSync()]).toEqual([2, 0, 1, 2]);
  expect(logDetFromCholesky(factor).dataSync()[0]).toBeCloseTo(Math.log(16), 6);
  expect([...triangularSolve(factor, tf.tensor2d([[4], [6]])).dataSync()]).toEqual([2, 2]);
  expect([...triangularSolve(factor, tf.tensor2d([[4], [6]]), true).dataSync()]).toEqual([0.5, 3]);
  const index = tf.tensor1d([2, 0, 2], 'int32');
  expect([...segmentSum(x, index, 4).dataSync()]).toEqual([2, 0, 7.75, 0]);
  expect([...gatherRows(x, index).dataSync()]).toEqual([7.25, 0.5, 7.25]);
  expect([...cumulativeSum(x, 0, { reverse: true }).dataSync()]).toEqual([9.75, 9.25, 7.25]);
  expect([...cumulativeProduct(x, -1, { exclusive: true }).dataSync()]).toEqual([1, 0.5, 1]);
});

describe('gradients', () => {
  /** Σ w · ∂f/∂x by central differences in float32 (step 1/64: exact in binary). */
  function differences(fn: (x: Tensor) => Tensor, x: Tensor, weights: ArrayLike<number>): number[] {
    const values = x.dataSync();
    const total = (i: number, shift: number): number => {
      const moved = Float32Array.from(values);
      moved[i] += shift;
      return Array.from(fn(tf.tensor(moved, x.shape)).dataSync()).reduce((sum, y, k) => sum + y * weights[k], 0);
    };
    return Array.from(values, (_, i) => (total(i, 1 / 64) - total(i, -1 / 64)) * 32);
  }

  const index = (): Tensor => tf.tensor1d([1, 0, 1], 'int32');
  const spd = [
    [2, 0.5, 0.25],
    [0.5, 3, -0.5],
    [0.25, -0.5, 1.5],
  ];
  test.each<[string, (x: Tensor) => Tensor, number[][]]>([
    ['logGamma', (x) => logGamma(x), [[0.75, 2, 5]]],
    ['digamma', (x) => digamma(x), [[1.5, 2, 5]]],
    ['normalCdf', (x) => normalCdf(x), [[-1, 0.25, 2]]],
    ['normalLogCdf', (x) => normalLogCdf(x), [[-3, 0.25, 2]]],
    ['triangularSolve of b', (x) => triangularSolve(tf.tensor2d(spd), x), [[1], [2], [3]]],
    ['triangularSolve of L', (x) => triangularSolve(x, tf.tensor2d([[1], [2], [3]]), true), spd],
    ['segmentSum', (x) => segmentSum(x, index(), 3), spd],
    ['gatherRows', (x) => gatherRows(x, index()), spd],
    ['cumulativeSum', (x) => cumulativeSum(x, 0, { exclusive: true }), spd],
    ['cumulativeProduct', (x) => cumulativeProduct(x, 0), spd],
  ])('%s', (_, fn, at) => {
    const x = tf.tensor2d(at);
    const y = fn(x);
    const weights = Float32Array.from({ length: y.size }, (__, i) => 1 + i / 4);
    const gradient = tf.grad(fn)(x, tf.tensor(weights, y.shape));
    // Truncation of the central difference with step 1/64 and float32 rounding divided by the step.
    expect(largestError(gradient.dataSync(), differences(fn, x, weights))).toBeLessThan(2e-3);
  });

  test('the Cholesky gradient is symmetric and that of log det is the inverse', () => {
    const x = tf.tensor2d(spd);
    const factor = choleskySmall(x);
    // d log det / dL = 2 diag(1 / L_ii)
    const dy = tf.diag(tf.tensor1d([0, 1, 2].map((i) => 2 / (factor.arraySync() as number[][])[i][i])));
    const gradient = tf.grad(choleskySmall)(x, dy);
    const product = tf.matMul(gradient as tf.Tensor2D, x).dataSync();
    expect(largestError(product, [1, 0, 0, 0, 1, 0, 0, 0, 1])).toBeLessThan(tolerance);
  });

  test('truth values have gradient zero, as where needs', () => {
    for (const name of ['Less', 'GreaterEqual', 'LogicalAnd']) {
      const config = tf.getGradient(name);
      const saved = [tf.ones([2, 3]), tf.ones([3])];
      const gradients = config.gradFunc(tf.ones([2, 3]), saved, {}) as Record<string, () => Tensor>;
      expect([...gradients.a().dataSync()]).toEqual([0, 0, 0, 0, 0, 0]);
      expect(gradients.b().shape).toEqual([3]);
    }
    expect(tf.getGradient('IsNan').inputsToSave).toEqual(['x']);
  });

  test('there is no gradient of a gradient', () => {
    const first = (x: Tensor): Tensor => tf.grad((z: Tensor) => logGamma(z))(x);
    expect(() => tf.grad(first)(tf.scalar(2))).toThrow('gradient function not found for HieraxLogGammaGradient');
  });
});

test('shapes that do not fit are errors', () => {
  expect(() => choleskySmall(tf.zeros([2, 3]))).toThrow('choleskySmall needs square matrices [..., k, k], got [2, 3]');
  expect(() => triangularSolve(tf.zeros([2, 2]), tf.zeros([3, 1]))).toThrow('triangularSolve needs L');
  expect(() => segmentSum(tf.zeros([3, 2]), tf.zeros([2], 'int32'), 2)).toThrow('one index per row');
  expect(() => gatherRows(tf.scalar(1), tf.zeros([2], 'int32'))).toThrow('rank 1');
  expect(() => segmentSum(tf.zeros([2]), tf.tensor1d([0, 2], 'int32'), 2)).toThrow('index 2 is outside 0 … 1');
  expect(() => cumulativeSum(tf.zeros([2]), 1)).toThrow('axis 1 is outside');
});
