// Special functions of statistics as tensor operations.
import type * as tf from '@tensorflow/tfjs-core';
import type { UnaryFunction } from '../program/tensorProgram.js';
import { literal } from './literal.js';
import { asFloat, ownOp } from './ownOp.js';

function elementwise(kernelName: string, fn: UnaryFunction): (x: tf.Tensor | number) => tf.Tensor {
  const op = ownOp<'x'>({
    kernelName,
    inputs: ['x'],
    differentiable: ['x'],
    record: ({ builder, inputs: { x } }) => ({ node: builder.unary(fn, x.node), dtype: 'float32' }),
  });
  return (x) => op({ x: typeof x === 'number' ? literal(x) : asFloat(x) }, {});
}

/** log Γ(x), elementwise, for x > 0 and, as log |Γ(x)|, between the negative integers. */
export const logGamma = elementwise('HieraxLogGamma', 'logGamma');

/** ψ(x) = d log Γ(x) / dx, elementwise. */
export const digamma = elementwise('HieraxDigamma', 'digamma');

/** Φ(x), the standard normal distribution function, elementwise. */
export const normalCdf = elementwise('HieraxNormalCdf', 'normalCdf');

/** log Φ(x), elementwise; accurate far into the lower tail, where Φ itself underflows. */
export const normalLogCdf = elementwise('HieraxNormalLogCdf', 'normalLogCdf');
