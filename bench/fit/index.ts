// Whole fits as a user runs them: cold start, the README's main job, and orange juice beside lme4's REML fit of the same model.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { thisMachine } from '../machine.js';
import { median } from '../rounds.js';
import { formatTable } from '../table.js';
import { runCommand } from './runCommand.js';

interface Parameter {
  readonly rhat: number | null;
  readonly essBulk: number | null;
  readonly essTail: number | null;
}

interface Diagnostics {
  readonly seconds: Readonly<Record<'load' | 'compile' | 'warmup' | 'sampling' | 'total', number>>;
  readonly peakMemoryBytes: number;
  readonly divergences: number;
  readonly gradientEvaluations: number;
}

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const orangeJuice = file('../../examples/orange-juice/config.yaml');
const orangeJuiceData = file('../../../shared/data/bayesm/orangeJuice_yx.csv.gz');

const headings = [
  'fit',
  'wall s',
  'to summary s',
  'warm-up s',
  'sampling s',
  'gradients',
  'divergences',
  'max R-hat',
  'min ESS',
  'min ESS/s',
  'peak MB',
];

/** Rows, products and markets of a published fit of sales (18.76 hours, 64 GB). */
const published = ['--rows', '1237582', '--products', '542', '--markets', '5'];

/** Options: --without-lme4; --seeds N (main job and orange juice, default 1); --paper: a fit of the published size, and nothing else. */
export async function fitBenchmark(options: readonly string[]): Promise<void> {
  const at = options.indexOf('--seeds');
  const seeds = at < 0 ? 1 : Number(options[at + 1]);
  console.log(JSON.stringify(thisMachine()));
  const folder = mkdtempSync(join(tmpdir(), 'hierax-bench-'));
  try {
    const paper = options.includes('--paper');
    await runCommand([
      ...['simulate', 'three-level', '--seed', '1', '--out', join(folder, 'demo')],
      ...(paper ? published : []),
    ]);
    const config = join(folder, 'demo', 'config.yaml');
    if (!paper) await coldStart(folder, config);
    const rows: string[][] = [];
    const job = paper ? '1,237,582 rows, 542 products, 5 markets' : 'main job';
    for (let seed = 1; seed <= seeds; seed++) rows.push(await fitRow(`${job}, seed ${seed}`, folder, config, seed));
    if (paper) {
      console.log(formatTable(headings, rows));
      return;
    }
    if (!existsSync(orangeJuiceData)) console.log('orange juice: skipped, the data are not beside the repository');
    else {
      for (let seed = 1; seed <= seeds; seed++) {
        rows.push(await fitRow(`orange juice, seed ${seed}`, folder, orangeJuice, seed));
      }
    }
    if (existsSync(orangeJuiceData))
      rows.push(await fitRow('orange juice by REML', folder, orangeJuice, 1, ['--method', 'reml']));
    console.log(formatTable(headings, rows));
    if (existsSync(orangeJuiceData) && !options.includes('--without-lme4')) lme4(rows.at(-2)!, rows.at(-1)!);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** From the start of the process to the first draw of the warm-up, 100,000 rows; and the compilation's part of it. */
async function coldStart(folder: string, config: string): Promise<void> {
  const firstDraw: number[] = [];
  const compile: number[] = [];
  for (let round = 0; round < 5; round++) {
    const out = join(folder, `cold-${round}`);
    firstDraw.push((await runCommand(['fit', config, '--warmup', '20', '--draws', '20', '--out', out])).firstDraw);
    compile.push(diagnosticsOf(out).seconds.compile);
  }
  const best = (values: readonly number[]): string => Math.min(...values).toFixed(2);
  console.log(
    `cold start, 100,000 rows, to the first warm-up draw: median ${median(firstDraw).toFixed(2)} s, best ${best(firstDraw)} s; ` +
      `of which compilation median ${median(compile).toFixed(2)} s, best ${best(compile)} s`,
  );
}

async function fitRow(
  name: string,
  folder: string,
  config: string,
  seed: number,
  more: readonly string[] = [],
): Promise<string[]> {
  const out = join(folder, `${name.replace(/\W+/g, '-')}`);
  const { seconds, summary: toSummary } = await runCommand([
    'fit',
    config,
    '--seed',
    String(seed),
    '--out',
    out,
    ...more,
  ]);
  const { seconds: stages, peakMemoryBytes, divergences, gradientEvaluations } = diagnosticsOf(out);
  const summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as {
    parameters: (Parameter & { name: string })[];
  };
  const population = summary.parameters.filter(({ name: scalar }) => !/^(beta|gamma)\[/.test(scalar));
  const worst = (figure: (p: Parameter) => number | null, pick: (...values: number[]) => number): number =>
    pick(...population.flatMap((p) => figure(p) ?? []));
  const ess = Math.min(
    worst((p) => p.essBulk, Math.min),
    worst((p) => p.essTail, Math.min),
  );
  return [
    name,
    seconds.toFixed(1),
    toSummary.toFixed(1),
    stages.warmup.toFixed(1),
    stages.sampling.toFixed(1),
    String(gradientEvaluations),
    String(divergences),
    worst((p) => p.rhat, Math.max).toFixed(4),
    ess.toFixed(0),
    (worst((p) => p.essBulk, Math.min) / (stages.warmup + stages.sampling)).toFixed(1),
    (peakMemoryBytes / 1e6).toFixed(0),
  ];
}

function diagnosticsOf(run: string): Diagnostics {
  return JSON.parse(readFileSync(join(run, 'diagnostics.json'), 'utf8')) as Diagnostics;
}

/** Wall seconds of lme4's point estimate of the orange-juice model, over those of the whole fit and of ours. */
function lme4(fit: readonly string[], reml: readonly string[]): void {
  try {
    execFileSync('Rscript', ['-e', 'library(lme4)'], { stdio: 'ignore' });
  } catch {
    console.log('lme4: skipped, Rscript with lme4 is not installed');
    return;
  }
  const data = file('../../../shared/data/bayesm');
  const seconds = Number(
    execFileSync('Rscript', [file('./lme4.R'), data], {
      cwd: file('../..'),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }).trim(),
  );
  const [toReport, toSummary] = ['wall s', 'to summary s'].map((heading) => headings.indexOf(heading));
  const over = (row: readonly string[], column: number): string => (seconds / Number(row[column])).toFixed(2);
  console.log(
    `lme4, REML point estimate of the same model: ${seconds.toFixed(1)} s; over the whole fit of four chains, file to summary: ${over(fit, toSummary)}, to report: ${over(fit, toReport)}; over ours by REML, file to report: ${over(reml, toReport)}`,
  );
}
