// The HBMMM as the commands know it: data from the table, what the report shows of them, its simulator.
import {
  type ThreeLevelColumns,
  type ThreeLevelData,
  threeLevelColumns,
  threeLevelData,
} from '../../data/threeLevelData.js';
import { type ColumnSummary, type DataSummary, summariseColumn, summariseGroups } from '../dataSummary.js';
import type { ModelEntry } from '../modelEntry.js';
import { dataChecks } from '../threeLevel/dataChecks.js';
import { errorsOf, shrinkageOptions } from '../shrinkage.js';
import { hbmmmDesign } from './design.js';
import { hbmmmModel } from './hbmmm.js';
import { hbmmmOnRows } from './heldOut.js';
import { hbmmmRules, type HbmmmSection } from './section.js';
import { hbmmmSimulator } from './simulator.js';

export const hbmmmEntry: ModelEntry<HbmmmSection> = {
  ...hbmmmRules,
  title: 'consumers in markets: personalised effects of exposures, which traits explain',
  columns: (section) => threeLevelColumns(columnsOf(section)),
  prepare: (table, section) => {
    const data = threeLevelData(table, columnsOf(section));
    const { covariance, parametrisation, priors, family, df, standardise, channels } = section;
    const errors = family === 'studentT' ? family : 'gaussian';
    const options = {
      ...shrinkageOptions(section),
      channels: channels.length,
      standardise,
      covariance,
      parametrisation,
      priors,
      errors,
      df,
    } as const;
    // Priors take their scale from `data.response`, which stays that of the data as read.
    const model = hbmmmModel(data, options);
    const rebuild = (y: Float64Array) => hbmmmModel({ ...data, y }, { ...options, ...errorsOf(model) });
    return {
      model,
      rebuild,
      onRows: (other) => {
        const design = hbmmmDesign(data, channels.length, standardise);
        return hbmmmOnRows(data, design, model, other, columnsOf(section));
      },
      data,
      summary: summarise(data, section),
      checks: dataChecks(data),
      positiveSites: model.sites.map(({ name }) => name).filter((name) => positive.test(name)),
    };
  },
  simulator: hbmmmSimulator,
};

/** Standard deviations, and what a horseshoe says. */
const positive = /^(sigma|phi|tau|slab|relevant|(sigma|tau|psi|inclusion)_.*)$/;

/** The same data as units in markets: the model scales the columns itself. */
function columnsOf(section: HbmmmSection): ThreeLevelColumns {
  const { response, family, trials, exposure, consumer, market, time, channels, controls, traits } = section;
  return {
    response,
    family,
    trials,
    exposure,
    unit: consumer,
    market,
    time,
    x: [...channels, ...controls],
    z: traits,
    w: [],
    standardise: false,
    keys: { x: (column) => (channels.includes(column) ? 'channels' : 'controls'), z: 'traits' },
  };
}

function summarise(data: ThreeLevelData, { channels, trials, exposure }: HbmmmSection): DataSummary {
  const { counts, markets, units, notes } = data;
  const columns = (role: string, own: ThreeLevelData['x']): ColumnSummary[] =>
    own.map(({ name, values }) => summariseColumn(role, name, values));
  return {
    rows: data.rows,
    sizes: [
      { name: 'consumer', count: units.count },
      { name: 'market', count: markets!.names.length },
    ],
    rowsPerGroup: summariseGroups('consumer', units.rowStart),
    columns: [
      summariseColumn('response', data.responseName, data.y),
      ...(counts?.trials ? [summariseColumn('trials', trials!, counts.trials)] : []),
      ...(counts?.logExposure ? [summariseColumn('exposure', exposure!, counts.logExposure.map(Math.exp))] : []),
      ...columns('channel', data.x.slice(0, channels.length)),
      ...columns('control', data.x.slice(channels.length)),
      ...columns('trait', data.z),
    ],
    notes: notes.repeatedOccasions > 0 ? [`${notes.repeatedOccasions} rows repeat a consumer and time.`] : [],
  };
}
