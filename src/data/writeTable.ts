// Writes columns to Parquet or CSV by DuckDB, in blocks; the file appears under its name only when it is complete.

import { renameSync, rmSync } from 'node:fs';
import type { DuckDBAppender, DuckDBConnection, DuckDBDataChunk, DuckDBType } from '@duckdb/node-api';
import { quoteName, quoteText, vectorItems, withDuckDB } from './duckdb.js';

/** A column to write. NaN becomes null; a factor is written as its labels (code −1: null). */
export type OutputColumn =
  | { readonly name: string; readonly values: Float64Array | Int32Array | readonly (string | null)[] }
  | { readonly name: string; readonly codes: Int32Array; readonly levels: readonly string[] };

const chunkRows = 2048;
/** Memory that the rows of a table may take while it is written; beyond it DuckDB moves them to a temporary folder. */
const memoryLimit = '400MB';

/**
 * Writes a table; the format follows the name (.parquet, .csv, .csv.gz). Throws RangeError for columns of different
 * lengths or an unknown ending, and whatever DuckDB or the file system reports; no partial file is left under `path`.
 */
export async function writeTable(path: string, columns: readonly OutputColumn[]): Promise<void> {
  await writeTableBlocks(path, [columns]);
}

/**
 * Writes a table block by block, in order, in memory that does not grow with the rows: what does not fit waits in a
 * temporary folder beside `path`. All blocks hold the columns of the first, with the same types and levels. The same blocks
 * give the same bytes. Errors as `writeTable`; RangeError also when there is no block, or when blocks do not fit together.
 */
export async function writeTableBlocks(path: string, blocks: Iterable<readonly OutputColumn[]>): Promise<void> {
  const partial = `${path}.partial-${process.pid}`;
  const spill = `${partial}.spill`;
  const format = formatOf(path);
  try {
    await withDuckDB(async (connection, { DOUBLE, INTEGER, VARCHAR, DuckDBDataChunk }) => {
      await connection.run(`SET memory_limit = '${memoryLimit}'`);
      await connection.run(`SET temp_directory = ${quoteText(spill)}`);
      // One thread, so that the groups of rows in the file do not depend on the machine.
      await connection.run('SET threads = 1');
      const typeOf = (column: OutputColumn): DuckDBType => {
        if ('codes' in column || column.values instanceof Int32Array) return INTEGER;
        return column.values instanceof Float64Array ? DOUBLE : VARCHAR;
      };
      let output: { readonly appender: DuckDBAppender; readonly chunk: DuckDBDataChunk } | undefined;
      let first: readonly OutputColumn[] = [];
      for (const columns of blocks) {
        const types = columns.map(typeOf);
        if (output === undefined) {
          first = columns;
          const declared = columns.map((_, index) => `c${index} ${types[index].toString()}`).join(', ');
          await connection.run(`CREATE TABLE output (${declared})`);
          output = { appender: await connection.createAppender('output'), chunk: DuckDBDataChunk.create(types) };
        } else if (!fitsTogether(first, columns) || types.some((type, index) => type !== typeOf(first[index]))) {
          throw new RangeError('blocks to write must have the same columns, types and levels');
        }
        append(output.appender, output.chunk, columns);
      }
      if (output === undefined) throw new RangeError('a table to write needs at least one block');
      output.appender.closeSync();
      const selected = await selection(connection, first);
      await connection.run(`COPY (SELECT ${selected.join(', ')} FROM output) TO ${quoteText(partial)} (${format})`);
    });
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  } finally {
    rmSync(spill, { recursive: true, force: true });
  }
}

function formatOf(path: string): string {
  if (path.endsWith('.parquet')) return 'FORMAT parquet, COMPRESSION zstd';
  if (path.endsWith('.csv')) return 'FORMAT csv, HEADER true';
  if (path.endsWith('.csv.gz')) return 'FORMAT csv, HEADER true, COMPRESSION gzip';
  throw new RangeError(`cannot write ${path}: the name must end in .parquet, .csv or .csv.gz`);
}

/** Names agree, and factors have the levels of the first block: the very list, or an equal one. */
function fitsTogether(first: readonly OutputColumn[], columns: readonly OutputColumn[]): boolean {
  return (
    columns.length === first.length &&
    columns.every((column, index) => {
      const other = first[index];
      if (column.name !== other.name || 'codes' in column !== 'codes' in other) return false;
      if (!('codes' in column) || !('codes' in other) || column.levels === other.levels) return true;
      return column.levels.length === other.levels.length && column.levels.every((l, i) => l === other.levels[i]);
    })
  );
}

const entriesOf = (column: OutputColumn) => ('codes' in column ? column.codes : column.values);

function append(appender: DuckDBAppender, chunk: DuckDBDataChunk, columns: readonly OutputColumn[]): void {
  const rows = columns.length === 0 ? 0 : entriesOf(columns[0]).length;
  if (columns.length === 0 || columns.some((column) => entriesOf(column).length !== rows))
    throw new RangeError('columns to write must have one length');
  for (let offset = 0; offset < rows; offset += chunkRows) {
    const count = Math.min(chunkRows, rows - offset);
    chunk.reset();
    chunk.rowCount = count;
    for (const [index, column] of columns.entries()) {
      const values = entriesOf(column);
      if (values instanceof Float64Array || values instanceof Int32Array) {
        const vector = chunk.getColumnVector(index);
        vectorItems(vector).set(values.subarray(offset, offset + count));
        vector.flush();
      } else {
        chunk.setColumnValues(index, values.slice(offset, offset + count));
      }
    }
    appender.appendDataChunk(chunk);
  }
}

/** What to select for each column: labels for codes, null for NaN. */
async function selection(connection: DuckDBConnection, columns: readonly OutputColumn[]): Promise<string[]> {
  const selected: string[] = [];
  for (const [index, column] of columns.entries()) {
    const as = `AS ${quoteName(column.name)}`;
    if ('codes' in column) {
      // A list of labels indexed from 1 keeps the order of the rows, which a join need not.
      await connection.run(`CREATE TABLE levels_${index} (levels VARCHAR[])`);
      const list = `[${column.levels.map(quoteText).join(', ')}]`;
      await connection.run(`INSERT INTO levels_${index} VALUES (${list})`);
      selected.push(`CASE WHEN c${index} >= 0 THEN (SELECT levels FROM levels_${index})[c${index} + 1] END ${as}`);
    } else if (column.values instanceof Float64Array) {
      selected.push(`CASE WHEN isnan(c${index}) THEN NULL ELSE c${index} END ${as}`);
    } else {
      selected.push(`c${index} ${as}`);
    }
  }
  return selected;
}
