// The HBMMM at the published size (000: 500,000 consumers in 50 markets over 24 months, 4 channels), or a share of it, as a user runs it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withDuckDB } from '../../src/data/duckdb.js';
import { runCommand } from '../fit/runCommand.js';
import { formatTable } from '../table.js';

const published = { consumers: 500_000, markets: 50, months: 24, heldOut: 4 };

interface Diagnostics {
  readonly method: string;
  readonly seconds: Readonly<Record<'load' | 'compile' | 'warmup' | 'sampling' | 'total', number>>;
  readonly peakMemoryBytes: number;
  readonly divergences: number;
  readonly gradientEvaluations: number | null;
  readonly sweeps: number | null;
  readonly checks: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
}

interface Figures {
  readonly name: string;
  readonly q5: number;
  readonly q95: number;
  readonly rhat: number;
  readonly essBulk: number;
}

interface HeldOut {
  readonly rmse: number;
  readonly mae: number;
  readonly r2: number;
}

/** Options: --size (share of the published consumers, default 0.02), --chains, --warmup, --draws, --method, --seed; --without-holdout: no table of errors. */
export async function hbmmmBenchmark(options: readonly string[]): Promise<void> {
  const option = (name: string, fallback: string): string =>
    options.includes(name) ? options[options.indexOf(name) + 1] : fallback;
  const share = Number(option('--size', '0.02'));
  const [chains, warmup, draws] = [option('--chains', '4'), option('--warmup', '100'), option('--draws', '300')];
  const [method, seed] = [option('--method', 'auto'), option('--seed', '1')];
  const consumers = Math.round(share * published.consumers);
  const folder = mkdtempSync(join(tmpdir(), 'hierax-bench-'));
  try {
    const data = join(folder, 'data');
    const sizes = [consumers, published.markets, published.months].map(String);
    const simulated = await runCommand([
      ...['simulate', 'hbmmm', '--seed', seed, '--out', data],
      ...['--consumers', sizes[0], '--markets', sizes[1], '--months', sizes[2]],
    ]);
    const rows = consumers * published.months;
    console.log(`hbmmm: ${consumers} consumers, ${rows} rows simulated in ${simulated.seconds.toFixed(0)} s`);
    const settings = ['--chains', chains, '--warmup', warmup, '--draws', draws, '--method', method, '--seed', seed];
    const out = join(folder, 'fit');
    const { seconds } = await runCommand(['fit', join(data, 'config.yaml'), ...settings, '--out', out]);
    await printFit(out, join(data, 'truth.json'), consumers, seconds);
    if (!options.includes('--without-holdout')) await printErrors(folder, data, settings);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function printFit(run: string, truthFile: string, consumers: number, wall: number): Promise<void> {
  const { method, seconds, peakMemoryBytes, divergences, gradientEvaluations, sweeps, checks } = JSON.parse(
    readFileSync(join(run, 'diagnostics.json'), 'utf8'),
  ) as Diagnostics;
  const named = await summaryOf(run);
  // Consumers' sites; where their draws are not stored the checks judge their moments.
  const stored = named.filter(({ name }) => !/^(alpha|beta)\[/.test(name));
  const steps = gradientEvaluations ?? sweeps ?? 0;
  const figure = (rows: readonly Figures[], of: (row: Figures) => number, pick: (a: number, b: number) => number) =>
    rows.reduce((worst, row) => (Number.isFinite(of(row)) ? pick(worst, of(row)) : worst), of(rows[0]));
  const truth = new Map(
    (JSON.parse(readFileSync(truthFile, 'utf8')) as { parameters: { name: string; value: number }[] }).parameters.map(
      ({ name, value }) => [name, value],
    ),
  );
  const known = stored.filter(({ name }) => truth.has(name));
  const inside = known.filter(({ name, q5, q95 }) => truth.get(name)! > q5 && truth.get(name)! < q95).length;
  console.log(
    formatTable(
      ['', ''],
      [
        ['method', method],
        [
          'wall s (load, compile, warm-up, sampling)',
          `${wall.toFixed(0)} (${(['load', 'compile', 'warmup', 'sampling'] as const).map((stage) => seconds[stage].toFixed(0)).join(', ')})`,
        ],
        [sweeps === null ? 'gradients' : 'sweeps', `${steps}, ${divergences} divergences`],
        [
          'consumers per second of a gradient or sweep',
          ((consumers * steps) / (seconds.warmup + seconds.sampling)).toExponential(2),
        ],
        ['peak memory, GB', (peakMemoryBytes / 1e9).toFixed(2)],
        ['largest R-hat, population and markets', figure(stored, ({ rhat }) => rhat, Math.max).toFixed(4)],
        ['smallest bulk ESS, population and markets', figure(stored, ({ essBulk }) => essBulk, Math.min).toFixed(0)],
        ['true values inside their 90 % intervals', `${inside} of ${known.length}`],
      ],
    ),
  );
  for (const { name, status, detail } of checks)
    if (/moments|rhat/i.test(name)) console.log(`${name}: ${status}. ${detail}`);
}

/** Rows of summary.parquet. */
async function summaryOf(run: string): Promise<Figures[]> {
  return withDuckDB(async (connection) => {
    const path = join(run, 'summary.parquet');
    const result = await connection.runAndReadAll(`SELECT name, q5, q95, rhat, essBulk FROM '${path}'`);
    return result.getRowObjects() as unknown as Figures[];
  });
}

/** The last months held out: errors of the HBMMM beside its REML fit, and of one regression for all consumers. */
async function printErrors(folder: string, data: string, settings: readonly string[]): Promise<void> {
  const config = readFileSync(join(data, 'config.yaml'), 'utf8');
  const held = config.replace(/^( {2}file: .*)$/m, `$1\n  holdout: { time: month, last: ${published.heldOut} }`);
  const names = (key: string): string =>
    /\[(.*)\]/.exec(config.split('\n').find((line) => line.startsWith(`  ${key}:`))!)![1];
  const pooled = [
    held.split('model:')[0] + 'model:',
    '  name: regression',
    '  response: log_purchases',
    `  x: [${['channels', 'controls', 'traits'].map(names).join(', ')}]`,
    'seed: 1',
    '',
  ].join('\n');
  const files = { hbmmm: join(data, 'held.yaml'), regression: join(data, 'pooled.yaml') };
  writeFileSync(files.hbmmm, held);
  writeFileSync(files.regression, pooled);
  const rows: string[][] = [];
  for (const [name, file, own] of [
    ['hbmmm', files.hbmmm, settings],
    ['multilevel, REML', files.hbmmm, ['--method', 'reml']],
    ['one regression for all, Bayes', files.regression, ['--method', 'gibbs']],
    ['one regression for all, ridge', files.regression, ['--method', 'ridge']],
    ['one regression for all, OLS', files.regression, ['--method', 'ols']],
  ] as const) {
    const out = join(folder, `held-out ${rows.length}`);
    await runCommand(['fit', file, ...own, '--out', out]);
    const { holdout } = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as { holdout: HeldOut };
    rows.push([name, holdout.rmse.toFixed(4), holdout.mae.toFixed(4), holdout.r2.toFixed(3)]);
  }
  console.log(`errors on the last ${published.heldOut} months, held out of both fits`);
  console.log(formatTable(['model', 'RMSE', 'MAE', 'R²'], rows));
}
