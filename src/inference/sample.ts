// The driver: advances all chains by one gradient evaluation per batch, reports draws, can be stopped and resumed.
import type { Draw } from './chain.js';
import { Chain } from './chain.js';
import type { BatchedLogDensity } from './logDensity.js';
import { inverseMassDiagonal } from './phaseSpace/metric.js';
import { sharedArena } from './phaseSpace/vectorArena.js';
import type { ResolvedSettings, SampleSettings } from './settings.js';
import { resolveSettings } from './settings.js';
import type { ChainCounts, ChainSnapshot, Snapshot } from './snapshot.js';
import { checkResumable, settingsFingerprint } from './snapshot.js';

/** Longest stretch of work between two turns of the event loop, in milliseconds. */
const TURN = 50;

export interface SampleListener {
  /** Called after every transition of every chain; the chains' draws interleave. */
  readonly onDraw?: (draw: Draw) => void;
  /** Called every 50 ms, when the event loop has had its turn; sampling goes on when it resolves. */
  readonly onTurn?: () => void | Promise<void>;
}

export interface SampleOptions {
  /** Stops the run before its next evaluation; the result is then not complete and its snapshot resumes it. */
  readonly signal?: AbortSignal;
  /** Continues a saved run: the same settings (`draws` may be more) give the very draws of an unbroken run. */
  readonly resume?: Snapshot;
}

/** A chain when the run ended. */
export interface ChainResult extends ChainCounts {
  /** Transitions finished, warm-up included. */
  readonly transitions: number;
  readonly stepSize: number;
  /** Diagonal of the inverse mass matrix, `[dimension]`. */
  readonly inverseMass: Float64Array;
}

export interface SampleResult {
  /** False when the run was stopped by its signal. */
  readonly isComplete: boolean;
  /** By chain of the whole run; undefined for one that was stopped before its first draw, or is no part of this run. */
  readonly chains: readonly (ChainResult | undefined)[];
  readonly snapshot: Snapshot;
}

/** A run of HMC or NUTS over all chains. `snapshot` may be taken at any time, inside `onDraw` too. */
export class SamplingRun {
  private readonly settings: ResolvedSettings;
  private readonly chains: readonly Chain[];

  /** Throws RangeError for settings out of range or a snapshot of another run. */
  constructor(
    private readonly density: BatchedLogDensity,
    settings: SampleSettings,
    private readonly listener: SampleListener = {},
    resume?: Snapshot,
  ) {
    this.settings = resolveSettings(settings, density);
    if (resume) checkResumable(resume, settingsFingerprint(this.settings, density.dimension));
    const onDraw = (draw: Draw) => listener.onDraw?.(draw);
    density.positions.fill(0);
    const { first, count } = this.settings.part;
    const arena = sharedArena(density);
    this.chains = Array.from(
      { length: count },
      (_, i) => new Chain(density, this.settings, first + i, onDraw, arena, resume?.chains[first + i]),
    );
  }

  /** Every chain after its last finished transition. */
  snapshot(): Snapshot {
    return {
      version: 1,
      settings: settingsFingerprint(this.settings, this.density.dimension),
      chains: this.ofWholeRun((chain): ChainSnapshot | null => chain?.snapshot() ?? null),
    };
  }

  /**
   * Runs until all draws are drawn or the signal aborts. Gives the event loop a turn every 50 ms.
   * Rejects with InitialisationError, and with whatever the density or the listener throws.
   */
  async run(signal?: AbortSignal): Promise<SampleResult> {
    let turnEnds = performance.now() + TURN;
    let active = this.chains.filter((chain) => chain.pending);
    while (active.length > 0 && !signal?.aborted) {
      for (const chain of active) chain.begin();
      const evaluation = this.density.evaluate();
      if (evaluation) await evaluation;
      for (const chain of active) chain.resume();
      if (active.some(isFinished)) active = active.filter((chain) => !isFinished(chain));
      if (performance.now() >= turnEnds) {
        await eventLoopTurn();
        await this.listener.onTurn?.();
        turnEnds = performance.now() + TURN;
      }
    }
    return { isComplete: active.length === 0, chains: this.ofWholeRun(chainResult), snapshot: this.snapshot() };
  }

  /** One entry for each chain of the whole run; chains of other parts are undefined. */
  private ofWholeRun<T>(entryOf: (chain: Chain | undefined) => T): T[] {
    const { chains, part } = this.settings;
    return Array.from({ length: chains }, (_, index) => entryOf(this.chains[index - part.first]));
  }
}

/** Samples a density with HMC or NUTS: `new SamplingRun(…).run(…)` in one call, with the same errors, as rejections. */
export async function sample(
  density: BatchedLogDensity,
  settings: SampleSettings,
  listener: SampleListener = {},
  { signal, resume }: SampleOptions = {},
): Promise<SampleResult> {
  return new SamplingRun(density, settings, listener, resume).run(signal);
}

function isFinished(chain: Chain): boolean {
  return chain.pending === undefined;
}

/** Lets timers, signals and messages through; `setImmediate`, where there is one, does not wait out a timer's millisecond. */
function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}

function chainResult(chain: Chain | undefined): ChainResult | undefined {
  if (!chain?.current) return undefined;
  const { transitions, warmup, counts } = chain.current;
  return { transitions, stepSize: warmup.stepSize, inverseMass: inverseMassDiagonal(warmup.metric), ...counts };
}
