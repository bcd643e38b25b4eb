// Every traced operation and gradient rule: values against eager tfjs (or by hand), gradients against finite differences.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { traceKernels } from '../../../src/kernels/trace/kernels/index.js';
import { evaluate, finiteDifferences, gradientProgram, largestError } from '../support.js';
import { algebra, cumulative, indexing, reductions, views } from './arrayCases.js';
import { type Case, elementwise, values } from './elementwiseCases.js';

type Tensor = tf.Tensor;

const vector = [5];

const take = (list: readonly number[], shape: readonly number[]): number[] =>
  list.slice(
    0,
    shape.reduce((a, b) => a * b, 1),
  );

const executedKernels = new Set<string>();

function check({ fn, x, y, xShape, yShape, expected }: Case): void {
  const shapes = { x: xShape ?? vector, y: yShape ?? vector };
  const arrays = { x: take(x ?? values, shapes.x), y: take(y ?? [...values].reverse(), shapes.y) };
  // Weights make every element of a result count differently.
  const weighted = (out: Tensor): Tensor =>
    out.toFloat().mul(tf.range(0, out.size).mul(0.37).sin().add(1.5).reshape(out.shape));
  const { program } = gradientProgram(
    (p) => {
      const out = fn(p.x, p.y);
      return { plain: out, value: weighted(out) };
    },
    { parameters: shapes },
  );
  const results = evaluate(program, arrays);
  const eager = tf.tidy(() => fn(tf.tensor(arrays.x, shapes.x), tf.tensor(arrays.y, shapes.y)).dataSync());
  // A single operation or two in float32.
  expect(largestError(results.get('plain')!, expected ?? eager)).toBeLessThan(expected ? 1e-12 : 3e-6);
  for (const name of ['x', 'y']) {
    expect(
      largestError(results.get(`gradient of ${name}`)!, finiteDifferences(program, arrays, name)),
      `gradient with respect to ${name}`,
    ).toBeLessThan(1e-8);
  }
}

beforeAll(async () => {
  await tf.setBackend('cpu');
  // Wrapped, not replaced: notes which kernels the cases below run.
  const engine = tf.engine();
  const original = engine.runKernel.bind(engine);
  engine.runKernel = (name: string, ...rest: [tf.NamedTensorMap, tf.NamedAttrMap?]) => {
    executedKernels.add(name);
    return original(name, ...rest);
  };
});

describe('values and gradients', () => {
  test.each(elementwise)('$name', check);
  test.each(views)('$name', check);
  test.each(reductions)('$name', check);
  test.each(cumulative)('$name', check);
  test.each(indexing)('$name', check);
  test.each(algebra)('$name', check);

  test('the cases above cover every operation', () => {
    // These take no tensor: trace.test.ts.
    const elsewhere = new Set(['Fill', 'LinSpace']);
    expect([...traceKernels.keys()].filter((name) => !executedKernels.has(name) && !elsewhere.has(name))).toEqual([]);
  });
});
