// Model data of the media-mix model: a full grid of places and weeks, with media, spend and controls on it.
import { factorOf } from './grouping.js';
import { InputError } from './inputError.js';
import { meanAndSd, numbersOf, preparePredictors, type Predictor, tooLarge } from './predictors.js';
import type { ColumnRequest } from './readTable.js';
import type { FactorColumn, Table } from './table.js';
import { readWeeks, type Weeks } from './weeks.js';

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

/** Arrays over rows run `[geo][week]`, weeks innermost. */
export interface MediaMixData {
  readonly source: string;
  readonly rows: number;
  readonly responseName: string;
  readonly y: Float64Array;
  /** A response whose largest value scales y; y itself where absent. */
  readonly scaledBy?: Float64Array;
  readonly response: { readonly mean: number; readonly sd: number };
  readonly weeks: Weeks;
  /** One place called `all`, and column null, in national data. */
  readonly geos: { readonly column: string | null; readonly names: readonly string[] };
  readonly channels: readonly Channel[];
  readonly controls: readonly Predictor[];
  readonly worth: Float64Array;
  /** Row of the table, from 0, at each place of the grid. */
  readonly originalRow: Int32Array;
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
 */
export function mediaMixData(table: Table, model: MediaMixColumns): MediaMixData {
  const { source } = table;
  const time = factorOf(table, model.time, 'model.time');
  const geo = model.geo === undefined ? null : factorOf(table, model.geo, 'model.geo');
  const weeks = readWeeks(source, model.time, time.levels);
  const originalRow = gridRows(source, time, geo);
  const gather = (name: string, role: string): Float64Array => {
    const values = numbersOf(table, name, role);
    return Float64Array.from(originalRow, (row) => values[row]);
  };
  const y = gather(model.response, 'response');
  const response = meanAndSd(y);
  if (!Number.isFinite(response.sd)) throw tooLarge(source, model.response, 'response', y);
  if (response.sd === 0) {
    const message = `${source}: column '${model.response}' (response) is ${y[0]} in all ${y.length} rows; it must vary`;
    throw new InputError(message, { file: source, column: model.response, value: y[0] });
  }
  const notNegative = (name: string, role: string): Float64Array => {
    const values = gather(name, role);
    const place = values.findIndex((value) => value < 0);
    if (place < 0) return values;
    const row = originalRow[place] + 1;
    const message = `${source}: column '${name}' (${role}), row ${row}: ${values[place]} is negative; media and spend are 0 or more`;
    throw new InputError(message, { file: source, column: name, row, value: values[place] });
  };
  const channels = model.channels.map(({ name, media, spend }): Channel => {
    const values = notNegative(media, 'model.channels');
    if (values.every((value) => value === 0)) {
      const message = `${source}: column '${media}' (model.channels) is 0 in every row: ${name} never ran; leave it out`;
      throw new InputError(message, { file: source, column: media, value: 0 });
    }
    return { name, media: values, spend: spend === null ? null : notNegative(spend, 'model.channels') };
  });
  const controls = model.controls.map((name) => ({ name, values: gather(name, 'model.controls') }));
  return {
    source,
    rows: y.length,
    responseName: model.response,
    y,
    response,
    weeks,
    geos: { column: model.geo ?? null, names: geo?.levels ?? ['all'] },
    channels,
    controls: preparePredictors(source, { key: 'controls', items: 'rows' }, controls, model.standardise),
    worth:
      typeof model.worth === 'number'
        ? new Float64Array(y.length).fill(model.worth)
        : gather(model.worth, 'model.worth'),
    originalRow,
  };
}

/** Row of the table at each place and week. */
function gridRows(source: string, time: FactorColumn, geo: FactorColumn | null): Int32Array {
  const weeks = time.levels.length;
  const rows = new Int32Array((geo?.levels.length ?? 1) * weeks).fill(-1);
  const name = (place: number): string => {
    const week = `${time.name} '${time.levels[place % weeks]}'`;
    return geo === null ? week : `${geo.name} '${geo.levels[Math.floor(place / weeks)]}', ${week}`;
  };
  for (const [row, code] of time.codes.entries()) {
    const place = (geo?.codes[row] ?? 0) * weeks + code;
    if (rows[place] >= 0) {
      const both = `rows ${rows[place] + 1} and ${row + 1} are both ${name(place)}`;
      const right = geo === null ? 'name the column of places as model.geo, or sum them' : 'sum them into one';
      throw new InputError(`${source}: ${both}; ${right}`, { file: source, row: row + 1 });
    }
    rows[place] = row;
  }
  const empty = rows.indexOf(-1);
  if (empty >= 0) {
    const count = rows.filter((row) => row < 0).length;
    const others = count === 1 ? '' : ` (and ${count - 1} more)`;
    const message = `${source}: no row for ${name(empty)}${others}; every ${geo?.name ?? 'place'} needs every period, with 0 where no media ran`;
    throw new InputError(message, { file: source, column: time.name });
  }
  return rows;
}
