// From a prior as users write it to its log density.
import type { Tensor } from '@tensorflow/tfjs-core';
import { literal } from '../kernels/ops/index.js';
import { InputError } from '../data/inputError.js';
import { formatPrior, type PriorSpec } from '../data/prior.js';
import {
  beta,
  cauchy,
  exponential,
  gamma,
  halfCauchy,
  halfNormal,
  halfStudentT,
  inverseGamma,
  laplace,
  logNormal,
  normal,
  studentT,
} from './distributions/index.js';

export type { PriorSpec };

/** Families that are a density on the whole real line. */
export const realFamilies = ['normal', 'studentT', 'cauchy', 'flat'] as const;
/** Families that are a density on the positive numbers. */
export const positiveFamilies = [
  'halfNormal',
  'halfStudentT',
  'halfCauchy',
  'exponential',
  'gamma',
  'inverseGamma',
  'precisionGamma',
  'flat',
] as const;

/** Elementwise log density of a univariate prior. Throws for families of matrices. */
export function priorLogDensity(prior: PriorSpec, x: Tensor): Tensor {
  const [a, b, c] = prior.parameters;
  switch (prior.family) {
    case 'normal':
      return normal.logDensity(x, a, b);
    case 'studentT':
      return studentT.logDensity(x, a, b, c);
    case 'cauchy':
      return cauchy.logDensity(x, a, b);
    case 'laplace':
      return laplace.logDensity(x, a, b);
    case 'logNormal':
      return logNormal.logDensity(x, a, b);
    case 'beta':
      return beta.logDensity(x, a, b);
    case 'halfNormal':
      return halfNormal.logDensity(x, a);
    case 'halfStudentT':
      return halfStudentT.logDensity(x, a, b);
    case 'halfCauchy':
      return halfCauchy.logDensity(x, a);
    case 'exponential':
      return exponential.logDensity(x, a);
    case 'gamma':
      return gamma.logDensity(x, a, b);
    case 'inverseGamma':
      return inverseGamma.logDensity(x, a, b);
    case 'precisionGamma':
      // x² is inverse gamma with the rate for its scale; dx²/dx = 2x.
      return inverseGamma.logDensity(x.square(), a, b).add(x.log()).add(literal(Math.LN2));
    case 'flat':
      return x.mul(0);
    case 'lkj':
    case 'inverseWishart':
    case 'huangWand':
      throw new Error(`${formatPrior(prior)} is a prior of a matrix`);
    default:
      throw new Error(prior.family satisfies never);
  }
}

/** Refuses a family that does not suit a site, in one line that says which do. */
export function checkFamily(site: string, prior: PriorSpec, allowed: readonly string[]): void {
  if (allowed.includes(prior.family)) return;
  throw new InputError(
    `model.priors.${site}: ${formatPrior(prior)} does not suit ${site}; use one of ${allowed.join(', ')}`,
    { value: formatPrior(prior) },
  );
}
