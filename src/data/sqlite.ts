// SQLite for DuckDB: its own extension where that is installed, else the tables are copied in by our reader.

import type { DuckDBConnection } from '@duckdb/node-api';
import { firstLine, loadDuckDB, quoteName, quoteText, rowsOf } from './duckdb.js';
import { InputError } from './inputError.js';
import type { SqliteFile, SqliteTable, SqliteValue } from './sqliteFile.js';
import { openSqlite, sqliteRows, sqliteTables } from './sqliteFile.js';

/**
 * Makes the tables that `sql` mentions available under their names. The sqlite extension of DuckDB is not part of its npm
 * binary and comes from the network; it is used when present and never fetched. Throws InputError for files and tables
 * that cannot be read.
 */
export async function attachSqlite(
  connection: DuckDBConnection,
  path: string,
  shown: string,
  sql: string,
): Promise<void> {
  try {
    const asked = "SELECT installed FROM duckdb_extensions() WHERE extension_name = 'sqlite_scanner'";
    const [extension] = await rowsOf(connection, asked);
    if (extension?.installed === true) {
      await connection.run('LOAD sqlite');
      await connection.run(`ATTACH ${quoteText(path)} AS source (TYPE sqlite, READ_ONLY)`);
      await connection.run('USE source');
      return;
    }
    const file = openSqlite(path);
    for (const table of sqliteTables(file)) {
      if (sql.toLowerCase().includes(table.name.toLowerCase())) await copyTable(connection, file, table);
    }
  } catch (error) {
    throw new InputError(`${shown}: ${firstLine(error)}`, { file: shown });
  }
}

/** Copies a table: BIGINT, DOUBLE or VARCHAR by the values that a column holds, since SQLite types values, not columns. */
async function copyTable(connection: DuckDBConnection, file: SqliteFile, table: SqliteTable): Promise<void> {
  if (table.obstacle !== null) {
    throw new RangeError(
      `table '${table.name}' ${table.obstacle}, which cannot be read here; export it as CSV or Parquet`,
    );
  }
  const columns = table.columns.map((): SqliteValue[] => []);
  for (const [rowId, values] of sqliteRows(file, table.rootPage)) {
    for (const [index, { isRowId, hasDefault, name }] of table.columns.entries()) {
      if (index >= values.length && hasDefault) {
        throw new RangeError(
          `column '${name}' of '${table.name}' was added with a default; run VACUUM on the database`,
        );
      }
      columns[index].push(isRowId ? rowId : (values[index] ?? null));
    }
  }
  const { DuckDBDataChunk, DOUBLE, VARCHAR } = await loadDuckDB();
  const isText = columns.map((values) => values.some((value) => typeof value === 'string'));
  const isWhole = columns.map((values) => values.every((value) => value === null || Number.isSafeInteger(value)));
  const types = isText.map((text) => (text ? VARCHAR : DOUBLE));
  const declared = table.columns.map(({ name }, index) => {
    return `${quoteName(name)} ${isText[index] ? 'VARCHAR' : isWhole[index] ? 'BIGINT' : 'DOUBLE'}`;
  });
  const staged = table.columns.map(({ name }, index) => `${quoteName(name)} ${types[index].toString()}`);
  await connection.run(`CREATE TEMP TABLE hierax_stage (${staged.join(', ')})`);
  const appender = await connection.createAppender('hierax_stage');
  const rows = columns[0]?.length ?? 0;
  const chunk = DuckDBDataChunk.create(types);
  for (let offset = 0; offset < rows; offset += 2048) {
    const end = Math.min(rows, offset + 2048);
    chunk.reset();
    chunk.rowCount = end - offset;
    for (const [index, values] of columns.entries()) {
      const part = values.slice(offset, end);
      chunk.setColumnValues(index, isText[index] ? part.map((value) => (value === null ? null : String(value))) : part);
    }
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
  await connection.run(`CREATE TABLE ${quoteName(table.name)} (${declared.join(', ')})`);
  await connection.run(`INSERT INTO ${quoteName(table.name)} SELECT * FROM hierax_stage`);
  await connection.run('DROP TABLE hierax_stage');
}
