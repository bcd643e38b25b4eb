// Running sums and products along any axis, with the gradients that tfjs lacks off the last axis.
import type * as tf from '@tensorflow/tfjs-core';
import {
  type CumulativeAttributes,
  cumulativeProduct as recordCumulativeProduct,
} from '../trace/kernels/reductions.js';
import { axesOf } from '../trace/traceKernel.js';
import { asFloat, ownOp } from './ownOp.js';

interface CumulativeOptions {
  /** Leave the element itself out. */
  readonly exclusive?: boolean;
  /** Run from the end of the axis. */
  readonly reverse?: boolean;
}

const sumOp = ownOp<'x', CumulativeAttributes>({
  kernelName: 'HieraxCumulativeSum',
  inputs: ['x'],
  differentiable: ['x'],
  record: ({ builder, inputs: { x }, attributes: { axis, exclusive, reverse } }) => ({
    node: builder.cumsum(x.node, axis, exclusive, reverse),
    dtype: 'float32',
  }),
});

const productOp = ownOp<'x', CumulativeAttributes>({
  kernelName: 'HieraxCumulativeProduct',
  inputs: ['x'],
  differentiable: ['x'],
  record: ({ builder, inputs: { x }, attributes }) => ({
    node: recordCumulativeProduct(builder, x.node, attributes),
    dtype: 'float32',
  }),
});

function resolved(x: tf.Tensor, axis: number, { exclusive, reverse }: CumulativeOptions): CumulativeAttributes {
  return { axis: axesOf(axis, x.rank)[0], exclusive: exclusive ?? false, reverse: reverse ?? false };
}

/** Running sums of x along `axis` (negative: from the end); same shape as x. */
export function cumulativeSum(x: tf.Tensor, axis: number, options: CumulativeOptions = {}): tf.Tensor {
  return sumOp({ x: asFloat(x) }, resolved(x, axis, options));
}

/** Running products of x along `axis` (negative: from the end); same shape as x. Exact gradients also where elements are 0. */
export function cumulativeProduct(x: tf.Tensor, axis: number, options: CumulativeOptions = {}): tf.Tensor {
  return productOp({ x: asFloat(x) }, resolved(x, axis, options));
}
