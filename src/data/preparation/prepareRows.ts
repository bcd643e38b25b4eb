// From the data section to the rows that are read: tables loaded, steps taken one after another, rows held out, all of it reported.
import type { DuckDBConnection } from '@duckdb/node-api';
import type { DataSource, OpenSource } from '../dataSource.js';
import { InputError } from '../inputError.js';
import { suggestion } from '../nearestName.js';
import type { DataReport, LoadedTable, ReportedStep } from './dataReport.js';
import { splitRows } from './holdout.js';
import { loadTable } from './loadTables.js';
import type { DataRandom } from './random.js';
import { steps as definitions } from './registry.js';
import type { Preparation, TableSource } from './schema.js';
import type { Step, StepContext } from './step.js';
import { heldOutColumn, type LoadedRows, Workspace } from './workspace.js';

/** A source with what is to be done to its rows. */
export type PreparedSource = DataSource & Preparation;

export interface PreparationOptions {
  /** Of random splits. */
  readonly seed: number;
  readonly random: DataRandom;
  /** Which completed data set is wanted, from 1. */
  readonly imputation: number;
  /** The model's response. */
  readonly response?: string | undefined;
}

/** Rows ready to be read. */
export interface PreparedRows {
  readonly source: OpenSource;
  readonly report: DataReport;
  /** The rows have a column that marks those held out. */
  readonly isSplit: boolean;
}

/** Whether there is anything to prepare. */
export function isPrepared({ tables, steps, holdout }: Preparation): boolean {
  return tables !== undefined || (steps ?? []).length > 0 || holdout !== undefined;
}

/**
 * Loads the tables and takes the steps, in DuckDB's memory. Throws InputError for tables that cannot be read and steps that cannot be taken,
 * naming the step; the location's `key` leads to it in the configuration.
 */
export async function prepareRows(
  connection: DuckDBConnection,
  source: PreparedSource,
  options: PreparationOptions,
): Promise<PreparedRows> {
  // Sums in one order: the same rows give the same bits at every run, which --resume relies on.
  await connection.run('SET threads = 1');
  const preparation = new RowPreparation(connection, source, options);
  return await preparation.run();
}

class RowPreparation {
  private readonly tables = new Map<string, LoadedRows>();
  private readonly loaded: LoadedTable[] = [];
  private readonly taken: ReportedStep[] = [];

  constructor(
    private readonly connection: DuckDBConnection,
    private readonly source: PreparedSource,
    private readonly options: PreparationOptions,
  ) {}

  async run(): Promise<PreparedRows> {
    const { source } = this;
    let shown: string;
    let csvPath: string | null = null;
    let first: LoadedRows;
    if (source.tables === undefined) {
      const opened = await loadTable(this.connection, source.file ?? source.table ?? 'the query', source, 'data.query');
      ({ shown } = opened.source);
      first = opened.table;
      // Without steps a row is still a line of the file.
      if ((source.steps ?? []).length === 0) ({ csvPath } = opened.source);
      this.note(first, shown);
    } else {
      for (const [name, table] of Object.entries(source.tables)) await this.load(name, table);
      const names = [...this.tables.keys()];
      const from = source.from ?? names[0];
      shown = from;
      const found = this.tables.get(from);
      if (found === undefined)
        throw new InputError(`data.from: there is no table '${from}'; ${suggestion(from, names, 'data.tables has')}`, {
          key: ['data', 'from'],
        });
      first = found;
      this.tables.delete(from);
    }
    const rows = Workspace.of(this.connection, first);
    const steps = source.steps ?? [];
    await this.take(rows, steps, '', ['data', 'steps'], source.holdout);
    if (source.holdout !== undefined && !rows.isSplit) await this.split(rows, 0);
    const heldOut = rows.isSplit
      ? Number((await rows.query(`SELECT count(*) AS n FROM ${rows.sql} WHERE ${heldOutColumn}`))[0].n)
      : null;
    const after = steps.length === 0 ? '' : ` after ${steps.length === 1 ? 'its step' : `${steps.length} steps`}`;
    return {
      source: { shown: `${shown}${after}`, sql: `FROM ${rows.sql}`, isQuery: false, csvPath, isPrepared: true },
      report: { tables: this.loaded, steps: this.taken, rows: rows.rows, heldOut },
      isSplit: rows.isSplit,
    };
  }

