// Where the rows come from: a file, a query or a database, opened as one SELECT that DuckDB can run.

import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { basename, isAbsolute, resolve } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { csvHeader } from './csvFile.js';
import { firstLine, quoteName, quoteText } from './duckdb.js';
import { InputError } from './inputError.js';
import { attachSqlite } from './sqlite.js';

/** One of `file`, `query`, or `database` with `table` or `query`. Paths are relative to `folder`. */
export interface DataSource {
  readonly folder: string;
  readonly file?: string;
  readonly query?: string;
  readonly database?: string;
  readonly table?: string;
}

/** A source ready to be read. `csvPath` is set where a data row has a line. */
export interface OpenSource {
  /** How messages name it. */
  readonly shown: string;
  /** A SELECT whose rows are the data. */
  readonly sql: string;
  /** The user wrote `sql`. */
  readonly isQuery: boolean;
  readonly csvPath: string | null;
  /** Steps of the configuration made the rows. */
  readonly isPrepared?: boolean;
}

type FileKind = 'csv' | 'parquet' | 'duckdb' | 'sqlite';

const failures: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'may not be read (permission denied)',
  EPERM: 'may not be read (permission denied)',
  EISDIR: 'is a folder, not a file',
};

/** Checks that a file can be read and is not empty, and tells its kind from its first bytes and its name. */
function inspectFile(path: string, shown: string): FileKind {
  const head = Buffer.alloc(16);
  try {
    if (statSync(path).isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    const descriptor = openSync(path, 'r');
    const length = readSync(descriptor, head, 0, 16, 0);
    closeSync(descriptor);
    if (length === 0) throw new InputError(`${shown}: is empty; rows of data are needed`, { file: shown });
  } catch (error) {
    if (error instanceof InputError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const reason = failures[code] ?? `cannot be read (${code || String(error)})`;
    const where = code === 'ENOENT' ? `; looked for ${path}` : '';
    throw new InputError(`${shown}: ${reason}${where}`, { file: shown });
  }
  if (head.toString('latin1', 0, 15) === 'SQLite format 3') return 'sqlite';
  if (head.toString('latin1', 8, 12) === 'DUCK') return 'duckdb';
  if (/\.(parquet|pq)$/i.test(path)) return 'parquet';
  if (/\.(csv|tsv|txt)(\.gz)?$/i.test(path)) return 'csv';
  const known = '.csv, .tsv (both also .gz) and .parquet for file:, DuckDB and SQLite files for database:';
  throw new InputError(`${shown}: unknown kind of file; known are ${known}`, { file: shown });
}

function openFile(path: string, shown: string): OpenSource {
  const kind = inspectFile(path, shown);
  if (kind === 'parquet') return { shown, sql: `FROM read_parquet(${quoteText(path)})`, isQuery: false, csvPath: null };
  if (kind !== 'csv') {
    throw new InputError(`${shown}: is a database; name it by database: with table: or query:`, { file: shown });
  }
  // Text is converted later, column by column, so that a fault can be named with its row and value.
  const { delimiter, names } = csvHeader(path, shown);
  const columns = names.map((name) => `${quoteText(name)}: 'VARCHAR'`).join(', ');
  const format = `delim=${quoteText(delimiter)}, quote='"', escape='"', header=true, auto_detect=false`;
  const sql = `FROM read_csv(${quoteText(path)}, columns={${columns}}, ${format}, nullstr=['', 'NA', 'NULL'])`;
  return { shown, sql, isQuery: false, csvPath: path };
}

/** Opens the source on a connection. Throws InputError for files that are missing, empty, of no known kind or broken. */
export async function openSource(connection: DuckDBConnection, source: DataSource): Promise<OpenSource> {
  const pathOf = (file: string) => (isAbsolute(file) ? file : resolve(source.folder, file));
  if (source.file !== undefined) return openFile(pathOf(source.file), source.file);

  if (source.database !== undefined) {
    const shown = source.database;
    const path = pathOf(shown);
    const kind = inspectFile(path, shown);
    if (kind === 'sqlite') await attachSqlite(connection, path, shown, source.query ?? source.table ?? '');
    else if (kind === 'duckdb') await attachDuckDB(connection, path, shown);
    else throw new InputError(`${shown}: is no database; name a table of rows by file:`, { file: shown });
    if (source.query === undefined) {
      const parts = (source.table ?? '').split('.').map(quoteName);
      return { shown, sql: `FROM ${parts.join('.')}`, isQuery: false, csvPath: null };
    }
  }
  const shown = source.database === undefined ? 'data.query' : `data.query on ${basename(source.database)}`;
  await searchFolder(connection, source.folder);
  const sql = (source.query ?? '').trim().replace(/;\s*$/, '');
  return { shown, sql, isQuery: true, csvPath: null };
}

async function attachDuckDB(connection: DuckDBConnection, path: string, shown: string): Promise<void> {
  try {
    await connection.run(`ATTACH ${quoteText(path)} AS source (READ_ONLY)`);
    await connection.run('USE source');
  } catch (error) {
    throw new InputError(`${shown}: ${firstLine(error)}`, { file: shown });
  }
}

/** Relative paths inside a query are looked up in the folder of the configuration. */
async function searchFolder(connection: DuckDBConnection, folder: string): Promise<void> {
  if (folder.includes(',')) {
    throw new InputError(`${folder}: a comma in the folder's name keeps a query from finding its files; rename it`);
  }
  await connection.run(`SET file_search_path = ${quoteText(folder)}`);
}
