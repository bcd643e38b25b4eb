// What the program builder simplifies while it builds.
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import '../../../src/kernels/ops/index.js';
import { ProgramBuilder } from '../../../src/kernels/program/programBuilder.js';
import { formatProgram, type NodeId, type TensorProgram } from '../../../src/kernels/program/tensorProgram.js';
import { evaluate, gradientProgram } from '../support.js';

/** The program of one output, made from a vector x of length 6. */
function build(make: (b: ProgramBuilder, x: NodeId) => NodeId, shape: number[] = [6]): TensorProgram {
  const b = new ProgramBuilder();
  return b.finish(new Map([['value', make(b, b.parameter('x', shape))]]));
}

const operations = (program: TensorProgram): string[] =>
  program.nodes.map(({ operation: o }) => ('fn' in o ? o.fn : o.op));

describe('the builder', () => {
  test.each<[string, (b: ProgramBuilder, x: NodeId) => NodeId]>([
    ['x + 0', (b, x) => b.add(x, b.fill(0, [6]))],
    ['0 + x', (b, x) => b.add(b.scalar(0), x)],
    ['x − 0', (b, x) => b.sub(x, b.scalar(0))],
    ['x × 1', (b, x) => b.mul(b.scalar(1), b.mul(x, b.fill(1, [6])))],
    ['x / 1', (b, x) => b.div(x, b.scalar(1))],
    ['x¹', (b, x) => b.binary('pow', x, b.scalar(1))],
    ['−(−x)', (b, x) => b.neg(b.neg(x))],
    ['x × −1 × −1', (b, x) => b.mul(b.mul(x, b.scalar(-1)), b.scalar(-1))],
    ['log exp x', (b, x) => b.unary('log', b.unary('exp', x))],
    ['reshape there and back', (b, x) => b.reshape(b.reshape(b.reshape(x, [2, 3]), [3, 2]), [6])],
    ['sum over axes of length 1', (b, x) => b.sum(b.reshape(x, [6, 1]), [1])],
    ['slice of everything', (b, x) => b.slice(x, [0], [6])],
    ['pad by nothing', (b, x) => b.pad(x, [0], [0], 7)],
    ['concat with an empty part', (b, x) => b.concat([x, b.constant([], [0])], 0)],
    ['select on a literal', (b, x) => b.select(b.scalar(1), x, b.unary('exp', x))],
    ['select of twice the same', (b, x) => b.select(b.binary('less', x, b.scalar(0)), x, x)],
    ['maximum of a repeat', (b, x) => b.reduce('max', b.broadcast(x, [4, 6]), [0])],
  ])('%s is x', (_, make) => {
    expect(operations(build(make))).toEqual(['parameter']);
  });

  test('transposes compose, and one that only moves axes of length 1 is a reshape', () => {
    const back = build((b, x) => b.transpose(b.transpose(x, [2, 0, 1]), [1, 2, 0]), [2, 3, 4]);
    expect(operations(back)).toEqual(['parameter']);
    const twice = build((b, x) => b.transpose(b.transpose(x, [2, 0, 1]), [2, 0, 1]), [2, 3, 4]);
    expect(operations(twice)).toEqual(['parameter', 'transpose']);
    expect(operations(build((b, x) => b.transpose(x, [1, 0]), [6, 1]))).toEqual(['parameter', 'reshape']);
  });

  test('literals are folded, also through views', () => {
    const program = build((b) => {
      const c = b.transpose(b.constant([1, 2, 3, 4, 5, 6], [2, 3]), [1, 0]);
      return b.slice(b.unary('exp', b.neg(c)), [1, 0], [2, 1]);
    });
    expect(operations(program)).toEqual(['constant']);
    expect([...evaluate(program, {}).get('value')!]).toEqual([Math.exp(-2), Math.exp(-3)]);
  });

  test('equal nodes are shared, also with swapped operands', () => {
    const program = build((b, x) => {
      const y = b.unary('exp', x);
      return b.sub(b.mul(x, y), b.unary('sin', b.mul(b.unary('exp', x), x)));
    });
    expect(operations(program)).toEqual(['parameter', 'exp', 'mul', 'sin', 'sub']);
  });

  test('what no output needs is left out', () => {
    const program = build((b, x) => {
      b.unary('cosh', b.unary('exp', x));
      return b.neg(x);
    });
    expect(operations(program)).toEqual(['parameter', 'neg']);
  });

  test('elementwise work is done before a broadcast, and a sum of a repeat is a product', () => {
    const program = build((b, x) => b.sum(b.broadcast(b.unary('log', b.broadcast(x, [5, 6])), [1000, 5, 6])));
    expect(operations(program)).toEqual(['parameter', 'log', 'sum', 'constant', 'mul']);
    expect(program.nodes[3].operation).toMatchObject({ values: Float64Array.of(5000) });
    expect(evaluate(program, { x: [1, 1, 1, 1, 1, Math.E] }).get('value')![0]).toBeCloseTo(5000, 9);
  });

  test('a sum of N times log σ is N · log σ', () => {
    const { program } = gradientProgram(({ sigma }, { y }) => tf.mul(tf.onesLike(y), sigma.log().neg()).sum(), {
      parameters: { sigma: [] },
      data: { y: { shape: [1000] } },
    });
    expect(operations(program)).not.toContain('sum');
    expect([...evaluate(program, { sigma: [2], y: [] }).values()].map((v) => v[0])).toEqual([
      -1000 * Math.log(2),
      -500,
    ]);
  });

  test('misfits are errors', () => {
    expect(() => build((b, x) => b.reshape(x, [5]))).toThrow('cannot reshape [6] to [5]');
    expect(() => build((b, x) => b.add(x, b.iota(5)))).toThrow('shapes [6] and [5] do not broadcast');
    expect(() => build((b, x) => b.slice(x, [4], [3]))).toThrow('leaves an array [6]');
    expect(() => build((b, x) => b.segmentSum(x, b.iota(3), 3))).toThrow('one index per row');
    expect(() => build((b, x) => b.matMul(b.reshape(x, [2, 3]), b.reshape(x, [2, 3])))).toThrow('matMul');
  });
});

