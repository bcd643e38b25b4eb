// The groupings of the experiments model: customers, and campaigns that have attributes, which cross them.
import type { NestedTerm } from '../linearHierarchy/structure.js';
import type { EffectSet, ExperimentsData } from './data.js';
import type { Layout } from './layout.js';
import type { ExperimentPriors } from './priors.js';

/** Effects and coefficients of customers, by whom the rows are sorted. */
export function customerTerm(
  { own }: Layout,
  rowStart: Int32Array,
  { covariance, thetaSd }: ExperimentPriors,
): NestedTerm {
  const groups = rowStart.length - 1;
  const size = own.length;
  return {
    columns: own,
    rowStart,
    levels: [
      {
        groups,
        size,
        parent: null,
        covariates: new Float64Array(groups).fill(1),
        covariateCount: 1,
        covariance: { sds: 'sigma_u', cholesky: size > 1 ? 'cholesky_u' : undefined, prior: covariance },
        coefficients: 'u',
        // A customer's few rows say less of its coefficients than the others do.
        centring: own.map(() => 0),
      },
    ],
    population: {
      name: 'mean',
      prior: { kind: 'normal', means: own.map(() => 0), sds: own.map(() => thetaSd) },
    },
  };
}

/** Effects of campaigns, half of them, and baselines about a regression on attributes: a grouping that crosses the customers. */
export function campaignTerm(
  { rows, w }: ExperimentsData,
  { codes, levels, attributes }: EffectSet,
  { campaign, thetaSd }: ExperimentPriors,
): NestedTerm {
  const groups = levels.length;
  const { width, values } = attributes!;
  const rowStart = new Int32Array(groups + 1);
  for (const code of codes) rowStart[code + 1]++;
  for (let g = 0; g < groups; g++) rowStart[g + 1] += rowStart[g];
  const next = rowStart.slice();
  const rowOrder = new Int32Array(rows);
  for (const [row, code] of codes.entries()) rowOrder[next[code]++] = row;
  // Where the rows of a campaign say more of a deviation of a tenth of the response's than its prior does, it is sampled itself.
  const share = 0.01 * (rows / groups);
  return {
    columns: [w, new Float64Array(rows).fill(1)],
    rowStart,
    rowOrder,
    levels: [
      {
        groups,
        size: 2,
        parent: null,
        covariates: values,
        covariateCount: width,
        covariance: { sds: 'sigma_campaign', cholesky: undefined, prior: campaign },
        coefficients: 'campaign',
        centring: [0, 1].map(() => share / (1 + share)),
      },
    ],
    population: {
      name: 'gamma_campaign',
      prior: {
        kind: 'normal',
        means: new Array<number>(2 * width).fill(0),
        sds: new Array<number>(2 * width).fill(thetaSd),
      },
    },
  };
}
