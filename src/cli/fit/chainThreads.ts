// Draws the chains of a run on worker threads: each thread some chains; the main thread takes what they post.
import type { Worker } from 'node:worker_threads';
import {
  InitialisationError,
  joinSnapshots,
  type PortableDensity,
  type SampleResult,
  type SampleSettings,
  type Snapshot,
} from '../../inference/index.js';
import { nodeWorker } from '../../kernels/adapters/nodeWorker.js';
import type { ChainWork, FailedStart, FromChains, ToChains } from './chainMessages.js';
import type { ChainListener, RunOptions } from './sampleChains.js';

/** Chains of each of the threads, in order: as many, or one fewer than the others. */
export function divideChains(chains: number, threads: number): { readonly first: number; readonly count: number }[] {
  const parts = Math.min(chains, threads);
  const start = (part: number): number => Math.ceil((part * chains) / parts);
  return Array.from({ length: parts }, (_, part) => ({ first: start(part), count: start(part + 1) - start(part) }));
}

/**
 * Runs all chains of `settings`, divided over `threads` threads; the density needs lanes for the largest part.
 * Rejects with InitialisationError, RangeError, and whatever else a thread or the listener throws. No thread is left then.
 */
export async function sampleOnThreads(
  density: PortableDensity,
  settings: SampleSettings,
  threads: number,
  listener: ChainListener,
  options: RunOptions,
): Promise<SampleResult> {
  const run = new ThreadedRun(density, settings, threads, listener, options);
  try {
    return await run.ended;
  } finally {
    await run.dispose();
  }
}

/** One thread and its chains. */
interface Part {
  readonly worker: Worker;
  /** Messages that came after the part's snapshot, while the snapshots of other parts are awaited. */
  readonly later: FromChains[];
  /** State at the checkpoint under way. */
  snapshot: Snapshot | undefined;
  result: SampleResult | undefined;
}

class ThreadedRun {
  readonly ended: Promise<SampleResult>;
  private readonly parts: readonly Part[];
  private resolve!: (result: SampleResult) => void;
  private reject!: (error: unknown) => void;
  private isOver = false;
  private isSaving = false;
  private lastCheckpoint = performance.now();
  private readonly onAbort = (): void => {
    for (const part of this.parts) tell(part, 'stop');
  };

  constructor(
    private readonly density: PortableDensity,
    private readonly settings: SampleSettings,
    threads: number,
    private readonly listener: ChainListener,
    private readonly options: RunOptions,
  ) {
    this.ended = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.parts = divideChains(settings.chains!, threads).map((range) => {
      const own = { ...settings, part: range, parameterNameOf: undefined };
      return this.start({ density, settings: own, resume: options.resume });
    });
    options.signal.addEventListener('abort', this.onAbort);
    if (options.signal.aborted) this.onAbort();
  }

  async dispose(): Promise<void> {
    this.isOver = true;
    this.options.signal.removeEventListener('abort', this.onAbort);
    await Promise.all(this.parts.map(({ worker }) => worker.terminate()));
  }

  private start(work: ChainWork): Part {
    const worker = nodeWorker(new URL('./chainWorker.js', import.meta.url), work);
    const part: Part = { worker, later: [], snapshot: undefined, result: undefined };
    worker.on('message', (message: FromChains) => {
      if (this.isOver) return;
      try {
        if (part.snapshot === undefined) this.take(part, message);
        else part.later.push(message);
      } catch (error) {
        this.fail(error);
      }
    });
    worker.on('error', (error) => this.fail(error));
    worker.on('exit', (code) => {
      if (part.result !== undefined || part.later.some(({ kind }) => kind === 'ended' || kind === 'failed')) return;
      this.fail(new Error(`a thread that draws chains has ended (exit code ${code}): continue with --resume`));
    });
    return part;
  }

  private take(part: Part, message: FromChains): void {
    switch (message.kind) {
      case 'draws':
        this.takeDraws(message);
        tell(part, 'taken');
        if (performance.now() - this.lastCheckpoint >= this.options.checkpointInterval) this.beginCheckpoint();
        return;
      case 'snapshot':
        part.snapshot = message.snapshot;
        return this.finishCheckpoint();
      case 'ended':
        part.result = message.result;
        if (this.isSaving) part.snapshot = message.result.snapshot;
        this.finishCheckpoint();
        return this.finish();
      case 'failed':
        throw message.start === undefined ? message.error : this.startFailure(message.start);
      default:
        message satisfies never;
    }
  }

  private takeDraws({ draws, positions }: Extract<FromChains, { readonly kind: 'draws' }>): void {
    const { dimension } = this.density;
    for (const [i, draw] of draws.entries()) {
      this.listener.onDraw({ ...draw, position: positions.subarray(i * dimension, (i + 1) * dimension) });
    }
  }

  /** Asks every thread for its state; one that has ended has given it. */
  private beginCheckpoint(): void {
    if (this.isSaving) return;
    this.isSaving = true;
    for (const part of this.parts) {
      if (part.result === undefined) tell(part, 'snapshot');
      else part.snapshot = part.result.snapshot;
    }
  }

  /** Once all states are here: exactly the draws before them have been taken. */
  private finishCheckpoint(): void {
    const snapshots = this.parts.flatMap(({ snapshot }) => snapshot ?? []);
    if (!this.isSaving || snapshots.length < this.parts.length) return;
    this.listener.onCheckpoint(joinSnapshots(snapshots));
    this.isSaving = false;
    this.lastCheckpoint = performance.now();
    for (const part of this.parts) part.snapshot = undefined;
    for (const part of this.parts) {
      while (part.later.length > 0 && part.snapshot === undefined) this.take(part, part.later.shift()!);
    }
  }

  private finish(): void {
    const results = this.parts.flatMap(({ result }) => result ?? []);
    if (results.length < this.parts.length) return;
    this.isOver = true;
    this.resolve({
      isComplete: results.every(({ isComplete }) => isComplete),
      chains: results[0].chains.map((_, c) => results.map(({ chains }) => chains[c]).find((chain) => chain)),
      snapshot: joinSnapshots(results.map(({ snapshot }) => snapshot)),
    });
  }

  private fail(error: unknown): void {
    this.isOver = true;
    this.reject(error);
  }

  private startFailure({ chain, attempts, notFinite, dimension, value }: FailedStart): InitialisationError {
    const parameter = dimension === undefined ? undefined : this.settings.parameterNameOf?.(dimension);
    return new InitialisationError(chain, attempts, notFinite, dimension, parameter, value);
  }
}

function tell({ worker }: Part, kind: ToChains['kind']): void {
  worker.postMessage({ kind } satisfies ToChains);
}
