// How the chains of a fit share the threads: small programs by chains, large ones by rows.
import {
  type Draw,
  type ModelDensity,
  type SampleResult,
  type SampleSettings,
  SamplingRun,
  type Snapshot,
  traceDensity,
} from '../../inference/index.js';
import { startThreads } from '../../kernels/adapters/nodeThreads.js';
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Model } from '../../models/model.js';
import { ChainThreads, divideChains } from './chainThreads.js';

export interface ChainListener {
  readonly onDraw: (draw: Draw) => void;
  /** Called when the draws handed out so far are exactly those that the snapshot has behind it. */
  readonly onCheckpoint: (snapshot: Snapshot) => void;
}

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly resume: Snapshot | undefined;
  /** Milliseconds between checkpoints, at least. */
  readonly checkpointInterval: number;
}

/** A compiled density and the threads that its chains will run on. */
export interface Chains {
  readonly dimension: number;
  readonly threads: number;
  /** Of all copies of the program together. */
  readonly memoryBytes: number;
  readonly precision: 'double' | 'single';
  /** How the work is divided, in words. */
  readonly division: string;
  run(settings: SampleSettings, listener: ChainListener, options: RunOptions): Promise<SampleResult>;
  /** Ends the threads, whatever they are doing; more than once does no harm. */
  dispose(): Promise<void>;
}

/**
 * Data that one evaluation reads, up to which every thread evaluates its own chains from its own copy: it fits in a core's
 * cache, and then the sampler's arithmetic runs on all threads too. Larger data are read once for all chains, by all threads.
 */
const mostDataBytes = 4 * 2 ** 20;

export async function compileChains(
  model: Model,
  options: { readonly chains: number; readonly threads: number; readonly precision: 'double' | 'single' },
): Promise<Chains> {
  const { chains, threads, precision } = options;
  const traced = traceDensity(model);
  const parts = divideChains(chains, threads);
  if (parts.length === 1 || traced.dataBytes > mostDataBytes) {
    const density = await traced.compile(cpuDevice({ threads, precision, startThreads }), chains);
    return {
      dimension: density.dimension,
      threads,
      memoryBytes: density.memoryBytes,
      precision,
      division: threads === 1 ? '1 thread' : `${threads} threads, which divide the rows`,
      run: (settings, listener, options) => sampleHere(density, settings, listener, options),
      dispose: () => density.dispose(),
    };
  }
  const chainThreads = new ChainThreads(chains, threads);
  const lanes = Math.max(...parts.map(({ count }) => count));
  const density = await traced.compile(cpuDevice({ precision }), lanes).catch(async (error: unknown) => {
    await chainThreads.dispose();
    throw error;
  });
  return {
    dimension: density.dimension,
    threads: parts.length,
    memoryBytes: density.memoryBytes * (parts.length + 1),
    precision,
    division: `${parts.length} threads, which divide the chains`,
    run: (settings, listener, options) => chainThreads.run(density.portable!, settings, listener, options),
    dispose: async () => {
      await chainThreads.dispose();
      await density.dispose();
    },
  };
}

async function sampleHere(
  density: ModelDensity,
  settings: SampleSettings,
  { onDraw, onCheckpoint }: ChainListener,
  { signal, resume, checkpointInterval }: RunOptions,
): Promise<SampleResult> {
  let lastCheckpoint = performance.now();
  const listener = {
    onDraw: (draw: Draw) => {
      onDraw(draw);
      if (performance.now() - lastCheckpoint < checkpointInterval) return;
      onCheckpoint(run.snapshot());
      lastCheckpoint = performance.now();
    },
  };
  const run: SamplingRun = new SamplingRun(density, settings, listener, resume);
  return await run.run(signal);
}
