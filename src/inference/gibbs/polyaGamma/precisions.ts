// Pólya-Gamma precisions of 0/1 responses: given them a row of log odds η is normal in η (Polson, Scott and Windle 2013).
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../../kernels/ops/index.js';

/** Standard normals that one step takes, by row. */
export const normalsPerStep = 3;

/** Where the two series of the density of J*(1, 0) take over from one another (Devroye 2009). */
const turn = 0.64;

/**
 * A Metropolis step on ω ~ PG(1, η), `[…]`, for each element by itself. x = 4ω has density ∝ exp(−x η²/8) f(x), f that of J*(1, 0), and log x is
 * about normal: proposals are of that normal whatever ω is, and more than 93 of 100 are accepted.
 * @param omega where the step starts, above 0 @param noise standard normals, `[…]` each
 */
export function precisionStep(omega: tf.Tensor, eta: tf.Tensor, noise: readonly tf.Tensor[]): tf.Tensor {
  const [proposal, first, second] = noise;
  // 1e-6 keeps tanh(z)/z, the mean, away from 0/0.
  const z2 = eta.square().mul(0.25).add(literal(1e-6));
  const z = z2.sqrt();
  const variance = z2.add(literal(spreadAtZero)).rsqrt();
  const mean = z
    .tanh()
    .div(z)
    .log()
    .sub(variance.mul(literal(skewedShare)));
  const sd = variance.sqrt();
  /** Log of target over proposal. */
  const weight = (log: tf.Tensor, x: tf.Tensor, standard: tf.Tensor): tf.Tensor =>
    logDensity(x, log).sub(z2.mul(x).mul(0.5)).add(standard.square().mul(0.5)).add(log);
  const log = omega.mul(4).log();
  const proposed = mean.add(sd.mul(proposal));
  const x = proposed.exp();
  const gain = weight(proposed, x, proposal).sub(weight(log, omega.mul(4), log.sub(mean).div(sd)));
  // Half the sum of two squares is exponential, as −log of a uniform is.
  const exponential = first.square().add(second.square()).mul(0.5);
  return tf.where(gain.add(exponential).greater(literal(0)), x.mul(0.25), omega);
}

/** Of log x: variance 1/√(z² + this), and mean log(tanh(z)/z) less this share of the variance; fitted over z = |η|/2 from 0 to 20. */
const spreadAtZero = 2.37;
const skewedShare = 0.46;

/** log f(x) − log(π/2), by the first three terms of one of two series: enough for all digits. */
function logDensity(x: tf.Tensor, log: tf.Tensor): tf.Tensor {
  const isLeft = x.less(literal(turn));
  const near = x.minimum(literal(turn));
  const left = tail(near.reciprocal().mul(literal(-4)).exp());
  const far = x.maximum(literal(turn));
  const right = tail(far.mul(literal(-Math.PI * Math.PI)).exp());
  return tf.where(
    isLeft,
    left
      .sub(log.mul(literal(1.5)))
      .sub(near.reciprocal().mul(0.5))
      .add(literal(1.5 * Math.log(2 / Math.PI))),
    right.sub(far.mul(literal((Math.PI * Math.PI) / 8))),
  );
}

/** log(1 − 3e + 5e³). */
const tail = (e: tf.Tensor): tf.Tensor => e.pow(literal(3)).mul(5).sub(e.mul(3)).add(literal(1)).log();
