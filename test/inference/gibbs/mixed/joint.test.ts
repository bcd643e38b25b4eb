// Getting it right (Geweke 2004) with responses through a link: sweeps leave the joint distribution as it is.
import { describe, expect, it } from 'vitest';
import { hasFewRows } from '../../../../src/inference/gibbs/polyaGamma/fewRows.js';
import type { GeneralisedHierarchy } from '../../../../src/models/linearHierarchy/structure.js';
import type { HierarchyShape } from '../../../models/hierarchyExample.js';
import { everyOther } from '../../../thorough.js';
import { type Family, generalisedExample } from './example.js';
import { all, largestChange, narrow, usual } from './largestChange.js';

const shapes: readonly (readonly [string, Family, HierarchyShape])[] = [
  ['one level', 'poisson', { terms: [{ levels: [{ groups: 7 }] }] }],
  [
    'correlations and covariates',
    'negativeBinomial',
    { terms: [{ slopes: 1, levels: [{ groups: 9, full: true, covariates: 1 }] }] },
  ],
  [
    'three levels',
    'binomial',
    {
      terms: [
        { slopes: 1, levels: [{ groups: 9, full: true, covariates: 1 }, { groups: 3 }], isEmpty: (g) => g === 3 },
      ],
    },
  ],
  [
    'crossed, with a fixed block',
    'bernoulli',
    {
      terms: [{ slopes: 1, levels: [{ groups: 6 }] }, { levels: [{ groups: 4 }] }],
      fixed: { dense: 1, categories: [3] },
    },
  ],
  ['many coefficients', 'poisson', { terms: [{ slopes: 8, levels: [{ groups: 5 }] }] }],
  [
    'coefficients that do not deviate, and regressions on part of the covariates',
    'poisson',
    {
      terms: [
        {
          slopes: 2,
          levels: [
            { groups: 10, covariates: 1, deviating: [0, 1], regressions: [[0], [0, 1], [0]], full: true },
            { groups: 4, deviating: [0, 1, 3] },
          ],
        },
      ],
    },
  ],
  [
    'many coefficients, one of which deviates',
    'poisson',
    { terms: [{ slopes: 8, levels: [{ groups: 6, deviating: [2] }] }] },
  ],
  ['factors', 'binomial', { terms: [{ slopes: 2, levels: [{ groups: 8, factors: 1 }] }] }],
];

/** By Pólya-Gamma precisions. */
const fewRows: readonly (readonly [string, Family, HierarchyShape])[] = [
  ['few rows, one coefficient', 'bernoulli', { terms: [{ levels: [{ groups: 7 }] }] }],
  ['few rows, many coefficients', 'bernoulli', { terms: [{ slopes: 8, levels: [{ groups: 5 }] }] }],
  [
    'few rows, correlations and covariates',
    'bernoulli',
    { terms: [{ slopes: 1, levels: [{ groups: 9, full: true, covariates: 1 }] }] },
  ],
  ['few rows, factors', 'bernoulli', { terms: [{ slopes: 2, levels: [{ groups: 8, factors: 1 }] }] }],
];

describe.each(everyOther([...shapes, ...fewRows]))('%s, %s', (name, family, shape) => {
  it('sweeps leave the joint distribution as it is', { timeout: 240_000 }, async () => {
    const structure = narrow(generalisedExample(family, { ...shape, seed: name }));
    expect(hasFewRows(structure)).toBe(name.startsWith('few rows'));
    expect(await largestChange(structure)).toBeLessThan(usual.limit);
  });
});

it('notices sweeps for another prior of the dispersion', { timeout: 240_000 }, async () => {
  const structure = narrow(generalisedExample('negativeBinomial', { terms: [{ levels: [{ groups: 7 }] }] }));
  const { likelihood } = structure;
  const other = {
    ...structure,
    likelihood: { ...likelihood, prior: { family: 'gamma', parameters: [20, 2] } },
  } as GeneralisedHierarchy;
  expect(await largestChange(structure, other, all)).toBeGreaterThan(6);
});
