// Draws the chains of a run on worker threads: each thread some chains; the main thread takes what they post.
import type { Draw } from '../chain.js';
import type { GibbsListener, GibbsOptions, GibbsResult } from '../gibbs/run.js';
import type { GibbsModel, GibbsSettings } from '../gibbs/settings.js';
import type { GibbsSnapshot } from '../gibbs/snapshot.js';
import { InitialisationError } from '../initialise.js';
import type { PortableDensity } from '../portableDensity.js';
import type { SampleResult } from '../sample.js';
import type { ChainRange, SampleSettings } from '../settings.js';
import { joinSnapshots, type Snapshot } from '../snapshot.js';
import type {
  ChainWork,
  ChainWorker,
  FailedStart,
  FromChains,
  PartResult,
  PartSnapshot,
  ToChains,
} from './chainMessages.js';
import type { ChainListener, RunOptions } from './compileChains.js';

/** Chains of each of the threads, in order: as many, or one fewer than the others. */
export function divideChains(chains: number, threads: number): ChainRange[] {
  const parts = Math.min(chains, threads);
  const start = (part: number): number => Math.ceil((part * chains) / parts);
  return Array.from({ length: parts }, (_, part) => ({ first: start(part), count: start(part + 1) - start(part) }));
}

/** One thread and its chains. */
interface Part {
  readonly worker: ChainWorker;
  readonly range: ChainRange;
  /** Messages that came after the part's snapshot, while the snapshots of other parts are awaited. */
  readonly later: FromChains[];
  /** State at the checkpoint under way. */
  snapshot: PartSnapshot | undefined;
  result: PartResult | undefined;
}

/** What the threads were given to do, and who hears of it. */
interface Work {
  readonly dimension: number;
  readonly onDraw: (draw: Draw) => void;
  readonly onCheckpoint: ((snapshot: PartSnapshot) => unknown) | undefined;
  readonly checkpointInterval: number | undefined;
  readonly parameterNameOf: SampleSettings['parameterNameOf'];
}

/** Threads for the chains of one run. They start at once and load while the density is compiled; `run` gives them work. */
export class ChainThreads {
  private readonly parts: readonly Part[];
  private readonly ended: Promise<PartResult>;
  private resolve!: (result: PartResult) => void;
  private reject!: (error: unknown) => void;
  private work: Work | undefined;
  private readonly times: number[] = [];
  private onTimed: ((milliseconds: number) => void) | undefined;
  private isOver = false;
  private isSaving = false;
  private lastCheckpoint = 0;

  constructor(
    private readonly chains: number,
    threads: number,
    startWorker: () => ChainWorker,
  ) {
    this.ended = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // A thread may fail before `run`, which then passes the failure on.
    this.ended.catch(() => undefined);
    this.parts = divideChains(chains, threads).map((range) => this.start(startWorker(), range));
  }

  /**
   * Runs all chains of `settings`; the density needs lanes for the largest part of `divideChains`. To be called once.
   * Rejects with InitialisationError, RangeError, and whatever else a thread or the listener throws.
   */
  async run(
    density: PortableDensity,
    settings: SampleSettings,
    listener: ChainListener,
    options: RunOptions,
  ): Promise<SampleResult> {
    const { dimension } = density;
    const { signal, resume, checkpointInterval } = options;
    const own = { ...settings, chains: this.chains, parameterNameOf: undefined };
    return this.carryOut<SampleResult>(
      {
        dimension,
        onDraw: listener.onDraw,
        onCheckpoint: (snapshot) => listener.onCheckpoint?.(snapshot as Snapshot),
        checkpointInterval,
        parameterNameOf: settings.parameterNameOf,
      },
      (part) => ({ method: 'hamiltonian', dimension, density, settings: { ...own, part }, resume }),
      signal,
    );
  }

