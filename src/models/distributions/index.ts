// Log densities of distributions as tensor ops, elementwise with broadcasting; parameters are numbers or tensors.
import * as tf from '@tensorflow/tfjs-core';
import { literal, logGamma, normalLogCdf } from '../../kernels/ops/index.js';
import { logGamma as scalarLogGamma } from '../../kernels/math/specialFunctions.js';

type Value = tf.Tensor | number;

const asTensor = (x: Value): tf.Tensor => (typeof x === 'number' ? literal(x) : x);
const halfLogTwoPi = 0.5 * Math.log(2 * Math.PI);

/** log Γ of a number or a tensor. */
const logGammaOf = (x: Value): tf.Tensor => (typeof x === 'number' ? literal(scalarLogGamma(x)) : logGamma(x));
const logOf = (x: Value): tf.Tensor => (typeof x === 'number' ? literal(Math.log(x)) : x.log());
const sumOf = (a: Value, b: Value): Value =>
  typeof a === 'number' && typeof b === 'number' ? a + b : asTensor(a).add(asTensor(b));
const times = (x: Value, factor: number): tf.Tensor => asTensor(x).mul(literal(factor));

/** Normal with mean and standard deviation. */
export const normal = {
  logDensity(x: tf.Tensor, mean: Value = 0, sd: Value = 1): tf.Tensor {
    const z = x.sub(asTensor(mean)).div(asTensor(sd));
    return times(z.square(), -0.5).sub(logOf(sd)).sub(literal(halfLogTwoPi));
  },
};

/** Student's t with degrees of freedom, location and scale. */
export const studentT = {
  logDensity(x: tf.Tensor, df: Value, location: Value = 0, scale: Value = 1): tf.Tensor {
    const z = x.sub(asTensor(location)).div(asTensor(scale));
    const nu = asTensor(df);
    const half = typeof df === 'number' ? (df + 1) / 2 : df.add(1).mul(0.5);
    const constant = logGammaOf(half)
      .sub(logGammaOf(typeof df === 'number' ? df / 2 : df.mul(0.5)))
      .sub(times(logOf(df), 0.5))
      .sub(literal(0.5 * Math.log(Math.PI)));
    return constant.sub(logOf(scale)).sub(asTensor(half).mul(z.square().div(nu).log1p()));
  },
};

/** Cauchy with location and scale. */
export const cauchy = {
  logDensity: (x: tf.Tensor, location: Value = 0, scale: Value = 1): tf.Tensor => {
    const z = x.sub(asTensor(location)).div(asTensor(scale));
    return z
      .square()
      .log1p()
      .neg()
      .sub(logOf(scale))
      .sub(literal(Math.log(Math.PI)));
  },
};

/** Laplace (double exponential) with location and scale. */
export const laplace = {
  logDensity: (x: tf.Tensor, location: Value = 0, scale: Value = 1): tf.Tensor =>
    x.sub(asTensor(location)).abs().div(asTensor(scale)).neg().sub(logOf(scale)).sub(literal(Math.LN2)),
};

const half = (density: tf.Tensor): tf.Tensor => density.add(literal(Math.LN2));

/** The densities of |X| for symmetric X; x must be positive. */
export const halfNormal = {
  logDensity: (x: tf.Tensor, sd: Value = 1): tf.Tensor => half(normal.logDensity(x, 0, sd)),
};
export const halfStudentT = {
  logDensity: (x: tf.Tensor, df: Value, scale: Value = 1): tf.Tensor => half(studentT.logDensity(x, df, 0, scale)),
};
export const halfCauchy = {
  logDensity: (x: tf.Tensor, scale: Value = 1): tf.Tensor => half(cauchy.logDensity(x, 0, scale)),
};

/** The density of exp(Z), Z normal with this mean and standard deviation; x must be positive. */
export const logNormal = {
  logDensity: (x: tf.Tensor, mean: Value = 0, sd: Value = 1): tf.Tensor =>
    normal.logDensity(x.log(), mean, sd).sub(x.log()),
};

/** Exponential with a rate (inverse mean). */
export const exponential = {
  logDensity: (x: tf.Tensor, rate: Value = 1): tf.Tensor => logOf(rate).sub(x.mul(asTensor(rate))),
};

/** Gamma with shape and rate (inverse scale). */
export const gamma = {
  logDensity: (x: tf.Tensor, shape: Value, rate: Value): tf.Tensor => {
    const a = asTensor(shape);
    return a
      .mul(logOf(rate))
      .sub(logGammaOf(shape))
      .add(a.sub(1).mul(x.log()))
      .sub(x.mul(asTensor(rate)));
  },
};

/** Inverse gamma with shape and scale. */
export const inverseGamma = {
  logDensity: (x: tf.Tensor, shape: Value, scale: Value): tf.Tensor => {
    const a = asTensor(shape);
    return a.mul(logOf(scale)).sub(logGammaOf(shape)).sub(a.add(1).mul(x.log())).sub(asTensor(scale).div(x));
  },
};

/** Beta of x in (0, 1) with the two shapes, a of x and b of 1 − x. */
export const beta = {
  logDensity: (x: tf.Tensor, a: Value, b: Value): tf.Tensor => {
    const [alpha, beta] = [asTensor(a), asTensor(b)];
    const constant = logGammaOf(sumOf(a, b)).sub(logGammaOf(a)).sub(logGammaOf(b));
    return constant.add(alpha.sub(1).mul(x.log())).add(beta.sub(1).mul(x.neg().log1p()));
  },
};

/** Bernoulli of 0/1 data with log odds. */
export const bernoulliLogit = {
  logDensity: (y: tf.Tensor, logOdds: tf.Tensor): tf.Tensor => y.mul(logOdds).sub(tf.softplus(logOdds)),
};

/** Bernoulli of 0/1 data with a normal (probit) index. */
export const bernoulliProbit = {
  logDensity: (y: tf.Tensor, index: tf.Tensor): tf.Tensor => normalLogCdf(y.mul(2).sub(1).mul(index)),
};

/** Binomial of successes out of `trials` with log odds. */
export const binomialLogit = {
  logDensity: (y: tf.Tensor, trials: tf.Tensor, logOdds: tf.Tensor): tf.Tensor =>
    logGamma(trials.add(1))
      .sub(logGamma(y.add(1)))
      .sub(logGamma(trials.sub(y).add(1)))
      .add(y.mul(logOdds))
      .sub(trials.mul(tf.softplus(logOdds))),
};

/** Poisson of counts with a log rate. */
export const poissonLog = {
  logDensity: (y: tf.Tensor, logRate: tf.Tensor): tf.Tensor =>
    y
      .mul(logRate)
      .sub(logRate.exp())
      .sub(logGamma(y.add(1))),
};

/** Negative binomial of counts with the log of its mean μ and the dispersion φ of its variance μ + μ²/φ. */
export const negativeBinomialLog = {
  logDensity: (y: tf.Tensor, logMean: tf.Tensor, dispersion: Value): tf.Tensor => {
    const phi = asTensor(dispersion);
    const logOdds = logMean.sub(logOf(dispersion));
    return logGamma(y.add(phi))
      .sub(logGamma(y.add(1)))
      .sub(logGammaOf(dispersion))
      .add(y.mul(logOdds))
      .sub(y.add(phi).mul(tf.softplus(logOdds)));
  },
};
