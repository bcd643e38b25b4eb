// Model data of the three-level model: rows sorted once by market and unit, predictors by level, coordinates by name.

import { type CountColumns, type CountResponse, countResponse, linkScale, reorderCounts } from './countResponse.js';
import { factorOf, groupRows } from './grouping.js';
import type { Grouping } from './grouping.js';
import { InputError } from './inputError.js';
import type { Predictor } from './predictors.js';
import { meanAndSd, numbersOf, preparePredictors, roleOf, tooLarge } from './predictors.js';
import type { ColumnRequest } from './readTable.js';
import type { Table } from './table.js';

/** The part of the model section that shapes the data. */
export interface ThreeLevelColumns extends CountColumns {
  readonly unit?: string;
  readonly product?: string;
  readonly market?: string;
  readonly time?: string;
  readonly x: readonly string[];
  readonly z: readonly string[];
  readonly w: readonly string[];
  readonly standardise: boolean | readonly string[];
  /** Keys of the configuration that the columns come from, where they are other than these; for messages. */
  readonly keys?: { readonly x: (column: string) => string; readonly z: string };
}

interface Units {
  readonly count: number;
  /** The label, or `brand=4,store=2` for a combination of product and market. */
  readonly names: readonly string[];
  /** Columns that make the unit: [unit], [product], or [product, market]. */
  readonly dimensions: readonly string[];
  /** Index into markets.names and products.names by unit. */
  readonly market: Int32Array | null;
  readonly product: Int32Array | null;
  /** Rows of unit u: rowStart[u] … rowStart[u + 1] − 1; length count + 1. */
  readonly rowStart: Int32Array;
}

/** Thin but legal data, for the checks: counts, and the names of the first few. */
interface DataNotes {
  readonly unitsWithOneRow: readonly string[];
  readonly marketsWithOneUnit: readonly string[];
  /** Rows whose unit and time occurred before. */
  readonly repeatedOccasions: number;
  /** Fewer than eight markets: the market level leans on its prior. */
  readonly fewMarkets: boolean;
}

export interface ThreeLevelData {
  readonly source: string;
  readonly rows: number;
  readonly responseName: string;
  /** As in the data, in sorted order. */
  readonly y: Float64Array;
  /** On the scale of the link. */
  readonly response: { readonly mean: number; readonly sd: number };
  /** Undefined where the response is not 0/1, successes or counts. */
  readonly counts?: CountResponse;
  /** By row. */
  readonly x: readonly Predictor[];
  readonly units: Units;
  readonly unitOfRow: Int32Array;
  /** By unit. */
  readonly z: readonly Predictor[];
  /** Null: two levels. w by market; unitStart as rowStart, since units lie sorted by market. */
  readonly markets: {
    readonly column: string;
    readonly names: readonly string[];
    readonly unitStart: Int32Array;
    readonly w: readonly Predictor[];
  } | null;
  readonly products: { readonly column: string; readonly names: readonly string[] } | null;
  /** Row of the table, from 0, at each sorted place. */
  readonly originalRow: Int32Array;
  readonly notes: DataNotes;
}

/** The columns to read for a model: predictors and response as numbers, groups and time as factors. */
export function threeLevelColumns(model: ThreeLevelColumns): ColumnRequest[] {
  const beside = [model.trials, model.exposure].filter((name) => name !== undefined);
  const numbers = [model.response, ...beside, ...model.x, ...model.z, ...model.w];
  const factors = [model.unit, model.product, model.market, model.time].filter((name) => name !== undefined);
  const both = factors.find((name) => numbers.includes(name));
  if (both !== undefined) {
    throw new InputError(`column '${both}' is both a group or time and a number of the model; give it one role`, {
      column: both,
    });
  }
  const request = (kind: ColumnRequest['kind']) => (name: string) => ({ name, kind });
  return [...[...new Set(numbers)].map(request('number')), ...[...new Set(factors)].map(request('factor'))];
}

/**
 * Sorts and checks a table for the three-level model. Throws InputError when a column is absent, not numeric or not
 * finite, when z varies within a unit or w within a market, and when a predictor is constant or linearly dependent.
 */
