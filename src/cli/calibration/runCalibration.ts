// A calibration from configuration to page: simulate from the prior, refit, rank; again and again, saved after every one.
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { loadConfig, type Overrides } from '../../data/config.js';
import { InputError } from '../../data/inputError.js';
import { lockRunFolder } from '../../data/run/runLock.js';
import { replaceFile } from '../../data/run/atomicFile.js';
import { toJson } from '../../data/run/summaryFiles.js';
import { calibrationFigures, worstStatus } from '../../diagnostics/index.js';
import { calibrationRefusal, RANKED_DRAWS, type Simulation, simulateAndFit } from '../../inference/index.js';
import { models } from '../../models/registry.js';
import { renderCalibration } from '../../report/index.js';
import { machine } from '../devices/machine.js';
import { openDevice } from '../devices/openDevice.js';
import { Interruption } from '../fit/interruption.js';
import { type FitJob, loadJob } from '../fit/job.js';
import { methodSettings } from '../fit/methodSettings.js';
import { resolvedConfiguration } from '../fit/runRecord.js';
import { nodeStarters } from '../fit/threadStarters.js';
import { rankClasses } from './rankClasses.js';
import { SimulationLog } from './simulationLog.js';

export interface CalibrationRequest {
  readonly config: string;
  readonly overrides: Overrides;
  readonly simulations: number;
  readonly out: string | undefined;
  readonly resume: boolean;
  /** The command as typed, for the record. */
  readonly command: string;
}

export interface CalibrationOutcome {
  readonly folder: string;
  /** Undefined when it was interrupted; what is simulated is saved. */
  readonly status: 'pass' | 'review' | 'fail' | undefined;
}

/** Throws InputError for a model that cannot be calibrated, or input that is wrong. */
export async function runCalibration(
  request: CalibrationRequest,
  say: (line: string) => void,
): Promise<CalibrationOutcome> {
  const config = loadConfig(request.config, models, request.overrides);
  const job = await loadJob(config);
  const refusal = calibrationRefusal(job.model);
  if (refusal !== undefined) throw new InputError(`calibrate: ${refusal}`);
  const { chains, draws } = job.config;
  if (chains * draws < RANKED_DRAWS)
    throw new InputError(
      `calibrate: ${chains} chains × ${draws} draws are fewer than the ${RANKED_DRAWS} that are ranked`,
    );
  const folder = resolve(request.out ?? join(dirname(config.file), 'calibration'));
  mkdirSync(folder, { recursive: true });
  const release = lockRunFolder(folder);
  try {
    const log = new SimulationLog(folder, identityOf(job), request.resume);
    if (!(await simulate(job, request.simulations, log, say))) return { folder, status: undefined };
    return { folder, status: finish(job, request, folder, log.simulations.slice(0, request.simulations), say) };
  } finally {
    release();
  }
}

/** Adds simulations until there are so many; false when it was interrupted before. */
async function simulate(job: FitJob, count: number, log: SimulationLog, say: (line: string) => void): Promise<boolean> {
  const { config } = job;
  const { chains, draws, seed } = config;
  const interruption = new Interruption();
  const open = await openDevice(config.device === 'auto' ? 'cpu' : config.device, config);
  const task = {
    model: job.model,
    rebuild: job.prepared.rebuild,
    method: job.method.method,
    settings: { ...methodSettings(job), chains, draws: draws * config.method.thin },
    seed,
    device: open.device,
    threads: { count: config.threads ?? machine.coreCount(), starters: nodeStarters },
  };
  const started = performance.now();
  const before = log.simulations.length;
  try {
    for (let index = before; index < count; index++) {
      const simulation = await simulateAndFit(task, index, interruption.signal);
      log.add(simulation);
      const seconds = (performance.now() - started) / 1000;
      const left = (seconds / (index + 1 - before)) * (count - index - 1);
      say(`simulation ${index + 1}/${count}${failureOf(simulation)}, about ${Math.ceil(left)} s left`);
    }
    return true;
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    return false;
  } finally {
    interruption.dispose();
    open.dispose();
  }
}

const failureOf = ({ failure }: Simulation): string => (failure === undefined ? '' : `, failed: ${failure}`);

/** What the ranks depend on. */
function identityOf(job: FitJob): Record<string, unknown> {
  const { model, method, precision, chains, warmup, draws, seed } = resolvedConfiguration(job);
  const settings = { model, method, precision, chains, warmup, draws, seed };
  return { ...settings, dataFingerprint: job.fingerprint };
}

function finish(
  job: FitJob,
  { command }: CalibrationRequest,
  folder: string,
  all: readonly Simulation[],
  say: (line: string) => void,
): 'pass' | 'review' | 'fail' {
  const { prepared, method } = job;
  const { model } = prepared;
  const fitted = all.filter(({ failure }) => failure === undefined);
  const failures = all.flatMap(({ index, failure }) => (failure === undefined ? [] : [{ index, reason: failure }]));
  if (fitted.length === 0) throw new Error(`all ${all.length} fits failed: ${failures[0].reason}`);
  const figures = calibrationFigures(rankClasses(model, fitted), RANKED_DRAWS + 1);
  const record = {
    model: model.name,
    method: method.method.name,
    seed: job.config.seed,
    command,
    failures,
    ...figures,
  };
  replaceFile(join(folder, 'calibration.json'), Buffer.from(`${toJson(record, 1)}\n`));
  const page = renderCalibration({
    title: `Calibration of ${method.method.title}: ${model.name} model`,
    model: model.name,
    method: method.method.title,
    command,
    figures,
    failures,
  });
  replaceFile(join(folder, 'calibration.html'), Buffer.from(page));
  for (const { site, coverage90, coverage90Error } of figures.classes)
    say(`${site}: 90 % intervals hold ${(100 * coverage90).toFixed(1)} % (± ${(100 * coverage90Error).toFixed(1)})`);
  for (const { status, name, detail } of figures.checks) say(`${status}: ${name}: ${detail}`);
  return worstStatus(figures.checks.map(({ status }) => status));
}
