// A horseshoe's scales, in numbers and in tensor ops: parameters, the standard deviations made of them, and log density.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import { halfCauchy, inverseGamma } from '../distributions/index.js';
import type { Tensors } from '../model.js';
import { type ParameterSpec, positive } from '../parameters.js';
import type { Horseshoe } from './structure.js';

/**
 * The global scale τ₀ of a horseshoe that expects `relevant` of its `count` coefficients to matter in `rows` rows, to be multiplied with σ
 * (`isRelative`): p₀ / (p − p₀) / √n, for predictors of unit variance (Piironen and Vehtari 2017, equation 3.12).
 * Throws RangeError unless 0 < relevant < count.
 */
export function globalScaleOf(relevant: number, count: number, rows: number): number {
  if (!(relevant > 0 && relevant < count))
    throw new RangeError(`relevant: ${relevant} of ${count} coefficients; it must lie between 0 and ${count}`);
  return relevant / (count - relevant) / Math.sqrt(rows);
}

/** λ_j τ, or with a slab c the smaller c λ_j τ / √(c² + λ_j² τ²). */
export function shrunkSd(local: number, global: number, slab: number): number {
  const wide = local * global;
  return wide / Math.sqrt(1 + (wide / slab) ** 2);
}

/** τ, c and λ. */
export function horseshoeParameters({ global, slab, local, places }: Horseshoe): Record<string, ParameterSpec> {
  return { [global]: positive(), ...(slab && { [slab.name]: positive() }), [local]: positive(places.length) };
}

/** Standard deviations of the coefficients that are shrunk, `[places]`. */
export function shrunkSds({ local, global, slab }: Horseshoe, parameters: Tensors): tf.Tensor {
  const wide = parameters[local].mul(parameters[global].reshape([]));
  if (slab === undefined) return wide;
  const ratio = wide.div(parameters[slab.name].reshape([]));
  return wide.div(ratio.square().add(1).sqrt());
}

/** Log density of λ, τ and c. */
export function horseshoeLogPrior(
  { local, global, globalScale, isRelative, slab }: Horseshoe,
  sigma: tf.Tensor,
  parameters: Tensors,
): tf.Tensor {
  const scale = isRelative ? sigma.reshape([]).mul(literal(globalScale)) : literal(globalScale);
  const parts = [
    halfCauchy.logDensity(parameters[local]).sum(),
    halfCauchy.logDensity(parameters[global].reshape([]), scale),
  ];
  if (slab !== undefined) {
    const c = parameters[slab.name].reshape([]);
    const variance = inverseGamma.logDensity(c.square(), slab.df / 2, (slab.df * slab.scale ** 2) / 2);
    // dc²/dc.
    parts.push(variance.add(c.mul(2).log()));
  }
  return tf.addN(parts);
}
