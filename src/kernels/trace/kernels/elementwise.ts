// Elementwise arithmetic, functions and comparisons of tfjs as program nodes.
import type * as tf from '@tensorflow/tfjs-core';
import type { ProgramBuilder } from '../../program/programBuilder.js';
import type { BinaryFunction, NodeId, UnaryFunction } from '../../program/tensorProgram.js';
import { type TraceKernel, traceKernel, type TraceKernels } from '../traceKernel.js';

/** tfjs stores sums of truth values as numbers. */
function numeric(dtype: tf.DataType): tf.DataType {
  return dtype === 'bool' ? 'int32' : dtype;
}

/** A function of one input whose result has the input's type. */
function sameType(record: (b: ProgramBuilder, x: NodeId) => NodeId): TraceKernel {
  return ({ builder, inputs: { x } }) => ({ node: record(builder, x.node), dtype: numeric(x.dtype) });
}

/** A function of one input with real values. */
function real<Attributes = unknown>(
  record: (b: ProgramBuilder, x: NodeId, attributes: Attributes) => NodeId,
): TraceKernel {
  return traceKernel<Attributes>(({ builder, inputs: { x }, attributes }) => ({
    node: record(builder, x.node, attributes),
    dtype: 'float32',
  }));
}

/** A truth value per element. */
function test(record: (b: ProgramBuilder, x: NodeId) => NodeId): TraceKernel {
  return ({ builder, inputs: { x } }) => ({ node: record(builder, x.node), dtype: 'bool' });
}

function arithmetic(record: (b: ProgramBuilder, x: NodeId, y: NodeId) => NodeId, dtype?: tf.DataType): TraceKernel {
  return ({ builder, inputs }) => ({
    node: record(builder, inputs.a.node, inputs.b.node),
    dtype: dtype ?? numeric(inputs.a.dtype),
  });
}

const unaryOf = (fn: UnaryFunction) => (b: ProgramBuilder, x: NodeId) => b.unary(fn, x);
const binaryOf = (fn: BinaryFunction) => (b: ProgramBuilder, x: NodeId, y: NodeId) => b.binary(fn, x, y);
const comparison = (fn: BinaryFunction): TraceKernel => arithmetic(binaryOf(fn), 'bool');

function square(b: ProgramBuilder, x: NodeId): NodeId {
  return b.mul(x, x);
}

/** Rounded from the exact remainder: floor(a · (1 / b)) would be one too small where 1 / b rounds down. */
function floorDivide(b: ProgramBuilder, x: NodeId, y: NodeId): NodeId {
  return b.unary('round', b.div(b.sub(x, b.binary('mod', x, y)), y));
}

function clip(b: ProgramBuilder, x: NodeId, low: number, high: number): NodeId {
  return b.binary('min', b.binary('max', x, b.scalar(low)), b.scalar(high));
}

/** expm1 of the negative part only, so that neither side overflows. */
function exponentialLinear(b: ProgramBuilder, x: NodeId, scale: number): NodeId {
  const zero = b.scalar(0);
  const negative = b.mul(b.scalar(scale), b.unary('expm1', b.binary('min', x, zero)));
  return b.select(b.binary('greaterEqual', x, zero), x, negative);
}

/** Towards zero, as tfjs casts to integers. */
function truncate(b: ProgramBuilder, x: NodeId): NodeId {
  return b.mul(b.unary('sign', x), b.unary('floor', b.unary('abs', x)));
}

/** Klambauer et al. (2017), Self-normalizing neural networks, the constants of the SELU. */
const seluScale = 1.0507009873554805;
const seluAlpha = 1.6732632423543772;

const isFinite = (b: ProgramBuilder, x: NodeId): NodeId => b.binary('less', b.unary('abs', x), b.scalar(Infinity));

