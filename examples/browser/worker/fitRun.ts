// One fit from the CSV file to its summary, in the worker: read, check, compile, sample with live draws, summarise.
import type { CsvHeader } from '../../../src/data/csvHeader.js';
import { threeLevelColumns, threeLevelData } from '../../../src/data/threeLevelData.js';
import {
  GROUP_LIMITS,
  POPULATION_LIMITS,
  RunningEbfmi,
  runChecks,
  type SamplerStatistics,
} from '../../../src/diagnostics/index.js';
import { compileQuantity, type Draw, type MethodResult } from '../../../src/inference/index.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import { threeLevelModel } from '../../../src/models/threeLevel/threeLevel.js';
import type { FitResult, FitSettings, FromWorker, SummaryRow } from '../messages.js';
import { modelColumns } from '../roles.js';
import { readCsv } from './csvTable.js';
import { openTarget } from './devices.js';
import { DrawStore } from './drawStore.js';
import { LiveDraws } from './liveDraws.js';

export interface FitJob {
  readonly file: File;
  readonly header: CsvHeader;
  readonly truth: ReadonlyMap<string, number> | undefined;
  readonly settings: FitSettings;
  readonly signal: AbortSignal;
}

/** Fewest draws of a chain that say anything. */
const fewestDraws = 10;
const maxTreeDepth = 10;

/** Runs a fit and posts what the page is to show. Throws InputError for data and choices that do not suit. */
export async function runFit(job: FitJob, post: (message: FromWorker) => void): Promise<void> {
  const { file, header, truth, settings, signal } = job;
  const { chains, warmup, draws, seed, covariance } = settings;
  const clock = new Clock();
  const say = (text: string): void => post({ kind: 'stage', text });
  const columns = modelColumns(settings.roles, settings.standardise);
  const table = await readCsv(file, header, threeLevelColumns(columns), (share) =>
    say(`reading ${file.name}: ${Math.round(100 * share)} %`),
  );
  say('checking the data');
  const data = threeLevelData(table, columns);
  const model = threeLevelModel(data, { covariance: { product: covariance, market: covariance } });
  const read = clock.lap();

  say('compiling the model');
  const quantities = await compileQuantity(model, cpuDevice(), 'sites');
  const target = await openTarget(settings.device, model, chains);
  const { device } = target;
  try {
    const store = new DrawStore(model, quantities, chains, draws);
    const compile = clock.lap();
    post({
      kind: 'begun',
      begin: {
        rows: data.rows,
        units: data.units.count,
        markets: data.markets?.names.length ?? null,
        dimension: target.prepared.dimension,
        scalars: store.population.map(({ name }) => name),
        chains,
        warmup,
        draws,
        device,
      },
    });
    const live = new LiveDraws(warmup, (batch) => post({ kind: 'draws', batch }));
    const counter = new SamplerCounter(chains);
    let warmupSeconds = 0;
    const sampling = { chains, warmup, draws, seed, maxTreeDepth };
    const result = await target.prepared.run(
      sampling,
      {
        onDraw: (given) => {
          // NUTS tells everything of a draw.
          const draw = given as Draw;
          if (draw.phase === 'warmup') warmupSeconds = clock.sinceLap();
          store.take(draw);
          live.take(
            draw,
            store.population.map(({ place }) => store.values[place]),
          );
          counter.count(draw);
        },
      },
      { signal },
    );
    live.flush();
    const sampled = clock.lap();
    const drawsPerChain = store.drawsPerChain;
    const rows =
      drawsPerChain < fewestDraws
        ? []
        : store.summarise(truth, (done, of) =>
            say(`summarising: ${done.toLocaleString('en')} of ${of.toLocaleString('en')}`),
          );
    post({
      kind: 'finished',
      result: {
        isComplete: result.isComplete,
        drawsPerChain,
        rows,
        note: store.note,
        checks: checksOf(rows, counter.statistics(drawsPerChain)),
        divergences: counter.divergences,
        gradientEvaluations: gradientsOf(result),
        device,
        seconds: { read, compile, warmup: warmupSeconds, sampling: sampled - warmupSeconds, summary: clock.lap() },
      },
    });
  } finally {
    await target.dispose();
    await quantities.dispose();
  }
}

function checksOf(rows: readonly SummaryRow[], sampler: SamplerStatistics): FitResult['checks'] {
  if (rows.length === 0) return [];
  const level = (wanted: SummaryRow['level']): SummaryRow[] => rows.filter(({ level }) => level === wanted);
  const groups = level('group');
  const population = { label: 'population', limits: POPULATION_LIMITS, scalars: level('population') };
  if (groups.length === 0) return runChecks([population], sampler);
  return runChecks([population, { label: 'groups', limits: GROUP_LIMITS, scalars: groups }], sampler);
}

const gradientsOf = ({ chains }: MethodResult): number => chains.reduce((sum, chain) => sum + (chain?.effort ?? 0), 0);

/** What the sampler told of itself after warm-up. */
class SamplerCounter {
  private readonly ebfmi: RunningEbfmi;
  private readonly divergent: number[];
  private readonly atMaxDepth: number[];

  constructor(chains: number) {
    this.ebfmi = new RunningEbfmi(chains);
    this.divergent = new Array<number>(chains).fill(0);
    this.atMaxDepth = new Array<number>(chains).fill(0);
  }

  count({ phase, chain, info }: Draw): void {
    if (phase === 'warmup') return;
    this.ebfmi.push(chain, info.energy);
    if (info.isDivergent) this.divergent[chain]++;
    if (info.reachedMaxTreeDepth) this.atMaxDepth[chain]++;
  }

  get divergences(): number {
    return this.divergent.reduce((sum, count) => sum + count, 0);
  }

  statistics(drawsPerChain: number): SamplerStatistics {
    return {
      drawsPerChain,
      divergences: this.divergent,
      maxTreeDepthHits: this.atMaxDepth,
      maxTreeDepth,
      ebfmi: this.ebfmi.values(),
    };
  }
}

class Clock {
  private last = performance.now();

  /** Seconds since the last lap. */
  sinceLap(): number {
    return (performance.now() - this.last) / 1000;
  }

  lap(): number {
    const seconds = this.sinceLap();
    this.last = performance.now();
    return seconds;
  }
}
