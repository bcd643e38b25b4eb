// The rows that a configuration asks for, prepared as it says: those to fit, those held out, and the report of what was done.
import { withDuckDB } from '../duckdb.js';
import type { ColumnRequest, ReadOptions } from '../readTable.js';
import { readRows, readTable } from '../readTable.js';
import { type Column, factorColumn, type Table, tableOf } from '../table.js';
import type { DataReport } from './dataReport.js';
import { isPrepared, type PreparationOptions, type PreparedSource, prepareRows } from './prepareRows.js';
import { heldOutColumn } from './workspace.js';

export interface ReadData {
  /** The rows to fit. */
  readonly table: Table;
  /** The rows that the fit does not see; null without a holdout. */
  readonly heldOut: Table | null;
  /** Null where the source was read as it is. */
  readonly report: DataReport | null;
}

/** Prepares and reads; throws InputError as `prepareRows` and `readTable` do. */
export async function readData(
  source: PreparedSource,
  columns: readonly ColumnRequest[],
  options: PreparationOptions & Pick<ReadOptions, 'unique'>,
): Promise<ReadData> {
  const { unique } = options;
  const read = unique === undefined ? {} : { unique };
  if (!isPrepared(source)) return { table: await readTable(source, columns, read), heldOut: null, report: null };
  return withDuckDB(async (connection) => {
    const { source: opened, report, isSplit } = await prepareRows(connection, source, options);
    if (!isSplit) return { table: await readRows(connection, opened, columns, read), heldOut: null, report };
    const all = await readRows(connection, opened, [...columns, { name: heldOutColumn, kind: 'number' }], read);
    const flag = all.columns.get(heldOutColumn)!;
    if (flag.kind !== 'number') throw new TypeError('the flag of held-out rows is no number');
    const rowsWith = (value: number): number[] => [...flag.values.keys()].filter((row) => flag.values[row] === value);
    return {
      table: pickRows(all, columns, rowsWith(0), 'training'),
      heldOut: pickRows(all, columns, rowsWith(1), 'held-out'),
      report,
    };
  });
}

/** Some rows of a table; the levels of its factors are those that occur in them. */
function pickRows(table: Table, columns: readonly ColumnRequest[], rows: readonly number[], what: string): Table {
  const picked = columns.map(({ name }): Column => {
    const column = table.columns.get(name)!;
    if (column.kind === 'number') return { ...column, values: Float64Array.from(rows, (row) => column.values[row]) };
    const codes = Int32Array.from(rows, (row) => column.codes[row]);
    const used = [...new Set(codes)].filter((code) => code >= 0);
    const place = new Map(used.map((code, index) => [code, index]));
    return factorColumn(
      name,
      codes.map((code) => place.get(code) ?? -1),
      used.map((code) => column.levels[code]),
    );
  });
  return tableOf(`${table.source} (${what} rows)`, picked);
}
