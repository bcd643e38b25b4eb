// One draw from the prior of a linear hierarchy, and a response drawn given it.
import { deviatingCount, deviatingOf, outerSize } from '../../models/linearHierarchy/links.js';
import {
  type CoefficientPrior,
  type FactorCovariance,
  hasFactors,
  type Horseshoe,
  type Hierarchy,
  isLinear,
  type NestedTerm,
  type Pooling,
  scaleOf,
} from '../../models/linearHierarchy/structure.js';
import {
  coefficientSds,
  type FactorValues,
  type FixedValues,
  type HierarchyValues,
  levelMeans,
  type ShrinkageValues,
  type TermValues,
} from '../../models/linearHierarchy/values.js';
import { covarianceOfFactors } from '../linearHierarchy/factors.js';
import { drawInverseGamma, drawNormal } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';
import { drawCovariance } from './covarianceVariates.js';
import { drawHalfCauchy, drawPriorVariate } from './priorVariates.js';

/** Everything that the hierarchy declares, drawn from its prior. Throws RangeError for improper priors. */
export function drawHierarchy(structure: Hierarchy, stream: RandomStream): HierarchyValues {
  const { terms, fixed } = structure;
  const scale = scaleOf(structure);
  const drawn = scale === undefined ? 1 : drawPriorVariate(stream, scale.prior);
  const sigma = isLinear(structure) ? drawn : 1;
  return {
    sigma: drawn,
    terms: terms.map((term) => drawTerm(term, sigma, stream)),
    fixed: fixed && drawCoefficients(fixed.prior, sigma, stream),
  };
}

function drawTerm(term: NestedTerm, sigma: number, stream: RandomStream): TermValues {
  const { prior } = term.population;
  const { coefficients: population, shrinkage }: FixedValues =
    prior.kind === 'common'
      ? {
          coefficients: Float64Array.from({ length: outerSize(term.levels.at(-1)!) }, () =>
            drawPriorVariate(stream, prior.prior),
          ),
        }
      : drawCoefficients(prior, sigma, stream);
  const levels = term.levels.map((level) => ({
    coefficients: new Float64Array(level.groups * level.size),
    ...(hasFactors(level.covariance)
      ? covarianceOfFactors(drawFactorParts(level.covariance, stream))
      : drawCovariance(stream, level.covariance.prior, deviatingCount(level), level.covariance.cholesky !== undefined)),
  }));
  const values = { population, levels, ...(shrinkage && { shrinkage }) };
  for (let l = term.levels.length - 1; l >= 0; l--) {
    const { groups, size } = term.levels[l];
    const { coefficients, sds, lower } = levels[l];
    levelMeans(term, l, values, coefficients);
    const places = deviatingOf(term.levels[l]);
    const k = places.length;
    const noise = new Float64Array(k);
    for (let g = 0; g < groups; g++) {
      for (let i = 0; i < k; i++) noise[i] = drawNormal(stream);
      for (let i = 0; i < k; i++) {
        let deviation = noise[i];
        if (lower !== undefined) {
          deviation = 0;
          for (let j = 0; j <= i; j++) deviation += lower[i * k + j] * noise[j];
        }
        coefficients[g * size + places[i]] += sds[i] * deviation;
      }
    }
  }
  return values;
}

/** Coefficients with normal priors, and the scales of a horseshoe that shrinks some of them, or the spreads that pool some. */
function drawCoefficients(prior: CoefficientPrior, sigma: number, stream: RandomStream): FixedValues {
  const { means, horseshoe, pooling } = prior;
  const shrinkage = pooling ? drawSpreads(pooling, stream) : horseshoe && drawHorseshoe(horseshoe, sigma, stream);
  const coefficients = coefficientSds(prior, shrinkage).map((sd, i) => (means?.[i] ?? 0) + sd * drawNormal(stream));
  return { coefficients, ...(shrinkage && { shrinkage }) };
}

function drawFactorParts({ factors, prior: { loadingSds, sd } }: FactorCovariance, stream: RandomStream): FactorValues {
  const loadings = new Float64Array(loadingSds.length * factors);
  return {
    loadings: loadings.map((_, at) => loadingSds[Math.floor(at / factors)] * drawNormal(stream)),
    uniques: Float64Array.from(loadingSds, () => drawPriorVariate(stream, sd)),
  };
}

const drawSpreads = ({ priors }: Pooling, stream: RandomStream): ShrinkageValues => ({
  sds: Float64Array.from(priors, (prior) => drawPriorVariate(stream, prior)),
});

function drawHorseshoe(
  { places, globalScale, isRelative, slab }: Horseshoe,
  sigma: number,
  stream: RandomStream,
): ShrinkageValues {
  return {
    global: drawHalfCauchy(stream, isRelative ? globalScale * sigma : globalScale),
    local: Float64Array.from(places, () => drawHalfCauchy(stream, 1)),
    slab:
      slab === undefined ? Infinity : Math.sqrt(drawInverseGamma(stream, slab.df / 2, (slab.df * slab.scale ** 2) / 2)),
  };
}
