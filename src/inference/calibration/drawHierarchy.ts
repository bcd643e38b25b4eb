// One draw from the prior of a linear hierarchy, and a response drawn given it.
import { freeCoefficients } from '../../models/linearHierarchy/fixedBlock.js';
import type { FixedBlock, LinearHierarchy, NestedTerm } from '../../models/linearHierarchy/structure.js';
import {
  type FixedValues,
  type HierarchyValues,
  levelMeans,
  type TermValues,
} from '../../models/linearHierarchy/values.js';
import { drawNormal } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';
import { drawCovariance } from './covarianceVariates.js';
import { drawHalfCauchy, drawPriorVariate } from './priorVariates.js';

/** Everything that the hierarchy declares, drawn from its prior. Throws RangeError for improper priors. */
export function drawHierarchy({ errors, terms, fixed }: LinearHierarchy, stream: RandomStream): HierarchyValues {
  return {
    sigma: drawPriorVariate(stream, errors.prior),
    terms: terms.map((term) => drawTerm(term, stream)),
    fixed: fixed && drawFixed(fixed, stream),
  };
}

function drawTerm(term: NestedTerm, stream: RandomStream): TermValues {
  const { prior } = term.population;
  const last = term.levels.at(-1)!;
  const population = Float64Array.from({ length: last.size * last.covariateCount }, (_, i) =>
    prior.kind === 'common'
      ? drawPriorVariate(stream, prior.prior)
      : prior.means[i] + prior.sds[i] * drawNormal(stream),
  );
  const levels = term.levels.map(({ groups, size, covariance }) => ({
    coefficients: new Float64Array(groups * size),
    ...drawCovariance(stream, covariance.prior, size, covariance.cholesky !== undefined),
  }));
  const values = { population, levels };
  for (let l = term.levels.length - 1; l >= 0; l--) {
    const { groups, size } = term.levels[l];
    const { coefficients, sds, lower } = levels[l];
    levelMeans(term, l, values, coefficients);
    const noise = new Float64Array(size);
    for (let g = 0; g < groups; g++) {
      for (let i = 0; i < size; i++) noise[i] = drawNormal(stream);
      for (let i = 0; i < size; i++) {
        let deviation = noise[i];
        if (lower !== undefined) {
          deviation = 0;
          for (let j = 0; j <= i; j++) deviation += lower[i * size + j] * noise[j];
        }
        coefficients[g * size + i] += sds[i] * deviation;
      }
    }
  }
  return values;
}

function drawFixed(fixed: FixedBlock, stream: RandomStream): FixedValues {
  const count = freeCoefficients(fixed);
  const { prior } = fixed;
  if (prior.kind === 'normal')
    return { coefficients: Float64Array.from({ length: count }, (_, i) => prior.sds[i] * drawNormal(stream)) };
  const global = drawHalfCauchy(stream, prior.globalScale);
  const local = Float64Array.from({ length: count }, () => drawHalfCauchy(stream, 1));
  return { global, local, coefficients: local.map((scale) => scale * global * drawNormal(stream)) };
}
