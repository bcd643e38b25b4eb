// Log prior densities of the scales of a hierarchy: σ, and standard deviations and correlations of the levels.
import type { Tensor } from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import { type CovariancePrior, covarianceLogDensity } from '../covariancePriors.js';
import { normal } from '../distributions/index.js';
import type { Tensors } from '../model.js';
import { priorLogDensity } from '../priors.js';
import { type Errors, hasFactors, type LevelCovariance, type NestedTerm, type PriorSpec } from './structure.js';

export function sigmaLogPrior({ sigma, prior }: Errors, parameters: Tensors): Tensor {
  return priorLogDensity(prior, parameters[sigma]);
}

/** By level, from the innermost outwards. */
export function covarianceLogPriors({ levels }: NestedTerm, parameters: Tensors): Tensor[] {
  return levels.map(({ covariance }) => {
    const sds = parameters[covariance.sds];
    if (!hasFactors(covariance)) {
      const { prior, cholesky } = covariance;
      return covarianceLogDensity(prior, sds, cholesky === undefined ? undefined : parameters[cholesky]);
    }
    const { loadingSds, sd } = covariance.prior;
    const loadings = normal.logDensity(parameters[covariance.loadings], 0, literal(loadingSds, [loadingSds.length, 1]));
    return loadings.sum().add(priorLogDensity(sd, sds).sum());
  });
}

/** Whether the density of a standard deviation goes on smoothly through 0 as an even function, so that its sign may be free. */
export function isEvenAtZero(covariance: LevelCovariance): boolean {
  const isEven = ({ family }: PriorSpec): boolean =>
    ['halfNormal', 'halfStudentT', 'halfCauchy', 'flat'].includes(family);
  if (hasFactors(covariance)) return isEven(covariance.prior.sd);
  const { prior } = covariance;
  switch (prior.kind) {
    case 'huangWand':
      return true;
    case 'inverseWishart':
      return false;
    case 'separate':
      return isEven(prior.sd);
    default:
      throw new Error((prior satisfies never as CovariancePrior).kind);
  }
}

/** Degrees of freedom from which on a t distribution is taken for a normal one. Own choice. */
const nearlyNormal = 10;

/** Whether the prior density of a standard deviation falls like a normal one's, and not as a power. */
export function hasLightTail(covariance: LevelCovariance): boolean {
  const isLight = ({ family, parameters }: PriorSpec): boolean =>
    family === 'halfNormal' || (family === 'halfStudentT' && parameters[0] > nearlyNormal);
  if (hasFactors(covariance)) return isLight(covariance.prior.sd);
  const { prior } = covariance;
  if (prior.kind === 'huangWand') return prior.df > nearlyNormal;
  return prior.kind === 'separate' && isLight(prior.sd);
}
