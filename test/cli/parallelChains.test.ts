// Chains on threads: the draws of one thread bit for bit, through checkpoints, interruption and resumption; failures come through.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startChainWorker } from '../../src/cli/fit/threadStarters.js';
import { ChainThreads, divideChains } from '../../src/inference/threads/chainThreads.js';
import { DrawSink } from '../../src/cli/fit/drawSink.js';
import { runFit } from '../../src/cli/fit/runFit.js';
import {
  compileDensity,
  type Draw,
  InitialisationError,
  type PortableDensity,
  sample,
  type SampleResult,
  type SampleSettings,
  type Snapshot,
} from '../../src/inference/index.js';
import { adoptDensity } from '../../src/inference/portableDensity.js';
import * as nodeWorkers from '../../src/kernels/adapters/nodeWorker.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import { defineModel } from '../../src/models/model.js';
import { temporaryFolder } from '../data/inputFiles.js';

const { folder } = temporaryFolder();
let made = 0;
const fresh = () => join(folder, `run-${made++}`);

afterEach(() => vi.restoreAllMocks());

// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own object
const writeDraw = DrawSink.prototype.write;

/** 4 products × 5 markets × 6 weeks, written with the configuration of a short fit. */
function writeInput(): Record<'config' | 'nuts' | 'lowRank', string> {
  const rows = ['product,market,week,sales,price'];
  for (let p = 0; p < 4; p++) {
    for (let m = 0; m < 5; m++) {
      for (let t = 0; t < 6; t++) {
        const price = Math.sin(1 + 3 * p + 5 * m + 7 * t);
        const sales = 2 + 0.3 * p - 0.2 * m - (1 + 0.1 * m) * price + 0.5 * Math.sin(11 * t + 13 * p + 17 * m);
        rows.push([`p${p}`, `m${m}`, t, sales, price].join(','));
      }
    }
  }
  writeFileSync(join(folder, 'sales.csv'), rows.join('\n'));
  const [config, nuts, lowRank] = ['config', 'nuts', 'low-rank'].map((name) => join(folder, `${name}.yaml`));
  const text =
    'data: { file: sales.csv }\n' +
    'model: { name: three-level, response: sales, product: product, market: market, time: week, x: [price] }\n';
  writeFileSync(config, text);
  writeFileSync(nuts, `${text}method: nuts\n`);
  writeFileSync(lowRank, `${text}method: { name: nuts, metric: lowRank }\n`);
  return { config, nuts, lowRank };
}

const { config, nuts, lowRank } = writeInput();
const length = { warmup: 150, draws: 120, seed: 5 };

function fitWith(
  threads: number,
  out: string,
  more: { chains?: number; draws?: number; resume?: boolean; config?: string } = {},
) {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const { chains = 3, draws = length.draws, resume = false } = more;
  const overrides = { ...length, chains, draws, threads };
  return runFit(
    { config: more.config ?? config, out, resume, overrides, command: 'hierax fit', resumeCommand: () => 'hierax fit' },
    () => undefined,
  );
}

/** Every file of the store, by name, in base64. */
function storedFiles(out: string): Record<string, string> {
  const store = join(out, 'posterior.zarr');
  const names = readdirSync(store, { recursive: true, encoding: 'utf8' }).sort();
  const files = names.filter((name) => statSync(join(store, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(store, name), 'base64')]));
}

interface Diagnostics {
  readonly threads: number;
  readonly gradientEvaluations: number;
  readonly seconds: Readonly<Record<'load' | 'compile' | 'warmup' | 'sampling' | 'total', number>>;
}

const jsonOf = (out: string, name: string): unknown => JSON.parse(readFileSync(join(out, name), 'utf8'));
const diagnosticsOf = (out: string) => jsonOf(out, 'diagnostics.json') as Diagnostics;

