// Model data of the media-mix model: a full grid of places and weeks, with media, spend and controls on it.
import { factorOf } from './grouping.js';
import { InputError } from './inputError.js';
import { mediaMixGrid } from './mediaMixGrid.js';
import {
  applyStandardisation,
  meanAndSd,
  numbersOf,
  preparePredictors,
  type Predictor,
  tooLarge,
} from './predictors.js';
import type { ColumnRequest } from './readTable.js';
import type { Table } from './table.js';
import type { Weeks } from './weeks.js';

/** A channel: the column that drives the response, and what it cost. */
export interface ChannelColumns {
  readonly name: string;
  /** Spend, impressions, clicks, …: not negative. */
  readonly media: string;
  /** Null for media that cost nothing (or nothing known): no return on it is reported. */
  readonly spend: string | null;
}

/** The part of the model section that shapes the data. */
export interface MediaMixColumns {
  readonly response: string;
  readonly time: string;
  readonly geo?: string;
  readonly channels: readonly ChannelColumns[];
  readonly controls: readonly string[];
  readonly standardise: boolean | readonly string[];
  /** What a unit of the response is worth, in the money of the spend: a number, or a column. */
  readonly worth: number | string;
}

interface Channel {
  readonly name: string;
  readonly media: Float64Array;
  readonly spend: Float64Array | null;
}

/** Media and controls on a grid of places and weeks; arrays run `[geo][week]`, weeks innermost. */
export interface MediaMixSeries {
  readonly weeks: Weeks;
  readonly channels: readonly Pick<Channel, 'media'>[];
  readonly controls: readonly Pick<Predictor, 'values'>[];
}

/** The grid runs to the last week that is fitted; y has the rows that are fitted, in its order. */
export interface MediaMixData extends MediaMixSeries {
  readonly source: string;
  /** That are fitted. */
  readonly rows: number;
  /** Place of each row on the grid; absent: every place is fitted. */
  readonly places?: Int32Array;
  readonly responseName: string;
  readonly y: Float64Array;
  /** A response whose largest value scales y; y itself where absent. */
  readonly scaledBy?: Float64Array;
  readonly response: { readonly mean: number; readonly sd: number };
  /** One place called `all`, and column null, in national data. */
  readonly geos: { readonly column: string | null; readonly names: readonly string[] };
  readonly channels: readonly Channel[];
  readonly controls: readonly Predictor[];
  readonly worth: Float64Array;
  /** Row of the table, from 0, at each place of the grid; rows that are not fitted are numbered after those. */
  readonly originalRow: Int32Array;
}

/** Rows that the fit did not see, in the series that they lie in. */
export interface MediaMixOtherRows extends MediaMixSeries {
  readonly y: Float64Array;
  /** Place of each row on the grid. */
  readonly places: Int32Array;
}

/** The columns to read for a model. Throws InputError for a column with two roles that exclude each other. */
export function mediaMixColumns(model: MediaMixColumns): ColumnRequest[] {
  const media = model.channels.flatMap(({ media, spend }) => [media, spend]).filter((name) => name !== null);
  const worth = typeof model.worth === 'string' ? [model.worth] : [];
  const numbers = [...new Set([model.response, ...media, ...model.controls, ...worth])];
  const factors = [model.time, ...(model.geo === undefined ? [] : [model.geo])];
  const both = factors.find((name) => numbers.includes(name));
  if (both !== undefined) {
    const message = `column '${both}' is both time or place and a number of the model; give it one role`;
    throw new InputError(message, { column: both });
  }
  return [
    ...numbers.map((name) => ({ name, kind: 'number' as const })),
    ...factors.map((name) => ({ name, kind: 'factor' as const })),
  ];
}

/**
 * Puts a table onto the grid of places and weeks. Throws InputError for a place and week that occurs twice or never, missing
 * weeks, negative media or spend, media that never ran, a constant response, and controls that are constant or dependent.
 * @param unfitted rows whose media carry over, and whose responses are not fitted
 */
