// Tracing and the operations of hierax beside tfjs's wasm backend.
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { logGamma, segmentSum } from '../../../src/kernels/ops/index.js';
import { trace } from '../../../src/kernels/trace/trace.js';
import { evaluate } from '../support.js';

test('wasm is active again after a trace, its tensors can be captured, and own operations run on it', async () => {
  await tf.setBackend('wasm');
  const outside = tf.tensor1d([0.25, 2]);
  const { builder, outputs } = trace(({ x }) => logGamma(x).mul(outside).sum(), { parameters: { x: [2] } });
  expect(evaluate(builder.finish(outputs), { x: [4, 5] }).get('value')![0]).toBeCloseTo(
    0.25 * Math.log(6) + 2 * Math.log(24),
    12,
  );
  expect(tf.getBackend()).toBe('wasm');
  expect(logGamma(tf.tensor1d([4])).dataSync()[0]).toBeCloseTo(Math.log(6), 6);
  expect([...segmentSum(tf.mul(outside, 2), tf.tensor1d([1, 1], 'int32'), 2).dataSync()]).toEqual([0, 4.5]);
});
