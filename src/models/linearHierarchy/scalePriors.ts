// Log prior densities of the scales of a hierarchy: σ, and standard deviations and correlations of the levels.
import type { Tensor } from '@tensorflow/tfjs-core';
import { type CovariancePrior, covarianceLogDensity } from '../covariancePriors.js';
import type { Tensors } from '../model.js';
import { priorLogDensity } from '../priors.js';
import type { Errors, NestedTerm } from './structure.js';

export function sigmaLogPrior({ sigma, prior }: Errors, parameters: Tensors): Tensor {
  return priorLogDensity(prior, parameters[sigma]);
}

/** By level, from the innermost outwards. */
export function covarianceLogPriors({ levels }: NestedTerm, parameters: Tensors): Tensor[] {
  return levels.map(({ covariance: { prior, sds, cholesky } }) =>
    covarianceLogDensity(prior, parameters[sds], cholesky === undefined ? undefined : parameters[cholesky]),
  );
}

/** Whether the density of a standard deviation goes on smoothly through 0 as an even function, so that its sign may be free. */
export function isEvenAtZero(prior: CovariancePrior): boolean {
  switch (prior.kind) {
    case 'huangWand':
      return true;
    case 'inverseWishart':
      return false;
    case 'separate':
      return ['halfNormal', 'halfStudentT', 'halfCauchy', 'flat'].includes(prior.sd.family);
    default:
      throw new Error((prior satisfies never as CovariancePrior).kind);
  }
}
