// Special functions in float32 made of stock tfjs operations, so that they run wherever tfjs does.
import * as tf from '@tensorflow/tfjs-core';
import {
  digammaAsymptotic,
  digammaNearRoot,
  digammaRootHigh,
  digammaRootLow,
  erfcxSlope,
  erfSmall,
  logGammaNearTwo,
  logGammaStirling,
  trigammaAsymptotic,
} from '../math/coefficients.js';
import { stirlingConstant } from '../math/specialFunctions.js';

type Tensor = tf.Tensor;

/** What the last terms of a polynomial may be worth before they are left out: a sixth of float32's rounding. */
const negligible = 1e-8;

/** Σ coefficients[i] xⁱ for |x| ≤ radius, without the last terms where these are negligible. */
function polynomial(coefficients: readonly number[], x: Tensor, radius: number): Tensor {
  let degree = coefficients.length - 1;
  while (degree > 0 && Math.abs(coefficients[degree]) * radius ** degree < negligible) degree--;
  let sum: Tensor = tf.scalar(coefficients[degree]);
  for (let i = degree - 1; i >= 0; i--) sum = tf.add(tf.mul(sum, x), coefficients[i]);
  return sum;
}

/** x − ⌊x + ½⌋: for sines and tangents of πx without loss of digits in the reduction. */
function fromNearestInteger(x: Tensor): Tensor {
  return tf.sub(x, tf.floor(tf.add(x, 0.5)));
}

/** Backends whose log1p and softplus keep small numbers; the others compute log(1 + x) as it is written. */
const careful = new Set(['cpu', 'tensorflow']);

/** log(1 + x), in relative precision near 0 (W. Kahan: the error of 1 + x is in 1 + x − 1 as well). */
export function log1p(x: Tensor): Tensor {
  if (careful.has(tf.getBackend())) return tf.log1p(x);
  const sum = tf.add(x, 1);
  const difference = tf.sub(sum, 1);
  const corrected = tf.mul(tf.log(sum), tf.div(x, difference));
  const isPlain = tf.logicalOr(tf.equal(difference, 0), tf.equal(sum, Infinity));
  return tf.where(isPlain, x, corrected);
}

/** log(1 + exp x), in relative precision at both ends. */
export function softplus(x: Tensor): Tensor {
  if (careful.has(tf.getBackend())) return tf.softplus(x);
  return tf.add(tf.maximum(x, 0), log1p(tf.exp(tf.neg(tf.abs(x)))));
}

/** log |Γ(x)|; the product that shifts x to [1½, 2½] has at most six factors, Stirling's series serves from 8½. */
export function logGamma(x: Tensor): Tensor {
  const isReflected = tf.lessEqual(x, 0);
  const y = tf.where(isReflected, tf.sub(1, x), x);
  const result = logGammaPositive(y);
  const sine = tf.sin(tf.mul(fromNearestInteger(x), Math.PI));
  const reflected = tf.sub(tf.sub(Math.log(Math.PI), tf.log(tf.abs(sine))), result);
  return tf.where(isReflected, reflected, result);
}

function logGammaPositive(x: Tensor): Tensor {
  const large = tf.maximum(x, 8.5);
  const inverse = tf.reciprocal(large);
  const series = tf.mul(polynomial(logGammaStirling, tf.square(inverse), 8.5 ** -2), inverse);
  const stirling = tf.add(tf.mul(tf.sub(large, 0.5), tf.sub(tf.log(large), 1)), tf.add(series, stirlingConstant));
  // Γ(x) = Γ(2 + w) · Π or / Π, with w in [−½, ½].
  const small = tf.minimum(x, 8.5);
  const nearest = tf.floor(tf.add(small, 0.5));
  const w = tf.where(tf.less(nearest, 1), small, tf.sub(small, nearest));
  const nearTwo = tf.mul(w, polynomial(logGammaNearTwo, w, 0.5));
  let product: Tensor = tf.onesLike(small);
  for (let j = 1; j <= 7; j++) {
    product = tf.where(tf.greaterEqual(nearest, j + 2), tf.mul(product, tf.sub(small, j)), product);
  }
  product = tf.where(tf.less(nearest, 2), small, product);
  product = tf.where(tf.less(nearest, 1), tf.mul(small, tf.add(small, 1)), product);
  const logProduct = tf.log(product);
  const shifted = tf.where(tf.less(nearest, 2), tf.sub(nearTwo, logProduct), tf.add(nearTwo, logProduct));
  return tf.where(tf.greaterEqual(x, 8.5), stirling, shifted);
}

/** ψ(x), the derivative of log Γ. */
export function digamma(x: Tensor): Tensor {
  const isReflected = tf.less(x, 0);
  const y = tf.where(isReflected, tf.sub(1, x), x);
  const result = digammaPositive(y);
  const cotangent = tf.div(Math.PI, tf.tan(tf.mul(fromNearestInteger(x), Math.PI)));
  const isPole = tf.logicalAnd(isReflected, tf.equal(x, tf.floor(x)));
  return tf.where(isPole, NaN, tf.where(isReflected, tf.sub(result, cotangent), result));
}

