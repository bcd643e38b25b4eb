// Likelihoods of the media-mix model: normal, Student-t, and normal cut off at 0, with expectations and replications.
import type { Tensor } from '@tensorflow/tfjs-core';
import { normalLogCdf } from '../../kernels/ops/index.js';
import { normal, studentT } from '../distributions/index.js';
import { studentTVariate } from '../distributions/variates.js';
import type { MediaMixFamily } from './options.js';

/** Log density of y, elementwise. `nu` for Student-t only. */
export function logDensity(
  family: MediaMixFamily,
  y: Tensor,
  mean: Tensor,
  sigma: Tensor,
  nu: Tensor | undefined,
): Tensor {
  switch (family) {
    case 'gaussian':
      return normal.logDensity(y, mean, sigma);
    case 'studentT':
      return studentT.logDensity(y, nu!, mean, sigma);
    case 'truncatedGaussian':
      return normal.logDensity(y, mean, sigma).sub(normalLogCdf(mean.div(sigma)));
    default:
      throw new RangeError(family satisfies never);
  }
}

/** Expected response: the location, but where the density is cut off at 0 the mean of what is left. */
export function expectation(family: MediaMixFamily, mean: Tensor, sigma: Tensor): Tensor {
  if (family !== 'truncatedGaussian') return mean;
  const z = mean.div(sigma);
  return mean.add(normal.logDensity(z).sub(normalLogCdf(z)).exp().mul(sigma));
}

/**
 * A replicated response from standard normals, one each. Cut off at 0: y = m − σ Φ⁻¹(Φ(−noise) Φ(m / σ)), the upper quantile. Student-t: the
 * first and the later digits of Φ(noise) are two uniforms, from which Bailey's (1994) polar method makes a t variate.
 */
export function replicate(
  family: MediaMixFamily,
  mean: Tensor,
  sigma: Tensor,
  nu: Tensor | undefined,
  noise: Tensor,
): Tensor {
  switch (family) {
    case 'gaussian':
      return mean.add(sigma.mul(noise));
    case 'studentT':
      return mean.add(sigma.mul(studentTVariate(nu!, noise)));
    case 'truncatedGaussian': {
      const logShare = normalLogCdf(noise.neg()).add(normalLogCdf(mean.div(sigma)));
      return mean.sub(sigma.mul(normalQuantile(logShare))).maximum(0);
    }
    default:
      throw new RangeError(family satisfies never);
  }
}

/** x with log Φ(x) given: Newton steps on a concave function from below its root, so they never overshoot. */
function normalQuantile(logShare: Tensor): Tensor {
  let x = logShare.mul(-2).sqrt().neg();
  for (let step = 0; step < 14; step++) {
    const logCdf = normalLogCdf(x);
    const slope = normal.logDensity(x).sub(logCdf).exp();
    x = x.sub(logCdf.sub(logShare).div(slope));
  }
  return x;
}
