// Every traced operation and gradient rule: values against eager tfjs (or by hand), gradients against finite differences.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
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
import { traceKernels } from '../../../src/kernels/trace/kernels/index.js';
import { evaluate, finiteDifferences, gradientProgram, largestError } from '../support.js';

type Tensor = tf.Tensor;

/** Fixed positions away from kinks, of both signs. */
const values = [0.3, -0.7, 1.2, -1.6, 0.9, 2.3, -0.4, 0.55, -1.1, 1.7, 0.15, -2.2];
const positives = values.map((v) => Math.abs(v));
const inUnit = values.map((v) => v / 2.5);
const aboveOne = positives.map((v) => v + 1.05);
const vector = [5];
const matrix = [3, 4];

interface Case {
  readonly name: string;
  readonly fn: (x: Tensor, y: Tensor) => Tensor;
  readonly x?: readonly number[];
  readonly y?: readonly number[];
  readonly xShape?: number[];
  readonly yShape?: number[];
  /** What the value must be, where eager tfjs is not to be trusted. */
  readonly expected?: readonly number[];
}

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

const unary = (name: string, fn: (x: Tensor) => Tensor, x?: readonly number[]): Case => ({ name, fn, x });

const elementwise: readonly Case[] = [
  unary('neg', (x) => x.neg()),
  unary('abs', (x) => x.abs()),
  unary('sign', (x) => x.sign()),
  unary('floor', (x) => x.floor().mul(x)),
  unary('ceil', (x) => x.ceil().mul(x)),
  unary('round', (x) => x.round().mul(x)),
  unary('square', (x) => x.square()),
  unary('relu', (x) => x.relu()),
  unary('relu6', (x) => tf.relu6(x.mul(4))),
  unary('exp', (x) => x.exp()),
  unary('expm1', (x) => x.expm1()),
  unary('log', (x) => x.log(), positives),
  unary('log1p', (x) => x.log1p(), inUnit),
  unary('sqrt', (x) => x.sqrt(), positives),
  unary('rsqrt', (x) => x.rsqrt(), positives),
  unary('reciprocal', (x) => x.reciprocal()),
  unary('sin', (x) => x.sin()),
  unary('cos', (x) => x.cos()),
  unary('tan', (x) => x.tan(), inUnit),
  unary('asin', (x) => x.asin(), inUnit),
  unary('acos', (x) => x.acos(), inUnit),
  unary('atan', (x) => x.atan()),
  unary('sinh', (x) => x.sinh()),
  unary('cosh', (x) => x.cosh()),
  unary('tanh', (x) => x.tanh()),
  unary('asinh', (x) => x.asinh()),
  unary('acosh', (x) => x.acosh(), aboveOne),
  unary('atanh', (x) => x.atanh(), inUnit),
  unary('sigmoid', (x) => x.sigmoid()),
  unary('softplus', (x) => x.softplus()),
  unary('logSigmoid', (x) => tf.logSigmoid(x)),
  unary('erf', (x) => x.erf()),
  unary('elu', (x) => x.elu()),
  unary('selu', (x) => x.selu()),
  unary('leakyRelu', (x) => x.leakyRelu(0.3)),
  unary('step', (x) => x.step(0.25).mul(x)),
  unary('clipByValue', (x) => x.clipByValue(-0.5, 1)),
  unary('clone', (x) => x.clone().mul(2)),
  unary('cast to int', (x) => x.mul(3).toInt().toFloat().add(x)),
  unary('cast to bool', (x) => x.toBool().toFloat().mul(x)),
  unary('isNaN', (x) => tf.isNaN(x.log()).toFloat().add(x)),
  unary('isInf', (x) => tf.isInf(x.sub(0.9).div(0)).toFloat().add(x), [0.3, 1.2, 0.5, 2, 3]),
  unary('isFinite', (x) => tf.isFinite(x.div(x.relu())).toFloat().add(x)),
  unary('logicalNot', (x) => x.less(0).logicalNot().toFloat().mul(x)),
  unary('logGamma', (x) => logGamma(x), positives),
  unary('digamma', (x) => digamma(x), aboveOne),
  unary('normalCdf', (x) => normalCdf(x)),
  unary('normalLogCdf', (x) => normalLogCdf(x)),
  unary('zerosLike and onesLike', (x) => x.mul(tf.onesLike(x)).add(tf.zerosLike(x))),
  { name: 'add', fn: (x, y) => x.add(y) },
  { name: 'sub', fn: (x, y) => x.sub(y) },
  { name: 'mul', fn: (x, y) => x.mul(y) },
  { name: 'div', fn: (x, y) => x.div(y) },
  { name: 'floorDiv', fn: (x, y) => tf.floorDiv(x.mul(4), y).toFloat().mul(x) },
  { name: 'mod', fn: (x, y) => tf.mod(x, y) },
  { name: 'pow', fn: (x, y) => x.pow(y), x: positives },
  { name: 'pow of negative bases', fn: (x) => x.pow(4), x: values },
  { name: 'pow 0', fn: (x) => x.pow(0).add(x), x: [0, 1, -1, 2, -2] },
  { name: 'maximum', fn: (x, y) => x.maximum(y) },
  { name: 'minimum', fn: (x, y) => x.minimum(y) },
  { name: 'squaredDifference', fn: (x, y) => tf.squaredDifference(x, y) },
  { name: 'atan2', fn: (x, y) => tf.atan2(x, y) },
  { name: 'addN', fn: (x, y) => tf.addN([x, y, x]) },
  { name: 'prelu', fn: (x, y) => tf.prelu(x, y) },
  ...(['equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual'] as const).map((name) => ({
    name: `where ${name}`,
    fn: (x: Tensor, y: Tensor) => tf.where(x[name](y), x.square(), y.mul(x)),
  })),
  ...(['logicalAnd', 'logicalOr', 'logicalXor'] as const).map((name) => ({
    name: `where ${name}`,
    fn: (x: Tensor, y: Tensor) => tf.where(x.greater(0)[name](y.greater(0)), x.square(), y.mul(x)),
  })),
  { name: 'broadcasting both ways', fn: (x, y) => x.mul(y), xShape: [3, 1], yShape: [1, 4] },
  { name: 'broadcasting of a scalar', fn: (x, y) => x.div(y), xShape: [], yShape: [3, 2] },
];

