// Draws from priors as users write them.
import type { PriorSpec } from '../../models/priors.js';
import { drawGamma, drawInverseGamma, drawNormal } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';

/** Student's t: a normal over the root of a gamma. */
function drawStudentT(stream: RandomStream, df: number): number {
  return drawNormal(stream) * Math.sqrt(df / (2 * drawGamma(stream, df / 2)));
}

/** Half-t with `df` degrees of freedom. */
export function drawHalfStudentT(stream: RandomStream, df: number, scale: number): number {
  return scale * Math.abs(drawStudentT(stream, df));
}

export function drawHalfCauchy(stream: RandomStream, scale: number): number {
  return scale * Math.tan((Math.PI / 2) * stream.uniform());
}

/** One draw of a univariate prior. Throws RangeError for one that is improper, and for priors of matrices. */
export function drawPriorVariate(stream: RandomStream, prior: PriorSpec): number {
  const [a, b, c] = prior.parameters;
  switch (prior.family) {
    case 'normal':
      return a + b * drawNormal(stream);
    case 'studentT':
      return b + c * drawStudentT(stream, a);
    case 'cauchy':
      return a + b * Math.tan(Math.PI * (stream.uniform() - 0.5));
    case 'halfNormal':
      return a * Math.abs(drawNormal(stream));
    case 'halfStudentT':
      return drawHalfStudentT(stream, a, b);
    case 'halfCauchy':
      return drawHalfCauchy(stream, a);
    case 'laplace': {
      const sign = stream.uniform() < 0.5 ? -1 : 1;
      return a - sign * b * Math.log(stream.uniform());
    }
    case 'logNormal':
      return Math.exp(a + b * drawNormal(stream));
    case 'beta': {
      const first = drawGamma(stream, a);
      return first / (first + drawGamma(stream, b));
    }
    case 'exponential':
      return -Math.log(stream.uniform()) / a;
    case 'gamma':
      return drawGamma(stream, a) / b;
    case 'inverseGamma':
      return drawInverseGamma(stream, a, b);
    case 'precisionGamma':
      return Math.sqrt(drawInverseGamma(stream, a, b));
    case 'flat':
      throw new RangeError(`the prior ${prior.family} is improper: nothing can be drawn from it`);
    case 'lkj':
    case 'inverseWishart':
    case 'huangWand':
      throw new RangeError(`${prior.family} is a prior of a matrix`);
    default:
      throw new Error(prior.family satisfies never);
  }
}
