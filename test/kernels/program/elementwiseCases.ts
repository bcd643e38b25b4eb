// Cases for every elementwise operation.
import * as tf from '@tensorflow/tfjs-core';
import { digamma, logGamma, normalCdf, normalLogCdf } from '../../../src/kernels/ops/index.js';

type Tensor = tf.Tensor;

export interface Case {
  readonly name: string;
  readonly fn: (x: Tensor, y: Tensor) => Tensor;
  readonly x?: readonly number[];
  readonly y?: readonly number[];
  readonly xShape?: number[];
  readonly yShape?: number[];
  /** What the value must be, where eager tfjs is not to be trusted. */
  readonly expected?: readonly number[];
}

/** Fixed positions away from kinks, of both signs. */
export const values = [0.3, -0.7, 1.2, -1.6, 0.9, 2.3, -0.4, 0.55, -1.1, 1.7, 0.15, -2.2];
const positives = values.map((v) => Math.abs(v));
const inUnit = values.map((v) => v / 2.5);
const aboveOne = positives.map((v) => v + 1.05);
export const unary = (name: string, fn: (x: Tensor) => Tensor, x?: readonly number[]): Case => ({ name, fn, x });

export const elementwise: readonly Case[] = [
  unary('neg', (x) => x.neg()),
  unary('abs', (x) => x.abs()),
  unary('sign', (x) => x.sign()),
  unary('floor', (x) => x.floor().mul(x)),
  unary('ceil', (x) => x.ceil().mul(x)),
  unary('round', (x) => x.round().mul(x)),
  unary('square', (x) => x.square()),
  unary('relu', (x) => x.relu()),
  unary('relu6', (x) => tf.relu6(x.mul(4))),
  unary('exp', (x) => x.exp()),
  unary('expm1', (x) => x.expm1()),
  unary('log', (x) => x.log(), positives),
  unary('log1p', (x) => x.log1p(), inUnit),
  unary('sqrt', (x) => x.sqrt(), positives),
  unary('rsqrt', (x) => x.rsqrt(), positives),
  unary('reciprocal', (x) => x.reciprocal()),
  unary('sin', (x) => x.sin()),
  unary('cos', (x) => x.cos()),
  unary('tan', (x) => x.tan(), inUnit),
  unary('asin', (x) => x.asin(), inUnit),
  unary('acos', (x) => x.acos(), inUnit),
  unary('atan', (x) => x.atan()),
  unary('sinh', (x) => x.sinh()),
  unary('cosh', (x) => x.cosh()),
  unary('tanh', (x) => x.tanh()),
  unary('asinh', (x) => x.asinh()),
  unary('acosh', (x) => x.acosh(), aboveOne),
  unary('atanh', (x) => x.atanh(), inUnit),
  unary('sigmoid', (x) => x.sigmoid()),
  unary('softplus', (x) => x.softplus()),
  unary('logSigmoid', (x) => tf.logSigmoid(x)),
  unary('erf', (x) => x.erf()),
  unary('elu', (x) => x.elu()),
  unary('selu', (x) => x.selu()),
  unary('leakyRelu', (x) => x.leakyRelu(0.3)),
  unary('step', (x) => x.step(0.25).mul(x)),
  unary('clipByValue', (x) => x.clipByValue(-0.5, 1)),
  unary('clone', (x) => x.clone().mul(2)),
  unary('cast to int', (x) => x.mul(3).toInt().toFloat().add(x)),
  unary('cast to bool', (x) => x.toBool().toFloat().mul(x)),
  unary('isNaN', (x) => tf.isNaN(x.log()).toFloat().add(x)),
  unary('isInf', (x) => tf.isInf(x.sub(0.9).div(0)).toFloat().add(x), [0.3, 1.2, 0.5, 2, 3]),
  unary('isFinite', (x) => tf.isFinite(x.div(x.relu())).toFloat().add(x)),
  unary('logicalNot', (x) => x.less(0).logicalNot().toFloat().mul(x)),
  unary('logGamma', (x) => logGamma(x), positives),
  unary('digamma', (x) => digamma(x), aboveOne),
  unary('normalCdf', (x) => normalCdf(x)),
  unary('normalLogCdf', (x) => normalLogCdf(x)),
  unary('zerosLike and onesLike', (x) => x.mul(tf.onesLike(x)).add(tf.zerosLike(x))),
  { name: 'add', fn: (x, y) => x.add(y) },
  { name: 'sub', fn: (x, y) => x.sub(y) },
  { name: 'mul', fn: (x, y) => x.mul(y) },
  { name: 'div', fn: (x, y) => x.div(y) },
  { name: 'floorDiv', fn: (x, y) => tf.floorDiv(x.mul(4), y).toFloat().mul(x) },
  { name: 'mod', fn: (x, y) => tf.mod(x, y) },
  { name: 'pow', fn: (x, y) => x.pow(y), x: positives },
  { name: 'pow of negative bases', fn: (x) => x.pow(4), x: values },
  { name: 'pow 0', fn: (x) => x.pow(0).add(x), x: [0, 1, -1, 2, -2] },
  { name: 'maximum', fn: (x, y) => x.maximum(y) },
  { name: 'minimum', fn: (x, y) => x.minimum(y) },
  { name: 'squaredDifference', fn: (x, y) => tf.squaredDifference(x, y) },
  { name: 'atan2', fn: (x, y) => tf.atan2(x, y) },
  { name: 'addN', fn: (x, y) => tf.addN([x, y, x]) },
  { name: 'prelu', fn: (x, y) => tf.prelu(x, y) },
  ...(['equal', 'notEqual', 'less', 'lessEqual', 'greater', 'greaterEqual'] as const).map((name) => ({
    name: `where ${name}`,
    fn: (x: Tensor, y: Tensor) => tf.where(x[name](y), x.square(), y.mul(x)),
  })),
  ...(['logicalAnd', 'logicalOr', 'logicalXor'] as const).map((name) => ({
    name: `where ${name}`,
    fn: (x: Tensor, y: Tensor) => tf.where(x.greater(0)[name](y.greater(0)), x.square(), y.mul(x)),
  })),
  { name: 'broadcasting both ways', fn: (x, y) => x.mul(y), xShape: [3, 1], yShape: [1, 4] },
  { name: 'broadcasting of a scalar', fn: (x, y) => x.div(y), xShape: [], yShape: [3, 2] },
];
