// Tensors made from numbers: fills, ranges and one-hot rows of tfjs as program nodes.
import type * as tf from '@tensorflow/tfjs-core';
import { type TraceKernel, traceKernel, type TraceKernels } from '../traceKernel.js';

const filled =
  (value: number): TraceKernel =>
  ({ builder, inputs: { x } }) => ({ node: builder.fill(value, x.shape), dtype: x.dtype });

/** tfjs takes dtype null for float32. */
const floatUnless = (dtype: tf.DataType | null | undefined): tf.DataType => dtype ?? 'float32';

export const generatorKernels: TraceKernels = new Map<string, TraceKernel>([
  ['ZerosLike', filled(0)],
  ['OnesLike', filled(1)],
  [
    'Fill',
    traceKernel<tf.FillAttrs>(({ builder, attributes: { shape, value, dtype } }) => ({
      node: builder.fill(Number(value), shape),
      dtype: floatUnless(dtype),
    })),
  ],
  [
    'Range',
    traceKernel<tf.RangeAttrs>(({ builder, attributes: { start, stop, step, dtype } }) => {
      const length = Math.max(0, Math.ceil((stop - start) / step));
      const steps = builder.mul(builder.iota(length), builder.scalar(step));
      return { node: builder.add(steps, builder.scalar(start)), dtype: floatUnless(dtype) };
    }),
  ],
  [
    'LinSpace',
    traceKernel<tf.LinSpaceAttrs>(({ builder, attributes: { start, stop, num } }) => {
      const step = num > 1 ? (stop - start) / (num - 1) : 0;
      const steps = builder.mul(builder.iota(num), builder.scalar(step));
      return { node: builder.add(steps, builder.scalar(start)), dtype: 'float32' };
    }),
  ],
  [
    'OneHot',
    traceKernel<tf.OneHotAttrs>(({ builder, inputs: { indices }, attributes: { dtype, depth, onValue, offValue } }) => {
      const places = builder.reshape(indices.node, [...indices.shape, 1]);
      const isPlace = builder.binary('equal', places, builder.iota(depth));
      return {
        node: builder.select(isPlace, builder.scalar(onValue), builder.scalar(offValue)),
        dtype: floatUnless(dtype),
      };
    }),
  ],
]);