const views: readonly Case[] = [
  unary('expandDims and squeeze', (x) => x.expandDims(0).square().squeeze([0])),
  { name: 'reshape', fn: (x) => x.reshape([2, -1]).mul([[1], [2]]), xShape: matrix },
  { name: 'transpose', fn: (x) => x.transpose(), xShape: matrix },
  { name: 'transpose of three axes', fn: (x) => x.transpose([2, 0, 1]), xShape: [2, 3, 2] },
  { name: 'slice', fn: (x) => x.slice([1, 1], [-1, 2]), xShape: matrix },
  { name: 'stridedSlice', fn: (x) => tf.stridedSlice(x, [0, 3], [3, 0], [2, -2]), xShape: matrix },
  {
    name: 'stridedSlice with masks',
    fn: (x) => tf.stridedSlice(x, [1, 1], [2, 2], [1, 1], 0, 2, 0, 0, 1),
    xShape: matrix,
  },
  { name: 'stridedSlice backwards by two', fn: (x) => tf.stridedSlice(x, [4], [0], [-2]), expected: [0.9, 1.2] },
  { name: 'reverse', fn: (x) => x.reverse([0, -1]), xShape: matrix },
  { name: 'concat', fn: (x, y) => tf.concat([x, y.square(), x], -1), xShape: [2, 2], yShape: [2, 3] },
  { name: 'stack', fn: (x, y) => tf.stack([x, y], -1), xShape: [2, 2], yShape: [2, 2] },
  { name: 'unstack', fn: (x) => tf.addN(tf.unstack(x, 1).map((part, i) => part.mul(i + 1))), xShape: matrix },
  { name: 'split', fn: (x) => tf.split(x, [1, 3], -1)[1].mul(2), xShape: matrix },
  { name: 'split evenly', fn: (x) => tf.split(x, 2, 1)[1].mul(2), xShape: matrix },
  {
    name: 'pad',
    fn: (x) =>
      tf.pad(
        x,
        [
          [1, 0],
          [2, 1],
        ],
        3,
      ),
    xShape: matrix,
  },
  {
    name: 'mirrorPad reflect',
    fn: (x) =>
      tf.mirrorPad(
        x,
        [
          [1, 2],
          [2, 0],
        ],
        'reflect',
      ),
    xShape: matrix,
  },
  { name: 'mirrorPad symmetric', fn: (x) => tf.mirrorPad(x, [[2, 3]], 'symmetric') },
  { name: 'tile', fn: (x) => tf.tile(x, [2, 3]), xShape: [2, 2] },
  { name: 'broadcastTo', fn: (x) => tf.broadcastTo(x, [4, 3, 2]), xShape: [3, 1] },
];