export function threeLevelData(table: Table, model: ThreeLevelColumns): ThreeLevelData {
  const grouping = groupRows(table, model);
  const { originalRow, rowStart, unitOfRow, marketFactor, productFactor } = grouping;
  const gather = (values: Float64Array) => {
    const sorted = new Float64Array(values.length);
    for (let place = 0; place < sorted.length; place++) sorted[place] = values[originalRow[place]];
    return sorted;
  };
  const y = gather(numbersOf(table, model.response, 'response'));
  const unsorted = countResponse(table, model);
  const counts = unsorted && reorderCounts(unsorted, gather);
  const response = counts === undefined ? meanAndSd(y) : linkScale(y, counts);
  if (!Number.isFinite(response.sd)) throw tooLarge(table.source, model.response, 'response', y);
  if (y.every((value) => value === y[0]) && counts?.family !== 'binomial') {
    const message = `${table.source}: column '${model.response}' (response) is ${y[0]} in all ${y.length} rows; it must vary`;
    throw new InputError(message, { file: table.source, column: model.response, value: y[0] });
  }
  const { source } = table;
  const rowLevel = { key: model.keys?.x ?? 'x', items: 'rows' } as const;
  const rowColumns = model.x.map((name) => ({ name, values: gather(numbersOf(table, name, roleOf(rowLevel, name))) }));
  const x = preparePredictors(source, rowLevel, rowColumns, model.standardise);

  const unitGroups: Groups = { groupOf: unitOfRow, names: grouping.names, kind: 'unit' };
  const unitLevel = { key: model.keys?.z ?? 'z', items: 'units' } as const;
  const unitColumns = model.z.map((name) => ({
    name,
    values: groupValues(
      table,
      grouping,
      unitGroups,
      name,
      roleOf(unitLevel, name),
      model.keys && 'channels or controls',
    ),
  }));
  const z = preparePredictors(source, unitLevel, unitColumns, model.standardise);
  return {
    source,
    rows: table.rows,
    responseName: model.response,
    y,
    response,
    ...(counts && { counts }),
    x,
    units: {
      count: grouping.names.length,
      names: grouping.names,
      dimensions:
        model.unit !== undefined ? [model.unit] : [model.product, model.market].filter((name) => name !== undefined),
      market: grouping.market,
      product: grouping.product,
      rowStart,
    },
    unitOfRow,
    z,
    markets: marketFactor && prepareMarkets(table, grouping, marketFactor.name, marketFactor.levels, model),
    products: productFactor && { column: productFactor.name, names: productFactor.levels },
    originalRow,
    notes: noteThinData(table, grouping, model.time),
  };
}

function prepareMarkets(
  table: Table,
  grouping: Grouping,
  column: string,
  names: readonly string[],
  model: ThreeLevelColumns,
): ThreeLevelData['markets'] {
  const market = grouping.market!;
  const groups: Groups = { groupOf: grouping.unitOfRow.map((unit) => market[unit]), names, kind: 'market' };
  const columns = model.w.map((name) => ({ name, values: groupValues(table, grouping, groups, name, 'model.w') }));
  const w = preparePredictors(table.source, { key: 'w', items: 'markets' }, columns, model.standardise);
  const unitStart = new Int32Array(names.length + 1);
  for (const code of market) unitStart[code + 1]++;
  for (let index = 0; index < names.length; index++) unitStart[index + 1] += unitStart[index];
  return { column, names, unitStart, w };
}

interface Groups {
  /** Group by sorted row. */
  readonly groupOf: Int32Array;
  readonly names: readonly string[];
  readonly kind: 'unit' | 'market';
}

/** One value per group of a column that must be constant within each. */
function groupValues(
  table: Table,
  grouping: Grouping,
  groups: Groups,
  name: string,
  role: string,
  rowKey = 'x',
): Float64Array {
  const values = numbersOf(table, name, role);
  const byGroup = new Float64Array(groups.names.length);
  const firstRow = new Int32Array(groups.names.length).fill(-1);
  for (let place = 0; place < table.rows; place++) {
    const group = groups.groupOf[place];
    const row = grouping.originalRow[place];
    if (firstRow[group] < 0) {
      firstRow[group] = row;
      byGroup[group] = values[row];
    } else if (values[row] !== byGroup[group]) {
      const found = `${byGroup[group]} (row ${firstRow[group] + 1}) and ${values[row]} (row ${row + 1})`;
      const what = `differs within ${groups.kind} '${groups.names[group]}': ${found}`;
      const right = `it must be one value per ${groups.kind}${groups.kind === 'unit' ? `; name it in ${rowKey} if it varies by occasion` : ''}`;
      const message = `${table.source}: column '${name}' (${role}) ${what}; ${right}`;
      throw new InputError(message, { file: table.source, column: name, row: row + 1, value: values[row] });
    }
  }
  return byGroup;
}

function noteThinData(table: Table, grouping: Grouping, timeColumn: string | undefined): DataNotes {
  const { rowStart, names, market, marketFactor, originalRow, unitOfRow } = grouping;
  const unitsIn = new Int32Array(marketFactor?.levels.length ?? 0);
  for (const code of market ?? []) unitsIn[code]++;
  let repeatedOccasions = 0;
  if (timeColumn !== undefined) {
    const time = factorOf(table, timeColumn, 'model.time');
    const lastUnit = new Int32Array(time.levels.length).fill(-1);
    for (let place = 0; place < table.rows; place++) {
      const code = time.codes[originalRow[place]];
      if (lastUnit[code] === unitOfRow[place]) repeatedOccasions++;
      lastUnit[code] = unitOfRow[place];
    }
  }
  return {
    unitsWithOneRow: names.filter((_, unit) => rowStart[unit + 1] - rowStart[unit] === 1),
    marketsWithOneUnit: marketFactor?.levels.filter((_, code) => unitsIn[code] === 1) ?? [],
    repeatedOccasions,
    fewMarkets: marketFactor !== null && marketFactor.levels.length < 8,
  };
}
