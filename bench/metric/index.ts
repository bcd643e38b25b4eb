// Benchmark `metric`: effective draws per gradient of the slowest dimension with a diagonal, a dense and a low-rank metric.
import { essBulk } from '../../src/diagnostics/index.js';
import type { BatchedLogDensity, MetricKind, SampleSettings } from '../../src/inference/index.js';
import { compileDensity, modelSettings, sample } from '../../src/inference/index.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import { benchmarkModel } from '../gradient/model.js';
import { makeProblem } from '../gradient/problem.js';
import { thisMachine } from '../machine.js';
import { median } from '../rounds.js';
import { formatTable } from '../table.js';
import { correlatedGaussian } from './gaussian.js';

const chains = 4;
const seeds = [1, 2, 3];
const length = { warmup: 600, draws: 500 };
const kinds: readonly MetricKind[] = [{ kind: 'diagonal' }, { kind: 'dense' }, { kind: 'lowRank' }];

interface Problem {
  readonly name: string;
  readonly density: BatchedLogDensity;
  readonly settings: SampleSettings;
}

/** Of one run: bulk effective draws of the slowest dimension per thousand gradients, after warm-up and with it; and seconds. */
interface Figures {
  readonly perGradient: number;
  readonly withWarmup: number;
  readonly gradientsPerDraw: number;
  readonly seconds: number;
}

/** Prints a table; option: --json. */
export async function metricBenchmark(options: readonly string[]): Promise<void> {
  const unknown = options.find((option) => option !== '--json');
  if (unknown !== undefined) {
    console.error(`unknown option ${unknown}; option: --json`);
    process.exitCode = 2;
    return;
  }
  const rows: { problem: string; metric: string; figures: Figures; ratio: number }[] = [];
  for (const problem of await problems()) {
    let diagonal: number | undefined;
    for (const metric of kinds) {
      const runs: Figures[] = [];
      for (const seed of seeds) runs.push(await measure(problem, { metric, seed }));
      const figures = medians(runs);
      diagonal ??= figures.perGradient;
      rows.push({ problem: problem.name, metric: metric.kind, figures, ratio: figures.perGradient / diagonal });
    }
  }
  const machine = thisMachine();
  if (options.includes('--json')) {
    console.log(JSON.stringify({ machine, chains, ...length, seeds, rows }, null, 2));
    return;
  }
  const { cpu, cores, loadAverage } = machine;
  console.log(
    `${cpu}, ${cores} cores, load ${loadAverage.toFixed(1)}; ${chains} chains of ${length.warmup} + ${length.draws}`,
  );
  console.log(`NUTS; the slowest dimension's bulk ESS per 1000 gradients, median of ${seeds.length} seeds\n`);
  console.log(
    formatTable(
      ['problem', 'metric', 'ESS/1000', 'with warm-up', 'gradients/draw', 'seconds', 'over diagonal'],
      rows.map(({ problem, metric, figures, ratio }) => [
        problem,
        metric,
        figures.perGradient.toFixed(2),
        figures.withWarmup.toFixed(2),
        figures.gradientsPerDraw.toFixed(1),
        figures.seconds.toFixed(1),
        ratio.toFixed(2),
      ]),
    ),
  );
}

async function problems(): Promise<Problem[]> {
  const model = benchmarkModel(makeProblem({ rows: 1440, markets: 12, unitsPerMarket: 6, coefficients: 3, traits: 2 }));
  const threeLevel = await compileDensity(model, cpuDevice(), chains, 'shortest');
  const gaussian = correlatedGaussian(200, chains);
  return [
    { name: 'Gaussian, 200 dimensions', density: gaussian, settings: {} },
    {
      name: `three-level, ${threeLevel.dimension} dimensions`,
      density: threeLevel,
      settings: modelSettings(model, {}),
    },
  ];
}

async function measure({ density, settings }: Problem, more: SampleSettings): Promise<Figures> {
  const { dimension } = density;
  const draws = Array.from({ length: dimension }, () =>
    Array.from({ length: chains }, () => new Float64Array(length.draws)),
  );
  const begin = performance.now();
  const { chains: results } = await sample(
    density,
    { ...settings, ...length, chains, ...more },
    {
      onDraw: ({ chain, phase, index, position }) => {
        if (phase === 'sampling') position.forEach((value, i) => (draws[i][chain][index] = value));
      },
    },
  );
  const seconds = (performance.now() - begin) / 1000;
  const sum = (of: 'gradientEvaluations' | 'warmupGradientEvaluations'): number =>
    results.reduce((total, result) => total + result![of], 0);
  const gradients = sum('gradientEvaluations');
  const slowest = Math.min(...draws.map((ofDimension) => essBulk(ofDimension)));
  return {
    perGradient: (1000 * slowest) / gradients,
    withWarmup: (1000 * slowest) / (gradients + sum('warmupGradientEvaluations')),
    gradientsPerDraw: gradients / (chains * length.draws),
    seconds,
  };
}

function medians(runs: readonly Figures[]): Figures {
  const of = (name: keyof Figures): number => median(runs.map((run) => run[name]));
  return {
    perGradient: of('perGradient'),
    withWarmup: of('withWarmup'),
    gradientsPerDraw: of('gradientsPerDraw'),
    seconds: of('seconds'),
  };
}
