// A fit from configuration to finished run folder: load, open a device, run on it, and go on after its faults as asked.
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Config, loadConfig, type Overrides } from '../../data/config.js';
import type { DeviceName } from '../../data/configSchema.js';
import { loadDuckDB } from '../../data/duckdb.js';
import { imputationsOf } from '../../data/preparation/imputations.js';
import { InputError } from '../../data/inputError.js';
import { createRunFolder, recordedRun, refuseFinished, type RunFolder } from '../../data/run/runFolder.js';
import { RunStorageError } from '../../data/run/runStorageError.js';
import {
  StartError,
  type MethodName,
  modelSettings,
  positionBlocks,
  type PreparedMethod,
} from '../../inference/index.js';
import { DeviceMemoryError, ShaderCompileError } from '../../kernels/webgpu/errors.js';
import type { Model } from '../../models/model.js';
import { models } from '../../models/registry.js';
import { candidates } from '../devices/candidates.js';
import { chooseDevice, type Target } from '../devices/chooseDevice.js';
import { deviceFault } from '../devices/deviceFault.js';
import { DeviceLossPolicy, vanished } from '../devices/deviceLoss.js';
import { machine } from '../devices/machine.js';
import { openDevice, type OpenDevice } from '../devices/openDevice.js';
import type { GpuFindings } from '../devices/probeGpu.js';
import { Clock } from './clock.js';
import { deviceToOpen } from './devicePeriods.js';
import { finishRun } from './finishRun.js';
import { fitImputations, type ImputedFit } from './imputedFit.js';
import { Interruption } from './interruption.js';
import { type FitJob, loadJob } from './job.js';
import { checkSamePrecision, checkSameRun } from './sameRun.js';
import { type FitOutcome, type FitRun, sampleOnDevice } from './sampleOnDevice.js';
import { nodeStarters } from './threadStarters.js';

export interface FitRequest {
  readonly config: string;
  readonly overrides: Overrides;
  readonly out: string | undefined;
  readonly resume: boolean;
  /** The command as typed, for the record. */
  readonly command: string;
  /** The command that continues the run in a folder, on the same device or on another. */
  readonly resumeCommand: (folder: string, device?: DeviceName) => string;
}

export async function runFit(request: FitRequest, say: (line: string) => void): Promise<FitOutcome> {
  const clock = new Clock();
  void loadDuckDB();
  const config = loadConfig(request.config, models, request.overrides);
  // Drivers answer while the data are read.
  const looksForGpu =
    config.device === 'webgpu' || (config.device === 'auto' && !request.resume && machine.mayHaveGpu());
  const findings = looksForGpu ? machine.probeGpu() : undefined;
  const dir = request.out === undefined ? (config.out ?? resolve(dirname(config.file), 'run')) : resolve(request.out);
  // Before the data are read, which may take long.
  refuseFinished(dir);
  const imputations = imputationsOf(config.data.steps);
  if (imputations === undefined)
    return await fitInto({ config, dir, imputation: 1 }, request, await findings, clock, say);
  const { resume, command, resumeCommand } = request;
  const fit = async (own: ImputedFit): Promise<FitOutcome> => {
    // A run of the series is continued by the command that continues the series.
    const part = {
      ...request,
      resume: true,
      resumeCommand: (_: string, device?: DeviceName) => resumeCommand(dir, device),
    };
    return await fitInto(own, part, await findings, new Clock(), say);
  };
  return await fitImputations(config, dir, imputations, { resume, command }, fit, say);
}

/** Fits one data set into a folder. */
async function fitInto(
  { config, dir, imputation }: ImputedFit,
  request: FitRequest,
  findings: GpuFindings | undefined,
  clock: Clock,
  say: (line: string) => void,
): Promise<FitOutcome> {
  const job = await loadJob(config, request.resume ? methodBefore(dir) : undefined, imputation);
  clock.lap('load');
  const folder = createRunFolder(dir, { resume: request.resume });
  try {
    checkSameRun(folder, job);
    return await fitOnDevices({ job, folder, command: request.command, clock, say }, request, findings);
  } catch (error) {
    throw afterFailure(folder, request, clock, error);
  } finally {
    folder.release();
  }
}

/** The method of the run in a folder: what `auto` chose then, it is now, on whatever device. */
function methodBefore(dir: string): MethodName | undefined {
  const configuration = recordedRun(dir)?.['configuration'] as
    { readonly method?: { readonly name?: MethodName } } | undefined;
  return configuration?.method?.name;
}

