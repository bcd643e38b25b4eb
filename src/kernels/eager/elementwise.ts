// The elementwise functions of tensor programs as tfjs operations; truth values are tensors of type bool until somebody computes with them.
import * as tf from '@tensorflow/tfjs-core';
import type { BinaryFunction, UnaryFunction } from '../program/tensorProgram.js';
import { digamma, erf, log1p, logGamma, normalCdf, normalLogCdf, softplus, trigamma } from './specialFunctions.js';

type Unary = (x: tf.Tensor) => tf.Tensor;
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;

/** Numbers, 0 and 1 for truth values. */
export function asReal(x: tf.Tensor): tf.Tensor {
  return x.dtype === 'float32' ? x : tf.cast(x, 'float32');
}

/** Truth values: whether numbers differ from 0. */
export function asTruth(x: tf.Tensor): tf.Tensor {
  return x.dtype === 'bool' ? x : tf.notEqual(asReal(x), tf.scalar(0));
}

const real =
  (fn: Unary): Unary =>
  (x) =>
    fn(asReal(x));
const reals =
  (fn: Binary): Binary =>
  (a, b) =>
    fn(asReal(a), asReal(b));

export const unaryTensor: Readonly<Record<UnaryFunction, Unary>> = {
  neg: real(tf.neg),
  abs: real(tf.abs),
  sign: real(tf.sign),
  floor: real(tf.floor),
  ceil: real(tf.ceil),
  round: real(tf.round),
  reciprocal: real(tf.reciprocal),
  sqrt: real(tf.sqrt),
  exp: real(tf.exp),
  log: real(tf.log),
  log1p: real(log1p),
  expm1: real(tf.expm1),
  sigmoid: real(tf.sigmoid),
  softplus: real(softplus),
  sin: real(tf.sin),
  cos: real(tf.cos),
  tan: real(tf.tan),
  asin: real(tf.asin),
  acos: real(tf.acos),
  atan: real(tf.atan),
  sinh: real(tf.sinh),
  cosh: real(tf.cosh),
  tanh: real(tf.tanh),
  asinh: real(tf.asinh),
  acosh: real(tf.acosh),
  atanh: real(tf.atanh),
  erf: real(erf),
  normalCdf: real(normalCdf),
  normalLogCdf: real(normalLogCdf),
  logGamma: real(logGamma),
  digamma: real(digamma),
  trigamma: real(trigamma),
  not: (x) => tf.logicalNot(asTruth(x)),
  isNaN: real(tf.isNaN),
};

export const binaryTensor: Readonly<Record<BinaryFunction, Binary>> = {
  add: reals(tf.add),
  sub: reals(tf.sub),
  mul: reals(tf.mul),
  div: reals(tf.div),
  pow: reals(tf.pow),
  min: reals(tf.minimum),
  max: reals(tf.maximum),
  mod: reals(tf.mod),
  atan2: reals(tf.atan2),
  equal: reals(tf.equal),
  notEqual: reals(tf.notEqual),
  less: reals(tf.less),
  lessEqual: reals(tf.lessEqual),
  greater: reals(tf.greater),
  greaterEqual: reals(tf.greaterEqual),
  and: (a, b) => tf.logicalAnd(asTruth(a), asTruth(b)),
  or: (a, b) => tf.logicalOr(asTruth(a), asTruth(b)),
};