describe('a fit on threads', () => {
  it('stores the bytes that one thread stores, and says the same of them', async () => {
    const [one, two, three] = [fresh(), fresh(), fresh()];
    await fitWith(1, one);
    await fitWith(2, two);
    await fitWith(3, three);
    const stored = storedFiles(one);
    expect(Object.keys(stored).filter((name) => name.startsWith('posterior/beta/c'))).toHaveLength(3);
    expect(storedFiles(two)).toEqual(stored);
    expect(storedFiles(three)).toEqual(stored);
    expect(jsonOf(two, 'summary.json')).toEqual(jsonOf(one, 'summary.json'));
    const [alone, divided] = [diagnosticsOf(one), diagnosticsOf(two)];
    expect(divided.gradientEvaluations).toBe(alone.gradientEvaluations);
    expect([alone.threads, divided.threads, diagnosticsOf(three).threads]).toEqual([1, 2, 3]);
    for (const { seconds } of [alone, divided]) {
      const { load, compile, warmup, sampling, total } = seconds;
      expect(Math.min(load, compile, warmup, sampling)).toBeGreaterThan(0);
      expect(load + compile + warmup + sampling).toBeLessThanOrEqual(total);
    }
  });

  it('with a low-rank metric stores the same bytes too, and others than with a diagonal one', async () => {
    const [one, two, diagonal] = [fresh(), fresh(), fresh()];
    await fitWith(1, one, { config: lowRank });
    await fitWith(2, two, { config: lowRank });
    await fitWith(1, diagonal, { config: nuts });
    expect(storedFiles(two)).toEqual(storedFiles(one));
    expect(storedFiles(one)).not.toEqual(storedFiles(diagonal));
  });

  it('stopped by a signal and resumed with another number of threads gives the bytes of an unbroken run', async () => {
    const [unbroken, broken] = [fresh(), fresh()];
    // Long enough that threads which run ahead of the main thread are not done when they are told to stop.
    const long = { chains: 4, draws: 2000 };
    await fitWith(2, unbroken, long);
    for (const [threads, stopAfter] of [
      [2, 30],
      [1, 300],
      [2, 900],
    ]) {
      let left = stopAfter;
      vi.spyOn(DrawSink.prototype, 'write').mockImplementation(function (this: DrawSink, draw) {
        writeDraw.call(this, draw);
        if (--left === 0) process.emit('SIGINT');
      });
      const { status } = await fitWith(threads, broken, { ...long, resume: true });
      expect(status).toBeUndefined();
    }
    vi.restoreAllMocks();
    const { status } = await fitWith(2, broken, { ...long, resume: true });
    expect(status).toBeDefined();
    expect(storedFiles(broken)).toEqual(storedFiles(unbroken));
    expect(diagnosticsOf(broken).gradientEvaluations).toBe(diagnosticsOf(unbroken).gradientEvaluations);
  });
});

/** A density of two unknowns and ten numbers. */
async function portable(lanes: number): Promise<PortableDensity> {
  const model = defineModel({
    name: 'normal',
    data: { y: Float64Array.from({ length: 10 }, (_, i) => Math.sin(i)) },
    parameters: { mu: { dims: [], constraint: { kind: 'real' } }, tau: { dims: [], constraint: { kind: 'positive' } } },
    logPrior: ({ mu, tau }) => mu.square().add(tau.square()).mul(-0.5),
    logLikelihood: ({ mu, tau }, { y }) => y.sub(mu).div(tau).square().mul(-0.5).sub(tau.log()),
  });
  const density = await compileDensity(model, cpuDevice(), lanes);
  return density.portable!;
}

/** Draws of each chain as text that shows every bit, and the snapshots that came between them with the counts so far. */
function recorder(chains: number) {
  const draws: string[][] = Array.from({ length: chains }, () => []);
  const snapshots: { readonly snapshot: Snapshot; readonly counts: readonly number[] }[] = [];
  const onDraw = ({ chain, phase, index, position, info }: Draw): void =>
    void draws[chain].push(JSON.stringify([phase, index, ...position, info]));
  const onCheckpoint = (snapshot: Snapshot): void =>
    void snapshots.push({ snapshot, counts: draws.map((chain) => chain.length) });
  return { draws, snapshots, onDraw, onCheckpoint };
}

type RunArguments = Parameters<ChainThreads['run']>;

async function sampleOnThreads(
  density: PortableDensity,
  settings: SampleSettings & { readonly chains: number },
  threads: number,
  listener: RunArguments[2],
  options: RunArguments[3],
): Promise<SampleResult> {
  const run = new ChainThreads(settings.chains, threads, startChainWorker);
  try {
    return await run.run(density, settings, listener, options);
  } finally {
    await run.dispose();
  }
}

