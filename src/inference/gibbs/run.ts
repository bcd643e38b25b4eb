// A run of Gibbs sampling over all chains: burn-in, draws handed out as positions of the model, stopped and resumed at any sweep.
import { linearStructure } from '../../models/linearHierarchy/structure.js';
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import type { Device } from '../../kernels/device.js';
import type { Draw, Phase } from '../chain.js';
import { Checkpoints } from '../checkpoints.js';
import type { TransitionInfo } from '../kernel.js';
import { HierarchyPositions } from '../linearHierarchy/positions.js';
import { PhiloxStream, type RandomKey, randomKey, sites, stepKey } from '../random/streams.js';
import { eventLoopTurn } from '../sample.js';
import type { ChainValues } from './chainValues.js';
import { type GibbsSampler, type Learner, samplerOf, type Sweeps } from './sampler.js';
import {
  gibbsRefusal,
  type GibbsModel,
  type GibbsSettings,
  type ResolvedGibbsSettings,
  resolveGibbsSettings,
} from './settings.js';
import {
  checkGibbsResumable,
  gibbsFingerprint,
  type GibbsSnapshot,
  makeGibbsSnapshot,
  restoreChain,
  saveChain,
} from './snapshot.js';
import { startValues } from './start.js';

/** Longest stretch of work between two turns of the event loop, in milliseconds. */
const TURN = 50;
/** The chain number of random numbers that all chains share. */
const allChains = 0xffffffff;
export interface GibbsListener {
  /** Called after every sweep of the burn-in and after every `thin` sweeps from then on. */
  readonly onDraw?: (draw: Draw) => void;
  /** Whether `onDraw` is to be given a draw's position; default: every one's. */
  readonly wantsDraw?: (chain: number, phase: Phase, index: number) => boolean;
  /** Called every 50 ms, when the event loop has had its turn; sampling goes on when it resolves. */
  readonly onTurn?: () => void | Promise<void>;
  /** Called when the draws handed out are exactly those that the snapshot has behind it; sampling goes on when it resolves. */
  readonly onCheckpoint?: (snapshot: GibbsSnapshot) => void | Promise<void>;
}

export interface GibbsOptions {
  /** Where the blocks' programs run; default: the CPU on one thread. */
  readonly device?: Device;
  /** Programs for the model, the settings' scheme and these chains, compiled already; the run disposes of them. */
  readonly sweep?: Sweeps<Learner>;
  /** Stops the run before its next sweep; the result is then not complete and its snapshot resumes it. */
  readonly signal?: AbortSignal;
  /** Continues a saved run: the same settings (`draws` may be more) give the very draws of an unbroken run. */
  readonly resume?: GibbsSnapshot;
  /** Milliseconds between two calls of the listener's `onCheckpoint`, at least; default: only those asked for. */
  readonly checkpointInterval?: number;
}

export interface GibbsChainResult {
  /** Sweeps done, burn-in included. */
  readonly sweeps: number;
}

export interface GibbsResult {
  /** False when the run was stopped by its signal. */
  readonly isComplete: boolean;
  /** By chain of the whole run; undefined for one that is no part of this run. */
  readonly chains: readonly (GibbsChainResult | undefined)[];
  readonly snapshot: GibbsSnapshot;
}

/** A chain and its lane. */
interface RunningChain {
  readonly index: number;
  readonly lane: number;
  readonly values: ChainValues;
  readonly learners: readonly Learner[];
  sweeps: number;
}

/** A sweep has no step size, energy or trajectory: one sweep counts as one step, always accepted. */
const info: TransitionInfo = {
  logDensity: NaN,
  energy: NaN,
  acceptanceRate: 1,
  stepSize: 1,
  treeDepth: 0,
  leapfrogSteps: 1,
  isDivergent: false,
  reachedMaxTreeDepth: false,
};

export class GibbsRun {
  private readonly settings: ResolvedGibbsSettings;
  private readonly sampler: GibbsSampler;
  private readonly key: RandomKey;
  private readonly chains: readonly RunningChain[];
  private readonly positions: HierarchyPositions;
  private readonly position: Float64Array;
  private readonly checkpoints: Checkpoints<GibbsSnapshot>;

  /** Throws RangeError for a model without structure, settings out of range, or a snapshot of another run. */
  constructor(
    model: GibbsModel,
    settings: GibbsSettings = {},
    private readonly listener: GibbsListener = {},
    private readonly options: GibbsOptions = {},
  ) {
    const refusal = gibbsRefusal(model);
    if (refusal !== undefined) throw new RangeError(refusal);
    if (settings.scheme !== undefined && linearStructure(model) === undefined)
      throw new RangeError('scheme: for normal and Student-t rows; others have one way alone');
    this.settings = resolveGibbsSettings(settings);
    this.sampler = samplerOf(model, this.settings.scheme);
    this.positions = new HierarchyPositions(model);
    this.position = new Float64Array(this.positions.dimension);
    this.key = randomKey(this.settings.seed);
    const { resume, checkpointInterval } = options;
    if (resume) checkGibbsResumable(resume, this.fingerprint);
    const { first, count } = this.settings.part;
    this.chains = Array.from({ length: count }, (_, lane) => {
      const index = first + lane;
      const values = startValues(model, this.key, index);
      const saved = resume?.chains[index];
      const learners = this.sampler.newLearners();
      return { index, lane, values, learners, sweeps: saved ? restoreChain(saved, values, learners) : 0 };
    });
    const take = (): Promise<GibbsSnapshot> => Promise.resolve(this.takeSnapshot());
    this.checkpoints = new Checkpoints(this.takeSnapshot(), take, listener.onCheckpoint, checkpointInterval);
  }

