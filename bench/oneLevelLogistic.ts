// Logistic regression whose coefficients vary by group, as a declared hierarchy.
import type { GeneralisedHierarchy } from '../src/models/linearHierarchy/structure.js';

export interface LogisticRows {
  /** 0 or 1, `[rows]`. */
  readonly y: Float64Array;
  /** By coefficient, `[rows]`. */
  readonly columns: readonly Float64Array[];
  /** First row of each group, and the end, `[groups + 1]`. */
  readonly rowStart: Int32Array;
  /** λ of every coefficient. */
  readonly centring: number;
}

/** β_g ~ N(μ, diag(τ²)), μ ~ N(0, 1), τ ~ halfNormal(1). */
export function oneLevelLogistic({ y, columns, rowStart, centring }: LogisticRows): GeneralisedHierarchy {
  const groups = rowStart.length - 1;
  const size = columns.length;
  const all = (value: number): number[] => new Array<number>(size).fill(value);
  return {
    rows: y.length,
    y,
    terms: [
      {
        columns,
        rowStart,
        levels: [
          {
            groups,
            size,
            parent: null,
            covariates: new Float64Array(groups).fill(1),
            covariateCount: 1,
            covariance: {
              sds: 'tau',
              cholesky: undefined,
              prior: { kind: 'separate', sd: { family: 'halfNormal', parameters: [1] }, eta: 1 },
            },
            coefficients: 'beta',
            centring: all(centring),
          },
        ],
        population: { name: 'mu', prior: { kind: 'normal', means: all(0), sds: all(1) } },
      },
    ],
    fixed: undefined,
    likelihood: { kind: 'bernoulli' },
  };
}
