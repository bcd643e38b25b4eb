// Tracing: what a run under the recording backend records, refuses and leaves behind.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, test } from 'vitest';
import { literal } from '../../../src/kernels/ops/index.js';
import { DataDependentError, UnsupportedOpError } from '../../../src/kernels/trace/traceErrors.js';
import { shortestDecimal } from '../../../src/kernels/trace/literals.js';
import { trace } from '../../../src/kernels/trace/trace.js';
import { evaluate } from '../support.js';

beforeEach(async () => {
  await tf.setBackend('cpu');
});

/** The nodes of the finished program, without parameters. */
function operations(fn: (x: tf.Tensor) => tf.Tensor, shape: number[] = [3]): string[] {
  const { builder, outputs } = trace(({ x }) => fn(x), { parameters: { x: shape } });
  return builder.finish(outputs).nodes.map((node) => node.operation.op);
}

function constantsOf(fn: () => tf.Tensor): number[] {
  const { builder, outputs } = trace(fn, { parameters: {} });
  return [...evaluate(builder.finish(outputs), {}).get('value')!];
}

describe('literals', () => {
  test('float32 literals come back as the decimals that were written', () => {
    expect(constantsOf(() => tf.tensor1d([0.1, -2.5, 1e-7, 123456.7, 1e20, 16777216, 0, -0]))).toEqual([
      0.1, -2.5, 1e-7, 123456.7, 1e20, 16777216, 0, -0,
    ]);
    expect(constantsOf(() => tf.scalar(0.3))).toEqual([0.3]);
    expect(constantsOf(() => tf.tensor1d([Infinity, NaN]))).toEqual([Infinity, NaN]);
  });

  test('every decimal of up to six digits survives, and every float32 is still itself in float32', () => {
    for (let i = 1; i < 5000; i++) {
      const decimal = Number(`${i * 197}e${(i % 40) - 25}`);
      expect(shortestDecimal(Math.fround(decimal))).toBe(decimal);
      const float = Math.fround(Math.sin(i) * 10 ** ((i % 30) - 15));
      expect(Math.fround(shortestDecimal(float))).toBe(float);
    }
  });

  test('int32 and bool literals are exact', () => {
    expect(constantsOf(() => tf.tensor1d([2147483647, -5], 'int32'))).toEqual([2147483647, -5]);
    expect(constantsOf(() => tf.tensor1d([true, false], 'bool'))).toEqual([1, 0]);
  });

  test('literal keeps all digits while tracing and is a float32 tensor eagerly', () => {
    expect(constantsOf(() => literal(Math.PI))).toEqual([Math.PI]);
    expect(constantsOf(() => literal([1 / 3, 2 / 3]))).toEqual([1 / 3, 2 / 3]);
    expect(constantsOf(() => tf.scalar(2).mul(1 / 3))).toEqual([2 / 3]);
    expect([...literal(Math.PI).dataSync()]).toEqual([Math.fround(Math.PI)]);
    expect(literal([1, 2, 3, 4], [2, 2]).shape).toEqual([2, 2]);
    expect(() => literal([1, 2, 3], [2, 2])).toThrow('3 values do not fill the shape [2, 2]');
  });

  test('tensors made outside the trace become literals and stay usable', () => {
    const outside = tf.tensor1d([0.1, 0.2, 0.7]);
    const { builder, outputs } = trace(({ x }) => x.mul(outside), { parameters: { x: [3] } });
    expect([...evaluate(builder.finish(outputs), { x: [1, 10, 100] }).get('value')!]).toEqual([0.1, 2, 70]);
    expect(outside.dataSync()[2]).toBeCloseTo(0.7);
    expect(() => tf.add(outside, 1).dataSync()).not.toThrow();
  });

  test.each<[string, () => tf.Tensor]>([
    ['fill', () => tf.fill([3], 2.5)],
    ['zeros', () => tf.zeros([3])],
    ['ones', () => tf.ones([3])],
    ['scalar', () => tf.scalar(4)],
    ['uniform tensor', () => tf.tensor1d([7, 7, 7])],
  ])('%s is recorded as one number', (_, make) => {
    expect(operations((x) => x.add(make()).sum())).not.toContain('broadcast');
    const { builder, outputs } = trace(make, { parameters: {} });
    const constants = builder.finish(outputs).nodes.filter((node) => node.operation.op === 'constant');
    expect(constants.map((node) => node.shape)).toEqual([[]]);
  });

  test.each<[string, () => tf.Tensor, number[]]>([
    ['onesLike', () => tf.onesLike(tf.tensor1d([1, 2])), [1, 1]],
    ['zerosLike', () => tf.zerosLike(tf.tensor1d([1, 2])), [0, 0]],
    ['range', () => tf.range(1, 4, 0.5), [1, 1.5, 2, 2.5, 3, 3.5]],
    ['descending range', () => tf.range(3, 0, -1, 'int32'), [3, 2, 1]],
    ['linspace', () => tf.linspace(0, 1, 5), [0, 0.25, 0.5, 0.75, 1]],
    ['eye', () => tf.eye(2), [1, 0, 0, 1]],
    ['oneHot', () => tf.oneHot(tf.tensor1d([1, 0], 'int32'), 3, 5, -1), [-1, 5, -1, 5, -1, -1]],
  ])('%s', (_, make, expected) => {
    expect(constantsOf(make)).toEqual(expected);
  });
});