  private note(table: LoadedRows, source: string): void {
    this.loaded.push({ name: table.name, source, rows: table.rows, columns: table.types.size });
  }

  /** A table of `data.tables`, with steps of its own where it has any. */
  private async load(name: string, { from, steps, ...source }: TableSource): Promise<void> {
    const key = ['data', 'tables', name];
    const place = `data.tables.${name}`;
    let table: LoadedRows;
    const given = [source.file, source.query, source.database].filter((value) => value !== undefined).length;
    if (from !== undefined) {
      const found = this.tables.get(from);
      const names = [...this.tables.keys()];
      if (given > 0) throw new InputError(`${place}: has from and a source; keep one of them`, { key });
      if (found === undefined)
        throw new InputError(
          `${place}: from: there is no table '${from}' before it; ${suggestion(from, names, 'there are')}`,
          { key },
        );
      table = { ...found, name };
    } else {
      const isDatabase =
        source.database !== undefined &&
        (source.table !== undefined) !== (source.query !== undefined) &&
        source.file === undefined;
      if (!isDatabase && (given !== 1 || source.table !== undefined || source.database !== undefined))
        throw new InputError(`${place}: needs one of file, query, database (with table or query) and from`, { key });
      const opened = await loadTable(this.connection, name, { folder: this.source.folder, ...source }, place);
      ({ table } = opened);
      this.note(table, source.file ?? source.database ?? 'a query');
    }
    if (steps !== undefined) {
      const rows = Workspace.of(this.connection, table);
      await this.take(rows, steps, `${place}, `, [...key, 'steps']);
      table = rows.loaded;
    }
    this.tables.set(name, table);
  }

  private async take(
    rows: Workspace,
    steps: readonly Step[],
    place: string,
    key: readonly string[],
    holdout?: Preparation['holdout'],
  ): Promise<void> {
    const { random, imputation, response } = this.options;
    const context: StepContext = {
      tables: this.tables,
      random,
      imputation,
      ...(response !== undefined && { response }),
    };
    const isMain = place === '';
    for (const [index, { name, settings }] of steps.entries()) {
      const { kind, run } = definitions[name];
      if (kind === 'statistics' && holdout !== undefined && !rows.isSplit) await this.split(rows, index + 1);
      rows.enter(`${place}step ${index + 1} (${name})`, [...key, index]);
      if (kind === 'statistics' && !isMain && this.source.holdout !== undefined)
        throw rows.fault(
          'takes figures from all rows of a table, held-out ones too; with data.holdout put it into data.steps',
        );
      if (kind === 'regroups' && rows.isSplit)
        throw rows.fault(
          'changes what a row is after rows were held out; put it before the first step that takes figures from the training rows',
        );
      if (name === 'impute' && !isMain)
        throw rows.fault(
          'completes the rows that are fitted; put it into data.steps, with per: for one value per unit',
        );
      const before = rows.rows;
      const changes = await run(rows, settings, context);
      this.taken.push({ step: index + 1, name, table: rows.loaded.name, rowsIn: before, rowsOut: rows.rows, changes });
    }
  }

  /** The split comes before the first step that takes figures from rows, so that these are those of the training rows. */
  private async split(rows: Workspace, step: number): Promise<void> {
    rows.enter('data.holdout', ['data', 'holdout']);
    const changes = await splitRows(rows, this.source.holdout!, this.options.seed);
    const why = step > 0 ? [`${changes}; figures of later steps come from the rows to fit`] : [changes];
    this.taken.push({
      step: 0,
      name: 'holdout',
      table: rows.loaded.name,
      rowsIn: rows.rows,
      rowsOut: rows.rows,
      changes: why,
    });
  }
}
