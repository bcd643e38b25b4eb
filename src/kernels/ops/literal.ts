// Exact f64 constants: what tfjs would round to float32 on the way in.
import type * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../program/tensorProgram.js';
import { ownOp } from './ownOp.js';

interface LiteralAttributes {
  readonly values: readonly number[];
  readonly shape: readonly number[];
}

const literalOp = ownOp<never, LiteralAttributes>({
  kernelName: 'HieraxLiteral',
  inputs: [],
  differentiable: [],
  record: ({ builder, attributes: { values, shape } }) => ({ node: builder.constant(values, shape), dtype: 'float32' }),
});

/**
 * A constant that keeps all its digits in a traced function (`literal(Math.PI)`); eagerly an ordinary float32 tensor.
 * `shape` defaults to [] for a number and [length] for a list (row-major). Throws when the shape does not fit.
 */
export function literal(values: number | readonly number[], shape?: readonly number[]): tf.Tensor {
  const list = typeof values === 'number' ? [values] : values;
  const ownShape = shape ?? (typeof values === 'number' ? [] : [list.length]);
  if (sizeOf(ownShape) !== list.length) {
    throw new Error(`literal: ${list.length} values do not fill the shape [${ownShape.join(', ')}]`);
  }
  return literalOp({}, { values: list, shape: ownShape });
}
