// The part of a fit that a device carries: state the needs, then sample with checkpoints from where the run stands.
import { preparationLine } from '../../data/preparation/dataReport.js';
import type { Checkpoint, RunFolder } from '../../data/run/runFolder.js';
import { writeConstantGroup } from '../../data/run/zarrFiles.js';
import type { RunningEbfmi, RunningMoments } from '../../diagnostics/index.js';
import {
  type Draw,
  type DrawInfo,
  type MethodResult,
  type MethodSnapshot,
  type Phase,
  type SitesWanted,
} from '../../inference/index.js';
import type { DataSummary } from '../../models/dataSummary.js';
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Device } from '../../kernels/device.js';
import { deviceLabel, precisionOn } from '../devices/openDevice.js';
import type { Target } from '../devices/chooseDevice.js';
import type { Clock } from './clock.js';
import { devicePeriods } from './devicePeriods.js';
import { DrawSink, type SavedState, scalarCount } from './drawSink.js';
import { HeldOutCollector, type HeldOutSummary } from './heldOutRows.js';
import type { FitJob } from './job.js';
import { ObservationWriter } from './observationGroups.js';
import { type PredictiveCheck, PredictiveCollector } from './predictiveCheck.js';
import { Progress } from './progress.js';
import { estimateNeeds, stateNeeds } from './resources.js';
import { openSites } from './siteSources.js';
import { runRecord } from './runRecord.js';
import { methodSettings, superchainsOf, windowBytes } from './methodSettings.js';

/** Milliseconds between checkpoints. */
export const checkpoints = { interval: 15_000 };
/** Bytes of the moments of a scalar in a chain; milliseconds between checkpoints for each megabyte of them. */
const [momentBytes, checkpointPause] = [48, 150];
/** Warm-up draws are stored as long as they take no more than this. */
const warmupBytes = 256 * 2 ** 20;

/** A run under way, whatever device it is on. */
export interface FitRun {
  readonly job: FitJob;
  readonly folder: RunFolder;
  /** The command as typed. */
  readonly command: string;
  readonly clock: Clock;
  readonly say: (line: string) => void;
}

export interface FitOutcome {
  readonly folder: string;
  /** Worst status of all checks; undefined when the fit was interrupted. */
  readonly status: 'pass' | 'review' | 'fail' | undefined;
  /** Interrupted while it looked for where to start: there is no state to save. */
  readonly isUnsaved?: boolean;
}

/** What is left of the sampling when its last draw is stored. It holds no memory of the device or of compiled programs. */
export interface Sampled {
  readonly result: MethodResult;
  readonly device: {
    readonly name: string;
    readonly adapter: string | undefined;
    readonly precision: Device['precision'];
    readonly threads: number;
    readonly memoryBytes: number | undefined;
  };
  /** Moments of the sites that are not stored. */
  readonly moments: RunningMoments | undefined;
  readonly energy: RunningEbfmi;
  readonly predictive: PredictiveCheck | undefined;
  readonly heldOut: HeldOutSummary | undefined;
}

/**
 * Samples from the last checkpoint to the end on one device; undefined when the signal aborted it before.
 * Rejects with the device's faults; with InputError where the memory of machine or device does not do.
 * @param why how the run came to this device, for run.json
 */
