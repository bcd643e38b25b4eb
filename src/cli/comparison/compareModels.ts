// Models side by side on the same held-out rows: each configuration fitted as a run of its own, one table of how well they predict.
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { loadConfig } from '../../data/config.js';
import { InputError } from '../../data/inputError.js';
import { numbersOf } from '../../data/predictors.js';
import { readTable } from '../../data/readTable.js';
import { replaceFile } from '../../data/run/atomicFile.js';
import { readRun } from '../../data/run/runFolder.js';
import { toJson } from '../../data/run/summaryFiles.js';
import { type CheckStatus, worstStatus } from '../../diagnostics/index.js';
import { models } from '../../models/registry.js';
import { type ComparedModel, renderModelComparison } from '../../report/index.js';
import { exitCodes } from '../exitCodes.js';
import type { HeldOutSummary } from '../fit/heldOutRows.js';
import { fitAll } from './fitAll.js';
import { alignColumns } from './formatComparison.js';

export interface ModelComparisonRequest {
  readonly configs: readonly string[];
  readonly out: string | undefined;
  /** The command as typed, for the record. */
  readonly command: string;
}

/** Exit code. The table goes to stdout, the rest to the folder. Throws InputError for wrong input, and where the held-out rows differ. */
export async function compareModels(
  { configs, out, command }: ModelComparisonRequest,
  say: (line: string) => void,
): Promise<number> {
  if (configs.length < 2) throw new InputError(`compare-models: one configuration; name two or more`);
  for (const config of configs) {
    if (loadConfig(config, models).data.holdout === undefined)
      throw new InputError(`${config}: data.holdout is missing; compare-models judges by rows held out of every fit`);
  }
  const folder = resolve(out ?? join(dirname(configs[0]), 'model-comparison'));
  const names = namesOf(configs);
  mkdirSync(folder, { recursive: true });
  const planned = configs.map((config, i) => ({
    title: names[i],
    folder: join(folder, names[i]),
    words: ['fit', config],
  }));
  const failed = await fitAll(planned, say);
  if (failed === undefined) {
    say(`interrupted; what is fitted is saved in ${folder}: continue with the same command`);
    return exitCodes.interrupted;
  }
  if (failed.length > 0) throw new Error(`${failed[0].fit.title}: ${failed[0].why}`);
  const fitted = await Promise.all(planned.map(({ title, folder: own }) => readFitted(title, own)));
  const other = fitted.find(
    ({ observed }) =>
      observed.length !== fitted[0].observed.length || observed.some((y, row) => y !== fitted[0].observed[row]),
  );
  if (other !== undefined)
    throw new InputError(
      `compare-models: ${other.name} holds out other rows than ${fitted[0].name} (${other.observed.length} and ${fitted[0].observed.length}, or other responses); give both the same data, holdout and seed`,
    );
  const best = fitted.reduce((a, b) => (b.logPredictiveDensity > a.logPredictiveDensity ? b : a));
  const rows = fitted.map((own): ComparedModel => {
    const { name, status, rmse, mae, r2, coverage95, logPredictiveDensity, seconds } = own;
    const from = own === best ? null : differenceFrom(own.logDensity, best.logDensity);
    return { name, rmse, mae, r2, coverage95, logPredictiveDensity, fromBest: from, seconds, status };
  });
  const record = { command, rows: best.observed.length, models: rows };
  replaceFile(join(folder, 'models.json'), Buffer.from(`${toJson(record, 1)}\n`));
  replaceFile(join(folder, 'models.html'), Buffer.from(renderModelComparison(record)));
  process.stdout.write(`${formatModels(rows)}\n`);
  say(`page: ${join(folder, 'models.html')}`);
  return exitCodes.done;
}

/** File names without their ending, with the folder's before them where they are the same. Throws InputError where that does not tell them apart. */
function namesOf(configs: readonly string[]): string[] {
  const short = configs.map((config) => basename(config, extname(config)));
  const isUnique = new Set(short).size === short.length;
  const names = isUnique ? short : configs.map((config, i) => `${basename(dirname(resolve(config)))}-${short[i]}`);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new InputError(`compare-models: two configurations are called ${twice}; rename one`);
  return names;
}

interface Fitted extends HeldOutSummary {
  readonly name: string;
  readonly status: CheckStatus;
  readonly seconds: number;
  readonly observed: Float64Array;
  readonly logDensity: Float64Array;
}

async function readFitted(name: string, folder: string): Promise<Fitted> {
  const { diagnostics } = readRun(folder);
  const { holdout } = JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')) as { holdout: HeldOutSummary };
  const columns = ['observed', 'log_density'] as const;
  const table = await readTable(
    { file: 'holdout.parquet', folder },
    columns.map((column) => ({ name: column, kind: 'number' })),
  );
  const figures = diagnostics as unknown as {
    readonly seconds: { readonly total: number };
    readonly checks: readonly { readonly status: CheckStatus }[];
  };
  const [observed, logDensity] = columns.map((column) => numbersOf(table, column, column));
  const status = worstStatus(figures.checks.map((check) => check.status));
  return { ...holdout, name, status, seconds: figures.seconds.total, observed, logDensity };
}

/** Sum over rows of the differences of log densities, and its standard error: rows are paired, so what is hard for both models cancels. */
function differenceFrom(own: Float64Array, best: Float64Array): NonNullable<ComparedModel['fromBest']> {
  const differences = own.map((value, row) => value - best[row]);
  const sum = differences.reduce((total, x) => total + x, 0);
  const mean = sum / differences.length;
  const squares = differences.reduce((total, x) => total + (x - mean) ** 2, 0);
  return { difference: sum, se: Math.sqrt((differences.length * squares) / Math.max(1, differences.length - 1)) };
}

function formatModels(rows: readonly ComparedModel[]): string {
  const headings = ['model', 'log density', 'from best', 'se', 'RMSE', 'MAE', 'R²', 'inside 95 %', 'seconds', 'checks'];
  const cells = rows.map((row) => [
    row.name,
    row.logPredictiveDensity.toFixed(1),
    row.fromBest === null ? 'best' : row.fromBest.difference.toFixed(1),
    row.fromBest === null ? '' : row.fromBest.se.toFixed(1),
    row.rmse.toPrecision(4),
    row.mae.toPrecision(4),
    row.r2.toFixed(4),
    row.coverage95 === null ? '–' : `${(100 * row.coverage95).toFixed(1)} %`,
    row.seconds.toFixed(1),
    row.status,
  ]);
  return alignColumns(headings, cells, (k) => k > 0 && k < 9);
}
