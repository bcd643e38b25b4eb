// Values per group from rows, and rows from values per group: each the gradient of the other.
import type * as tf from '@tensorflow/tfjs-core';
import { asFloat, ownOp } from './ownOp.js';

const segmentSumOp = ownOp<'x' | 'indices', { readonly count: number }>({
  kernelName: 'HieraxSegmentSum',
  inputs: ['x', 'indices'],
  differentiable: ['x'],
  record: ({ builder, inputs: { x, indices }, attributes: { count } }) => ({
    node: builder.segmentSum(x.node, indices.node, count),
    dtype: 'float32',
  }),
});

/**
 * Sums the rows of x [n, …] that have the same index: [count, …]. `indices` [n] are int32 in 0 … count − 1 (other values are an
 * error eagerly; compiled programs check data when they are bound). Groups without rows get 0.
 */
export function segmentSum(x: tf.Tensor, indices: tf.Tensor, count: number): tf.Tensor {
  if (indices.rank !== 1 || x.rank < 1 || x.shape[0] !== indices.shape[0]) {
    throw new Error(
      `segmentSum needs one index per row, got x [${x.shape.join(', ')}] and indices [${indices.shape.join(', ')}]`,
    );
  }
  return segmentSumOp({ x: asFloat(x), indices }, { count });
}

const gatherRowsOp = ownOp<'table' | 'indices'>({
  kernelName: 'HieraxGatherRows',
  inputs: ['table', 'indices'],
  differentiable: ['table'],
  record: ({ builder, inputs: { table, indices } }) => ({
    node: builder.gather(table.node, indices.node),
    dtype: 'float32',
  }),
});

/** Rows of `table` [count, …] picked by int32 `indices` of any shape: [indices' shape…, …]. Its gradient is a segment sum. */
export function gatherRows(table: tf.Tensor, indices: tf.Tensor): tf.Tensor {
  if (table.rank < 1) throw new Error('gatherRows needs a table of rank 1 or more');
  return gatherRowsOp({ table: asFloat(table), indices }, {});
}
