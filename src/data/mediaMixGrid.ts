// The grid of places and weeks that a media-mix model works on: every place has a row for every week, in the rows to fit or in others.
import { factorOf } from './grouping.js';
import { InputError } from './inputError.js';
import { numbersOf } from './predictors.js';
import { type FactorColumn, sortLevels, type Table } from './table.js';
import { readWeeks, type Weeks } from './weeks.js';

/** Rows of several tables, one after the other, on a grid; places of the grid run `[geo][week]`, weeks innermost. */
export interface MediaMixGrid {
  readonly weeks: Weeks;
  /** Those of the first table. */
  readonly geos: readonly string[];
  /** Row at each place, counted from the first table's first. */
  readonly rowAt: Int32Array;
  /** Place of the rows of each table; −1: beyond the last week, or of a place that the first table has not. */
  readonly places: readonly Int32Array[];
  /** The numbers of a column at each place. Throws InputError as `numbersOf`, and where `notNegative` is asked for and they are. */
  gather(name: string, role: string, notNegative?: boolean): Float64Array;
}

/**
 * Where two tables have a row of the same place and week, that of the first stands on the grid. Throws InputError for a place and week that occurs
 * twice in a table, or never, and for weeks that are left out.
 * @param until the last week; default the last that occurs
 */
export function mediaMixGrid(
  tables: readonly Table[],
  { time: timeName, geo: geoName }: { readonly time: string; readonly geo?: string },
  until?: string,
): MediaMixGrid {
  const [{ source }] = tables;
  const times = tables.map((table) => factorOf(table, timeName, 'model.time'));
  const places = geoName === undefined ? null : tables.map((table) => factorOf(table, geoName, 'model.geo'));
  const labels = times.length === 1 ? times[0].levels : sortLevels(new Set(times.flatMap(({ levels }) => levels)));
  const names = until === undefined ? labels : labels.slice(0, labels.indexOf(until) + 1);
  const weeks = readWeeks(source, timeName, names);
  const geos = places?.[0].levels ?? ['all'];
  const rowAt = new Int32Array(geos.length * names.length).fill(-1);
  const placed: Int32Array[] = [];
  let first = 0;
  const nameOf = (place: number): string => {
    const week = `${timeName} '${names[place % names.length]}'`;
    return geoName === undefined ? week : `${geoName} '${geos[Math.floor(place / names.length)]}', ${week}`;
  };
  for (const [t, table] of tables.entries()) {
    const own = placesOf(times[t], places?.[t] ?? null, names, geos);
    const taken = new Int32Array(rowAt.length).fill(-1);
    for (const [row, place] of own.entries()) {
      if (place < 0) continue;
      if (taken[place] >= 0) {
        const both = `rows ${taken[place] + 1} and ${row + 1} are both ${nameOf(place)}`;
        const right =
          geoName === undefined ? 'name the column of places as model.geo, or sum them' : 'sum them into one';
        throw new InputError(`${table.source}: ${both}; ${right}`, { file: table.source, row: row + 1 });
      }
      taken[place] = row;
      if (rowAt[place] < 0) rowAt[place] = first + row;
    }
    placed.push(own);
    first += table.rows;
  }
  const empty = rowAt.indexOf(-1);
  if (empty >= 0) {
    const count = rowAt.filter((row) => row < 0).length;
    const others = count === 1 ? '' : ` (and ${count - 1} more)`;
    const message = `${source}: no row for ${nameOf(empty)}${others}; every ${geoName ?? 'place'} needs every period, with 0 where no media ran`;
    throw new InputError(message, { file: source, column: timeName });
  }
  return {
    weeks,
    geos,
    rowAt,
    places: placed,
    gather: (name, role, notNegative = false) => {
      const columns = tables.map((table) => {
        const values = numbersOf(table, name, role);
        if (notNegative) refuseNegative(table, name, role, values);
        return values;
      });
      const starts = tables.map((_, t) => tables.slice(0, t).reduce((sum, { rows }) => sum + rows, 0));
      return Float64Array.from(rowAt, (row) => {
        const t = starts.findLastIndex((start) => start <= row);
        return columns[t][row - starts[t]];
      });
    },
  };
}

/** Place of each row; −1: not on the grid. */
function placesOf(
  time: FactorColumn,
  geo: FactorColumn | null,
  weeks: readonly string[],
  geos: readonly string[],
): Int32Array {
  const places = (factor: FactorColumn, known: readonly string[]): number[] => {
    const index = new Map(known.map((label, i) => [label, i]));
    return factor.levels.map((level) => index.get(level) ?? -1);
  };
  const week = places(time, weeks);
  const place = geo === null ? null : places(geo, geos);
  return Int32Array.from(time.codes, (code, row) => {
    const [w, g] = [week[code], geo === null ? 0 : place![geo.codes[row]]];
    return w < 0 || g < 0 ? -1 : g * weeks.length + w;
  });
}

function refuseNegative({ source }: Table, name: string, role: string, values: Float64Array): void {
  const row = values.findIndex((value) => value < 0);
  if (row < 0) return;
  const message = `${source}: column '${name}' (${role}), row ${row + 1}: ${values[row]} is negative; media and spend are 0 or more`;
  throw new InputError(message, { file: source, column: name, row: row + 1, value: values[row] });
}
