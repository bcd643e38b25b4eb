// The hierarchical logistic regression as a declared hierarchy: the same posterior as `hierarchicalLogistic`, for Gibbs sampling.
import type { GibbsModel } from '../../src/inference/gibbs/settings.js';
import { hierarchyModel } from '../../src/models/linearHierarchy/hierarchyModel.js';
import { oneLevelLogistic } from '../oneLevelLogistic.js';
import { coefficients, type HierarchicalData, roughSds } from './hierarchical.js';
import type { PopulationStart } from './mixedPilot.js';

/**
 * Positions hold log τ, μ, and the groups' coefficients themselves.
 * @param population where chains start; default: from what the rows can be expected to say
 */
export function declaredHierarchical(
  { rows, groups, x, y, group }: HierarchicalData,
  population: PopulationStart = roughStart(groups),
): GibbsModel {
  const columns = Array.from({ length: coefficients }, (_, k) =>
    Float64Array.from({ length: rows }, (_row, row) => x[row * coefficients + k]),
  );
  const rowStart = new Int32Array(groups + 1);
  for (let row = 0; row < rows; row++) rowStart[group[row] + 1] = row + 1;
  const structure = oneLevelLogistic({ y: Float64Array.from(y), columns, rowStart, centring: 1 });
  const beta = (value: number): Float64Array => new Float64Array(groups * coefficients).fill(value);
  return {
    name: 'hierarchical logistic regression, declared',
    parameters: hierarchyModel(structure).parameters,
    structure,
    start: {
      ...population,
      beta: { centre: beta(0), sd: beta(0.3) },
    },
  };
}

function roughStart(groups: number): PopulationStart {
  const { meanSd, logSpreadSd } = roughSds(groups);
  return {
    tau: {
      centre: new Float64Array(coefficients).fill(Math.log(0.3)),
      sd: logSpreadSd.map((sd) => Math.min(0.3, sd)),
    },
    mu: { centre: new Float64Array(coefficients), sd: meanSd },
  };
}
