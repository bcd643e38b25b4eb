// Benchmark `coverage`: shares of 90 % intervals that hold the truth, by class of parameters, for every method on small simulated hierarchies.
import { calibrationFigures } from '../../src/diagnostics/index.js';
import { type Method, methods, RANKED_DRAWS, type Simulation, simulateAndFit } from '../../src/inference/index.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import { rankClasses } from '../../src/cli/calibration/rankClasses.js';
import type { Model } from '../../src/models/model.js';
import { thisMachine } from '../machine.js';
import { formatTable } from '../table.js';
import { problems } from './problems.js';

/** Options: --simulations N (default 200), --method NAME (default: all exact ones and ADVI), --problem NAME (default: all). */
export async function coverageBenchmark(options: readonly string[]): Promise<void> {
  const option = (name: string): string | undefined =>
    options.includes(name) ? options[options.indexOf(name) + 1] : undefined;
  const count = Number(option('--simulations') ?? 200);
  console.log(JSON.stringify(thisMachine()));
  console.log(`${count} simulations each, truth drawn from the prior; coverage of 90 % intervals in %`);
  for (const [name, build] of Object.entries(problems)) {
    if ((option('--problem') ?? name) !== name) continue;
    const { model, rebuild } = build();
    const rows: Row[] = [];
    for (const method of Object.values(methods)) {
      if ((option('--method') ?? method.name) !== method.name || !isTried(method, model)) continue;
      console.error(`${name}, ${method.title}`);
      rows.push(await coverage(method, model, rebuild, count));
    }
    const sites = [...new Set(rows.flatMap((row) => [...row.coverage.keys()]))];
    console.log(`\n${name}`);
    console.log(
      formatTable(
        ['method', ...sites, 'ranks', 'failed fits', 's a fit'],
        rows.map((row) => [
          row.method,
          ...sites.map((site) => row.coverage.get(site) ?? ''),
          row.ranks,
          row.failed,
          row.seconds,
        ]),
      ),
    );
  }
}

interface Row {
  readonly method: string;
  /** Coverage and its standard error by site. */
  readonly coverage: ReadonlyMap<string, string>;
  /** Whether the ranks of the population's parameters pass for uniform. */
  readonly ranks: string;
  readonly failed: string;
  readonly seconds: string;
}

/** ChEES is for many chains on a GPU, HMC needs a length chosen by hand. */
const isTried = (method: Method, model: Model): boolean =>
  !['hmc', 'chees', 'pathfinder', 'reml', 'ols', 'ridge'].includes(method.name) && method.refusal(model) === undefined;

async function coverage(
  method: Method,
  model: Model,
  rebuild: (y: Float64Array) => Model,
  count: number,
): Promise<Row> {
  // Ranks are uniform for independent draws: NUTS on the joint density needs more for 99 of them.
  const settings =
    method.name === 'nuts' ? { chains: 2, warmup: 600, draws: 1500 } : { chains: 2, warmup: 300, draws: 500 };
  const threads = { count: 1, starters: undefined };
  const task = { model, rebuild, method, settings, seed: 1, device: cpuDevice(), threads };
  const all: Simulation[] = [];
  const started = performance.now();
  for (let index = 0; index < count; index++) all.push(await simulateAndFit(task, index, new AbortController().signal));
  const seconds = (performance.now() - started) / 1000;
  const fitted = all.filter(({ failure }) => failure === undefined);
  const figures = calibrationFigures(rankClasses(model, fitted), RANKED_DRAWS + 1);
  const shares = figures.classes.map(({ site, coverage90, coverage90Error }): [string, string] => [
    site,
    `${(100 * coverage90).toFixed(1)} ± ${(100 * coverage90Error).toFixed(1)}`,
  ]);
  return {
    method: method.title,
    coverage: new Map(shares),
    ranks: figures.checks[0].status,
    failed: String(all.length - fitted.length),
    seconds: (seconds / count).toFixed(2),
  };
}
