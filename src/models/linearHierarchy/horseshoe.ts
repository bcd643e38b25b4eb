// Normal priors of many coefficients, some of which a horseshoe shrinks, in tensor ops: parameters, coefficients and log density.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import { halfCauchy, inverseGamma, normal } from '../distributions/index.js';
import type { Tensors } from '../model.js';
import { type ParameterSpec, positive } from '../parameters.js';
import type { CoefficientPrior, Horseshoe } from './structure.js';

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

/** v of a coefficient that is shrunk: what is sampled is (θ − mean) / v. */
export function sampledUnit(sd: number, errorSd = Infinity): number {
  return sd / Math.sqrt(1 + (sd / errorSd) ** 2);
}

/** τ, c and λ. */
export function horseshoeParameters({ horseshoe }: CoefficientPrior): Record<string, ParameterSpec> {
  if (horseshoe === undefined) return {};
  const { global, slab, local, places } = horseshoe;
  return { [global]: positive(), ...(slab && { [slab.name]: positive() }), [local]: positive(places.length) };
}

/** Standard deviations of all coefficients, `[coefficient]`. */
export function priorSds({ sds, horseshoe }: CoefficientPrior, parameters: Tensors): tf.Tensor {
  return horseshoe === undefined ? literal(sds) : placed(horseshoe, shrunkSds(horseshoe, parameters), sds);
}

/** The coefficients themselves from what is sampled of them, `[coefficient]`. */
export function coefficientsOf(prior: CoefficientPrior, sampled: tf.Tensor, parameters: Tensors): tf.Tensor {
  const { horseshoe, sds, means } = prior;
  if (horseshoe === undefined) return sampled;
  const own = shrunkSds(horseshoe, parameters);
  const units = horseshoe.errorSds === undefined ? own : own.div(inflation(horseshoe.errorSds, own));
  const scales = placed(
    horseshoe,
    units,
    sds.map(() => 1),
  );
  const isShrunk = new Set(horseshoe.places);
  const shift = sds.map((_, i) => (isShrunk.has(i) ? (means?.[i] ?? 0) : 0));
  const scaled = sampled.mul(scales);
  return shift.every((x) => x === 0) ? scaled : scaled.add(literal(shift));
}

/** Log density of what is sampled, `[coefficient]`, and of the horseshoe's scales. */
export function coefficientsLogPrior(
  { means, sds, horseshoe }: CoefficientPrior,
  sampled: tf.Tensor,
  sigma: tf.Tensor,
  parameters: Tensors,
): tf.Tensor {
  const isShrunk = new Set(horseshoe?.places);
  const others = sds.map((sd, i) => (isShrunk.has(i) ? 1 : sd));
  const own = normal.logDensity(
    sampled,
    literal(sds.map((_, i) => (isShrunk.has(i) ? 0 : (means?.[i] ?? 0)))),
    horseshoe?.errorSds === undefined
      ? literal(others)
      : placed(horseshoe, inflation(horseshoe.errorSds, shrunkSds(horseshoe, parameters)), others),
  );
  return horseshoe === undefined ? own.sum() : own.sum().add(horseshoeLogPrior(horseshoe, sigma, parameters));
}

/** Prior standard deviations in units of what is sampled, `[places]`. */
function inflation(errorSds: readonly number[], sds: tf.Tensor): tf.Tensor {
  return sds.div(literal(errorSds)).square().add(1).sqrt();
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

/** Standard deviations of the coefficients that are shrunk, `[places]`. */
function shrunkSds({ local, global, slab }: Horseshoe, parameters: Tensors): tf.Tensor {
  const wide = parameters[local].mul(parameters[global].reshape([]));
  if (slab === undefined) return wide;
  const ratio = wide.div(parameters[slab.name].reshape([]));
  return wide.div(ratio.square().add(1).sqrt());
}

/** A vector of all coefficients: `own` at those that are shrunk, `others` elsewhere. */
function placed({ places }: Horseshoe, own: tf.Tensor, others: readonly number[]): tf.Tensor {
  const parts: tf.Tensor[] = [];
  const fill = (from: number, to: number): void => {
    if (from < to) parts.push(literal(others.slice(from, to)));
  };
  let end = 0;
  for (let first = 0; first < places.length;) {
    let next = first + 1;
    while (next < places.length && places[next] === places[next - 1] + 1) next++;
    fill(end, places[first]);
    parts.push(own.slice([first], [next - first]));
    end = places[next - 1] + 1;
    first = next;
  }
  fill(end, others.length);
  return parts.length === 1 ? parts[0] : tf.concat(parts, 0);
}
