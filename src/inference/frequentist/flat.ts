// A hierarchy without priors: what restricted maximum likelihood is about.
import { outerSize } from '../../models/linearHierarchy/links.js';
import { freeCoefficients } from '../../models/linearHierarchy/fixedBlock.js';
import { type CoefficientPrior, hasFactors, type LinearHierarchy } from '../../models/linearHierarchy/structure.js';

/** How much wider than the response a prior is that says nothing: relative to it, what is left of the prior is the square of the inverse. */
const width = 1e7;

/** In one line what has no meaning without a prior; undefined where there is nothing of the kind. */
export function flatRefusal({ terms, fixed }: LinearHierarchy): string | undefined {
  const shrunk = [...terms.map(({ population }) => population.prior), ...(fixed ? [fixed.prior] : [])];
  if (shrunk.some((prior) => prior.kind === 'normal' && prior.horseshoe !== undefined))
    return 'a horseshoe is a prior, and restricted maximum likelihood has none';
  if (fixed?.prior.pooling !== undefined)
    return 'it leaves effects of the fixed block free, and some of them are pooled by a spread that is estimated';
  if (terms.some(({ levels }) => levels.some(({ covariance }) => hasFactors(covariance))))
    return 'loadings of common factors can be rotated at will without a prior';
  return undefined;
}

/** The structure with priors of its fixed effects so wide that they say nothing, and their common standard deviation. */
export function withFlatPriors(structure: LinearHierarchy): {
  readonly structure: LinearHierarchy;
  readonly sd: number;
  readonly effects: number;
} {
  const { y, terms, fixed } = structure;
  const sd = width * (Math.sqrt(y.reduce((sum, value) => sum + value * value, 0) / y.length) || 1);
  const flat = (count: number): CoefficientPrior & { readonly kind: 'normal'; readonly means: readonly number[] } => ({
    kind: 'normal',
    means: new Array<number>(count).fill(0),
    sds: new Array<number>(count).fill(sd),
  });
  const counts = terms.map(({ levels }) => outerSize(levels[levels.length - 1]));
  const free = fixed === undefined ? 0 : freeCoefficients(fixed);
  return {
    structure: {
      ...structure,
      terms: terms.map((term, t) => ({ ...term, population: { ...term.population, prior: flat(counts[t]) } })),
      fixed: fixed && { ...fixed, prior: flat(free) },
    },
    sd,
    effects: counts.reduce((a, b) => a + b, free),
  };
}
