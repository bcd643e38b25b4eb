// The rows under preparation: a table in DuckDB's memory in a fixed order, its columns by name, and how faults of a step are told.
import type { DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { firstLine, isNumeric, loadDuckDB, quoteName, rowsOf } from '../duckdb.js';
import { InputError } from '../inputError.js';
import { suggestion } from '../nearestName.js';

/** A table in memory: its name in SQL, its rows, and DuckDB's types of its columns. Row r of it has rowid r − 1. */
export interface LoadedRows {
  readonly name: string;
  readonly sql: string;
  readonly rows: number;
  readonly types: ReadonlyMap<string, string>;
}

/** Marks the rows that the fit does not see; a column of the rows once they are split. */
export const heldOutColumn = 'hierax_held_out';
/** Number of a row while a statement is at work. */
export const rowColumn = 'hierax_row';
const reserved = [heldOutColumn, rowColumn];

const workPrefix = 'temp.hierax_work_';
/** Rows of a chunk of DuckDB, at most. */
const chunkRows = 2048;
let tables = 0;

export class Workspace {
  private current: LoadedRows;
  private hasSplit = false;
  /** How messages name the step under way. */
  private place = '';
  private key: readonly (string | number)[] = [];

  private constructor(
    readonly connection: DuckDBConnection,
    first: LoadedRows,
  ) {
    this.current = first;
  }

  /** Works on the rows of a table, which stays as it is. */
  static of(connection: DuckDBConnection, table: LoadedRows): Workspace {
    return new Workspace(connection, table);
  }

  get rows(): number {
    return this.current.rows;
  }

  /** Types of the columns by name, in order. */
  get types(): ReadonlyMap<string, string> {
    return this.current.types;
  }

  /** The table in SQL. */
  get sql(): string {
    return this.current.sql;
  }

  get loaded(): LoadedRows {
    return this.current;
  }

  get isSplit(): boolean {
    return this.hasSplit;
  }

  /** A condition that holds for the rows that statistics may be taken from. */
  get training(): string {
    return this.hasSplit ? `NOT ${quoteName(heldOutColumn)}` : 'true';
  }

  /** ` of the 80 training rows`, to say where figures come from; empty where all rows are fitted. */
  async ofTraining(): Promise<string> {
    if (!this.hasSplit) return '';
    const [{ n }] = await this.query(`SELECT count(*) AS n FROM ${this.sql} WHERE ${this.training}`);
    return ` of the ${Number(n)} training rows`;
  }

  /** What follows belongs to this step. */
  enter(place: string, key: readonly (string | number)[]): void {
    this.place = place;
    this.key = key;
  }

  fault(message: string, column?: string, value?: unknown): InputError {
    const key = this.key.length > 0 ? { key: this.key } : {};
    return new InputError(`${this.place}: ${message}`, { ...key, column, value });
  }

  /** Throws for columns that are not there, with the nearest name. */
  need(names: readonly string[], { types, name }: LoadedRows = this.current): void {
    for (const column of names) {
      if (types.has(column)) continue;
      const hint = suggestion(column, [...types.keys()], 'its columns');
      throw this.fault(`${name} has no column '${column}'; ${hint}`, column);
    }
  }

  /** Throws for names that are in use, or kept for the program. */
  needFree(names: readonly string[]): void {
    const kept = names.find((name) => reserved.includes(name));
    if (kept !== undefined) throw this.fault(`'${kept}' is a name of the program's own; choose another`, kept);
    const taken = names.find((name) => this.types.has(name));
    if (taken !== undefined) throw this.fault(`there is a column '${taken}' already; choose another name`, taken);
  }

  /** Throws for columns that hold no numbers, with a value of the first row that is none. */
  async needNumbers(names: readonly string[]): Promise<void> {
    this.need(names);
    for (const name of names) {
      const type = this.types.get(name)!;
      if (isNumeric(type)) continue;
      const column = quoteName(name);
      const test = type === 'VARCHAR' ? `TRY_CAST(${column} AS DOUBLE) IS NULL` : 'true';
      const sql = `SELECT rowid + 1 AS row, CAST(${column} AS VARCHAR) AS value FROM ${this.sql} WHERE ${column} IS NOT NULL AND ${test} LIMIT 1`;
      const [found] = await this.query(sql);
      const example =
        found === undefined ? 'only missing values' : `'${String(found.value)}' in row ${Number(found.row)}`;
      throw this.fault(
        `column '${name}' of ${this.current.name} holds no numbers (${example}); a number is needed`,
        name,
      );
    }
  }

  /** All rows of a small result. Faults of the SQL become one line. */
  async query(sql: string): Promise<Record<string, unknown>[]> {
    try {
      return await rowsOf(this.connection, sql);
    } catch (error) {
      throw this.sqlFault(error);
    }
  }

  /** A result by columns. */
  async columns(sql: string): Promise<readonly (readonly unknown[])[]> {
    try {
      return (await this.connection.runAndReadAll(sql)).getColumnsJS();
    } catch (error) {
      throw this.sqlFault(error);
    }
  }

  /** A table of values that were made here. */
  async table(names: readonly string[], types: readonly string[], columns: readonly DuckDBValue[][]): Promise<string> {
    const declared = names.map((name, i) => `CAST(NULL AS ${types[i]}) AS ${quoteName(name)}`);
    const sql = await this.store(`SELECT ${declared.join(', ')} LIMIT 0`);
    const appender = await this.connection.createAppender(sql.replace(/^temp\./, ''), 'main', 'temp');
    const { DuckDBDataChunk, BIGINT, DOUBLE, VARCHAR } = await loadDuckDB();
    const known: Readonly<Record<string, DuckDBType>> = { BIGINT, DOUBLE, VARCHAR };
    for (let from = 0; from < columns[0].length; from += chunkRows) {
      const part = columns.map((values) => values.slice(from, from + chunkRows));
      const chunk = DuckDBDataChunk.create(types.map((type) => known[type]));
      chunk.setColumns(part);
      appender.appendDataChunk(chunk);
    }
    appender.closeSync();
    return sql;
  }

  async run(sql: string): Promise<void> {
    try {
      await this.connection.run(sql);
    } catch (error) {
      throw this.sqlFault(error);
    }
  }

  /** Replaces the rows by those of a SELECT, which says their order. */
  async replace(select: string): Promise<void> {
    const before = this.current.sql;
    this.current = await describeRows(this.connection, this.current.name, await this.store(select));
    // Named tables stay for other joins; what only this step read goes.
    if (before.startsWith(workPrefix)) await this.run(`DROP TABLE ${before}`);
    if (this.rows === 0) throw this.fault('leaves no rows; a model needs data');
  }

  /** Replaces columns, or adds them, from expressions over one row (or windows of rows); `join` adds what they need. */
  async change(columns: readonly (readonly [name: string, expression: string])[], join = ''): Promise<void> {
    const added = columns.filter(([name]) => !this.types.has(name));
    const replaced = columns.filter(([name]) => this.types.has(name));
    const as = ([name, expression]: readonly [string, string]): string => `(${expression}\n) AS ${quoteName(name)}`;
    const stars = replaced.length === 0 ? 'r.*' : `r.* REPLACE (${replaced.map(as).join(', ')})`;
    const inner = `SELECT ${[stars, ...added.map(as), `r.rowid AS ${rowColumn}`].join(', ')} FROM ${this.sql} AS r ${join}`;
    await this.replace(`SELECT * EXCLUDE (${rowColumn}) FROM (${inner}) ORDER BY ${rowColumn}`);
  }

  /** Splits the rows: `expression` says which are held out. */
  async split(expression: string): Promise<void> {
    await this.change([[heldOutColumn, expression]]);
    this.hasSplit = true;
  }

  /** A table for a statement or two; the caller need not remove it. */
  async store(select: string): Promise<string> {
    const sql = `${workPrefix}${tables++}`;
    await this.run(`CREATE TEMP TABLE ${sql} AS ${select}`);
    return sql;
  }

  private sqlFault(error: unknown): InputError {
    const message = firstLine(error).replace(/^[A-Z][\w ]* Error: /, '');
    const absent = /^Referenced column "(.*)" not found/.exec(message)?.[1];
    if (absent !== undefined) {
      const hint = suggestion(absent, [...this.types.keys()], 'its columns');
      return this.fault(`${this.current.name} has no column '${absent}'; ${hint}`, absent);
    }
    return this.fault(message.replaceAll(/"?temp"?\.hierax_\w+/g, this.current.name));
  }
}

/** Rows and columns of a table in memory; the program's own columns are left out. */
export async function describeRows(connection: DuckDBConnection, name: string, sql: string): Promise<LoadedRows> {
  const columns = await rowsOf(connection, `SELECT column_name, column_type FROM (DESCRIBE ${sql})`);
  const [{ n }] = await rowsOf(connection, `SELECT count(*) AS n FROM ${sql}`);
  const types = columns
    .map(({ column_name, column_type }): [string, string] => [String(column_name), String(column_type)])
    .filter(([column]) => !reserved.includes(column));
  return { name, sql, rows: Number(n), types: new Map(types) };
}
