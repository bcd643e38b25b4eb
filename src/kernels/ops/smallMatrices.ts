// Cholesky factors and triangular systems for batches of small matrices.
import * as tf from '@tensorflow/tfjs-core';
import { asFloat, ownOp } from './ownOp.js';

const choleskyOp = ownOp<'x'>({
  kernelName: 'HieraxCholesky',
  inputs: ['x'],
  differentiable: ['x'],
  record: ({ builder, inputs: { x } }) => ({ node: builder.cholesky(x.node), dtype: 'float32' }),
});

/**
 * Lower Cholesky factors […, k, k] of symmetric positive definite matrices […, k, k]; only the lower triangles are read.
 * NaN where a matrix is not positive definite. The gradient is symmetric: Murray (2016), arXiv:1602.07527.
 */
export function choleskySmall(matrices: tf.Tensor): tf.Tensor {
  const [rows, columns] = matrices.shape.slice(-2);
  if (matrices.rank < 2 || rows !== columns) {
    throw new Error(`choleskySmall needs square matrices [..., k, k], got [${matrices.shape.join(', ')}]`);
  }
  return choleskyOp({ x: asFloat(matrices) }, {});
}

const triangularSolveOp = ownOp<'lower' | 'b', { readonly transpose: boolean }>({
  kernelName: 'HieraxTriangularSolve',
  inputs: ['lower', 'b'],
  differentiable: ['lower', 'b'],
  record: ({ builder, inputs: { lower, b }, attributes: { transpose } }) => ({
    node: builder.triangularSolve(lower.node, b.node, transpose),
    dtype: 'float32',
  }),
});

/**
 * Solves L X = B (or L' X = B with `transpose`) for lower-triangular L […, k, k] and B […, k, m]; batch axes broadcast.
 * Only the lower triangle of L is read.
 */
export function triangularSolve(lower: tf.Tensor, b: tf.Tensor, transpose = false): tf.Tensor {
  const [rows, columns] = lower.shape.slice(-2);
  if (lower.rank < 2 || b.rank < 2 || rows !== columns || b.shape[b.rank - 2] !== rows) {
    throw new Error(
      `triangularSolve needs L [..., k, k] and B [..., k, m], got [${lower.shape.join(', ')}] and [${b.shape.join(', ')}]`,
    );
  }
  return triangularSolveOp({ lower: asFloat(lower), b: asFloat(b) }, { transpose });
}

/** log |A| = 2 Σ log L_ii from the Cholesky factors L […, k, k] of A; shape […]. */
export function logDetFromCholesky(lower: tf.Tensor): tf.Tensor {
  const k = lower.shape[lower.rank - 1];
  const diagonal = tf.sum(tf.mul(lower, tf.eye(k)), -1);
  return tf.mul(tf.sum(tf.log(diagonal), -1), 2);
}