export async function sampleOnDevice(
  run: FitRun,
  target: Target,
  signal: AbortSignal,
  why: string,
): Promise<Sampled | undefined> {
  const { job, folder, clock, say } = run;
  const { config, model, prepared: given } = job;
  const { name: response, values: y } = model.observed;
  const { statistics } = job.method.method;
  const { open, prepared } = target;
  const checkpoint = folder.loadCheckpoint();
  // What the device does not report comes from the draw's position in doubles, on the processor.
  const plain = cpuDevice({ precision: precisionOn('cpu', config) });
  const saved = checkpoint?.snapshot as SavedState | undefined;
  const collected = new Map((saved?.predictive ?? []) as [string, never][]);
  const predictive = await PredictiveCollector.open(model, plain, config, collected);
  clock.lap('compile');

  const storedWarmup =
    scalarCount(job.keptSites) * config.chains * config.warmup * 8 <= warmupBytes ? config.warmup : 0;
  const needs = estimateNeeds({
    program: prepared.memory,
    dimension: prepared.dimension,
    chains: config.chains,
    maxTreeDepth: config.method.maxTreeDepth,
    windowBytes: windowBytes(job, prepared.dimension),
    storedDraws: config.draws + storedWarmup,
    sites: job.keptSites,
    summed: model.sites.filter((site) => !job.keptSites.includes(site)),
    isSummedOnDevice: prepared.report !== undefined,
    observations: y.length * job.keptGroups.length,
  });
  say(
    `${sizesOf(given.summary)}; ${prepared.dimension} parameters; ${stateNeeds(needs, deviceLabel(open), folder.dir)}`,
  );
  say(describeMethod(job, target));
  const counts = checkpoint?.counts ?? Array.from({ length: config.chains }, () => ({ warmup: 0, sampling: 0 }));
  if (job.dataReport !== null) say(preparationLine(job.dataReport));
  folder.writeRun(runRecord(job, run.command, target, devicePeriods(folder.run, target, counts, why)));

  if (job.dataReport !== null) folder.writeDataReport(job.dataReport);

  clock.resume(saved?.seconds);
  const heldOut = job.heldOut && (await HeldOutCollector.open(job.heldOut, plain, config, saved?.heldOut));
  const sites = await openSites(model, job.keptSites, config, saved?.moments, prepared, plain, say);
  const layout = { chains: config.chains, storedWarmup, draws: config.draws, thin: config.method.thin, statistics };
  const openObservations = (counts: readonly number[] | undefined): Promise<ObservationWriter> =>
    ObservationWriter.open(folder.posteriorPath, job, counts);
  const sink = await DrawSink.open(
    folder.posteriorPath,
    model,
    job.keptSites,
    layout,
    sites,
    predictive,
    heldOut ?? undefined,
    openObservations,
    checkpoint,
  );
  const observed = { name: response, shape: [y.length], dims: ['row'], values: y };
  await writeConstantGroup(folder.posteriorPath, 'observed_data', [observed], {});

  try {
    const result = await sampleInFolder(run, target, sink, checkpoint, signal);
    if (!result.isComplete) return undefined;
    const { name, precision } = open.device;
    const memoryBytes = open.allocatedBytes();
    return {
      result,
      device: { name, adapter: open.adapter, precision, threads: prepared.threads, memoryBytes },
      moments: sink.moments,
      energy: sink.energy,
      predictive: predictive?.result(),
      heldOut: await heldOut?.finish(folder.dir),
    };
  } finally {
    await prepared.dispose();
    await sites.dispose();
    await predictive?.dispose();
    await heldOut?.dispose();
    await sink.dispose();
  }
}

/** Runs the sampler, with a checkpoint every few seconds and one more when it ends or is interrupted. */
async function sampleInFolder(
  { job, folder, clock }: FitRun,
  { prepared }: Target,
  sink: DrawSink,
  checkpoint: Checkpoint | undefined,
  signal: AbortSignal,
): Promise<MethodResult> {
  const { config } = job;
  const progress = new Progress(
    config.warmup,
    config.draws * config.method.thin,
    sink.counts,
    job.method.method.statistics.includes('leapfrogSteps'),
  );
  const wantsDraw = (_: number, phase: Phase, index: number): boolean => sink.wantsPosition(phase, index);
  const wantsSites = (_: number, phase: Phase, index: number): SitesWanted => sink.wantsSites(phase, index);
  const save = (sampler: MethodSnapshot): void | Promise<void> => {
    const write = (state: SavedState): void => folder.saveCheckpoint(sink.store, state);
    const state = sink.state(sampler, clock.sampler);
    return state instanceof Promise ? state.then(write) : write(state);
  };
  const onDraw = (draw: Draw<DrawInfo>): void => {
    sink.write(draw);
    progress.count(draw);
    clock.in(draw.phase);
  };
  const resume = (checkpoint?.snapshot as SavedState | undefined)?.sampler;
  // Moments of millions of scalars are not written more often than the disk takes them in passing.
  const megabytes = (momentBytes * config.chains * (sink.moments?.dimension ?? 0)) / 1e6;
  const checkpointInterval = Math.max(checkpoints.interval, megabytes * checkpointPause);
  const options = { signal, resume, checkpointInterval, report: sink.report };
  try {
    const listener = { onDraw, wantsDraw, wantsSites, onCheckpoint: save };
    const result = await prepared.run(methodSettings(job), listener, options);
    progress.finish();
    await save(result.snapshot);
    return result;
  } catch (error) {
    progress.finish();
    throw error;
  }
}

function describeMethod(job: FitJob, { open, prepared }: Target): string {
  const { config, model, method } = job;
  const superchains = superchainsOf(job);
  const grouped = superchains > 1 ? ` in ${superchains} superchains` : '';
  const why = method.why === undefined ? '' : ` (auto: ${method.why})`;
  const software = open.isSoftware ? ' (software on the processor: slow)' : '';
  const { thin } = config.method;
  return `${model.name} by ${method.method.title}${why} on ${deviceLabel(open)}${software}, ${prepared.precision} precision, ${prepared.division}: ${config.chains} chains${grouped} × (${config.warmup} + ${config.draws}${thin > 1 ? ` × ${thin}` : ''})`;
}

/** Rows, and the members of the innermost level where there are levels: `200 rows, 1 unit`. */
function sizesOf({ rows, sizes }: DataSummary): string {
  const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
  return [{ name: 'row', count: rows }, ...sizes.slice(0, 1)].map(({ name, count }) => counted(count, name)).join(', ');
}