test('a regression with four priors stays small', () => {
  const logDensity = (x: tf.Tensor, mean: tf.Tensor | number, sd: tf.Tensor): tf.Tensor =>
    tf
      .sub(x, mean)
      .div(sd)
      .square()
      .mul(-0.5)
      .sub(sd.log())
      .sub(0.5 * Math.log(2 * Math.PI))
      .sum();
  const { program } = gradientProgram(
    ({ alpha, beta, mu, logSigma }, { x, y, group }) => {
      const mean = x.mul(beta).sum(-1).add(alpha).add(tf.gather(mu, group));
      return tf.addN([
        logDensity(y, mean, logSigma.exp()),
        logDensity(alpha, 0, tf.scalar(10)),
        logDensity(beta, tf.zeros([4]), tf.fill([4], 2.5)),
        logDensity(mu, 0, tf.scalar(1)),
        logDensity(logSigma, 0, tf.scalar(1)),
        logSigma,
      ]);
    },
    {
      parameters: { alpha: [], beta: [4], mu: [50], logSigma: [] },
      data: { x: { shape: [1000, 4] }, y: { shape: [1000] }, group: { shape: [1000], dtype: 'int32' } },
    },
  );
  const long = program.nodes.filter((node) => node.shape[0] === 1000);
  // Value and four gradients; tfjs records 213 kernels for as much. A new rule may only make this shorter.
  expect(program.nodes.length, formatProgram(program)).toBeLessThanOrEqual(82);
  expect(long.length, formatProgram(program)).toBeLessThanOrEqual(22);
  expect(operations(program)).not.toContain('broadcast');
});