function digammaPositive(x: Tensor): Tensor {
  const large = tf.maximum(x, 8);
  const square = tf.square(tf.reciprocal(large));
  const series = tf.mul(polynomial(digammaAsymptotic, square, 1 / 64), square);
  const asymptotic = tf.sub(tf.log(large), tf.add(tf.div(0.5, large), series));
  // ψ(x) = ψ(1½ + w) plus Σ 1/(x − j), or minus 1/x below 1.
  const small = tf.minimum(x, 8);
  const floor = tf.floor(small);
  const w = tf.sub(tf.sub(small, floor), 0.5);
  const fromRoot = tf.sub(tf.add(w, 1.5 - digammaRootHigh), digammaRootLow);
  let shifted = tf.mul(fromRoot, polynomial(digammaNearRoot, w, 0.5));
  shifted = tf.where(tf.less(floor, 1), tf.sub(shifted, tf.reciprocal(small)), shifted);
  for (let j = 1; j < 8; j++) {
    const isPassed = tf.greater(floor, j);
    const divisor = tf.where(isPassed, tf.sub(small, j), 1);
    shifted = tf.where(isPassed, tf.add(shifted, tf.reciprocal(divisor)), shifted);
  }
  return tf.where(tf.greaterEqual(x, 8), asymptotic, shifted);
}

/** ψ′(x), the second derivative of log Γ. */
export function trigamma(x: Tensor): Tensor {
  const isReflected = tf.lessEqual(x, 0);
  const y = tf.where(isReflected, tf.sub(1, x), x);
  const result = trigammaPositive(y);
  const sine = tf.sin(tf.mul(fromNearestInteger(x), Math.PI));
  return tf.where(isReflected, tf.sub(tf.square(tf.div(Math.PI, sine)), result), result);
}

function trigammaPositive(x: Tensor): Tensor {
  let sum: Tensor = tf.zerosLike(x);
  let at = x;
  for (let step = 0; step < 8; step++) {
    const isSmall = tf.less(at, 8);
    sum = tf.where(isSmall, tf.add(sum, tf.reciprocal(tf.square(at))), sum);
    at = tf.where(isSmall, tf.add(at, 1), at);
  }
  const inverse = tf.reciprocal(at);
  const square = tf.square(inverse);
  const series = tf.mul(polynomial(trigammaAsymptotic, square, 1 / 64), tf.mul(square, inverse));
  return tf.addN([inverse, tf.mul(square, 0.5), series, sum]);
}

/** exp(z²) erfc(z) for z ≥ 0. */
function erfcx(z: Tensor): Tensor {
  const t = tf.div(tf.sub(z, 4), tf.add(z, 4));
  const slope = tf.mul(tf.add(t, 1), polynomial(erfcxSlope, t, 1));
  return tf.div(tf.add(slope, 1), tf.add(tf.mul(z, 2), 1));
}

/** exp(−scale · a²) for scale a power of two: a² is made of a part that float32 holds exactly and a small rest. */
function expMinusSquare(a: Tensor, scale: number): Tensor {
  const high = tf.div(tf.floor(tf.mul(a, 64)), 64);
  const rest = tf.mul(tf.sub(a, high), tf.add(a, high));
  return tf.mul(tf.exp(tf.mul(tf.square(high), -scale)), tf.exp(tf.mul(rest, -scale)));
}

/** The error function; float32 cannot tell it from ±1 beyond 4. */
export function erf(x: Tensor): Tensor {
  const inner = tf.clipByValue(x, -1, 1);
  const small = tf.mul(inner, polynomial(erfSmall, tf.square(inner), 1));
  const z = tf.minimum(tf.abs(x), 30);
  const tail = tf.mul(expMinusSquare(z, 1), erfcx(z));
  return tf.where(tf.less(z, 1), small, tf.mul(tf.sign(x), tf.sub(1, tail)));
}

/** Φ(x), in relative precision down to float32's smallest numbers. */
export function normalCdf(x: Tensor): Tensor {
  const a = tf.minimum(tf.abs(x), 40);
  const tail = tf.mul(tf.mul(expMinusSquare(a, 0.5), 0.5), erfcx(tf.mul(a, Math.SQRT1_2)));
  return tf.where(tf.greater(x, 0), tf.sub(1, tail), tail);
}

/** log Φ(x): log1p(−Φ(−x)) on the right, −x²/2 and the logarithm of Mills' ratio on the left. */
export function normalLogCdf(x: Tensor): Tensor {
  const right = log1p(tf.neg(normalCdf(tf.neg(tf.maximum(x, 0)))));
  const z = tf.maximum(tf.neg(x), 0);
  const mills = tf.log(tf.mul(erfcx(tf.mul(z, Math.SQRT1_2)), 0.5));
  return tf.where(tf.greater(x, 0), right, tf.sub(mills, tf.mul(tf.square(x), 0.5)));
}
