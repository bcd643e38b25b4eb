// A fit from configuration to finished run folder: load, compile, sample with checkpoints, summarise, check, report.
import { dirname, resolve } from 'node:path';
import { loadDuckDB } from '../../data/duckdb.js';
import type { Overrides } from '../../data/config.js';
import { InputError } from '../../data/inputError.js';
import { openPosterior } from '../../data/run/posteriorReader.js';
import { type Checkpoint, createRunFolder, type RunFolder } from '../../data/run/runFolder.js';
import { RunStorageError } from '../../data/run/runStorageError.js';
import { toJson } from '../../data/run/summaryFiles.js';
import { writeConstantGroup } from '../../data/run/zarrFiles.js';
import { type SamplerStatistics, samplerStatistics, worstStatus } from '../../diagnostics/index.js';
import {
  compileQuantity,
  type Draw,
  InitialisationError,
  modelSettings,
  positionBlocks,
  type SampleResult,
  type SampleSettings,
  type Snapshot,
} from '../../inference/index.js';
import { coreCount } from '../../kernels/adapters/nodeThreads.js';
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import { dataChecks } from './dataChecks.js';
import { DrawSink, type SavedState, scalarCount } from './drawSink.js';
import { Interruption } from './interruption.js';
import { type FitJob, loadJob } from './job.js';
import { ObservationWriter } from './observationGroups.js';
import { PredictiveCollector } from './predictiveCheck.js';
import { Progress } from './progress.js';
import { estimateNeeds, stateNeeds } from './resources.js';
import { resolvedConfiguration, runRecord } from './runRecord.js';
import { type Chains, compileChains } from './sampleChains.js';
import { writeReportRecord } from './reportRecord.js';
import { convergenceChecks, summariseRun, summaryEntries, unstoredNames, writeSummaryTable } from './summaries.js';

export interface FitRequest {
  readonly config: string;
  readonly overrides: Overrides;
  readonly out: string | undefined;
  readonly resume: boolean;
  /** The command as typed, for the record. */
  readonly command: string;
}

export interface FitOutcome {
  readonly folder: string;
  /** Worst status of all checks; undefined when the fit was interrupted (its state is saved). */
  readonly status: 'pass' | 'review' | 'fail' | undefined;
}

/** Milliseconds between checkpoints. */
const checkpointInterval = 15_000;
/** Warm-up draws are stored as long as they take no more than this. */
const warmupBytes = 256 * 2 ** 20;

export async function runFit(request: FitRequest, say: (line: string) => void): Promise<FitOutcome> {
  const clock = new Clock();
  void loadDuckDB();
  const job = await loadJob(request.config, request.overrides);
  const { config } = job;
  const dir = request.out === undefined ? (config.out ?? resolve(dirname(config.file), 'run')) : resolve(request.out);
  clock.lap('load');
  const folder = createRunFolder(dir, { resume: request.resume });
  try {
    if (folder.status === 'finished') {
      throw new InputError(`${dir} already holds a finished run: see its report, or choose another --out`);
    }
    return await fitInFolder(job, folder, request, clock, say);
  } catch (error) {
    throw afterFailure(folder, error);
  } finally {
    folder.release();
  }
}

/** Leaves no half run behind when the input is wrong; otherwise says where the state is saved. */
function afterFailure(folder: RunFolder, error: unknown): unknown {
  if (error instanceof InputError || error instanceof InitialisationError) {
    folder.discardNew();
    return error;
  }
  if (error instanceof RunStorageError) return error;
  const what = (error instanceof Error ? error.message : String(error)).split('\n')[0].replace(/\.$/, '');
  const next = folder.hasCheckpoint
    ? `the state is saved in ${folder.dir}: continue with --resume`
    : `no state is saved in ${folder.dir} yet: --resume starts the run again`;
  return new Error(`${what}; ${next}`, { cause: error });
}