const ones = [1, 2, 0, 3, -1, 0, 2, 0, 1, 1, 4, -2];

const reductions: readonly Case[] = [
  { name: 'sum', fn: (x) => x.sum(0), xShape: matrix },
  { name: 'sum keepDims', fn: (x) => x.sum([-1], true).mul(x), xShape: matrix },
  { name: 'mean', fn: (x) => x.mean([0, 1]).mul(x), xShape: matrix },
  { name: 'max', fn: (x) => x.max(1), xShape: matrix },
  { name: 'max keepDims', fn: (x) => x.max(1, true).mul(x), xShape: matrix },
  { name: 'min', fn: (x) => x.min(-1), xShape: matrix },
  { name: 'prod', fn: (x) => x.prod(-1), xShape: matrix },
  { name: 'prod with zeros', fn: (x) => x.prod(1), x: ones, xShape: matrix, expected: [0, 0, -8] },
  { name: 'prod over two axes', fn: (x) => x.prod([0, 2]), xShape: [2, 3, 2] },
  {
    name: 'all and any',
    fn: (x) => x.greater(-1).all(1).toFloat().add(x.greater(1).any(1).toFloat()).mul(x.sum(1)),
    xShape: matrix,
  },
  { name: 'softmax', fn: (x) => x.softmax(), xShape: matrix },
  { name: 'logSoftmax', fn: (x) => x.logSoftmax(), xShape: matrix },
  { name: 'tf.logSumExp', fn: (x) => x.logSumExp(0), xShape: matrix },
  { name: 'logSumExp', fn: (x) => logSumExp(x, 1), xShape: matrix },
  { name: 'logSumExp of everything', fn: (x) => logSumExp(x), xShape: matrix },
  { name: 'moments', fn: (x) => tf.moments(x, 0).variance, xShape: matrix },
  { name: 'norm', fn: (x) => x.norm(), xShape: matrix },
];

const square = [3, 3];
const running = (name: string, fn: Case['fn'], xShape: number[], expected?: number[], x?: number[]): Case => ({
  name,
  fn,
  xShape,
  expected,
  x,
});
const counting = [1, 2, 3, 4, 5, 6, 7, 8, 9];

const cumulative: readonly Case[] = [
  running('cumsum of axis −1', (x) => x.cumsum(-1), square, [1, 3, 6, 4, 9, 15, 7, 15, 24], counting),
  running('cumsum of the first axis', (x) => x.cumsum(0), square, [1, 2, 3, 5, 7, 9, 12, 15, 18], counting),
  running('cumsum of the first axis, not square', (x) => x.cumsum(0), [3, 2], [1, 2, 4, 6, 9, 12], counting),
  running('cumsum exclusive', (x) => x.cumsum(0, true), square, [0, 0, 0, 1, 2, 3, 5, 7, 9], counting),
  running('cumsum reverse', (x) => x.cumsum(0, false, true), square, [12, 15, 18, 11, 13, 15, 7, 8, 9], counting),
  running('cumsum both', (x) => x.cumsum(1, true, true), square, [5, 3, 0, 11, 6, 0, 17, 9, 0], counting),
  running('cumprod', (x) => tf.cumprod(x, 1), matrix),
  running('cumprod with zeros', (x) => tf.cumprod(x, 0), matrix, [1, 2, 0, 3, -1, 0, 0, 0, -1, 0, 0, 0], ones),
  running('cumprod exclusive', (x) => tf.cumprod(x, -1, true), square, [1, 1, 2, 1, 4, 20, 1, 7, 56], counting),
  running('cumprod reverse', (x) => tf.cumprod(x, 0, false, true), [3, 1], [6, 6, 3], counting),
  running('cumulativeSum', (x) => cumulativeSum(x, 1, { reverse: true }), matrix),
  running('cumulativeProduct', (x) => cumulativeProduct(x, -2, { exclusive: true }), matrix),
  running('cumulativeProduct of one', (x) => cumulativeProduct(x, 0, { exclusive: true }).add(x), [1]),
];

