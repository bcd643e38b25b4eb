// One level of a hierarchy: coefficients of many groups around their means, each centred as far as its data carry it.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';

export interface LevelTensors {
  /** Coefficients, `[group][coefficient]`. */
  readonly coefficients: tf.Tensor;
  /** Log density of the sampled block; a scalar. */
  readonly logPrior: tf.Tensor;
}

/**
 * b_g = m_g + diag(s) L ζ_g with ζ ~ N(0, I). Coefficients are taken in order, each given those before it: with m and s its
 * conditional mean and standard deviation, what is sampled is a ~ N(λ m, s^λ) and the coefficient is b = m + s^(1−λ) (a − λ m)
 * (Gorinova, Moore and Hoffman 2020, equation 3; Papaspiliopoulos, Roberts and Sköld 2003). λ = 1 samples b itself, which suits
 * groups with much data; λ = 0 samples ζ, which suits groups with little; between them a mixture of both.
 * @param sampled `[group][coefficient]`
 * @param means `[group][coefficient]`, or `[coefficient]` for all groups
 * @param sds `[coefficient]`; @param lower `[coefficient][coefficient]` Cholesky factor of the correlations, or undefined
 * @param centring λ of each coefficient, in [0, 1]
 */
export function hierarchicalLevel(
  sampled: tf.Tensor,
  means: tf.Tensor,
  sds: tf.Tensor,
  lower: tf.Tensor | undefined,
  centring: readonly number[],
): LevelTensors {
  const [groups, k] = sampled.shape;
  const column = (x: tf.Tensor, i: number): tf.Tensor =>
    x.rank === 2 ? x.slice([0, i], [x.shape[0], 1]).reshape([x.shape[0]]) : x.slice([i], [1]).reshape([]);
  const entry = (i: number, j: number): tf.Tensor => lower!.slice([i, j], [1, 1]).reshape([]);
  const zetas: tf.Tensor[] = [];
  const coefficients: tf.Tensor[] = [];
  const terms: tf.Tensor[] = [literal(-0.5 * Math.log(2 * Math.PI) * groups * k)];
  for (let i = 0; i < k; i++) {
    const own = column(sampled, i);
    const mean = column(means, i);
    const sd = column(sds, i);
    // Mean of ζ-space shift from the coefficients before this one.
    let shift: tf.Tensor | undefined;
    if (lower !== undefined) {
      for (let j = 0; j < i; j++) {
        const part = zetas[j].mul(entry(i, j));
        shift = shift === undefined ? part : shift.add(part);
      }
    }
    const scale = lower === undefined ? sd : sd.mul(entry(i, i));
    const conditionalMean = shift === undefined ? mean : mean.add(sd.mul(shift));
    const lambda = centring[i];
    // a − λ m, and ζ = that over s^λ.
    const moved = lambda === 0 ? own : own.sub(lambda === 1 ? conditionalMean : conditionalMean.mul(literal(lambda)));
    const logScale = scale.log();
    const zeta = lambda === 0 ? own : moved.mul(logScale.mul(literal(-lambda)).exp());
    coefficients.push(lambda === 1 ? own : conditionalMean.add(moved.mul(logScale.mul(literal(1 - lambda)).exp())));
    if (lambda > 0) terms.push(logScale.mul(literal(-lambda * groups)));
    zetas.push(zeta);
    terms.push(zeta.square().sum().mul(-0.5));
  }
  return { coefficients: tf.stack(coefficients, 1), logPrior: tf.addN(terms) };
}
