// The experiments model as the commands know it: data from the table, what the report shows of them, its simulator.
import { summariseColumn, summariseGroups } from '../dataSummary.js';
import type { DataCheck, ModelEntry } from '../modelEntry.js';
import { experimentColumns, type ExperimentsData, experimentsData } from './data.js';
import { readerOfRows } from './heldOut.js';
import { experimentsModel } from './model.js';
import { poolable, spreadName } from './poolable.js';
import { shrinkageOptions } from '../shrinkage.js';
import { experimentsRules, type ExperimentsSection } from './section.js';
import { experimentsSimulator } from './simulator.js';

export const experimentsEntry: ModelEntry<ExperimentsSection> = {
  ...experimentsRules,
  title: 'many experiments on the same customers: who responds, to what, when',
  columns: experimentColumns,
  prepare: (table, section, unfitted) => {
    const data = experimentsData(table, section, unfitted);
    const options = { ...shrinkageOptions(section), pooling: section.pooling, priors: section.priors };
    const rebuild = (y: Float64Array) => experimentsModel({ ...data, y }, options);
    const model = rebuild(data.y);
    const { customers } = data;
    return {
      model,
      rebuild,
      onRows: readerOfRows(table, section, data, model),
      data,
      summary: {
        rows: data.rows,
        sizes: [
          ...(customers === null ? [] : [{ name: 'customer', count: customers.names.length }]),
          ...data.sets.map(({ name, levels }) => ({ name: `${name} level`, count: levels.length })),
        ],
        rowsPerGroup: customers === null ? null : summariseGroups('customer', customers.rowStart),
        columns: [
          summariseColumn('response', data.responseName, data.y),
          ...data.x.map(({ name, values, mean }) => centredSummary('x', name, values, mean)),
          ...data.moderators.map(({ name, values, mean }) => centredSummary('moderator', name, values, mean)),
        ],
        notes: [`${Math.round(100 * shareTreated(data))} % of the rows are treated.`],
      },
      checks: [bothArms(data)],
      positiveSites: [
        ...['sigma', 'sigma_u', ...poolable.map(spreadName), 'spread', 'share_of_spread', 'tau', 'slab', 'relevant'],
        ...model.sites.map(({ name }) => name).filter((name) => name.startsWith('inclusion_')),
      ],
    };
  },
  simulator: experimentsSimulator,
};

function centredSummary(role: string, name: string, values: Float64Array, mean: number) {
  const own = summariseColumn(role, name, values);
  const standardised = `centred by ${Number(mean.toPrecision(4))}`;
  return { ...own, mean: own.mean + mean, min: own.min + mean, max: own.max + mean, standardised };
}

const shareTreated = ({ w, rows }: ExperimentsData): number =>
  w.reduce((sum, own) => sum + (own > 0 ? 1 : 0), 0) / rows;

/** Effects are seen where both arms are: levels of a set without treated rows, or without controls, lean on the prior. */
function bothArms({ sets, w }: ExperimentsData): DataCheck {
  const thin = sets.flatMap(({ name, levels, codes }) => {
    const arms = [new Uint8Array(levels.length), new Uint8Array(levels.length)];
    for (const [row, code] of codes.entries()) arms[w[row] > 0 ? 1 : 0][code] = 1;
    return levels.filter((_, l) => arms[0][l] + arms[1][l] < 2).map((level) => `${name} ${level}`);
  });
  const some = thin.slice(0, 3).join(', ');
  return {
    name: 'bothArms',
    status: thin.length === 0 ? 'pass' : 'review',
    detail:
      thin.length === 0
        ? 'Every level of every set has treated rows and controls.'
        : `${thin.length} level${thin.length === 1 ? '' : 's'} (${some}${thin.length > 3 ? ', …' : ''}) without treated rows or without controls: their effects rest on the prior.`,
  };
}
