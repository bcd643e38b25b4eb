// The one door to DuckDB: loaded on first use, an in-memory instance per task, closed whatever happens.

import type { DuckDBConnection, DuckDBVector } from '@duckdb/node-api';

type Api = typeof import('@duckdb/node-api');
let loading: Promise<Api> | undefined;

/** Starts or awaits the import of the native library (≈ 150 ms); call early to overlap it with other work. */
export function loadDuckDB(): Promise<Api> {
  loading ??= import('@duckdb/node-api');
  return loading;
}

/** Runs `work` on a fresh in-memory database and closes it afterwards. */
export async function withDuckDB<T>(work: (connection: DuckDBConnection, api: Api) => Promise<T>): Promise<T> {
  const api = await loadDuckDB();
  const instance = await api.DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return await work(connection, api);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** All rows of a small result. */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Record<string, unknown>[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJS();
}

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const numericTypes = /^(BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)$/;
const timeTypes = /^(DATE|TIMESTAMP.*)$/;

/** Whether a type of DuckDB's holds numbers; 0 and 1 of BOOLEAN among them. */
export const isNumeric = (type: string): boolean => numericTypes.test(type);
/** Whether it holds dates or times. */
export const isTime = (type: string): boolean => timeTypes.test(type);

/** The first line of what DuckDB says, without its closing full stop. */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n')[0].trim().replace(/[.:]$/, '');
}

/**
 * The typed array under a vector of DOUBLE or INTEGER: whole columns move at memory speed, values one by one do not. The
 * field is not in the package's types, so a version without it is told apart here rather than read as undefined.
 */
export function vectorItems(vector: DuckDBVector): Float64Array | Int32Array {
  const { items } = vector as unknown as { items?: unknown };
  if (items instanceof Float64Array || items instanceof Int32Array) return items;
  throw new TypeError(`DuckDB vector of type ${vector.type} exposes no typed array`);
}
