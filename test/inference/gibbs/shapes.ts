// Hierarchies for the tests of Gibbs sampling: every kind of block, small.
import type { CovariancePrior } from '../../../src/models/covariancePriors.js';
import { deviatingCount } from '../../../src/models/linearHierarchy/links.js';
import type { LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import type { PriorSpec } from '../../../src/data/prior.js';
import { type HierarchyShape, hierarchyExample, withPrior } from '../../models/hierarchyExample.js';

export const shapes: Readonly<Record<string, HierarchyShape>> = {
  'one level': { terms: [{ levels: [{ groups: 7 }] }] },
  'two levels, slopes and covariates, full below': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 9, full: true, centring: [0.4, 1], covariates: 1 },
          { groups: 3, centring: 0.7 },
        ],
      },
    ],
  },
  'three levels, a group without information': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 12, covariates: 1, centring: [0, 1] },
          { groups: 6, full: true, centring: 0.5 },
          { groups: 2, covariates: 1, centring: 1 },
        ],
        isEmpty: (group) => group === 3,
      },
    ],
  },
  crossed: {
    terms: [
      { slopes: 1, levels: [{ groups: 6, full: true }, { groups: 2 }] },
      { slopes: 1, levels: [{ groups: 4, covariates: 1, centring: 1 }] },
    ],
  },
  'fixed columns and categories': {
    terms: [{ levels: [{ groups: 6, centring: 1 }] }],
    fixed: { dense: 2, categories: [3, 4], multiplier: true },
  },
  'pooled categories': {
    terms: [{ slopes: 1, levels: [{ groups: 6 }] }],
    fixed: { dense: 2, categories: [4, 5], multiplier: true, pooled: true },
  },
  'horseshoe and Student-t errors': {
    terms: [{ slopes: 1, levels: [{ groups: 6 }] }],
    fixed: { dense: 2, categories: [3], horseshoe: 'plain' },
    df: 4,
  },
  'regularised horseshoes': {
    terms: [{ slopes: 1, levels: [{ groups: 8, covariates: 1, full: true }], horseshoe: 'slab' }],
    fixed: { dense: 3, horseshoe: 'relative slab' },
  },
  'factors at both levels': {
    terms: [
      {
        slopes: 2,
        levels: [
          { groups: 8, factors: 1, centring: 0.5 },
          { groups: 2, factors: 1 },
        ],
      },
    ],
  },
  'two factors of five coefficients': {
    terms: [{ slopes: 4, levels: [{ groups: 9, factors: 2 }], rowsOf: () => 6 }],
    fixed: { dense: 1 },
  },
  'coefficients that do not deviate, and regressions on part of the covariates': {
    terms: [
      {
        slopes: 2,
        levels: [
          {
            groups: 10,
            covariates: 1,
            deviating: [0, 1],
            regressions: [[0], [0, 1], [0]],
            full: true,
            centring: [0.4, 1],
          },
          { groups: 4, deviating: [0, 1, 3], centring: 0.6 },
        ],
      },
    ],
  },
  'a horseshoe above coefficients that do not deviate': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 10, covariates: 1, deviating: [1], regressions: [[0], [0, 1]], centring: 0.5 },
          { groups: 4, deviating: [0, 1], full: true, centring: 0.6 },
        ],
        horseshoe: 'slab',
      },
    ],
  },
  'a horseshoe of the outermost regressions': {
    terms: [{ levels: [{ groups: 9 }, { groups: 5, covariates: 3 }], horseshoe: 'plain' }],
  },
};

/** The same hierarchy with another prior of every covariance. */
export function withCovariancePrior(
  structure: LinearHierarchy,
  priorOf: (size: number, level: number) => CovariancePrior,
): LinearHierarchy {
  return {
    ...structure,
    terms: structure.terms.map((term) => ({
      ...term,
      levels: term.levels.map((level, j) => ({
        ...level,
        covariance: withPrior(level.covariance, priorOf(deviatingCount(level), j)),
      })),
    })),
  };
}

/** The same hierarchy with another prior of σ. */
export function withErrorPrior(structure: LinearHierarchy, prior: PriorSpec): LinearHierarchy {
  return { ...structure, errors: { ...structure.errors, prior } };
}

export const exampleOf = (name: string): LinearHierarchy => hierarchyExample(shapes[name]);
