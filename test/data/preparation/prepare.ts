// Preparations in tests: tables as CSV text, steps as the configuration has them, rows and report as they come out.
import { join } from 'node:path';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll } from 'vitest';
import { dataRandom } from '../../../src/cli/fit/dataRandom.js';
import { type Config, loadConfig } from '../../../src/data/config.js';
import type { DataReport } from '../../../src/data/preparation/dataReport.js';
import { prepareRows } from '../../../src/data/preparation/prepareRows.js';
import { rowsOf, withDuckDB } from '../../../src/data/duckdb.js';
import { models } from '../../../src/models/registry.js';

type Row = Readonly<Record<string, unknown>>;

export interface Prepared {
  readonly rows: readonly Row[];
  readonly report: DataReport;
}

/** Dates as YYYY-MM-DD, whole numbers as numbers. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Date ? value.toISOString().slice(0, 10) : value;
}

export function preparations() {
  const folder = mkdtempSync(join(tmpdir(), 'hierax-preparation-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let made = 0;

  /** A configuration whose data section is `data`, YAML indented by two; `tables` are CSV texts by file name. */
  const config = (data: string, tables: Readonly<Record<string, string>> = {}): Config => {
    for (const [name, text] of Object.entries(tables)) writeFileSync(join(folder, name), text);
    const path = join(folder, `config-${made++}.yaml`);
    writeFileSync(path, `data:\n${data}\nmodel: {name: regression, response: y, x: [x]}\nseed: 4\n`);
    return loadConfig(path, models);
  };
  const prepare = async (
    data: string,
    tables: Readonly<Record<string, string>> = {},
    imputation = 1,
  ): Promise<Prepared> => {
    const { data: source, seed } = config(data, tables);
    return await withDuckDB(async (connection) => {
      const { source: opened, report } = await prepareRows(connection, source, {
        seed,
        random: dataRandom(seed),
        imputation,
        response: 'y',
      });
      const found = await rowsOf(connection, `SELECT * FROM (${opened.sql})`);
      const rows = found.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])),
      );
      return { rows, report };
    });
  };
  return { folder, config, prepare };
}

/** One column of the rows. */
export const column = ({ rows }: Pick<Prepared, 'rows'>, name: string): unknown[] => rows.map((row) => row[name]);
