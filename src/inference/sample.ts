// The driver: has what all chains ask for answered as one batch after another, reports draws, can be stopped and resumed.
import type { Draw, Phase } from './chain.js';
import { chainSlots } from './chain.js';
import { Checkpoints } from './checkpoints.js';
import type { GpuSiteReport } from './gpu/gpuSiteReport.js';
import type { BatchedLogDensity } from './logDensity.js';
import { type CreatePhaseSpaces, phaseSpaces } from './phaseSpace/createPhaseSpaces.js';
import type { PhaseSpaces } from './phaseSpace/phaseSpaces.js';
import { EnsembleOfChains, IndependentChains, type Population } from './population.js';
import type { ResolvedSettings, SampleSettings } from './settings.js';
import { resolveSettings } from './settings.js';
import type { SitesWanted } from './siteReport.js';
import type { ChainCounts, Snapshot } from './snapshot.js';
import { checkResumable, makeSnapshot, settingsFingerprint } from './snapshot.js';

/** Longest stretch of work between two turns of the event loop, in milliseconds. */
const TURN = 50;

export interface SampleListener {
  /** Called after every transition of every chain; the chains' draws interleave. */
  readonly onDraw?: (draw: Draw) => void;
  /** Whether `onDraw` is to be given a draw's position; default: every one's. Asked once a transition. */
  readonly wantsDraw?: (chain: number, phase: Phase, index: number) => boolean;
  /** What `onDraw` is to be given of a draw's sites where the options name a report; default: nothing. Asked once a transition. */
  readonly wantsSites?: (chain: number, phase: Phase, index: number) => SitesWanted;
  /** Called every 50 ms, when the event loop has had its turn; sampling goes on when it resolves. */
  readonly onTurn?: () => void | Promise<void>;
  /** Called when the draws handed out are exactly those that the snapshot has behind it; sampling goes on when it resolves. */
  readonly onCheckpoint?: (snapshot: Snapshot) => void | Promise<void>;
}

export interface SampleOptions {
  /** Stops the run before its next evaluation; the result is then not complete and its snapshot resumes it. */
  readonly signal?: AbortSignal;
  /** Continues a saved run: the same settings (`draws` may be more) give the very draws of an unbroken run. */
  readonly resume?: Snapshot;
  /** Milliseconds between two calls of the listener's `onCheckpoint`, at least; default: only those asked for. */
  readonly checkpointInterval?: number;
  /** Sites on the density's own device (`compileReport`); it outlasts the run. Of no use with a low-rank metric, whose vectors are on the host. */
  readonly report?: GpuSiteReport;
  /** Where the chains' vectors are to live; default: on the density's device. */
  readonly createPhaseSpaces?: CreatePhaseSpaces;
}

/** A chain when the run ended. */
export interface ChainResult extends ChainCounts {
  /** Transitions finished, warm-up included. */
  readonly transitions: number;
  readonly stepSize: number;
  /** Diagonal of the inverse mass matrix, `[dimension]`. */
  readonly inverseMass: Float64Array;
  /** ChEES: the longest trajectory, in the metric's units of time. */
  readonly trajectoryLength?: number;
}

export interface SampleResult {
  /** False when the run was stopped by its signal. */
  readonly isComplete: boolean;
  /** By chain of the whole run; undefined for one that was stopped before its first draw, or is no part of this run. */
  readonly chains: readonly (ChainResult | undefined)[];
  readonly snapshot: Snapshot;
}

/** A run of HMC, NUTS or ChEES-HMC over all chains. */
export class SamplingRun {
  private readonly settings: ResolvedSettings;
  private readonly fingerprint: Snapshot['settings'];
  private population: Population | undefined;
  private readonly checkpoints: Checkpoints<Snapshot>;

  /** Throws RangeError for settings out of range or a snapshot of another run. */
  constructor(
    private readonly density: BatchedLogDensity,
    settings: SampleSettings,
    private readonly listener: SampleListener = {},
    private readonly options: SampleOptions = {},
  ) {
    const { resume, checkpointInterval } = options;
    this.settings = resolveSettings(settings, density);
    this.fingerprint = settingsFingerprint(this.settings, density.dimension);
    if (resume) checkResumable(resume, this.fingerprint);
    const start = resume ?? makeSnapshot(this.fingerprint, Array<null>(this.settings.chains).fill(null));
    this.checkpoints = new Checkpoints(start, () => this.takeSnapshot(), listener.onCheckpoint, checkpointInterval);
  }

