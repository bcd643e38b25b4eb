// Methods on tensors (`x.sub(y).square().sum()`): tfjs-core's Node build declares them but does not define them.
import type {} from '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import * as tf from '@tensorflow/tfjs-core';
import { traceBackendName } from '../trace/recordingBackend.js';
import { literal } from './literal.js';

type TensorMethod = (this: tf.Tensor, ...args: unknown[]) => unknown;
type Operation = (...args: unknown[]) => unknown;

/** Operations whose method takes the tensor as first argument and passes the others on. */
const plain = {
  abs: tf.abs,
  acos: tf.acos,
  acosh: tf.acosh,
  all: tf.all,
  any: tf.any,
  asin: tf.asin,
  asinh: tf.asinh,
  atan: tf.atan,
  atanh: tf.atanh,
  asType: tf.cast,
  broadcastTo: tf.broadcastTo,
  cast: tf.cast,
  ceil: tf.ceil,
  clipByValue: tf.clipByValue,
  cos: tf.cos,
  cosh: tf.cosh,
  cumprod: tf.cumprod,
  cumsum: tf.cumsum,
  dot: tf.dot,
  elu: tf.elu,
  erf: tf.erf,
  exp: tf.exp,
  expandDims: tf.expandDims,
  expm1: tf.expm1,
  floor: tf.floor,
  gather: tf.gather,
  isFinite: tf.isFinite,
  isInf: tf.isInf,
  isNaN: tf.isNaN,
  leakyRelu: tf.leakyRelu,
  log: tf.log,
  log1p: tf.log1p,
  logSigmoid: tf.logSigmoid,
  logSoftmax: tf.logSoftmax,
  logSumExp: tf.logSumExp,
  logicalNot: tf.logicalNot,
  matMul: tf.matMul,
  max: tf.max,
  mean: tf.mean,
  min: tf.min,
  mirrorPad: tf.mirrorPad,
  neg: tf.neg,
  norm: tf.norm,
  oneHot: tf.oneHot,
  onesLike: tf.onesLike,
  pad: tf.pad,
  prelu: tf.prelu,
  prod: tf.prod,
  reciprocal: tf.reciprocal,
  relu: tf.relu,
  relu6: tf.relu6,
  reshape: tf.reshape,
  reverse: tf.reverse,
  round: tf.round,
  rsqrt: tf.rsqrt,
  selu: tf.selu,
  sigmoid: tf.sigmoid,
  sign: tf.sign,
  sin: tf.sin,
  sinh: tf.sinh,
  slice: tf.slice,
  softmax: tf.softmax,
  softplus: tf.softplus,
  split: tf.split,
  sqrt: tf.sqrt,
  square: tf.square,
  squeeze: tf.squeeze,
  step: tf.step,
  stridedSlice: tf.stridedSlice,
  sum: tf.sum,
  tan: tf.tan,
  tanh: tf.tanh,
  tile: tf.tile,
  transpose: tf.transpose,
  unsortedSegmentSum: tf.unsortedSegmentSum,
  unstack: tf.unstack,
  zerosLike: tf.zerosLike,
};

/** Operations of two tensors; a number as second argument keeps all its digits while tracing. */
const binary = {
  add: tf.add,
  atan2: tf.atan2,
  div: tf.div,
  divNoNan: tf.divNoNan,
  equal: tf.equal,
  floorDiv: tf.floorDiv,
  greater: tf.greater,
  greaterEqual: tf.greaterEqual,
  less: tf.less,
  lessEqual: tf.lessEqual,
  logicalAnd: tf.logicalAnd,
  logicalOr: tf.logicalOr,
  logicalXor: tf.logicalXor,
  maximum: tf.maximum,
  minimum: tf.minimum,
  mod: tf.mod,
  mul: tf.mul,
  notEqual: tf.notEqual,
  pow: tf.pow,
  squaredDifference: tf.squaredDifference,
  sub: tf.sub,
};

function list(x: unknown): tf.Tensor[] {
  return Array.isArray(x) ? (x as tf.Tensor[]) : [x as tf.Tensor];
}

const special: Record<string, TensorMethod> = {
  asScalar() {
    return tf.reshape(this, []);
  },
  as1D() {
    return tf.reshape(this, [this.size]);
  },
  flatten() {
    return tf.reshape(this, [this.size]);
  },
  reshapeAs(other) {
    return tf.reshape(this, (other as tf.Tensor).shape);
  },
  toBool() {
    return tf.cast(this, 'bool');
  },
  toFloat() {
    return tf.cast(this, 'float32');
  },
  toInt() {
    return tf.cast(this, 'int32');
  },
  concat(others, axis) {
    return tf.concat([this, ...list(others)], axis as number | undefined);
  },
  stack(others, axis) {
    return tf.stack([this, ...list(others)], axis as number | undefined);
  },
  where(condition, other) {
    return tf.where(condition as tf.Tensor, this, other as tf.Tensor);
  },
};

function exactNumber(value: unknown): unknown {
  return typeof value === 'number' && tf.getBackend() === traceBackendName ? literal(value) : value;
}

const methods = new Map<string, TensorMethod>(Object.entries(special));
for (const [name, operation] of Object.entries(plain as Record<string, Operation>)) {
  methods.set(name, function (...args) {
    return operation(this, ...args);
  });
}
for (const [name, operation] of Object.entries(binary as Record<string, Operation>)) {
  methods.set(name, function (other) {
    return operation(this, exactNumber(other));
  });
}

const prototype = tf.Tensor.prototype as unknown as Record<string, TensorMethod>;
for (const [name, method] of methods) {
  prototype[name] = function (...args) {
    if (this.isDisposed) throw new Error('Tensor is disposed.');
    return method.apply(this, args);
  };
}
