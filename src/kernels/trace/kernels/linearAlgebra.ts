// Matrix products, einsum and diagonal matrices of tfjs as program nodes.
import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../../program/tensorProgram.js';
import { type TraceKernel, traceKernel, type TraceKernels } from '../traceKernel.js';

export const linearAlgebraKernels: TraceKernels = new Map<string, TraceKernel>([
  [
    'BatchMatMul',
    traceKernel<tf.BatchMatMulAttrs>(({ builder, inputs: { a, b }, attributes: { transposeA, transposeB } }) => ({
      node: builder.matMul(
        transposeA ? builder.swapLast(a.node) : a.node,
        transposeB ? builder.swapLast(b.node) : b.node,
      ),
      dtype: a.dtype,
    })),
  ],
  [
    // Every operand is spread over all named axes; their product is summed over the axes that the result does not name.
    'Einsum',
    traceKernel<tf.EinsumAttrs>(({ builder, inputs, attributes: { equation } }) => {
      const operands = Object.values(inputs);
      const { allDims, summedDims, idDims } = tf.backend_util.decodeEinsumEquation(equation, operands.length);
      const spread = operands.map((x, k) => {
        const axes = idDims[k];
        const order = axes.map((_, axis) => axis).sort((p, q) => axes[p] - axes[q]);
        const inOrder = builder.transpose(x.node, order);
        const extents = Array<number>(allDims.length).fill(1);
        for (const axis of order) extents[axes[axis]] = x.shape[axis];
        return builder.reshape(inOrder, extents);
      });
      const product = spread.reduce((x, y) => builder.mul(x, y));
      return { node: builder.sum(product, summedDims), dtype: operands[0].dtype };
    }),
  ],
  [
    'Diag',
    ({ builder, inputs: { x } }) => {
      const size = sizeOf(x.shape);
      const positions = builder.iota(size);
      const onDiagonal = builder.binary('equal', builder.reshape(positions, [size, 1]), positions);
      const matrix = builder.select(onDiagonal, builder.reshape(x.node, [size]), builder.scalar(0));
      return { node: builder.reshape(matrix, [...x.shape, ...x.shape]), dtype: x.dtype };
    },
  ],
]);
