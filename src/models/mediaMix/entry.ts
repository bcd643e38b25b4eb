// The media-mix model as the commands know it: data from the table, what the report shows of them, its simulator.
import { mediaMixColumns, type MediaMixData, mediaMixData } from '../../data/mediaMixData.js';
import { type DataSummary, summariseColumn, summarisePredictor } from '../dataSummary.js';
import type { DataCheck, ModelEntry } from '../modelEntry.js';
import { readerOfRows } from './heldOut.js';
import { mediaMixModel } from './mediaMix.js';
import { columnsOf, mediaMixRules, type MediaMixSection, optionsOf } from './section.js';
import { mediaMixSimulator } from './simulator.js';

export const mediaMixEntry: ModelEntry<MediaMixSection> = {
  ...mediaMixRules,
  title: 'weekly response to media, with carry-over and saturation, in one or several places',
  columns: (section) => mediaMixColumns(columnsOf(section)),
  prepare: (table, section, unfitted) => {
    const data = mediaMixData(table, columnsOf(section), unfitted);
    const options = optionsOf(section);
    // The scale stays that of the data as read, so that priors mean the same for another response.
    const model = mediaMixModel(data, options);
    const rebuild = (y: Float64Array) => mediaMixModel({ ...data, y, scaledBy: data.y }, options);
    return {
      model,
      rebuild,
      onRows: readerOfRows(unfitted === undefined ? [table] : [table, unfitted], section, data, model),
      data,
      summary: summarise(data),
      checks: [thinData(data)],
      positiveSites: [
        'sigma',
        'nu',
        'roi',
        'saturation_beta',
        'saturation_lam',
        'saturation_kappa',
        'saturation_slope',
        'saturation_c',
        'adstock_theta',
        'adstock_lam',
        'adstock_k',
      ],
    };
  },
  simulator: mediaMixSimulator,
};

function summarise(data: MediaMixData): DataSummary {
  const { weeks, geos, channels, controls } = data;
  const spend = channels.filter((own) => own.spend !== null && own.spend !== own.media);
  return {
    rows: data.rows,
    sizes: [
      { name: 'week', count: weeks.names.length },
      ...(geos.column === null ? [] : [{ name: 'geo', count: geos.names.length }]),
    ],
    rowsPerGroup: null,
    columns: [
      summariseColumn('response', data.responseName, data.y),
      ...channels.map(({ name, media }) => summariseColumn('channel', name, media)),
      ...spend.map(({ name, spend: own }) => summariseColumn('spend', `${name} (spend)`, own!)),
      ...controls.map((own) => summarisePredictor('control', own)),
    ],
    notes: [`Weeks from ${weeks.names[0]} to ${weeks.names[weeks.names.length - 1]}.`],
  };
}

/** Channels that hardly ever change say little of their own effect. */
function thinData({ channels }: MediaMixData): DataCheck {
  const steady = channels.filter(({ media }) => {
    const mean = media.reduce((sum, value) => sum + value, 0) / media.length;
    const squares = media.reduce((sum, value) => sum + (value - mean) ** 2, 0) / media.length;
    return Math.sqrt(squares) < 0.1 * mean;
  });
  if (steady.length === 0)
    return { name: 'thinData', status: 'pass', detail: 'Every channel varies by more than a tenth of its mean.' };
  const listed = steady.map(({ name }) => name).join(', ');
  return {
    name: 'thinData',
    status: 'review',
    detail: `${listed} varies by less than a tenth of its mean: the data hardly tell its effect from the level; the prior, a lift test or an experiment must.`,
  };
}
