// The radon models of posteriordb: measurements of houses in counties, intercepts and slopes that vary by county, as declared hierarchies.
import type { FixedBlock, HierarchyLevel, LinearHierarchy } from '../../src/models/linearHierarchy/structure.js';
import type { Model } from '../../src/models/model.js';
import { declaredModel } from '../../src/models/linearHierarchy/declaredModel.js';

export interface Radon {
  readonly N: number;
  readonly J: number;
  /** County of each house, from 1. */
  readonly county_idx: number[];
  readonly floor_measure: number[];
  readonly log_radon: number[];
  /** Uranium in the ground. */
  readonly log_uppm: number[];
}

export type Column = 'one' | 'floor_measure' | 'log_uppm';

interface RadonShape {
  /** Columns whose coefficients vary over counties, and those with one coefficient for all. */
  readonly varying: readonly Column[];
  readonly common: readonly Column[];
  /** Site and element of each parameter, under posteriordb's names. */
  readonly sites: Readonly<Record<string, readonly [site: string, element: number]>>;
}

/** `sds`, `means` and `common` hold entries in the order of the columns. */
export const radonShapes = {
  partially_pooled: {
    varying: ['one'],
    common: [],
    sites: { mu_alpha: ['means', 0], sigma_alpha: ['sds', 0], sigma_y: ['sigma', 0] },
  },
  hierarchical_intercept: {
    varying: ['one'],
    common: ['log_uppm', 'floor_measure'],
    sites: {
      mu_alpha: ['means', 0],
      sigma_alpha: ['sds', 0],
      'beta[1]': ['common', 0],
      'beta[2]': ['common', 1],
      sigma_y: ['sigma', 0],
    },
  },
  variable_intercept: {
    varying: ['one'],
    common: ['floor_measure'],
    sites: { mu_alpha: ['means', 0], sigma_alpha: ['sds', 0], beta: ['common', 0], sigma_y: ['sigma', 0] },
  },
  variable_slope: {
    varying: ['floor_measure'],
    common: ['one'],
    sites: { mu_beta: ['means', 0], sigma_beta: ['sds', 0], alpha: ['common', 0], sigma_y: ['sigma', 0] },
  },
  variable_intercept_slope: {
    varying: ['one', 'floor_measure'],
    common: [],
    sites: {
      mu_alpha: ['means', 0],
      sigma_alpha: ['sds', 0],
      mu_beta: ['means', 1],
      sigma_beta: ['sds', 1],
      sigma_y: ['sigma', 0],
    },
  },
} as const satisfies Record<string, RadonShape>;

export type RadonName = keyof typeof radonShapes;

/**
 * y ~ N(Σ x'b_county + f'θ, σ²), b ~ N(means, diag(sds²)); means and θ ~ N(0, 10²), sds and σ half N(0, 1).
 * @param centred columns whose varying coefficients are sampled centred, posteriordb's variants of the same posterior
 */
export function radonModel(name: RadonName, data: Radon, centred: readonly Column[]): Model {
  const { varying, common }: RadonShape = radonShapes[name];
  const { N: rows, J: groups, county_idx } = data;
  const order = Int32Array.from({ length: rows }, (_, row) => row).sort(
    (a, b) => county_idx[a] - county_idx[b] || a - b,
  );
  const inOrder = (values: readonly number[]): Float64Array => Float64Array.from(order, (row) => values[row]);
  const columns = {
    one: new Float64Array(rows).fill(1),
    floor_measure: inOrder(data.floor_measure),
    log_uppm: inOrder(data.log_uppm),
  };
  const rowStart = new Int32Array(groups + 1);
  for (const county of county_idx) rowStart[county]++;
  for (let g = 1; g <= groups; g++) rowStart[g] += rowStart[g - 1];
  const level: HierarchyLevel = {
    groups,
    size: varying.length,
    parent: null,
    covariates: new Float64Array(groups).fill(1),
    covariateCount: 1,
    covariance: {
      sds: 'sds',
      cholesky: undefined,
      prior: { kind: 'separate', sd: { family: 'halfNormal', parameters: [1] }, eta: 1 },
    },
    coefficients: 'counties',
    centring: varying.map((column) => (centred.includes(column) ? 1 : 0)),
  };
  const fixed: FixedBlock = {
    name: 'common',
    dense: common.map((column) => columns[column]),
    categories: [],
    prior: { kind: 'normal', sds: common.map(() => 10) },
  };
  const structure: LinearHierarchy = {
    rows,
    y: inOrder(data.log_radon),
    terms: [
      {
        columns: varying.map((column) => columns[column]),
        rowStart,
        levels: [level],
        population: {
          name: 'means',
          prior: { kind: 'normal', means: varying.map(() => 0), sds: varying.map(() => 10) },
        },
      },
    ],
    fixed: common.length > 0 ? fixed : undefined,
    errors: { sigma: 'sigma', prior: { family: 'halfNormal', parameters: [1] } },
  };
  return { ...declaredModel(structure), name: `radon, ${name.replaceAll('_', ' ')}` };
}
