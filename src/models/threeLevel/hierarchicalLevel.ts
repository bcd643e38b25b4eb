// One level of a hierarchy: coefficients of many groups around their means, centred or non-centred coefficient by coefficient.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';

export interface LevelTensors {
  /** Coefficients, `[group][coefficient]`. */
  readonly coefficients: tf.Tensor;
  /** Log density of the sampled block; a scalar. */
  readonly logPrior: tf.Tensor;
}

/**
 * b_g = m_g + diag(s) L ζ_g with ζ ~ N(0, I). What is sampled is, for each coefficient, b itself (centred: suits groups with
 * much data) or ζ (non-centred: suits groups with little); coefficients are taken in order, each given those before it,
 * so that both kinds mix within one level (Papaspiliopoulos, Roberts and Sköld 2007).
 * @param sampled `[group][coefficient]`
 * @param means `[group][coefficient]`, or `[coefficient]` for all groups
 * @param sds `[coefficient]`; @param lower `[coefficient][coefficient]` Cholesky factor of the correlations, or undefined
 */
export function hierarchicalLevel(
  sampled: tf.Tensor,
  means: tf.Tensor,
  sds: tf.Tensor,
  lower: tf.Tensor | undefined,
  isCentred: readonly boolean[],
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
    const scale = lower === undefined ? literal(1) : entry(i, i);
    let zeta: tf.Tensor;
    if (isCentred[i]) {
      const standardised = own.sub(mean).div(sd);
      zeta = (shift === undefined ? standardised : standardised.sub(shift)).div(scale);
      coefficients.push(own);
      terms.push(sd.log().add(scale.log()).mul(-groups));
    } else {
      zeta = own;
      const move = own.mul(scale);
      coefficients.push(mean.add(sd.mul(shift === undefined ? move : move.add(shift))));
    }
    zetas.push(zeta);
    terms.push(zeta.square().sum().mul(-0.5));
  }
  return { coefficients: tf.stack(coefficients, 1), logPrior: tf.addN(terms) };
}