  /** Runs all chains of a Gibbs sampler, each thread with programs of its own. To be called once; rejects as `run` does. */
  async runGibbs(
    model: GibbsModel,
    dimension: number,
    settings: GibbsSettings,
    { onDraw = () => undefined, onCheckpoint }: GibbsListener,
    { signal, resume, checkpointInterval }: Omit<GibbsOptions, 'device'>,
  ): Promise<GibbsResult> {
    const { name, parameters, structure, start } = model;
    const portable = { name, parameters, structure, ...(start && { start }) };
    const own = { ...settings, chains: this.chains };
    return this.carryOut<GibbsResult>(
      {
        dimension,
        onDraw,
        onCheckpoint: (snapshot) => onCheckpoint?.(snapshot as GibbsSnapshot),
        checkpointInterval,
        parameterNameOf: undefined,
      },
      (part) => ({ method: 'gibbs', dimension, model: portable, settings: { ...own, part }, resume }),
      signal,
    );
  }

  private async carryOut<Result extends PartResult>(
    work: Work,
    workOf: (part: ChainRange) => ChainWork,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    this.work = work;
    this.lastCheckpoint = performance.now();
    for (const part of this.parts) tell(part, { kind: 'begin', work: workOf(part.range) });
    const onAbort = (): void => this.parts.forEach((part) => tell(part, { kind: 'stop' }));
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    try {
      return (await this.ended) as Result;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Milliseconds of one gradient of all chains: every thread times its own while the others do the same. Before `run`. */
  async timeGradient(density: PortableDensity, start: ArrayLike<number>): Promise<number> {
    const timed = new Promise<number>((resolve) => (this.onTimed = resolve));
    for (const part of this.parts) tell(part, { kind: 'time', density, start });
    // Only a failure ends the threads before they have work.
    return Promise.race([timed, this.ended.then(() => NaN)]);
  }

  /** Ends the threads, whatever they are doing. */
  async dispose(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.parts.map(({ worker }) => worker.end()));
  }

  private start(worker: ChainWorker, range: ChainRange): Part {
    const part: Part = { worker, range, later: [], snapshot: undefined, result: undefined };
    worker.listen({
      onMessage: (message) => {
        if (this.isOver) return;
        try {
          if (part.snapshot === undefined) this.take(part, message);
          else part.later.push(message);
        } catch (error) {
          this.fail(error);
        }
      },
      onError: (error) => this.fail(error),
      onExit: (code) => {
        if (part.result !== undefined || part.later.some(({ kind }) => kind === 'ended' || kind === 'failed')) return;
        this.fail(new Error(`a thread that draws chains has ended (exit code ${code}): continue with --resume`));
      },
    });
    return part;
  }

  private take(part: Part, message: FromChains): void {
    switch (message.kind) {
      case 'timed':
        this.times.push(message.milliseconds);
        if (this.times.length === this.parts.length) this.onTimed?.(Math.max(...this.times));
        return;
      case 'draws':
        this.takeDraws(message);
        tell(part, { kind: 'taken' });
        const { checkpointInterval = Infinity } = this.work!;
        if (performance.now() - this.lastCheckpoint >= checkpointInterval) this.beginCheckpoint();
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
    const { dimension, onDraw } = this.work!;
    for (const [i, draw] of draws.entries()) {
      onDraw({ ...draw, position: positions.subarray(i * dimension, (i + 1) * dimension) });
    }
  }

  /** Asks every thread for its state; one that has ended has given it. */
  private beginCheckpoint(): void {
    if (this.isSaving) return;
    this.isSaving = true;
    for (const part of this.parts) {
      if (part.result === undefined) tell(part, { kind: 'snapshot' });
      else part.snapshot = part.result.snapshot;
    }
  }

  /** Once all states are here: exactly the draws before them have been taken. */
  private finishCheckpoint(): void {
    const snapshots = this.parts.flatMap(({ snapshot }) => snapshot ?? []);
    if (!this.isSaving || snapshots.length < this.parts.length) return;
    void this.work!.onCheckpoint?.(joinSnapshots(snapshots));
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
    } as PartResult);
  }

  private fail(error: unknown): void {
    this.isOver = true;
    this.reject(error);
  }

  private startFailure({ chain, attempts, notFinite, dimension, value }: FailedStart): InitialisationError {
    const parameter = dimension === undefined ? undefined : this.work!.parameterNameOf?.(dimension);
    return new InitialisationError(chain, attempts, notFinite, dimension, parameter, value);
  }
}

function tell({ worker }: Part, message: ToChains): void {
  worker.post(message);
}