  /** Every chain after its last draw handed out; of a run under way, as soon as the batch under way has ended. */
  snapshot(): Promise<Snapshot> {
    return this.checkpoints.snapshot();
  }

  /** Asks for a call of `onCheckpoint` as soon as the batch under way has ended; none comes when that ends the run. */
  checkpoint(): void {
    this.checkpoints.ask();
  }

  /**
   * Runs until all draws are drawn or the signal aborts; to be called once. Gives the event loop a turn every 50 ms.
   * Rejects with InitialisationError, and with whatever the density or the listener throws.
   */
  async run(): Promise<SampleResult> {
    const { part, inverseMass, denseIndices, lowRank } = this.settings;
    const { createPhaseSpaces: create = phaseSpaces, report } = this.options;
    const slots = chainSlots(this.settings);
    const metric = { inverseMass, denseIndices, lowRank };
    const spaces = await create(this.density, { chains: part.count, ...metric, slots, report });
    try {
      const population = (this.population = this.begin(spaces));
      const isComplete = await this.sample(population);
      const chains = await chainResults(population, spaces);
      const snapshot = await this.takeSnapshot();
      this.checkpoints.end(snapshot);
      return { isComplete, chains: this.ofWholeRun(chains, undefined), snapshot };
    } catch (error) {
      this.checkpoints.fail(error);
      throw error;
    } finally {
      spaces.dispose();
    }
  }

  private begin(spaces: PhaseSpaces): Population {
    const { settings } = this;
    const { resume } = this.options;
    const { onDraw = () => undefined, wantsDraw = () => true, wantsSites = () => 'nothing' as const } = this.listener;
    const listener = { onDraw, wantsDraw, wantsSites };
    const population =
      settings.method === 'chees'
        ? new EnsembleOfChains(spaces, settings, listener, resume)
        : new IndependentChains(spaces, settings, listener, resume);
    this.checkpoints.begin();
    return population;
  }

  /** One batch after another; true when all chains have drawn all their draws. */
  private async sample(population: Population): Promise<boolean> {
    const { checkpoints } = this;
    const { signal } = this.options;
    let turnEnds = performance.now() + TURN;
    while (!population.isFinished && !signal?.aborted) {
      const batch = population.advance();
      if (batch) await batch;
      const now = performance.now();
      if (checkpoints.areDue(now)) await checkpoints.serve();
      if (now < turnEnds) continue;
      await eventLoopTurn();
      await this.listener.onTurn?.();
      if (checkpoints.areDue(now)) await checkpoints.serve();
      turnEnds = performance.now() + TURN;
    }
    return population.isFinished;
  }

  private async takeSnapshot(): Promise<Snapshot> {
    const { chains, trajectory } = await this.population!.snapshot();
    return makeSnapshot(this.fingerprint, this.ofWholeRun(chains, null), trajectory);
  }

  /** One entry for each chain of the whole run, from those of this part. */
  private ofWholeRun<T>(ofPart: readonly T[], other: T): T[] {
    const { chains, part } = this.settings;
    return Array.from({ length: chains }, (_, index) => ofPart[index - part.first] ?? other);
  }
}

/** Samples a density with HMC, NUTS or ChEES-HMC: `new SamplingRun(…).run(…)` in one call, with the same errors, as rejections. */
export async function sample(
  density: BatchedLogDensity,
  settings: SampleSettings,
  listener: SampleListener = {},
  options: SampleOptions = {},
): Promise<SampleResult> {
  return new SamplingRun(density, settings, listener, options).run();
}

/** Lets timers, signals and messages through; `setImmediate`, where there is one, does not wait out a timer's millisecond. */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}

function chainResults(population: Population, spaces: PhaseSpaces): Promise<(ChainResult | undefined)[]> {
  return Promise.all(
    population.records.map(async (record, lane) => {
      if (!record) return undefined;
      const { transitions, stepSize, trajectoryLength, counts } = record;
      const inverseMass = await spaces.inverseMassDiagonal(lane);
      return { transitions, stepSize, inverseMass, ...(trajectoryLength && { trajectoryLength }), ...counts };
    }),
  );
}