async function fitInFolder(
  job: FitJob,
  folder: RunFolder,
  request: FitRequest,
  clock: Clock,
  say: (line: string) => void,
): Promise<FitOutcome> {
  const { config, model } = job;
  const checkpoint = folder.status === 'unfinished' ? folder.loadCheckpoint() : undefined;
  checkSameRun(folder, job);
  const threads = config.threads ?? coreCount();
  const chains = await compileChains(model, { chains: config.chains, threads, precision: config.precision });
  // From here on there is a run to save: before the first line that says so is printed.
  const interruption = new Interruption();
  try {
    return await fitCompiled(job, folder, request, chains, checkpoint, interruption.signal, clock, say);
  } finally {
    interruption.dispose();
    await chains.dispose();
  }
}

async function fitCompiled(
  job: FitJob,
  folder: RunFolder,
  request: FitRequest,
  chains: Chains,
  checkpoint: Checkpoint | undefined,
  signal: AbortSignal,
  clock: Clock,
  say: (line: string) => void,
): Promise<FitOutcome> {
  const { config, model, data } = job;
  const plain = cpuDevice({ precision: config.precision });
  const sites = await compileQuantity(model, plain, 'sites');
  const replicate = await compileQuantity(model, plain, 'replicate');
  clock.lap('compile');

  const storedWarmup =
    scalarCount(job.keptSites) * config.chains * config.warmup * 8 <= warmupBytes ? config.warmup : 0;
  const needs = estimateNeeds({
    programBytes: chains.memoryBytes,
    dimension: chains.dimension,
    chains: config.chains,
    maxTreeDepth: config.method.maxTreeDepth,
    storedDraws: config.draws + storedWarmup,
    sites: job.keptSites,
    observations: data.rows * job.keptGroups.length,
  });
  say(
    `${counted(data.rows, 'row')}, ${counted(data.units.count, 'unit')}; ${chains.dimension} parameters; ${stateNeeds(needs, folder.dir)}`,
  );
  say(describeMethod(job, chains.division));
  folder.writeRun(runRecord(job, request.command, { ...plain, threads: chains.threads }));

  const saved = checkpoint?.snapshot as SavedState | undefined;
  clock.resume(saved?.seconds);
  const collected = new Map((saved?.predictive ?? []) as [string, never][]);
  const predictive = new PredictiveCollector(
    replicate,
    chains.dimension,
    data.responseName,
    data.y,
    config.seed,
    config.chains,
    config.draws,
    collected,
  );
  const layout = { chains: config.chains, storedWarmup, draws: config.draws, thin: config.method.thin };
  const openObservations = (counts: readonly number[] | undefined): Promise<ObservationWriter> =>
    ObservationWriter.open(folder.posteriorPath, job, counts);
  const sink = await DrawSink.open(
    folder.posteriorPath,
    model,
    job.keptSites,
    layout,
    sites,
    predictive,
    openObservations,
    checkpoint,
  );
  const observed = { name: data.responseName, shape: [data.rows], dims: ['row'], values: data.y };
  await writeConstantGroup(folder.posteriorPath, 'observed_data', [observed], {});

  const result = await sampleInFolder(job, folder, chains, sink, checkpoint, signal, clock);
  await chains.dispose();
  await sites.dispose();
  await replicate.dispose();
  await sink.dispose();
  if (!result.isComplete) return { folder: folder.dir, status: undefined };
  return await finish(job, folder, { ...plain, threads: chains.threads }, result, sink, predictive, clock, say);
}

/** Runs the sampler, with a checkpoint every few seconds and one more when it ends or is interrupted. */
async function sampleInFolder(
  job: FitJob,
  folder: RunFolder,
  chains: Chains,
  sink: DrawSink,
  checkpoint: Checkpoint | undefined,
  signal: AbortSignal,
  clock: Clock,
): Promise<SampleResult> {
  const { config } = job;
  const progress = new Progress(config.warmup, config.draws * config.method.thin, sink.counts);
  const save = (sampler: Snapshot): void => folder.saveCheckpoint(sink.store, sink.state(sampler, clock.sampler));
  const onDraw = (draw: Draw): void => {
    sink.write(draw);
    progress.count(draw);
    clock.in(draw.phase);
  };
  const resume = (checkpoint?.snapshot as SavedState | undefined)?.sampler;
  const listener = { onDraw, onCheckpoint: save };
  const result = await chains.run(samplerSettings(job), listener, { signal, resume, checkpointInterval });
  progress.finish();
  save(result.snapshot);
  return result;
}

