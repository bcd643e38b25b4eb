// Reads the columns that are needed from any source into typed arrays: one pass by DuckDB, streamed by columns.

import type { DuckDBConnection } from '@duckdb/node-api';
import { checkKey, checkNumbers, refuseMissing } from './columnFaults.js';
import { quoteName, vectorItems, withDuckDB } from './duckdb.js';
import type { DataSource, OpenSource } from './dataSource.js';
import { openSource } from './dataSource.js';
import { copyRows, numberSql } from './rawRows.js';
import type { RawRows } from './rawRows.js';
import type { Column, Table } from './table.js';
import { factorColumn } from './table.js';

/** A column to read: numbers (text that is no number at all comes back as a factor), or labels of a factor. */
export interface ColumnRequest {
  readonly name: string;
  readonly kind: 'number' | 'factor';
}

export interface ReadOptions {
  /** Columns that together must name every row once. */
  readonly unique?: readonly string[];
  /** 'refuse' (default): a missing value is an InputError. 'keep': NaN in numbers, code −1 in factors. */
  readonly missing?: 'refuse' | 'keep';
}

/**
 * Reads `columns` of `source`. Throws InputError (one line: source, column, row, value, what would be right) when the
 * source cannot be read, has no rows, lacks a column, holds text or non-finite values in a number column, misses values,
 * or repeats a key declared unique.
 */
export async function readTable(
  source: DataSource,
  columns: readonly ColumnRequest[],
  options: ReadOptions = {},
): Promise<Table> {
  return withDuckDB(async (connection) => readRows(connection, await openSource(connection, source), columns, options));
}

/** The columns of a source that is open; errors as `readTable`. */
export async function readRows(
  connection: DuckDBConnection,
  opened: OpenSource,
  columns: readonly ColumnRequest[],
  options: ReadOptions = {},
): Promise<Table> {
  const unique = options.unique ?? [];
  const names = [...new Set([...columns.map((column) => column.name), ...unique])];
  const raw = await copyRows(connection, opened, names);
  const requested = new Map(columns.map((column) => [column.name, column.kind]));
  const numbers = names.filter((name) => requested.get(name) === 'number');
  const texts = await checkNumbers(raw, numbers);
  if (options.missing !== 'keep') await refuseMissing(raw, [...requested.keys()]);
  if (unique.length > 0) await checkKey(raw, unique);
  const read = columns.map(({ name, kind }) => ({ name, kind: texts.has(name) ? ('factor' as const) : kind }));
  return { source: opened.shown, rows: raw.rows, columns: await fetchColumns(raw, read) };
}

/** Streams the columns out of the copy: doubles as they lie, factors as codes of a DuckDB enumeration. */
async function fetchColumns(raw: RawRows, columns: readonly ColumnRequest[]): Promise<Map<string, Column>> {
  const { connection, rows } = raw;
  const labels: string[][] = [];
  const expressions: string[] = [];
  for (const [index, { name, kind }] of columns.entries()) {
    if (kind === 'number') {
      expressions.push(`coalesce(${numberSql(name, raw.types.get(name)!)}, 'nan'::DOUBLE)`);
      continue;
    }
    const text = `CAST(${quoteName(name)} AS VARCHAR)`;
    const distinct = `SELECT DISTINCT ${text} AS label FROM temp.hierax_rows WHERE ${quoteName(name)} IS NOT NULL`;
    const type = `memory.main.hierax_levels_${index}`;
    await connection.run(`CREATE TYPE ${type} AS ENUM (${distinct} ORDER BY label)`);
    const range = await connection.runAndReadAll(`SELECT unnest(enum_range(NULL::${type}))`);
    labels[index] = range.getColumns()[0]?.map(String) ?? [];
    const code = `enum_code(CAST(${text} AS ${type}))`;
    expressions.push(`coalesce(CAST(${code} AS INTEGER), -1)`);
  }
  const arrays = columns.map(({ kind }) => (kind === 'number' ? new Float64Array(rows) : new Int32Array(rows)));
  const result = await connection.stream(`SELECT ${expressions.join(', ')} FROM temp.hierax_rows`);
  let offset = 0;
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    for (let index = 0; index < arrays.length; index++) {
      arrays[index].set(vectorItems(chunk.getColumnVector(index)), offset);
    }
    offset += chunk.rowCount;
  }
  return new Map(
    columns.map(({ name }, index): [string, Column] => {
      const values = arrays[index];
      if (values instanceof Float64Array) return [name, { kind: 'number', name, values }];
      return [name, factorColumn(name, values, labels[index])];
    }),
  );
}
