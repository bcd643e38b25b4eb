// The regression as the commands know it: data from the table, what the report shows of them, its simulator.
import { summariseColumn, summarisePredictor } from '../dataSummary.js';
import type { DataCheck, ModelEntry } from '../modelEntry.js';
import { type RegressionData, regressionColumns, regressionData } from './data.js';
import { regressionOnRows } from './heldOut.js';
import { regressionModel, type RegressionOptions } from './regression.js';
import { shrinkageOptions } from '../shrinkage.js';
import { type RegressionSection, regressionRules } from './section.js';
import { regressionSimulator } from './simulator.js';

export const regressionEntry: ModelEntry<RegressionSection> = {
  ...regressionRules,
  title: 'one response on many columns, with or without a horseshoe',
  columns: regressionColumns,
  prepare: (table, section) => {
    const data = regressionData(table, section);
    const options: RegressionOptions = {
      ...shrinkageOptions(section),
      priors: section.priors,
      ...(section.family === 'studentT' && { df: section.df }),
    };
    const rebuild = (y: Float64Array) => regressionModel({ ...data, y }, options);
    const model = rebuild(data.y);
    return {
      model,
      rebuild,
      onRows: (other) => regressionOnRows(data, model, other, section),
      data,
      summary: {
        rows: data.rows,
        sizes: data.categories.map(({ name, levels }) => ({ name: `${name} level`, count: levels.length })),
        rowsPerGroup: null,
        columns: [
          summariseColumn('response', data.responseName, data.y),
          ...data.x.map((predictor) => summarisePredictor('x', predictor)),
        ],
        notes: [],
      },
      checks: [thinData(data)],
      positiveSites: ['sigma', 'tau', 'slab', 'relevant', 'inclusion'],
    };
  },
  simulator: regressionSimulator,
};

function thinData({ rows, x, categories }: RegressionData): DataCheck {
  const free = x.length + categories.reduce((sum, { levels }) => sum + levels.length - 1, 0);
  const enough = rows >= 5 * free;
  const detail = `${rows} rows for ${free} coefficients${enough ? '.' : ', fewer than five each: much rests on the prior.'}`;
  return { name: 'thinData', status: enough ? 'pass' : 'review', detail };
}
