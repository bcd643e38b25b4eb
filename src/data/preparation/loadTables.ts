// Loads a source into DuckDB's memory with types: text of CSV files becomes numbers, dates or labels column by column.
import type { DuckDBConnection } from '@duckdb/node-api';
import { type DataSource, openSource, type OpenSource } from '../dataSource.js';
import { quoteName, rowsOf } from '../duckdb.js';
import { InputError } from '../inputError.js';
import { describeFault } from '../rawRows.js';
import { describeRows, type LoadedRows } from './workspace.js';

let loadedTables = 0;

/**
 * Copies all rows of a source. Throws InputError for sources that cannot be read or have no rows.
 * @param shown how messages name it
 */
export async function loadTable(
  connection: DuckDBConnection,
  name: string,
  source: DataSource,
  shown: string,
): Promise<{ readonly table: LoadedRows; readonly source: OpenSource }> {
  const opened = await openSource(connection, source);
  const place = opened.isQuery ? shown : opened.shown;
  const sql = `temp.hierax_table_${loadedTables++}`;
  try {
    await connection.run(`CREATE TEMP TABLE ${sql} AS SELECT * FROM (${opened.sql}\n)`);
  } catch (error) {
    const line = opened.isQuery ? /LINE (\d+):/.exec(String(error))?.[1] : undefined;
    const where = line === undefined ? '' : ` (line ${line} of the query)`;
    throw new InputError(`${place}: ${describeFault(error)}${where}`, { file: opened.shown });
  }
  await closeSource(connection);
  const raw = await describeRows(connection, name, sql);
  if (raw.rows === 0) throw new InputError(`${place}: has no rows; a model needs data`, { file: opened.shown });
  if (opened.csvPath === null) return { table: raw, source: opened };
  return { table: await typed(connection, raw), source: opened };
}

/** Detaches a database, and drops what was copied from one, so that the next table may come from another. */
async function closeSource(connection: DuckDBConnection): Promise<void> {
  await connection.run('USE memory.main');
  await connection.run('DETACH DATABASE IF EXISTS source');
  const copied = await rowsOf(
    connection,
    "SELECT table_name FROM duckdb_tables() WHERE database_name = 'memory' AND schema_name = 'main'",
  );
  for (const { table_name } of copied) await connection.run(`DROP TABLE memory.main.${quoteName(String(table_name))}`);
}

/** Whole numbers, numbers, dates or times where all values of a column are; numbers with leading zeros are labels, as is the rest. */
async function typed(connection: DuckDBConnection, raw: LoadedRows): Promise<LoadedRows> {
  const names = [...raw.types.keys()];
  const tests = names.flatMap((name, i) => {
    const column = quoteName(name);
    const all = (test: string): string => `bool_and(${test}) FILTER (${column} IS NOT NULL)`;
    return [
      `${all(`TRY_CAST(${column} AS DOUBLE) IS NOT NULL AND NOT regexp_matches(${column}, '^[+-]?0[0-9]')`)} AS number_${i}`,
      `${all(`regexp_matches(${column}, '^[+-]?[0-9]{1,18}$')`)} AS whole_${i}`,
      `${all(`TRY_CAST(${column} AS TIMESTAMP) IS NOT NULL`)} AS time_${i}`,
      `bool_or(contains(${column}, ':')) AS clock_${i}`,
    ];
  });
  const [found] = await rowsOf(connection, `SELECT ${tests.join(', ')} FROM ${raw.sql}`);
  const typeOf = (i: number): string => {
    if (found[`number_${i}`] === true) return found[`whole_${i}`] === true ? 'BIGINT' : 'DOUBLE';
    if (found[`time_${i}`] === true) return found[`clock_${i}`] === true ? 'TIMESTAMP' : 'DATE';
    return 'VARCHAR';
  };
  const columns = names.map((name, i) => `CAST(${quoteName(name)} AS ${typeOf(i)}) AS ${quoteName(name)}`);
  const sql = `temp.hierax_table_${loadedTables++}`;
  await connection.run(`CREATE TEMP TABLE ${sql} AS SELECT ${columns.join(', ')} FROM ${raw.sql} ORDER BY rowid`);
  await connection.run(`DROP TABLE ${raw.sql}`);
  return await describeRows(connection, raw.name, sql);
}
