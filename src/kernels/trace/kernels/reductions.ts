// Sums, products, extremes, soft maxima and running totals of tfjs as program nodes.
import type * as tf from '@tensorflow/tfjs-core';
import type { ProgramBuilder } from '../../program/programBuilder.js';
import { type NodeId, type ReduceFunction, sizeOf } from '../../program/tensorProgram.js';
import {
  axesOf,
  type Recorded,
  type TraceCall,
  type TraceKernel,
  traceKernel,
  type TraceKernels,
} from '../traceKernel.js';

interface ReduceAttributes {
  readonly axis?: number | number[] | null;
  /** tfjs's name for the axes of Max. */
  readonly reductionIndices?: number | number[] | null;
  readonly keepDims: boolean;
}

function reduced(
  { builder, inputs: { x }, attributes }: TraceCall<ReduceAttributes>,
  reduce: (axes: readonly number[]) => NodeId,
  dtype: tf.DataType,
): Recorded {
  const axes = axesOf(attributes.axis ?? attributes.reductionIndices, x.shape.length);
  const node = reduce(axes);
  const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  return { node: attributes.keepDims ? builder.reshape(node, kept) : node, dtype };
}

const reduction = (fn: ReduceFunction): TraceKernel =>
  traceKernel<ReduceAttributes>((call) => {
    const { x } = call.inputs;
    const dtype = x.dtype === 'bool' && fn !== 'max' && fn !== 'min' ? 'int32' : x.dtype;
    return reduced(call, (axes) => call.builder.reduce(fn, x.node, axes), dtype);
  });

const truth = (fn: 'min' | 'max'): TraceKernel =>
  traceKernel<ReduceAttributes>((call) =>
    reduced(call, (axes) => call.builder.reduce(fn, call.inputs.x.node, axes), 'bool'),
  );

/**
 * Largest value along an axis (kept, of length 1), rounded up: enough to keep exp from overflowing, and without a
 * gradient, so none is spent on a term that cancels. 0 where the largest is infinite.
 */
function exponentShift(b: ProgramBuilder, x: NodeId, axis: number): NodeId {
  const largest = b.unary('ceil', b.reduce('max', x, [axis]));
  const finite = b.binary('less', b.unary('abs', largest), b.scalar(Infinity));
  const kept = b.shape(x).map((extent, k) => (k === axis ? 1 : extent));
  return b.reshape(b.select(finite, largest, b.scalar(0)), kept);
}

export interface CumulativeAttributes {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

/** Running products by doubling: log₂ n shifted multiplications, so zeros and signs need no care. */
export function cumulativeProduct(b: ProgramBuilder, x: NodeId, attributes: CumulativeAttributes): NodeId {
  const shape = b.shape(x);
  const [axis] = axesOf(attributes.axis, shape.length);
  const length = shape[axis];
  /** Moves everything `by` places along the direction of the product; ones come in. */
  const moved = (node: NodeId, by: number): NodeId => {
    const begin = shape.map((_, k) => (k === axis && attributes.reverse ? by : 0));
    const kept = b.slice(
      node,
      begin,
      shape.map((extent, k) => (k === axis ? extent - by : extent)),
    );
    const amount = shape.map((_, k) => (k === axis ? by : 0));
    const none = shape.map(() => 0);
    return attributes.reverse ? b.pad(kept, none, amount, 1) : b.pad(kept, amount, none, 1);
  };
  let product = x;
  for (let by = 1; by < length; by *= 2) product = b.mul(product, moved(product, by));
  if (!attributes.exclusive) return product;
  return length > 1 ? moved(product, 1) : b.fill(1, shape);
}

export const reductionKernels: TraceKernels = new Map<string, TraceKernel>([
  ['Sum', reduction('sum')],
  ['Prod', reduction('prod')],
  ['Max', reduction('max')],
  ['Min', reduction('min')],
  ['All', truth('min')],
  ['Any', truth('max')],
  [
    'Mean',
    traceKernel<ReduceAttributes>((call) => {
      const { builder, inputs } = call;
      const mean = (axes: readonly number[]): NodeId => {
        const count = sizeOf(axes.map((axis) => inputs.x.shape[axis]));
        return builder.div(builder.sum(inputs.x.node, axes), builder.scalar(count));
      };
      return reduced(call, mean, 'float32');
    }),
  ],
  [
    'Softmax',
    traceKernel<tf.SoftmaxAttrs>(({ builder, inputs: { logits }, attributes: { dim } }) => {
      const [axis] = axesOf(dim, logits.shape.length);
      const exp = builder.unary('exp', builder.sub(logits.node, exponentShift(builder, logits.node, axis)));
      const kept = logits.shape.map((extent, k) => (k === axis ? 1 : extent));
      const sum = builder.reshape(builder.sum(exp, [axis]), kept);
      return { node: builder.div(exp, sum), dtype: 'float32' };
    }),
  ],
  [
    'Cumsum',
    traceKernel<CumulativeAttributes>(({ builder, inputs: { x }, attributes }) => {
      const [axis] = axesOf(attributes.axis, x.shape.length);
      return { node: builder.cumsum(x.node, axis, attributes.exclusive, attributes.reverse), dtype: x.dtype };
    }),
  ],
  [
    'Cumprod',
    traceKernel<CumulativeAttributes>(({ builder, inputs: { x }, attributes }) => ({
      node: cumulativeProduct(builder, x.node, attributes),
      dtype: x.dtype,
    })),
  ],
]);
