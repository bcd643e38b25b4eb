// Sorts rows by market and unit, stably, and cuts them into units: the row ranges that every sampler works on.

import { InputError } from './inputError.js';
import type { FactorColumn, Table } from './table.js';

/** The columns that make a unit: one column, or the combination of product and market. */
export interface GroupingColumns {
  readonly unit?: string;
  readonly product?: string;
  readonly market?: string;
}

/** Rows in sorted order and their units. Codes refer to the levels of the factor columns in the table. */
export interface Grouping {
  /** Row of the table (from 0) at each sorted place. */
  readonly originalRow: Int32Array;
  /** Sorted rows of unit u: rowStart[u] … rowStart[u + 1] − 1. */
  readonly rowStart: Int32Array;
  readonly unitOfRow: Int32Array;
  readonly names: readonly string[];
  /** By unit; null where the column is not given. */
  readonly market: Int32Array | null;
  readonly product: Int32Array | null;
  readonly marketFactor: FactorColumn | null;
  readonly productFactor: FactorColumn | null;
}

/** The labels of a column; throws InputError when it is absent, numeric by construction, or missing somewhere. */
export function factorOf(table: Table, name: string, role: string): FactorColumn {
  const column = table.columns.get(name);
  const where = { file: table.source, column: name };
  if (column === undefined) throw new InputError(`${table.source}: has no column '${name}' (${role})`, where);
  if (column.kind === 'number') {
    throw new InputError(`${table.source}: column '${name}' (${role}) must hold labels; read it as a factor`, where);
  }
  const row = column.codes.indexOf(-1);
  if (row >= 0) {
    const message = `${table.source}: column '${name}' (${role}), row ${row + 1}: the label is missing; fill it in or leave out the row`;
    throw new InputError(message, { ...where, row: row + 1, value: null });
  }
  return column;
}

/** A level as part of a name: quoted when it holds a character that names use themselves (DESIGN §7). */
const quoteLevel = (level: string): string => (/[,=[\]"]/.test(level) ? `"${level.replaceAll('"', '""')}"` : level);

/**
 * Groups the rows of a table. Order: market level, then unit (or product) level, then the order of the table. Throws
 * InputError when a unit lies in two markets or belongs to two products.
 */
export function groupRows(table: Table, columns: GroupingColumns): Grouping {
  const marketFactor = columns.market === undefined ? null : factorOf(table, columns.market, 'model.market');
  const productFactor = columns.product === undefined ? null : factorOf(table, columns.product, 'model.product');
  const unitFactor = columns.unit === undefined ? productFactor : factorOf(table, columns.unit, 'model.unit');
  if (unitFactor === null)
    throw new InputError('model.unit is missing: name the column of the units, or product and market');

  let order = new Int32Array(table.rows).map((_, row) => row);
  order = countingSort(order, unitFactor);
  if (marketFactor) order = countingSort(order, marketFactor);

  const starts: number[] = [];
  const unitOfRow = new Int32Array(table.rows);
  for (let place = 0; place < table.rows; place++) {
    const [row, before] = [order[place], order[place - 1]];
    const isSame =
      place > 0 &&
      unitFactor.codes[row] === unitFactor.codes[before] &&
      (marketFactor === null || marketFactor.codes[row] === marketFactor.codes[before]);
    if (!isSame) starts.push(place);
    unitOfRow[place] = starts.length - 1;
  }
  const firstRows = starts.map((place) => order[place]);
  const codesByUnit = (factor: FactorColumn | null) => factor && Int32Array.from(firstRows, (row) => factor.codes[row]);
  if (columns.unit !== undefined) {
    if (marketFactor) refuseSplitUnits(table, unitFactor, marketFactor, firstRows);
    if (productFactor) refuseTwoProducts(table, unitFactor, productFactor, order, unitOfRow, starts);
  }
  const label = (factor: FactorColumn, row: number) => factor.levels[factor.codes[row]];
  const isCombination = columns.unit === undefined && marketFactor !== null;
  const names = firstRows.map((row) =>
    isCombination
      ? [unitFactor, marketFactor].map((part) => `${part.name}=${quoteLevel(label(part, row))}`).join(',')
      : label(unitFactor, row),
  );
  return {
    originalRow: order,
    rowStart: Int32Array.from([...starts, table.rows]),
    unitOfRow,
    names,
    market: codesByUnit(marketFactor),
    product: codesByUnit(productFactor),
    marketFactor,
    productFactor,
  };
}

/** Stable sort of the places by the codes of a factor, in time linear in rows and levels. */
function countingSort(order: Int32Array, { codes, levels }: FactorColumn): Int32Array<ArrayBuffer> {
  const next = new Int32Array(levels.length + 1);
  for (const row of order) next[codes[row] + 1]++;
  for (let level = 0; level < levels.length; level++) next[level + 1] += next[level];
  const sorted = new Int32Array(order.length);
  for (const row of order) sorted[next[codes[row]]++] = row;
  return sorted;
}

/** With market first in the order, a unit of two markets shows up as two units of one label. */
function refuseSplitUnits(table: Table, unit: FactorColumn, market: FactorColumn, firstRows: readonly number[]): void {
  const marketOfUnit = new Int32Array(unit.levels.length).fill(-1);
  for (const row of firstRows) {
    const code = unit.codes[row];
    if (marketOfUnit[code] >= 0) {
      const markets = [marketOfUnit[code], market.codes[row]].map((index) => `'${market.levels[index]}'`).join(' and ');
      const what = `unit '${unit.levels[code]}' lies in two markets (${market.name}), ${markets}`;
      const message = `${table.source}: column '${unit.name}', row ${row + 1}: ${what}; give each its own label`;
      throw new InputError(message, { file: table.source, column: unit.name, row: row + 1, value: unit.levels[code] });
    }
    marketOfUnit[code] = market.codes[row];
  }
}

function refuseTwoProducts(
  table: Table,
  unit: FactorColumn,
  product: FactorColumn,
  order: Int32Array,
  unitOfRow: Int32Array,
  starts: readonly number[],
): void {
  for (let place = 0; place < order.length; place++) {
    const first = order[starts[unitOfRow[place]]];
    const row = order[place];
    if (product.codes[row] === product.codes[first]) continue;
    const products = [first, row].map((index) => `'${product.levels[product.codes[index]]}'`).join(' and ');
    const what = `unit '${unit.levels[unit.codes[row]]}' belongs to two products, ${products}`;
    const message = `${table.source}: column '${product.name}', row ${row + 1}: ${what}; a unit has one product`;
    throw new InputError(message, { file: table.source, column: product.name, row: row + 1 });
  }
}
