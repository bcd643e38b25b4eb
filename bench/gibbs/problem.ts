// The benchmark's data: a two-level regression with four varying coefficients, the same at every run.
import { hierarchyModel } from '../../src/models/linearHierarchy/hierarchyModel.js';
import type { LinearHierarchy } from '../../src/models/linearHierarchy/structure.js';
import type { Model } from '../../src/models/model.js';
import { benchmarkRandom } from '../gpu/random.js';

export const sizes = { rows: 20_000, groups: 500, coefficients: 4 } as const;

/** Degrees of freedom and scale of the inverse Wishart of the full covariance: bayesm's defaults. */
export const wishart = { df: sizes.coefficients + 3, scale: sizes.coefficients + 3 } as const;

/** Spreads of the coefficients; in the weak problem the data hardly say that the last differs from 0. */
const spreads = { usual: [1, 0.5, 0.5, 0.5], weak: [1, 0.5, 0.5, 0.05] } as const;

export function twoLevel(covariance: 'diagonal' | 'full', kind: keyof typeof spreads = 'usual'): LinearHierarchy {
  const { rows, groups, coefficients: k } = sizes;
  const random = benchmarkRandom(7);
  const normal = (): number => random.normal();
  const columns = Array.from({ length: k }, (_, i) =>
    Float64Array.from({ length: rows }, () => (i === 0 ? 1 : i === 1 ? normal() : normal() > 0.5 ? 1 : 0)),
  );
  const perGroup = rows / groups;
  const y = new Float64Array(rows);
  for (let g = 0; g < groups; g++) {
    const b = spreads[kind].map((spread, i) => 1 - 0.5 * i + spread * normal());
    for (let row = g * perGroup; row < (g + 1) * perGroup; row++) {
      y[row] = normal();
      for (let i = 0; i < k; i++) y[row] += columns[i][row] * b[i];
    }
  }
  return {
    rows,
    y,
    terms: [
      {
        columns,
        rowStart: Int32Array.from({ length: groups + 1 }, (_, g) => g * perGroup),
        levels: [
          {
            groups,
            size: k,
            parent: null,
            covariates: new Float64Array(groups).fill(1),
            covariateCount: 1,
            covariance: {
              sds: 'sds',
              cholesky: covariance === 'full' ? 'cholesky' : undefined,
              prior:
                covariance === 'full'
                  ? { kind: 'inverseWishart', ...wishart }
                  : { kind: 'huangWand', df: 2, scales: Array<number>(k).fill(1) },
            },
            coefficients: 'beta',
            centring: Array<number>(k).fill(1),
          },
        ],
        population: { name: 'gamma', prior: { kind: 'normal', means: [0, 0, 0, 0], sds: [10, 10, 10, 10] } },
      },
    ],
    fixed: undefined,
    errors: { sigma: 'sigma', prior: { family: 'halfStudentT', parameters: [3, 1] } },
  };
}

/** The model that a structure declares. */
export function modelOf(structure: LinearHierarchy): Model {
  const hierarchy = hierarchyModel(structure);
  return { name: 'two-level', coords: {}, sites: [], structure, ...hierarchy, report: (p) => p };
}