/** Up to this many dimensions a dense metric covers all of them; beyond, the population's. */
const denseEverywhere = 300;

function samplerSettings({ config, model }: FitJob): SampleSettings {
  const { method } = config;
  const blocks = positionBlocks(model);
  const dimension = blocks.reduce((sum, { size }) => sum + size, 0);
  const isGroup = (name: string): boolean => model.sites.some((site) => site.name === name && site.level === 'group');
  const population = blocks.filter(({ name }) => dimension <= denseEverywhere || !isGroup(name));
  const dense = population.flatMap(({ offset, size }) => Array.from({ length: size }, (_, i) => offset + i));
  return modelSettings(model, {
    method: method.name === 'hmc' ? 'hmc' : 'nuts',
    chains: config.chains,
    warmup: config.warmup,
    draws: config.draws * method.thin,
    seed: config.seed,
    targetAcceptance: method.targetAcceptance,
    maxTreeDepth: method.maxTreeDepth,
    metric: method.metric === 'dense' ? { kind: 'block', dense } : { kind: 'diagonal' },
    ...(method.integrationTime !== undefined && { hmc: { integrationTime: method.integrationTime } }),
  });
}

async function finish(
  job: FitJob,
  folder: RunFolder,
  device: { readonly name: string; readonly precision: string; readonly threads: number },
  result: SampleResult,
  sink: DrawSink,
  predictive: PredictiveCollector,
  clock: Clock,
  say: (line: string) => void,
): Promise<FitOutcome> {
  const { config, model, data } = job;
  const summaries = await summariseRun(folder.posteriorPath, model, job.keptSites, config.threads ?? coreCount());
  const unstored =
    sink.moments === undefined ? undefined : { moments: sink.moments, names: unstoredNames(model, job.keptSites) };
  const chains = result.chains.map((chain) => chain!);
  const { statistics: ofStored, energies, acceptanceRate } = await readSamplerStatistics(folder, config.method);
  // Every transition counts, those that thinning leaves out included.
  const statistics = {
    ...ofStored,
    drawsPerChain: config.draws * config.method.thin,
    divergences: chains.map(({ divergences }) => divergences),
    ebfmi: sink.energy.values(),
    maxTreeDepthHits: ofStored.maxTreeDepthHits && chains.map(({ maxTreeDepthHits }) => maxTreeDepthHits),
  };
  const checks = [...convergenceChecks(summaries, statistics, unstored), ...dataChecks(data)];
  folder.writeSummary(summaryEntries(summaries, config.keep));
  await writeSummaryTable(folder.dir, summaries, unstored);
  const gradientEvaluations = chains.reduce((sum, c) => sum + c.gradientEvaluations + c.warmupGradientEvaluations, 0);
  const seconds = clock.report();
  const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
  folder.writeDiagnostics({
    method: config.method.name === 'hmc' ? 'hmc' : 'nuts',
    device: device.name,
    precision: device.precision,
    threads: device.threads,
    chains: config.chains,
    warmup: config.warmup,
    draws: config.draws,
    divergences: statistics.divergences.reduce((sum, count) => sum + count, 0),
    ebfmi: statistics.ebfmi,
    maxTreeDepthHits: statistics.maxTreeDepthHits?.reduce((sum, count) => sum + count, 0) ?? null,
    gradientEvaluations,
    seconds,
    peakMemoryBytes,
    checks,
  });
  writeReportRecord(folder.dir, job, summaries, predictive.result(), {
    ...statistics,
    stepSize: chains.map(({ stepSize }) => stepSize),
    acceptanceRate,
    energies,
  });
  folder.finish();
  const status = worstStatus(checks.map((check) => check.status));
  for (const check of checks) if (check.status !== 'pass') say(`${check.status}: ${check.name}: ${check.detail}`);
  say(
    `${status === 'pass' ? 'all checks pass' : `checks: ${status}`}; ${gradientEvaluations} gradients, ${seconds.total.toFixed(1)} s (warm-up ${seconds.warmup.toFixed(1)}, sampling ${seconds.sampling.toFixed(1)}), peak memory ${(peakMemoryBytes / 1e6).toFixed(0)} MB`,
  );
  return { folder: folder.dir, status };
}