const settings: SampleSettings & { readonly chains: number } = { chains: 3, warmup: 3000, draws: 9000, seed: 3 };
const options = () => ({ signal: new AbortController().signal, resume: undefined, checkpointInterval: 60_000 });

describe('chains on threads', () => {
  it('are divided in order and evenly', () => {
    expect(divideChains(4, 2)).toEqual([
      { first: 0, count: 2 },
      { first: 2, count: 2 },
    ]);
    expect(divideChains(3, 2).map(({ count }) => count)).toEqual([2, 1]);
    expect(divideChains(2, 8).map(({ first }) => first)).toEqual([0, 1]);
    expect(divideChains(7, 3).reduce((sum, { count }) => sum + count, 0)).toBe(7);
  });

  it('draw what one thread draws; every checkpoint matches the draws before it and continues the run', async () => {
    const density = await portable(2);
    const whole = recorder(3);
    const alone = await sample(adoptDensity(await portable(4)), settings, { onDraw: whole.onDraw });
    const divided = recorder(3);
    const result = await sampleOnThreads(density, settings, 2, divided, { ...options(), checkpointInterval: 0 });
    expect(divided.draws).toEqual(whole.draws);
    expect(result).toEqual(alone);
    expect(divided.snapshots.length).toBeGreaterThan(1);
    for (const { snapshot, counts } of divided.snapshots) {
      expect(snapshot.chains.map((chain) => chain?.transitions ?? 0)).toEqual(counts);
    }
    const { snapshot, counts } = divided.snapshots[Math.floor(divided.snapshots.length / 2)];
    const rest = recorder(3);
    await sampleOnThreads(density, settings, 3, rest, { ...options(), resume: snapshot });
    expect(rest.draws).toEqual(whole.draws.map((chain, c) => chain.slice(counts[c])));
  });

  it('stop when asked before the first draw', async () => {
    const run = recorder(3);
    const result = await sampleOnThreads(await portable(2), settings, 2, run, {
      ...options(),
      signal: AbortSignal.abort(),
    });
    expect(result.isComplete).toBe(false);
  });

  it('pass on a start that fails, with its fields and the name of the parameter', async () => {
    const named = { ...settings, parameterNameOf: (dimension: number) => `parameter ${dimension}` };
    const initial = {
      positions: [
        [0, 0],
        [0, 0],
        [0, 1e3],
      ],
    };
    const run = sampleOnThreads(await portable(2), { ...named, initial }, 2, recorder(3), options());
    const error = await run.then(
      () => undefined,
      (failure: unknown) => failure,
    );
    expect(error).toBeInstanceOf(InitialisationError);
    expect(error).toMatchObject({ chain: 2, attempts: 1, parameter: 'parameter 1', dimension: 1, value: 1e3 });
  });

  it('pass on settings out of range and what the listener throws', async () => {
    const density = await portable(2);
    const bad = sampleOnThreads(density, { ...settings, maxTreeDepth: 0 }, 2, recorder(3), options());
    await expect(bad).rejects.toThrow(RangeError);
    const onDraw = () => {
      throw new Error('disk full');
    };
    const full = sampleOnThreads(density, settings, 2, { ...recorder(3), onDraw }, options());
    await expect(full).rejects.toThrow('disk full');
  });

  it('say so when a thread is lost', async () => {
    const workers: Worker[] = [];
    const start = nodeWorkers.nodeWorker;
    vi.spyOn(nodeWorkers, 'nodeWorker').mockImplementation((...given) => {
      workers.push(start(...given));
      return workers.at(-1)!;
    });
    let isFirst = true;
    const onDraw = (): void => {
      if (isFirst) void workers[1].terminate();
      isFirst = false;
    };
    const listener = { onDraw, onCheckpoint: () => undefined };
    const lost = sampleOnThreads(await portable(2), { ...settings, draws: 1e6 }, 2, listener, options());
    await expect(lost).rejects.toThrow(/a thread that draws chains has ended .* --resume/);
  });
});
