// How the chains of a fit run on a device: on the processor's threads, small programs by chains and large ones by rows; or all on one GPU.
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { StartThreads } from '../../kernels/cpu/executable.js';
import type { Device } from '../../kernels/device.js';
import type { Model } from '../../models/model.js';
import type { Draw, Phase } from '../chain.js';
import { compileReport, type ReportedSites, traceDensity, type TracedDensity } from '../compiledModel.js';
import type { GpuSiteReport } from '../gpu/gpuSiteReport.js';
import type { SitesWanted } from '../siteReport.js';
import type { ModelDensity } from '../portableDensity.js';
import { sample, type SampleResult } from '../sample.js';
import type { SampleSettings } from '../settings.js';
import type { Snapshot } from '../snapshot.js';
import type { ChainWorker } from './chainMessages.js';
import { ChainThreads, divideChains } from './chainThreads.js';
import { timeGradient } from './timeGradient.js';

/** How threads are started where there are any: those that share the rows of a program, and those that draw chains. */
export interface ThreadStarters {
  readonly startThreads: StartThreads;
  readonly startChainWorker: () => ChainWorker;
}

export interface ChainListener {
  readonly onDraw: (draw: Draw) => void;
  /** Whether a draw's position is needed; threads that divide the chains give all of them. */
  readonly wantsDraw?: (chain: number, phase: Phase, index: number) => boolean;
  /** What is needed of a draw's sites, where the options name a report. */
  readonly wantsSites?: (chain: number, phase: Phase, index: number) => SitesWanted;
  /** Called when the draws handed out so far are exactly those that the snapshot has behind it; waited for where no threads divide the chains. */
  readonly onCheckpoint?: (snapshot: Snapshot) => void | Promise<void>;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly resume?: Snapshot;
  /** Milliseconds between checkpoints, at least; default: none. */
  readonly checkpointInterval?: number;
  /** What `Chains.report` has made. */
  readonly report?: GpuSiteReport;
}

/** A compiled density on its device, with the threads that its chains will run on. */
export interface Chains {
  readonly dimension: number;
  /** On the calling thread; to be evaluated before a run only. */
  readonly density: ModelDensity;
  /** Of the host. */
  readonly threads: number;
  readonly memory: ProgramMemory;
  readonly precision: 'double' | 'single';
  /** How the work is divided, in words. */
  readonly division: string;
  /** Milliseconds of one gradient of all chains: the median of a few, when the device is warm. */
  timeGradient(start: ArrayLike<number>): Promise<number>;
  /** Compiles sites that the device reports by itself (`compileReport`); absent where positions are on the host anyway. */
  report?(sites: ReportedSites): Promise<GpuSiteReport | undefined>;
  run(settings: SampleSettings, listener: ChainListener, options: RunOptions): Promise<SampleResult>;
  /** Ends the threads, whatever they are doing; more than once does no harm. */
  dispose(): Promise<void>;
}

interface ChainSizes {
  readonly chains: number;
  /** Threads of the host, at most. */
  readonly threads: number;
  /** The sampler adapts over all chains, which are then not divided; default: it does not. */
  readonly isPooled?: boolean;
}

/** Bytes of a compiled program with its data. */
export interface ProgramMemory {
  /** Of all copies together, in the machine's memory. */
  readonly hostBytes: number;
  /** In the memory of the device; 0 where it has none of its own. */
  readonly deviceBytes: number;
  /** Of one copy, the data's part. */
  readonly dataBytes: number;
}

/**
 * Data that one evaluation reads, up to which every thread evaluates its own chains from its own copy: it fits in a core's
 * cache, and then the sampler's arithmetic runs on all threads too. Larger data are read once for all chains, by all threads.
 */
const mostDataBytes = 4 * 2 ** 20;

/**
 * Compiles the model for all chains. Rejects with what the device throws.
 * @param starters left out: all chains run on the device as it is, from the calling thread
 */
export function compileChains(
  model: Model,
  device: Device,
  sizes: ChainSizes,
  starters?: ThreadStarters,
): Promise<Chains> {
  return compileTraced(traceDensity(model), device, sizes, starters, model);
}

/** The same for a density that is traced already; of sites only where it is that of a model. */
export async function compileTraced(
  traced: TracedDensity,
  device: Device,
  { chains, threads, isPooled }: ChainSizes,
  starters?: ThreadStarters,
  model?: Model,
): Promise<Chains> {
  if (device.name !== 'cpu' || starters === undefined)
    return onOneDevice(await traced.compile(device, chains), device, chains, traced.dataBytes, model);
  const { startThreads, startChainWorker } = starters;
  const { precision } = device;
  const parts = divideChains(chains, threads);
  if (parts.length === 1 || isPooled || traced.dataBytes > mostDataBytes) {
    const density = await traced.compile(cpuDevice({ threads, precision, startThreads }), chains);
    return {
      dimension: density.dimension,
      density,
      threads,
      memory: { hostBytes: density.memoryBytes, deviceBytes: 0, dataBytes: traced.dataBytes },
      precision,
      division: threads === 1 ? '1 thread' : `${threads} threads, which divide the rows`,
      timeGradient: (start) => timeGradient(density, start),
      run: (settings, listener, options) => sample(density, settings, listener, options),
      dispose: () => density.dispose(),
    };
  }
  const chainThreads = new ChainThreads(chains, threads, startChainWorker);
  const lanes = Math.max(...parts.map(({ count }) => count));
  const density = await traced.compile(cpuDevice({ precision }), lanes).catch(async (error: unknown) => {
    await chainThreads.dispose();
    throw error;
  });
  return {
    dimension: density.dimension,
    density,
    threads: parts.length,
    memory: {
      hostBytes: density.memoryBytes * (parts.length + 1),
      deviceBytes: 0,
      dataBytes: traced.dataBytes,
    },
    precision,
    division: `${parts.length} threads, which divide the chains`,
    timeGradient: (start) => chainThreads.timeGradient(density.portable!, start),
    run: (settings, listener, options) => chainThreads.run(density.portable!, settings, listener, options),
    dispose: async () => {
      await chainThreads.dispose();
      await density.dispose();
    },
  };
}

/** All chains in one batch, with the sampler's state where the density keeps it. */
function onOneDevice(density: ModelDensity, device: Device, chains: number, dataBytes: number, model?: Model): Chains {
  // What the processor holds in doubles the device holds in singles.
  const ownBytes = device.precision === 'single' ? dataBytes / 2 : dataBytes;
  const [hostBytes, deviceBytes] = device.name === 'cpu' ? [density.memoryBytes, 0] : [0, density.memoryBytes];
  return {
    dimension: density.dimension,
    density,
    threads: 1,
    memory: { hostBytes, deviceBytes, dataBytes: ownBytes },
    precision: device.precision,
    division: 'all chains in one batch',
    timeGradient: (start) => timeGradient(density, start),
    ...(density.resident &&
      model && { report: (sites: ReportedSites) => compileReport(model, device, density, chains, sites) }),
    run: (settings, listener, options) => sample(density, settings, listener, options),
    dispose: () => density.dispose(),
  };
}