/** What the sampler said of every stored draw. */
async function readSamplerStatistics(
  folder: RunFolder,
  method: { readonly name: string; readonly maxTreeDepth: number },
): Promise<{ statistics: SamplerStatistics; energies: readonly Float64Array[]; acceptanceRate: readonly number[] }> {
  const reader = await openPosterior(folder.posteriorPath, 'sample_stats');
  const energies = await reader.readSite('energy');
  const divergent = await reader.readSite('diverging');
  const treeDepth = method.name === 'hmc' ? null : await reader.readSite('tree_depth');
  const acceptance = await reader.readSite('acceptance_rate');
  const traces = energies.map((energy, chain) => ({
    energy,
    divergent: divergent[chain],
    treeDepth: treeDepth === null ? null : treeDepth[chain],
  }));
  return {
    statistics: samplerStatistics(traces, treeDepth === null ? null : method.maxTreeDepth),
    energies,
    acceptanceRate: acceptance.map((rates) => rates.reduce((sum, rate) => sum + rate / rates.length, 0)),
  };
}

/** A run is continued only with the data, the model and the settings it was begun with. */
function checkSameRun(folder: RunFolder, job: FitJob): void {
  if (folder.run === undefined) return;
  const before = folder.run.dataFingerprint;
  if (before !== undefined && before !== job.fingerprint) {
    throw new InputError(
      `${folder.dir}: this run was begun with other data than now; restore them, or choose another --out`,
    );
  }
  const then = folder.run.configuration as Record<string, unknown>;
  const now = JSON.parse(toJson(resolvedConfiguration(job))) as Record<string, unknown>;
  for (const key of Object.keys(now).filter((key) => key !== 'data')) {
    const [was, is] = [JSON.stringify(then[key]), JSON.stringify(now[key])];
    if (was === is) continue;
    const what = is.startsWith('{') ? `another ${key} than now` : `${key} ${was}, not ${is}`;
    throw new InputError(`${folder.dir}: this run was begun with ${what}; restore it, or choose another --out`);
  }
}

function describeMethod({ config, model }: FitJob, division: string): string {
  const { method } = config;
  const name = method.name === 'hmc' ? 'HMC' : 'NUTS';
  const why =
    method.name === 'auto'
      ? ' (auto: the density is differentiable; the rows enter through per-unit orthogonal factors)'
      : '';
  return `${model.name} by ${name}${why} on cpu, ${config.precision} precision, ${division}: ${config.chains} chains × (${config.warmup} + ${config.draws}${method.thin > 1 ? ` × ${method.thin}` : ''})`;
}

/** Wall-clock seconds by stage; warm-up and sampling go on from a checkpoint. */
class Clock {
  private readonly started = performance.now();
  private last = this.started;
  private readonly stages = { load: 0, compile: 0 };
  readonly sampler = { warmup: 0, sampling: 0 };
  private before = 0;

  lap(stage: 'load' | 'compile'): void {
    this.stages[stage] = this.take();
  }

  resume(saved: SavedState['seconds'] | undefined): void {
    this.take();
    if (saved === undefined) return;
    this.sampler.warmup = saved.warmup;
    this.sampler.sampling = saved.sampling;
    this.before = saved.warmup + saved.sampling;
  }

  in(phase: 'warmup' | 'sampling'): void {
    this.sampler[phase] += this.take();
  }

  report() {
    return { ...this.stages, ...this.sampler, total: (performance.now() - this.started) / 1000 + this.before };
  }

  private take(): number {
    const now = performance.now();
    const seconds = (now - this.last) / 1000;
    this.last = now;
    return seconds;
  }
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
