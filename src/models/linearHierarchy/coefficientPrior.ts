// Normal priors of many coefficients, some of which a horseshoe shrinks or spreads pool, in tensor ops: parameters, coefficients and log density.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import { normal } from '../distributions/index.js';
import type { Tensors } from '../model.js';
import { type ParameterSpec, positive } from '../parameters.js';
import { horseshoeLogPrior, horseshoeParameters, shrunkSds } from './horseshoe.js';
import { pooledLogPrior, pooledSds } from './pooling.js';
import type { CoefficientPrior } from './structure.js';

/** v of a coefficient whose standard deviation is estimated: what is sampled is (θ − mean) / v. */
export function sampledUnit(sd: number, errorSd = Infinity): number {
  return sd / Math.sqrt(1 + (sd / errorSd) ** 2);
}

/** Parameters that the standard deviations are made of. */
export function shrinkageParameters({ horseshoe, pooling }: CoefficientPrior): Record<string, ParameterSpec> {
  return {
    ...(horseshoe && horseshoeParameters(horseshoe)),
    ...(pooling && { [pooling.sds]: positive(pooling.priors.length) }),
  };
}

/** Coefficients whose standard deviations are estimated: which, and what `errorSds` of their prior says. */
export const estimatedIn = ({
  horseshoe,
  pooling,
}: CoefficientPrior): { readonly places: readonly number[]; readonly errorSds?: readonly number[] } | undefined =>
  horseshoe ?? pooling;

/** Standard deviations of all coefficients, `[coefficient]`. */
export function priorSds(prior: CoefficientPrior, parameters: Tensors): tf.Tensor {
  const estimated = estimatedIn(prior);
  return estimated === undefined
    ? literal(prior.sds)
    : placed(estimated.places, estimatedSds(prior, parameters), prior.sds);
}

/** The coefficients themselves from what is sampled of them, `[coefficient]`. */
export function coefficientsOf(prior: CoefficientPrior, sampled: tf.Tensor, parameters: Tensors): tf.Tensor {
  const { sds, means } = prior;
  const estimated = estimatedIn(prior);
  if (estimated === undefined) return sampled;
  const { places, errorSds } = estimated;
  const own = estimatedSds(prior, parameters);
  const units = errorSds === undefined ? own : own.div(inflation(errorSds, own));
  const scales = placed(
    places,
    units,
    sds.map(() => 1),
  );
  const isEstimated = new Set(places);
  const shift = sds.map((_, i) => (isEstimated.has(i) ? (means?.[i] ?? 0) : 0));
  const scaled = sampled.mul(scales);
  return shift.every((x) => x === 0) ? scaled : scaled.add(literal(shift));
}

/** Log density of what is sampled, `[coefficient]`, and of what the standard deviations are made of. */
export function coefficientsLogPrior(
  prior: CoefficientPrior,
  sampled: tf.Tensor,
  sigma: tf.Tensor,
  parameters: Tensors,
): tf.Tensor {
  const { means, sds } = prior;
  const { places, errorSds } = estimatedIn(prior) ?? { places: [] };
  const isEstimated = new Set(places);
  const others = sds.map((sd, i) => (isEstimated.has(i) ? 1 : sd));
  const own = normal.logDensity(
    sampled,
    literal(sds.map((_, i) => (isEstimated.has(i) ? 0 : (means?.[i] ?? 0)))),
    errorSds === undefined
      ? literal(others)
      : placed(places, inflation(errorSds, estimatedSds(prior, parameters)), others),
  );
  const ofScales = shrinkageLogPrior(prior, sigma, parameters);
  return ofScales === undefined ? own.sum() : own.sum().add(ofScales);
}

/** Log density of what the standard deviations are made of, a scalar; undefined where they are given. */
export function shrinkageLogPrior(
  { horseshoe, pooling }: CoefficientPrior,
  sigma: tf.Tensor,
  parameters: Tensors,
): tf.Tensor | undefined {
  if (horseshoe !== undefined) return horseshoeLogPrior(horseshoe, sigma, parameters);
  return pooling && pooledLogPrior(pooling, parameters);
}

/** Standard deviations that are estimated, `[places]`. */
const estimatedSds = ({ horseshoe, pooling }: CoefficientPrior, parameters: Tensors): tf.Tensor =>
  horseshoe === undefined ? pooledSds(pooling!, parameters) : shrunkSds(horseshoe, parameters);

/** Prior standard deviations in units of what is sampled, `[places]`. */
function inflation(errorSds: readonly number[], sds: tf.Tensor): tf.Tensor {
  return sds.div(literal(errorSds)).square().add(1).sqrt();
}

/** A vector of all coefficients: `own` at these places, `others` elsewhere. */
function placed(places: readonly number[], own: tf.Tensor, others: readonly number[]): tf.Tensor {
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
