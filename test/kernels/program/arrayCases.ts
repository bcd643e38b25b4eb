// Cases for views, reductions, running totals, indexing and linear algebra.
import * as tf from '@tensorflow/tfjs-core';
import {
  choleskySmall,
  cumulativeProduct,
  cumulativeSum,
  gatherRows,
  logDetFromCholesky,
  logSumExp,
  segmentSum,
  triangularSolve,
} from '../../../src/kernels/ops/index.js';
import { type Case, unary } from './elementwiseCases.js';

type Tensor = tf.Tensor;

const matrix = [3, 4];
export const views: readonly Case[] = [
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

export const reductions: readonly Case[] = [
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

export const cumulative: readonly Case[] = [
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

export const indexing: readonly Case[] = [
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

export const algebra: readonly Case[] = [
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
