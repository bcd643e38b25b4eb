// The three-level model as the commands know it: data from the table, what the report shows of them, its simulator.
import { type ThreeLevelData, threeLevelColumns, threeLevelData } from '../../data/threeLevelData.js';
import {
  type ColumnSummary,
  type DataSummary,
  summariseColumn,
  summariseGroups,
  summarisePredictor,
} from '../dataSummary.js';
import type { Site } from '../model.js';
import type { ForestLayout, ModelEntry } from '../modelEntry.js';
import { dataChecks } from './dataChecks.js';
import { threeLevelOnRows } from './heldOut.js';
import { groupLeastSquares } from './leastSquares.js';
import { errorsOf, shrinkageOptions } from '../shrinkage.js';
import { type ThreeLevelSection, threeLevelRules } from './section.js';
import { salesSimulator } from './simulator.js';
import { threeLevelModel } from './threeLevel.js';

export const threeLevelEntry: ModelEntry<ThreeLevelSection> = {
  ...threeLevelRules,
  title: 'occasions within products in markets, with covariates at every level',
  columns: threeLevelColumns,
  prepare: (table, section) => {
    const data = threeLevelData(table, section);
    const { covariance, parametrisation, priors, family, df } = section;
    const errors = family === 'studentT' ? family : 'gaussian';
    const options = { ...shrinkageOptions(section), covariance, parametrisation, priors, errors, df } as const;
    // Priors take their scale from `data.response`, which stays that of the data as read.
    const model = threeLevelModel(data, options);
    const rebuild = (y: Float64Array) => threeLevelModel({ ...data, y }, { ...options, ...errorsOf(model) });
    return {
      model,
      rebuild,
      onRows: (other) => threeLevelOnRows(data, model, other, section),
      data,
      summary: summarise(data, section),
      checks: dataChecks(data),
      forest: (site) => forestLayout(data, site),
      positiveSites: ['sigma', 'phi', 'sigma_u', 'sigma_v', 'psi_u', 'psi_v', 'tau', 'slab', 'relevant', 'inclusion'],
    };
  },
  simulator: salesSimulator,
};

function summarise(data: ThreeLevelData, section: ThreeLevelSection): DataSummary {
  const columns = (role: string, predictors: ThreeLevelData['x']): ColumnSummary[] =>
    predictors.map((predictor) => summarisePredictor(role, predictor));
  const { products, markets, units, notes } = data;
  return {
    rows: data.rows,
    sizes: [
      { name: 'unit', count: units.count },
      ...(products === null ? [] : [{ name: 'product', count: products.names.length }]),
      ...(markets === null ? [] : [{ name: 'market', count: markets.names.length }]),
    ],
    rowsPerGroup: summariseGroups('unit', units.rowStart),
    columns: [
      summariseColumn('response', data.responseName, data.y),
      ...(data.counts?.trials ? [summariseColumn('trials', section.trials!, data.counts.trials)] : []),
      ...(data.counts?.logExposure
        ? [summariseColumn('exposure', section.exposure!, data.counts.logExposure.map(Math.exp))]
        : []),
      ...columns('x', data.x),
      ...columns('z', data.z),
      ...columns('w', markets?.w ?? []),
    ],
    notes: notes.repeatedOccasions > 0 ? [`${notes.repeatedOccasions} rows repeat a unit and time.`] : [],
  };
}

/** One forest per coefficient of the rows. With unit covariates a market has several numbers for each: the constant's is shown. */
function forestLayout(data: ThreeLevelData, site: Site): ForestLayout | undefined {
  // Scores of factors have no coefficients.
  if (site.rotation !== undefined) return undefined;
  const isMarket = site.name === 'gamma';
  const names = ['Intercept', ...data.x.map(({ name }) => name)];
  const perCoefficient = site.shape.slice(1).reduce((product, extent) => product * extent, 1) / names.length;
  const level = isMarket ? site.dims[0] : data.units.dimensions.join(' × ');
  return {
    coefficients: names.map((name, c) => ({ name, title: `${name} by ${level}`, place: c * perCoefficient })),
    // Least squares do not estimate what goes through a link.
    unpooled:
      data.counts !== undefined
        ? () => null
        : groupLeastSquares(data, isMarket ? marketRows(data) : data.units.rowStart),
  };
}

/** First row of each market, since rows lie sorted by market and unit. */
function marketRows(data: ThreeLevelData): Int32Array {
  return data.markets!.unitStart.map((unit) => data.units.rowStart[unit]);
}
