// What a model must be for its coefficients to be integrated out, and what a fixed block beside them costs.
import { deviatingCount, isPartial, outerSize } from '../../models/linearHierarchy/links.js';
import { isDiagonal, isLinear, type LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import type { Model } from '../../models/model.js';
import { crossedCost, crossedEntries } from './crossedEntries.js';
import { normalPriors } from './marginalData.js';

/** Coefficients of a group that are written out at most: that deviate, of all groups and of groups of groups with correlations; in all; and of the population. */
const mostCoefficients = 12;
const mostCorrelated = 8;
const mostInAll = 32;
const mostOfPopulation = 64;
/** Products of columns of a fixed block in one gradient. */
export const mostProducts = 1_000_000;

/** Pairs of columns of the fixed block that a group touches, over all groups, and its Cholesky factor; 0 where there is no block. */
export function crossedProducts({ terms, fixed }: LinearHierarchy): number {
  return fixed === undefined ? 0 : crossedCost(crossedEntries(terms[0], fixed), fixed);
}

/** In one line what the model lacks; undefined where it lacks nothing. */
export function marginalRefusal({ name, structure }: Model): string | undefined {
  if (structure === undefined) return `${name} declares no linear Gaussian hierarchy to integrate out`;
  if (!isLinear(structure))
    return `with ${structure.likelihood.kind} responses the coefficients cannot be integrated out`;
  const { terms, fixed, errors } = structure;
  if (errors.df !== undefined) return 'with Student-t errors the coefficients cannot be integrated out';
  if (terms.length === 0) return `${name} has no groups whose coefficients could be integrated out`;
  if (terms.length !== 1) return `${terms.length} crossed groupings; it integrates out the coefficients of one nest`;
  const [{ levels, population }] = terms;
  if (normalPriors(structure) === undefined) return `the prior of ${population.name} is not normal`;
  for (const [l, level] of levels.entries()) {
    const { covariance, size } = level;
    const own = deviatingCount(level);
    const most = l > 0 && !isDiagonal(covariance) ? mostCorrelated : mostCoefficients;
    if (own > most) return `${own} coefficients in a group (${covariance.sds}); it handles up to ${most} of these`;
    if (size > mostInAll)
      return `${size} coefficients of a group and of what its mean is made of (${covariance.sds}); it handles up to ${mostInAll} of these`;
  }
  const ofPopulation = outerSize(levels[levels.length - 1]);
  if (ofPopulation > mostOfPopulation)
    return `${ofPopulation} coefficients of the population; it handles up to ${mostOfPopulation}`;
  if (fixed !== undefined && isPartial(structure.terms[0]))
    return `${fixed.name} beside groups some of whose coefficients do not deviate`;
  const cost = crossedProducts(structure);
  if (cost > mostProducts) {
    const [own, most] = [cost, mostProducts].map((n) => n.toLocaleString('en'));
    return `integrating ${fixed!.name} out with the groups takes ${own} products a gradient; the limit is ${most}`;
  }
  return undefined;
}