  /** Every chain after its last sweep; of a run under way, as soon as the sweep under way has ended. */
  snapshot(): Promise<GibbsSnapshot> {
    return this.checkpoints.snapshot();
  }

  /** Asks for a call of `onCheckpoint` as soon as the sweep under way has ended; none comes when that ends the run. */
  checkpoint(): void {
    this.checkpoints.ask();
  }

  /**
   * Runs until all draws are drawn or the signal aborts; to be called once. Gives the event loop a turn every 50 ms.
   * Rejects with whatever the device or the listener throws.
   */
  async run(): Promise<GibbsResult> {
    const { sweep: given, device = cpuDevice() } = this.options;
    const sweep = given ?? (await this.sampler.compile(device, this.settings.part.count));
    try {
      this.checkpoints.begin();
      const isComplete = await this.sample(sweep);
      const snapshot = this.takeSnapshot();
      this.checkpoints.end(snapshot);
      return { isComplete, chains: this.ofWholeRun(({ sweeps }) => ({ sweeps }), undefined), snapshot };
    } catch (error) {
      this.checkpoints.fail(error);
      throw error;
    } finally {
      await sweep.dispose();
    }
  }

  private get fingerprint(): GibbsSnapshot['settings'] {
    return gibbsFingerprint(this.settings, this.positions.dimension);
  }

  private async sample(sweep: Sweeps<Learner>): Promise<boolean> {
    const { chains, checkpoints, listener, settings } = this;
    const { signal } = this.options;
    const { warmup } = settings;
    const total = settings.warmup + settings.draws * settings.thin;
    let turnEnds = performance.now() + TURN;
    for (;;) {
      // Chains resumed at different sweeps: those behind go first.
      const next = chains.reduce((least, chain) => Math.min(least, chain.sweeps), total);
      if (next === total) return true;
      if (signal?.aborted) return false;
      const swept = chains.filter((chain) => chain.sweeps === next);
      await sweep.sweep(
        swept.map(({ index, lane, values, learners }) => {
          const key = stepKey(this.key, index, next);
          return { lane, values, key, learners, progress: { sweep: next, warmup } };
        }),
        this.scanOf(sweep.scanned, next),
      );
      for (const chain of swept) {
        chain.sweeps++;
        this.handOut(chain);
      }
      const now = performance.now();
      if (checkpoints.areDue(now)) await checkpoints.serve();
      if (now < turnEnds) continue;
      await eventLoopTurn();
      await listener.onTurn?.();
      if (checkpoints.areDue(now)) await checkpoints.serve();
      turnEnds = performance.now() + TURN;
    }
  }

  /** Order of the blocks in a sweep, the same for all chains. */
  private scanOf(blocks: readonly number[], step: number): readonly number[] {
    switch (this.settings.scan) {
      case 'systematic':
        return blocks;
      case 'reversed':
        return blocks.toReversed();
      case 'random': {
        const stream = new PhiloxStream(this.key, allChains, step, sites.gibbs);
        const order = [...blocks];
        for (let i = order.length - 1; i > 0; i--) {
          const j = Math.floor(stream.uniform() * (i + 1));
          [order[i], order[j]] = [order[j], order[i]];
        }
        return order;
      }
      default:
        throw new RangeError(`scan: ${String(this.settings.scan satisfies never)}`);
    }
  }

  private handOut({ index: chain, sweeps, values }: RunningChain): void {
    const { warmup, thin } = this.settings;
    const { onDraw, wantsDraw } = this.listener;
    if (onDraw === undefined) return;
    const phase: Phase = sweeps <= warmup ? 'warmup' : 'sampling';
    const since = phase === 'warmup' ? sweeps : sweeps - warmup;
    if (phase === 'sampling' && since % thin !== 0) return;
    const index = (phase === 'warmup' ? since : since / thin) - 1;
    const isWanted = wantsDraw?.(chain, phase, index) ?? true;
    if (isWanted) this.positions.write(values, this.position);
    onDraw({ chain, phase, index, position: isWanted ? this.position : noPosition, info });
  }

  private takeSnapshot(): GibbsSnapshot {
    return makeGibbsSnapshot(
      this.fingerprint,
      this.ofWholeRun((chain) => saveChain(chain.sweeps, chain.values, chain.learners), null),
    );
  }

  private ofWholeRun<T, U>(of: (chain: RunningChain) => T, other: U): (T | U)[] {
    const { chains, part } = this.settings;
    return Array.from({ length: chains }, (_, index) => {
      const own = this.chains[index - part.first] as RunningChain | undefined;
      return own === undefined ? other : of(own);
    });
  }
}

const noPosition = new Float64Array(0);
