// Diminishing returns of media (saturation) as tensor operations, by the tools' names and parameters.
import type * as tf from '@tensorflow/tfjs-core';
import { safeWhere } from '../../kernels/ops/index.js';
import type { Tensors } from '../model.js';

export const saturationForms = ['none', 'logistic', 'hill', 'michaelisMenten', 'tanh', 'root'] as const;
export type SaturationForm = (typeof saturationForms)[number];

/** Shape parameters of each form, besides the effect β that multiplies it (for tanh, that scales it). */
export const saturationParameters: Readonly<Record<SaturationForm, readonly string[]>> = {
  none: [],
  logistic: ['lam'],
  hill: ['slope', 'kappa'],
  michaelisMenten: ['lam'],
  tanh: ['c'],
  root: ['alpha'],
};

/**
 * Response to media x ≥ 0; everything broadcasts.
 * - none: β x
 * - logistic: β (1 − e^(−λx)) / (1 + e^(−λx)) (PyMC-Marketing; Jin et al. have a Hill curve instead)
 * - hill: β x^s / (κ^s + x^s), s = `slope`, κ = `kappa` the half-saturation (PyMC-Marketing's hill_function; Meridian's and
 *   LightweightMMM's with ec = κ; Robyn's with its inflexion point = κ)
 * - michaelisMenten: β x / (λ + x) (PyMC-Marketing calls β alpha)
 * - tanh: β tanh(x / (β c)): slope 1/c at 0 whatever β (PyMC-Marketing's b is β)
 * - root: β x^α (PyMC-Marketing, LightweightMMM's exponent)
 */
export function saturate(form: SaturationForm, x: tf.Tensor, beta: tf.Tensor, shape: Tensors): tf.Tensor {
  if (form === 'tanh') return x.div(beta.mul(shape.c)).tanh().mul(beta);
  return saturationCurve(form, x, shape).mul(beta);
}

/** The curve that β multiplies. Throws RangeError for tanh, in which β has no such place. */
export function saturationCurve(
  form: Exclude<SaturationForm, 'tanh'>,
  x: tf.Tensor,
  { lam, slope, kappa, alpha }: Tensors,
): tf.Tensor {
  switch (form) {
    case 'none':
      return x;
    case 'logistic':
      return x.mul(lam).mul(0.5).tanh();
    case 'hill':
      return ofPositive(x, (media) => media.log().sub(kappa.log()).mul(slope).sigmoid());
    case 'michaelisMenten':
      return x.div(x.add(lam));
    case 'root':
      return ofPositive(x, (media) => media.log().mul(alpha).exp());
    default:
      throw new RangeError(form satisfies never);
  }
}

/** A curve through 0 whose slope may be infinite there: value and gradient 0 at x = 0. */
function ofPositive(x: tf.Tensor, curve: (x: tf.Tensor) => tf.Tensor): tf.Tensor {
  return safeWhere(x.greater(0), x, curve, 0);
}