export const elementwiseKernels: TraceKernels = new Map<string, TraceKernel>([
  ['Add', arithmetic((b, x, y) => b.add(x, y))],
  ['Sub', arithmetic((b, x, y) => b.sub(x, y))],
  ['Multiply', arithmetic((b, x, y) => b.mul(x, y))],
  ['RealDiv', arithmetic((b, x, y) => b.div(x, y), 'float32')],
  ['FloorDiv', arithmetic(floorDivide, 'int32')],
  ['Mod', arithmetic(binaryOf('mod'))],
  ['Pow', arithmetic(binaryOf('pow'))],
  ['Maximum', arithmetic(binaryOf('max'))],
  ['Minimum', arithmetic(binaryOf('min'))],
  ['SquaredDifference', arithmetic((b, x, y) => square(b, b.sub(x, y)))],
  ['Atan2', arithmetic(binaryOf('atan2'), 'float32')],
  [
    'AddN',
    ({ builder, inputs }) => {
      const terms = Object.values(inputs);
      return {
        node: terms.map((term) => term.node).reduce((a, b) => builder.add(a, b)),
        dtype: numeric(terms[0].dtype),
      };
    },
  ],
  ['Neg', sameType((b, x) => b.neg(x))],
  ['Abs', sameType(unaryOf('abs'))],
  ['Sign', sameType(unaryOf('sign'))],
  ['Floor', sameType(unaryOf('floor'))],
  ['Ceil', sameType(unaryOf('ceil'))],
  ['Round', sameType(unaryOf('round'))],
  ['Square', sameType(square)],
  ['Relu', sameType((b, x) => b.binary('max', x, b.scalar(0)))],
  ['Relu6', sameType((b, x) => clip(b, x, 0, 6))],
  ['Exp', real(unaryOf('exp'))],
  ['Expm1', real(unaryOf('expm1'))],
  ['Log', real(unaryOf('log'))],
  ['Log1p', real(unaryOf('log1p'))],
  ['Sqrt', real(unaryOf('sqrt'))],
  ['Rsqrt', real((b, x) => b.unary('reciprocal', b.unary('sqrt', x)))],
  ['Reciprocal', real(unaryOf('reciprocal'))],
  ['Sin', real(unaryOf('sin'))],
  ['Cos', real(unaryOf('cos'))],
  ['Tan', real(unaryOf('tan'))],
  ['Asin', real(unaryOf('asin'))],
  ['Acos', real(unaryOf('acos'))],
  ['Atan', real(unaryOf('atan'))],
  ['Sinh', real(unaryOf('sinh'))],
  ['Cosh', real(unaryOf('cosh'))],
  ['Tanh', real(unaryOf('tanh'))],
  ['Asinh', real(unaryOf('asinh'))],
  ['Acosh', real(unaryOf('acosh'))],
  ['Atanh', real(unaryOf('atanh'))],
  ['Sigmoid', real(unaryOf('sigmoid'))],
  ['Softplus', real(unaryOf('softplus'))],
  ['Erf', real(unaryOf('erf'))],
  ['Elu', real((b, x) => exponentialLinear(b, x, 1))],
  ['Selu', real((b, x) => b.mul(b.scalar(seluScale), exponentialLinear(b, x, seluAlpha)))],
  [
    'LeakyRelu',
    real<tf.LeakyReluAttrs>((b, x, { alpha }) =>
      b.select(b.binary('less', x, b.scalar(0)), b.mul(b.scalar(alpha), x), x),
    ),
  ],
  [
    'Prelu',
    ({ builder, inputs: { x, alpha } }) => ({
      node: builder.select(builder.binary('less', x.node, builder.scalar(0)), builder.mul(alpha.node, x.node), x.node),
      dtype: 'float32',
    }),
  ],
  [
    'Step',
    real<tf.StepAttrs>((b, x, { alpha }) =>
      b.select(b.unary('isNaN', x), x, b.select(b.binary('greater', x, b.scalar(0)), b.scalar(1), b.scalar(alpha))),
    ),
  ],
  [
    'ClipByValue',
    traceKernel<tf.ClipByValueAttrs>(({ builder, inputs: { x }, attributes }) => ({
      node: clip(builder, x.node, attributes.clipValueMin, attributes.clipValueMax),
      dtype: x.dtype,
    })),
  ],
  ['IsNan', test(unaryOf('isNaN'))],
  ['IsInf', test((b, x) => b.binary('equal', b.unary('abs', x), b.scalar(Infinity)))],
  ['IsFinite', test(isFinite)],
  ['LogicalNot', test(unaryOf('not'))],
  ['Equal', comparison('equal')],
  ['NotEqual', comparison('notEqual')],
  ['Less', comparison('less')],
  ['LessEqual', comparison('lessEqual')],
  ['Greater', comparison('greater')],
  ['GreaterEqual', comparison('greaterEqual')],
  ['LogicalAnd', comparison('and')],
  ['LogicalOr', comparison('or')],
  [
    'Select',
    ({ builder, inputs: { condition, t, e } }) => ({
      node: builder.select(condition.node, t.node, e.node),
      dtype: t.dtype,
    }),
  ],
  [
    'Cast',
    traceKernel<tf.CastAttrs>(({ builder, inputs: { x }, attributes: { dtype } }) => {
      if (dtype === 'bool' && x.dtype !== 'bool') {
        return { node: builder.binary('notEqual', x.node, builder.scalar(0)), dtype };
      }
      return { node: dtype === 'int32' && x.dtype === 'float32' ? truncate(builder, x.node) : x.node, dtype };
    }),
  ],
]);