describe('the surroundings', () => {
  test('the previous backend is active again and nothing stays allocated', () => {
    const before = tf.memory();
    trace(({ x }, { y }) => x.sub(y).square().sum(), { parameters: { x: [] }, data: { y: { shape: [10] } } });
    expect(tf.getBackend()).toBe('cpu');
    expect(tf.memory()).toEqual(before);
    expect(tf.engine().backendNames()).not.toContain('hierax-trace');
  });

  test('also when the function throws', () => {
    const before = tf.memory();
    const failing = (): tf.Tensor => {
      tf.scalar(1).add(2);
      throw new RangeError('mine');
    };
    expect(() => trace(failing, { parameters: {} })).toThrow(RangeError);
    expect(tf.getBackend()).toBe('cpu');
    expect(tf.memory()).toEqual(before);
  });

  test('traces nest', () => {
    const { builder, outputs } = trace(
      ({ x }) => {
        const inner = trace(({ z }) => z.mul(3), { parameters: { z: [] } });
        const three = evaluate(inner.builder.finish(inner.outputs), { z: [1] }).get('value')![0];
        return x.mul(three);
      },
      { parameters: { x: [] } },
    );
    expect([...evaluate(builder.finish(outputs), { x: [5] }).get('value')!]).toEqual([15]);
    expect(tf.getBackend()).toBe('cpu');
  });

  test('a tensor of an outer trace is refused in an inner one, and a tensor of a finished trace everywhere', () => {
    expect(() => trace(({ x }) => (trace(() => x.mul(2), { parameters: {} }), x), { parameters: { x: [] } })).toThrow(
      'a tensor of one trace was used in another',
    );
    let leaked: tf.Tensor | undefined;
    trace(({ x }) => (leaked = tf.keep(x.mul(2))), { parameters: { x: [] } });
    expect(() => leaked!.dataSync()).toThrow(DataDependentError);
    leaked!.dispose();
  });

  test('several outputs by name; other results are refused', () => {
    const { outputs } = trace(({ x }) => ({ twice: x.mul(2), same: x }), { parameters: { x: [2] } });
    expect([...outputs.keys()]).toEqual(['twice', 'same']);
    expect(() => trace((() => 3) as never, { parameters: {} })).toThrow('must return a tensor');
    expect(() => trace((() => ({ a: 3 })) as never, { parameters: {} })).toThrow("returned 'a', which is no tensor");
    expect(() => trace((() => Promise.resolve(tf.scalar(1))) as never, { parameters: {} })).toThrow('promise');
  });

  test('the cost of tracing does not grow with the rows', () => {
    const density = (rows: number): void => {
      trace(
        ({ mu, beta, logSigma }, { y, x, group }) => {
          const eta = x.mul(beta).sum(-1).add(tf.gather(mu, group));
          const z = y.sub(eta).div(logSigma.exp());
          const filler = tf.fill([rows], 0.5).add(tf.zerosLike(y)).add(tf.range(0, rows).mul(0));
          return z.square().mul(-0.5).sub(logSigma).add(filler).sum();
        },
        {
          parameters: { mu: [50], beta: [4], logSigma: [] },
          data: { y: { shape: [rows] }, x: { shape: [rows, 4] }, group: { shape: [rows], dtype: 'int32' } },
        },
      );
    };
    density(10);
    const allocated = (rows: number): number => {
      const before = process.memoryUsage();
      const start = performance.now();
      density(rows);
      const after = process.memoryUsage();
      expect(performance.now() - start).toBeLessThan(500);
      return after.heapUsed - before.heapUsed + (after.arrayBuffers - before.arrayBuffers);
    };
    // One column of 10⁷ float32 would be 40 MB.
    expect(allocated(10_000_000)).toBeLessThan(8e6);
  });
});

describe('refusals', () => {
  test('parameters and data share one set of names', () => {
    expect(() => trace(({ x }) => x, { parameters: { x: [] }, data: { x: { shape: [2] } } })).toThrow(
      "'x' is the name of a parameter and of data",
    );
  });

  test('an operation outside the list fails with its name and where the list is', () => {
    const sorted = (): unknown => trace(({ x }) => tf.topk(x, 2).values, { parameters: { x: [4] } });
    expect(sorted).toThrow(UnsupportedOpError);
    expect(sorted).toThrow('the tensor operation TopK cannot be compiled; docs/tensor-ops.md lists the operations');
    expect(tf.getBackend()).toBe('cpu');
  });

  test('variants outside the list say which variant', () => {
    const batched = (): unknown =>
      trace(({ x }, { i }) => tf.gather(x, i, 1, 1), {
        parameters: { x: [2, 3] },
        data: { i: { shape: [2, 1], dtype: 'int32' } },
      });
    expect(batched).toThrow('GatherV2 with batchDims 1');
    expect(() => trace(() => tf.tensor1d(['a']), { parameters: {} })).toThrow('dtype string');
  });

  test('reading values is data-dependent control flow', () => {
    const branching = ({ x }: Record<string, tf.Tensor>): tf.Tensor => (x.dataSync()[0] > 0 ? x.log() : x);
    expect(() => trace(branching, { parameters: { x: [1] } })).toThrow(DataDependentError);
    expect(() => trace(branching, { parameters: { x: [1] } })).toThrow(
      /data-dependent control flow.*where or safeWhere/,
    );
    expect(() => trace(({ x }) => (x.print(), x), { parameters: { x: [2] } })).toThrow(DataDependentError);
  });

  test('constants may be read: they are the same whatever the values', () => {
    expect(operations((x) => x.mul(tf.tensor1d([1, 2, 3]).arraySync()))).toEqual(['parameter', 'constant', 'binary']);
  });
});
