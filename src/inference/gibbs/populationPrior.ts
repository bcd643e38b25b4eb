// The population's prior as a normal: as it is, or given the variances of the scale mixture that a heavier tail is.
import type { Population } from '../../models/linearHierarchy/structure.js';
import { coefficientSds } from '../../models/linearHierarchy/values.js';
import { drawInverseGamma } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';
import type { TermValues } from './chainValues.js';

/** Independent normals; precision 0 is a flat prior. */
export interface NormalMoments {
  readonly means: Float64Array;
  readonly precisions: Float64Array;
}

/** Of Student's t (Cauchy: one degree of freedom) the variances are drawn given the coefficients. */
export function populationMoments(
  stream: RandomStream,
  prior: Population['prior'],
  { population: coefficients, shrinkage }: Pick<TermValues, 'population' | 'shrinkage'>,
): NormalMoments {
  if (prior.kind === 'normal') {
    const precisions = coefficientSds(prior, shrinkage).map((sd) => 1 / (sd * sd));
    return { means: Float64Array.from(prior.means), precisions };
  }
  const { family, parameters } = prior.prior;
  const constant = (value: number): Float64Array => new Float64Array(coefficients.length).fill(value);
  switch (family) {
    case 'normal':
      return { means: constant(parameters[0]), precisions: constant(1 / parameters[1] ** 2) };
    case 'flat':
      return { means: constant(0), precisions: constant(0) };
    case 'studentT':
      return mixture(stream, parameters[0], parameters[1], parameters[2], coefficients);
    case 'cauchy':
      return mixture(stream, 1, parameters[0], parameters[1], coefficients);
    default:
      throw new RangeError(`${family} is no prior of coefficients on the whole line`);
  }
}

/** x ~ t(ν, m, s) is N(m, s² v) with v ~ IG(ν/2, ν/2). */
function mixture(
  stream: RandomStream,
  df: number,
  location: number,
  scale: number,
  coefficients: Float64Array,
): NormalMoments {
  return {
    means: new Float64Array(coefficients.length).fill(location),
    precisions: coefficients.map((x) => {
      const z = (x - location) / scale;
      return 1 / (scale * scale * drawInverseGamma(stream, (df + 1) / 2, (df + z * z) / 2));
    }),
  };
}