const picks = (): Tensor => tf.tensor1d([2, 0, 2, 1], 'int32');

const indexing: readonly Case[] = [
  { name: 'gather', fn: (x) => x.gather(picks()), xShape: matrix },
  { name: 'gather along the last axis', fn: (x) => x.gather(picks(), -1), xShape: matrix },
  {
    name: 'gather along a middle axis',
    fn: (x) => x.gather(tf.tensor2d([[1, 0, 1]], undefined, 'int32'), 1),
    xShape: [2, 3, 2],
  },
  { name: 'gather of one', fn: (x) => x.gather(tf.scalar(1, 'int32'), 1), xShape: matrix },
  {
    name: 'gatherND',
    fn: (x) =>
      tf.gatherND(
        x,
        tf.tensor2d(
          [
            [2, 1],
            [0, 0],
            [2, 1],
          ],
          undefined,
          'int32',
        ),
      ),
    xShape: matrix,
  },
  { name: 'gatherND of rows', fn: (x) => tf.gatherND(x, tf.tensor2d([[2], [0]], undefined, 'int32')), xShape: matrix },
  {
    name: 'scatterND adds equal indices',
    fn: (x) => tf.scatterND(tf.tensor2d([[1], [3], [1]], undefined, 'int32'), x, [4]),
    x: [1, 2, 5],
    xShape: [3],
    expected: [0, 6, 0, 2],
  },
  {
    name: 'unsortedSegmentSum',
    fn: (x) => tf.unsortedSegmentSum(x, tf.tensor1d([1, 0, 1], 'int32'), 3),
    xShape: matrix,
  },
  { name: 'segmentSum', fn: (x) => segmentSum(x, tf.tensor1d([1, 0, 1], 'int32'), 3), xShape: matrix },
  { name: 'gatherRows', fn: (x) => gatherRows(x, picks()), xShape: matrix },
  { name: 'oneHot', fn: (x) => tf.oneHot(picks(), 3).toFloat().matMul(x), xShape: matrix },
  { name: 'diag', fn: (x) => tf.diag(x).mul(2), xShape: [3] },
];

const spd = (x: Tensor): Tensor => tf.matMul(x, x, false, true).add(tf.eye(x.shape[x.rank - 1]));

const algebra: readonly Case[] = [
  { name: 'matMul', fn: (x, y) => tf.matMul(x, y), xShape: [2, 3], yShape: [3, 2] },
  { name: 'matMul transposed', fn: (x, y) => tf.matMul(x, y, true, true), xShape: [3, 2], yShape: [4, 3] },
  { name: 'matMul in batches', fn: (x, y) => tf.matMul(x, y), xShape: [2, 2, 3], yShape: [1, 3, 2] },
  { name: 'dot', fn: (x, y) => tf.dot(x, y), xShape: [3, 4], yShape: [4] },
  { name: 'outerProduct', fn: (x, y) => tf.outerProduct(x as tf.Tensor1D, y as tf.Tensor1D) },
  { name: 'einsum', fn: (x, y) => tf.einsum('ij,kj->ik', x, y), xShape: [2, 3], yShape: [3, 3] },
  { name: 'einsum in batches', fn: (x, y) => tf.einsum('bij,bj->bi', x, y), xShape: [2, 2, 3], yShape: [2, 3] },
  { name: 'einsum of one', fn: (x) => tf.einsum('ij->j', x), xShape: matrix },
  { name: 'cholesky', fn: (x) => choleskySmall(spd(x)), xShape: [3, 3] },
  { name: 'cholesky in batches', fn: (x) => choleskySmall(spd(x)), xShape: [2, 2, 2] },
  { name: 'triangularSolve', fn: (x, y) => triangularSolve(choleskySmall(spd(x)), y), xShape: [3, 3], yShape: [3, 2] },
  {
    name: 'triangularSolve transposed',
    fn: (x, y) => triangularSolve(spd(x), y, true),
    xShape: [2, 2],
    yShape: [3, 2, 2],
  },
  { name: 'logDetFromCholesky', fn: (x) => logDetFromCholesky(choleskySmall(spd(x))), xShape: [2, 2, 2] },
];

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