export function mediaMixData(table: Table, model: MediaMixColumns, unfitted?: Table): MediaMixData {
  const { source } = table;
  const last = factorOf(table, model.time, 'model.time').levels.at(-1);
  const grid = mediaMixGrid(unfitted === undefined ? [table] : [table, unfitted], model, last);
  const { rowAt } = grid;
  const isFull = rowAt.every((row) => row < table.rows);
  const places = Int32Array.from(rowAt.keys()).filter((place) => rowAt[place] < table.rows);
  const fitted = (values: Float64Array): Float64Array =>
    isFull ? values : Float64Array.from(places, (place) => values[place]);
  const responses = numbersOf(table, model.response, 'response');
  const y = Float64Array.from(places, (place) => responses[rowAt[place]]);
  const response = meanAndSd(y);
  if (!Number.isFinite(response.sd)) throw tooLarge(source, model.response, 'response', y);
  if (response.sd === 0) {
    const message = `${source}: column '${model.response}' (response) is ${y[0]} in all ${y.length} rows; it must vary`;
    throw new InputError(message, { file: source, column: model.response, value: y[0] });
  }
  const channels = model.channels.map(({ name, media, spend }): Channel => {
    const values = grid.gather(media, 'model.channels', true);
    if (fitted(values).every((value) => value === 0)) {
      const message = `${source}: column '${media}' (model.channels) is 0 in every row: ${name} never ran; leave it out`;
      throw new InputError(message, { file: source, column: media, value: 0 });
    }
    return { name, media: values, spend: spend === null ? null : grid.gather(spend, 'model.channels', true) };
  });
  const controls = model.controls.map((name) => ({ name, values: grid.gather(name, 'model.controls') }));
  const prepared = preparePredictors(
    source,
    { key: 'controls', items: 'rows' },
    controls.map(({ name, values }) => ({ name, values: fitted(values) })),
    model.standardise,
  );
  return {
    source,
    rows: y.length,
    ...(!isFull && { places }),
    responseName: model.response,
    y,
    response,
    weeks: grid.weeks,
    geos: { column: model.geo ?? null, names: grid.geos },
    channels,
    controls: isFull
      ? prepared
      : prepared.map((own, i) => ({ ...own, values: applyStandardisation(own, controls[i].values) })),
    worth:
      typeof model.worth === 'number'
        ? new Float64Array(rowAt.length).fill(model.worth)
        : grid.gather(model.worth, 'model.worth'),
    originalRow: rowAt,
  };
}

/**
 * Other rows in the series of all rows: media of earlier weeks carry over to them. Throws InputError as `mediaMixData`, for places that the fit did
 * not see, and for weeks before its first.
 * @param known the fitted rows, and others whose media are known
 */
export function mediaMixOtherRows(
  data: Pick<MediaMixData, 'weeks' | 'controls'>,
  known: readonly Table[],
  table: Table,
  model: MediaMixColumns,
): MediaMixOtherRows {
  const grid = mediaMixGrid([...known, table], model);
  const places = grid.places[known.length];
  const { source } = table;
  const stray = places.indexOf(-1);
  if (stray >= 0) {
    const geo = factorOf(table, model.geo!, 'model.geo');
    const value = geo.levels[geo.codes[stray]];
    const message = `${source}: column '${geo.name}' (model.geo), row ${stray + 1}: the fit saw no row of '${value}', so it has no coefficients; filter its rows out`;
    throw new InputError(message, { file: source, column: geo.name, row: stray + 1, value });
  }
  if (grid.weeks.names[0] !== data.weeks.names[0]) {
    const message = `${source}: column '${model.time}' (model.time) holds '${grid.weeks.names[0]}', before the first week of the fit, '${data.weeks.names[0]}'`;
    throw new InputError(message, { file: source, column: model.time, value: grid.weeks.names[0] });
  }
  return {
    y: numbersOf(table, model.response, 'response'),
    places,
    weeks: grid.weeks,
    channels: model.channels.map(({ media }) => ({ media: grid.gather(media, 'model.channels', true) })),
    controls: data.controls.map((own) => ({
      values: applyStandardisation(own, grid.gather(own.name, 'model.controls')),
    })),
  };
}
