// Writes columns to Parquet or CSV by DuckDB; the file appears under its name only when it is complete.

import { renameSync, rmSync } from 'node:fs';
import type { DuckDBType } from '@duckdb/node-api';
import { quoteName, quoteText, vectorItems, withDuckDB } from './duckdb.js';

/** A column to write. NaN becomes null; a factor is written as its labels (code −1: null). */
export type OutputColumn =
  | { readonly name: string; readonly values: Float64Array | Int32Array | readonly (string | null)[] }
  | { readonly name: string; readonly codes: Int32Array; readonly levels: readonly string[] };

const chunkRows = 2048;

/**
 * Writes a table; the format follows the name (.parquet, .csv, .csv.gz). Throws RangeError for columns of different
 * lengths or an unknown ending, and whatever DuckDB or the file system reports; no partial file is left under `path`.
 */
export async function writeTable(path: string, columns: readonly OutputColumn[]): Promise<void> {
  const lengths = new Set(columns.map((column) => ('codes' in column ? column.codes : column.values).length));
  if (lengths.size !== 1) throw new RangeError('columns to write must have one length');
  const rows = [...lengths][0];
  const partial = `${path}.partial-${process.pid}`;
  try {
    await copyTo(partial, formatOf(path), columns, rows);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

function formatOf(path: string): string {
  if (path.endsWith('.parquet')) return 'FORMAT parquet, COMPRESSION zstd';
  if (path.endsWith('.csv')) return 'FORMAT csv, HEADER true';
  if (path.endsWith('.csv.gz')) return 'FORMAT csv, HEADER true, COMPRESSION gzip';
  throw new RangeError(`cannot write ${path}: the name must end in .parquet, .csv or .csv.gz`);
}

async function copyTo(path: string, format: string, columns: readonly OutputColumn[], rows: number): Promise<void> {
  await withDuckDB(async (connection, { DOUBLE, INTEGER, VARCHAR, DuckDBDataChunk }) => {
    const types = columns.map((column): DuckDBType => {
      if ('codes' in column || column.values instanceof Int32Array) return INTEGER;
      return column.values instanceof Float64Array ? DOUBLE : VARCHAR;
    });
    const declared = columns.map((_, index) => `c${index} ${types[index].toString()}`).join(', ');
    await connection.run(`CREATE TABLE output (${declared})`);
    const appender = await connection.createAppender('output');
    const chunk = DuckDBDataChunk.create(types);
    for (let offset = 0; offset < rows; offset += chunkRows) {
      const count = Math.min(chunkRows, rows - offset);
      chunk.reset();
      chunk.rowCount = count;
      for (const [index, column] of columns.entries()) {
        const vector = chunk.getColumnVector(index);
        const values = 'codes' in column ? column.codes : column.values;
        if (values instanceof Float64Array || values instanceof Int32Array) {
          vectorItems(vector).set(values.subarray(offset, offset + count));
          vector.flush();
        } else {
          chunk.setColumnValues(index, values.slice(offset, offset + count));
        }
      }
      appender.appendDataChunk(chunk);
    }
    appender.closeSync();

    const selected: string[] = [];
    for (const [index, column] of columns.entries()) {
      const as = `AS ${quoteName(column.name)}`;
      if ('codes' in column) {
        // A list of labels indexed from 1 keeps the order of the rows, which a join need not.
        await connection.run(`CREATE TABLE levels_${index} (levels VARCHAR[])`);
        const list = `[${column.levels.map(quoteText).join(', ')}]`;
        await connection.run(`INSERT INTO levels_${index} VALUES (${list})`);
        selected.push(`CASE WHEN c${index} >= 0 THEN (SELECT levels FROM levels_${index})[c${index} + 1] END ${as}`);
      } else if (types[index] === DOUBLE) {
        selected.push(`CASE WHEN isnan(c${index}) THEN NULL ELSE c${index} END ${as}`);
      } else {
        selected.push(`c${index} ${as}`);
      }
    }
    await connection.run(`COPY (SELECT ${selected.join(', ')} FROM output) TO ${quoteText(path)} (${format})`);
  });
}