/** Leaves no half run behind when the input is wrong; otherwise says where the state is saved. */
function afterFailure(folder: RunFolder, request: FitRequest, clock: Clock, error: unknown): unknown {
  const fault = deviceFault(error);
  if (fault instanceof DeviceMemoryError && !clock.hasSampled) {
    folder.discardNew();
    return new InputError(
      `${firstLine(error)}; use fewer chains, another device (--device cpu), or a GPU with more memory`,
    );
  }
  if (error instanceof InputError || error instanceof StartError) {
    folder.discardNew();
    return error;
  }
  if (error instanceof RunStorageError) return error;
  const next = request.resumeCommand(folder.dir);
  const there = folder.hasCheckpoint
    ? `the state is saved in ${folder.dir}: continue with ${next}`
    : `no state is saved in ${folder.dir} yet: ${next} starts the run again`;
  const elsewhere = fault === undefined ? '' : `, or on the processor with ${request.resumeCommand(folder.dir, 'cpu')}`;
  const shader = fault instanceof ShaderCompileError ? `; its WGSL is in ${saveShader(folder, fault)}` : '';
  return new Error(`${firstLine(error)}${shader}; ${there}${elsewhere}`, { cause: error });
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0].replace(/\.$/, '');

/** The name of a shader that the driver refused, in the run's folder. */
function saveShader({ dir }: RunFolder, { source }: ShaderCompileError): string {
  const path = join(dir, 'refused-shader.wgsl');
  writeFileSync(path, source);
  return path;
}

/** Runs on one device after another: the first as asked, the others as the policy says when one fails. */
async function fitOnDevices(run: FitRun, request: FitRequest, gpus: GpuFindings | undefined): Promise<FitOutcome> {
  const { job, folder, say } = run;
  const { config } = job;
  let device = deviceToOpen(config, request.overrides.device as Config['device'] | undefined, folder.run);
  if (device !== 'auto') checkSamePrecision(folder, device, job);
  const policy = new DeviceLossPolicy(config.onDeviceLoss, machine.retryDelays);
  let why = device === config.device ? `device: ${device}` : 'resumed';
  let interruption: Interruption | undefined;
  try {
    for (let isFirst = true; ; isFirst = false) {
      let target: Target | undefined;
      try {
        const opening = (): Promise<Target> => openTarget(job, device, gpus, say);
        target = await (isFirst ? opening() : vanished(opening()));
        // From here on there is a run to save: before the first line that says so is printed.
        interruption ??= new Interruption();
        const sampled = await sampleOnDevice(run, target, interruption.signal, why);
        if (sampled === undefined) return { folder: folder.dir, status: undefined };
        // What is compiled is let go of before the summaries, which take memory of their own.
        target.open.dispose();
        target = undefined;
        return await finishRun(run, sampled);
      } catch (error) {
        const signal = interruption?.signal;
        if (signal?.aborted && error === signal.reason)
          return { folder: folder.dir, status: undefined, isUnsaved: !folder.hasCheckpoint };
        const fault = deviceFault(error);
        const failed = target?.open.device.name ?? device;
        if (fault === undefined || failed === 'auto') throw error;
        const next = await policy.next(fault, failed, folder.savedCheckpoints, signal);
        if (signal?.aborted) return { folder: folder.dir, status: undefined };
        const from = folder.hasCheckpoint ? 'the last checkpoint' : 'the start';
        say(
          `${firstLine(fault)}; going on ${next === failed ? 'on the same device, opened anew,' : `on ${next}`} from ${from}`,
        );
        why = firstLine(fault);
        device = next;
      } finally {
        await target?.prepared.dispose();
        target?.open.dispose();
      }
    }
  } finally {
    interruption?.dispose();
  }
}

/** Opens a device and compiles the model for it; `auto` compiles for all there are and times them. */
async function openTarget(
  job: FitJob,
  device: Config['device'],
  gpus: GpuFindings | undefined,
  say: (line: string) => void,
): Promise<Target> {
  const { config, model, method } = job;
  const sizes = { chains: config.chains, threads: config.threads ?? machine.coreCount() };
  const prepare = async ({ device }: OpenDevice): Promise<PreparedMethod> => {
    const prepared = await method.method.prepare(model, device, sizes, nodeStarters);
    // Chains with a low-rank metric have their positions on the host: their sites are computed there too.
    return config.method.metric === 'lowRank' && prepared.report ? { ...prepared, report: undefined } : prepared;
  };
  if (device === 'auto') {
    const choice = await chooseDevice(
      candidates(config, gpus, method.method),
      prepare,
      startOf(model),
      config.chains,
      method.method.effort,
    );
    if (choice.line !== undefined) say(choice.line);
    return choice;
  }
  const open = await openDevice(device, config, gpus);
  try {
    return { open, prepared: await prepare(open) };
  } catch (error) {
    open.dispose();
    throw error;
  }
}

/** Where the model would have a chain start, on the unconstrained scale; 0 where it has no idea. */
function startOf(model: Model): Float64Array {
  const start = modelSettings(model, {}).initial?.centre;
  const dimension = positionBlocks(model).reduce((sum, { size }) => sum + size, 0);
  return typeof start === 'object' ? Float64Array.from(start) : new Float64Array(dimension).fill(start ?? 0);
}
