// The rows of a source copied into DuckDB's memory, so that row numbers are stable and a query runs only once.

import type { DuckDBConnection } from '@duckdb/node-api';
import type { OpenSource } from './dataSource.js';
import { firstLine, quoteName, rowsOf } from './duckdb.js';
import { InputError } from './inputError.js';
import { suggestion } from './nearestName.js';

/** The table temp.hierax_rows: the wanted columns as they came; data row r has rowid r − 1. */
export interface RawRows {
  readonly connection: DuckDBConnection;
  readonly source: OpenSource;
  readonly rows: number;
  /** DuckDB type of every column that was copied. */
  readonly types: ReadonlyMap<string, string>;
  /** Number of columns in the source. */
  readonly width: number;
}

/** Copies the named columns. Throws InputError for an absent column, a row that does not fit, and a source without rows. */
export async function copyRows(
  connection: DuckDBConnection,
  source: OpenSource,
  names: readonly string[],
): Promise<RawRows> {
  const { shown, sql } = source;
  const all = await columnTypes(connection, source);
  try {
    for (const name of names) {
      if (all.has(name)) continue;
      const hint = suggestion(name, [...all.keys()], 'its columns');
      throw new InputError(`${shown}: has no column '${name}'; ${hint}`, { file: shown, column: name });
    }
    const selected = names.map(quoteName).join(', ');
    await connection.run(`CREATE TEMP TABLE temp.hierax_rows AS SELECT ${selected} FROM (${sql}\n)`);
    const rows = Number((await rowsOf(connection, 'SELECT count(*) AS n FROM temp.hierax_rows'))[0].n);
    if (rows === 0) {
      const what = source.csvPath ? 'has a header but no rows' : 'has no rows';
      throw new InputError(`${shown}: ${what}; a model needs data`, { file: shown });
    }
    const types = new Map(names.map((name) => [name, all.get(name)!]));
    return { connection, source, rows, types, width: all.size };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${shown}: ${describeFault(error)}`, { file: shown });
  }
}

/** Names and types of the source's columns. Preparing binds a query as the user wrote it: its faults keep their lines. */
async function columnTypes(connection: DuckDBConnection, source: OpenSource): Promise<ReadonlyMap<string, string>> {
  try {
    const prepared = await connection.prepare(source.sql);
    const types = new Map<string, string>();
    for (let index = 0; index < prepared.columnCount; index++) {
      types.set(prepared.columnName(index), prepared.columnType(index).toString());
    }
    prepared.destroySync();
    return types;
  } catch (error) {
    const line = source.isQuery ? /LINE (\d+):/.exec(String(error))?.[1] : undefined;
    const where = line === undefined ? '' : ` (line ${line} of the query)`;
    throw new InputError(`${source.shown}: ${describeFault(error)}${where}`, { file: source.shown });
  }
}

/** DuckDB's message in one line; for a row of a CSV file that does not fit, its line and both numbers of columns. */
export function describeFault(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = /CSV Error on Line: (\d+)/.exec(message)?.[1];
  if (line === undefined) return firstLine(error).replace(/(["'])[^"']*[\\/]([^"'\\/]*)\1/g, '$1$2$1');
  const counts = /Expected Number of Columns: (\d+) Found: (\d+)/.exec(message);
  if (counts) return `line ${line} has ${counts[2]} columns; the header has ${counts[1]}`;
  const reason = message
    .split('\n')
    .find((part, index) => index > 0 && part.trim() && !part.startsWith('Original Line'));
  return `line ${line}: ${reason?.trim() ?? 'cannot be read'}`;
}

/** SQL for a column as numbers; null where it is missing or no number. */
export function numberSql(name: string, type: string): string {
  return type === 'VARCHAR' ? `TRY_CAST(${quoteName(name)} AS DOUBLE)` : `CAST(${quoteName(name)} AS DOUBLE)`;
}
