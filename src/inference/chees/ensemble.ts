// All chains of a ChEES run as a single coroutine: start, warm-up and sampling, with a consistent record after every transition.
import type { Draw, DrawListener, Phase } from '../chain.js';
import { DrawReader } from '../drawReader.js';
import { initialise } from '../initialise.js';
import type { TransitionInfo } from '../kernel.js';
import type { PhaseSpaces } from '../phaseSpace/phaseSpaces.js';
import { isBatched, type PhaseSpace, type Request } from '../phaseSpace/requests.js';
import type { RandomKey } from '../random/streams.js';
import { randomKey, stepKey } from '../random/streams.js';
import type { ResolvedSettings } from '../settings.js';
import type { ChainCounts, ChainSnapshot, EncodedVector } from '../snapshot.js';
import { decodeChain, decodeVector, encodeChain, encodeVector } from '../snapshot.js';
import type { WarmupPlan } from '../warmup/warmup.js';
import { isWarmingUp, startWarmup, withSearchedStepSize } from '../warmup/warmup.js';
import { cheesStep, type EnsembleInfo, type EnsembleState, jitteredLength } from './chees.js';
import { cheesStages, type CheesWarmup, cheesWarmupTransition, currentLength } from './cheesWarmup.js';
import { searchPooledStepSize } from './searchPooledStepSize.js';
import type { EnsembleAnswers, EnsembleCoroutine, EnsembleRequest } from './together.js';
import { together } from './together.js';
import { startTrajectoryLength } from './trajectoryLength.js';

/** The ensemble between two transitions. */
export interface EnsembleRecord extends CheesWarmup {
  readonly transitions: number;
  /** `[chain]` */
  readonly counts: readonly ChainCounts[];
}

/** A saved ensemble: its chains, and what they share beside step size and schedule. */
export interface EnsembleSnapshot {
  readonly chains: readonly ChainSnapshot[];
  /** Count, log T, its average and the mean square of the gradients. */
  readonly trajectory: EncodedVector;
}

/** A transition that all chains have finished, until phase space has done what ends it. */
interface Finished {
  readonly state: EnsembleState;
  readonly record: EnsembleRecord;
  readonly draws: readonly Draw[];
  /** `[chain]` what ends it: the moments take the position in, and the draw is read. */
  readonly requests: readonly (readonly Request[])[];
}

const noCounts: ChainCounts = {
  warmupGradientEvaluations: 0,
  gradientEvaluations: 0,
  divergences: 0,
  maxTreeDepthHits: 0,
};

/** The ensemble's lifetime: it asks through `pending` and is given the answers through `resume`. */
export class Ensemble {
  /** What the chains wait for; undefined once they have drawn all their draws. */
  pending: EnsembleRequest | undefined;
  private readonly lanes: readonly PhaseSpace[];
  private readonly key: RandomKey;
  readonly plan: WarmupPlan;
  private readonly life: EnsembleCoroutine<void>;
  private state: EnsembleState;
  private record: EnsembleRecord | undefined;
  private finished: Finished | undefined;
  /** Gradient evaluations of each chain in preparations that no record counts yet. */
  private evaluations: number[];
  /** `[chain]` */
  private readonly readers: readonly DrawReader[];

  constructor(
    private readonly spaces: PhaseSpaces,
    private readonly settings: ResolvedSettings,
    private readonly listener: DrawListener,
    saved?: EnsembleSnapshot,
  ) {
    const { chains, warmup, targetAcceptance } = settings;
    if (!spaces.pooled)
      throw new RangeError('method: chees cannot run on this device, which does not reduce over chains');
    this.lanes = Array.from({ length: chains }, (_, chain) => ({
      get lookahead() {
        return spaces.lookahead;
      },
      logDensityAt: (point: number) => spaces.logDensityAt(chain, point),
    }));
    this.key = randomKey(settings.seed);
    this.plan = { stages: cheesStages(warmup), targetAcceptance };
    this.state = this.lanes.map(() => ({ point: 0 }));
    this.evaluations = this.lanes.map(() => 0);
    this.readers = this.lanes.map((_, chain) => new DrawReader(spaces, listener, chain));
    this.life = this.run(saved);
    this.advance(this.life.next());
  }

  /** What the chains share, and their counts; undefined before their first draw. */
  get current(): EnsembleRecord | undefined {
    return this.record;
  }

  /** Takes the answers to `pending` and runs on to the next request. */
  resume({ lists, statistics }: EnsembleAnswers): void {
    const { finished, pending } = this;
    if (!pending) return;
    if (!finished) {
      this.advance(this.life.next({ lists, statistics }));
      return;
    }
    this.handOut(finished);
    const rest = finished.requests.map((ended, chain) => {
      const length = (pending.lists[chain]?.length ?? 0) - ended.length;
      return Array.from({ length }, (_, i) => lists[chain][ended.length + i]);
    });
    this.advance(this.life.next({ lists: rest, statistics }));
  }

  /** The ensemble at the last draws handed out; undefined before the first. */
  async snapshot(): Promise<EnsembleSnapshot | undefined> {
    const { record, state, spaces } = this;
    if (!record) return undefined;
    const { transitions, warmup, counts } = record;
    const { count, logLength, logAveraged, meanSquare } = record.trajectory;
    const vectors = await Promise.all(state.map(async ({ point }, chain) => spaces.save(chain, point)));
    return {
      chains: vectors.map((saved, chain) => encodeChain({ transitions, warmup, counts: counts[chain] }, saved)),
      trajectory: encodeVector(Float64Array.of(count, logLength, logAveraged, meanSquare)),
    };
  }

  private advance(next: ReturnType<EnsembleCoroutine<void>['next']>): void {
    if (next.done) {
      this.pending = undefined;
      return;
    }
    const { lists, pooled } = next.value;
    lists.forEach((list, chain) => {
      for (const request of list ?? []) if (isBatched(request)) this.evaluations[chain]++;
    });
    // What ends a transition travels with the first lists of the next one.
    const { finished } = this;
    this.pending = finished
      ? { lists: finished.requests.map((ended, chain) => [...ended, ...(lists[chain] ?? [])]), pooled }
      : next.value;
  }

  /** State, record and draws change together, in the batch that carried the requests that end the transition. */
  private handOut({ state, record, draws }: Finished): void {
    this.finished = undefined;
    this.state = state;
    this.record = record;
    for (const draw of draws) this.listener.onDraw(draw);
  }

  private *run(saved: EnsembleSnapshot | undefined): EnsembleCoroutine<void> {
    const { settings, lanes, plan } = this;
    const { chees } = settings;
    const nothing = lanes.map(() => undefined);
    let { state } = this;
    let record = saved ? yield* this.restore(saved) : yield* this.start();
    const total = settings.warmup + settings.draws;
    while (record.transitions < total) {
      const { transitions } = record;
      const keys = lanes.map((_, chain) => stepKey(this.key, chain, transitions));
      if (record.warmup.isSearchPending) {
        const stepSize = yield* searchPooledStepSize(keys, state, record.warmup.stepSize);
        const warmup = withSearchedStepSize(record.warmup, stepSize);
        record = { ...record, warmup, counts: this.countPreparation(record.counts) };
      }
      const length = jitteredLength(currentLength(plan, record), transitions);
      const [next, info] = yield* cheesStep(lanes, chees, keys, state, record.warmup.stepSize, length);
      state = next;
      const isAdapting = isWarmingUp(plan, record.warmup);
      const statistics = isAdapting
        ? (yield { lists: nothing, pooled: { kind: 'moves', moves: info.moves } }).statistics
        : undefined;
      const step = cheesWarmupTransition(plan, record, info, statistics, length, chees.maxLeapfrogSteps);
      const counts = record.counts.map((old, chain) => this.countTransition(old, isAdapting, info.chains[chain]));
      record = { transitions: transitions + 1, ...step.state, counts };
      this.finish(state, record, info, step.observes);
      if (step.adapts) {
        yield { lists: nothing, pooled: { kind: 'adapt', priorVariances: settings.priorVariances } };
      }
    }
    if (this.finished) yield { lists: nothing };
  }

  /** The draws are handed out when phase space has done its part. */
  private finish(state: EnsembleState, record: EnsembleRecord, { chains }: EnsembleInfo, observes: boolean): void {
    const done = record.transitions - 1;
    const phase: Phase = done < this.settings.warmup ? 'warmup' : 'sampling';
    const index = done - (phase === 'warmup' ? 0 : this.settings.warmup);
    const draws: Draw[] = [];
    const requests = state.map(({ point }, chain) => {
      const list: Request[] = observes ? [{ kind: 'observe', point }] : [];
      const { requests, vectors } = this.readers[chain].read(phase, index, point);
      draws.push({ chain, phase, index, ...vectors, info: chains[chain] });
      return [...list, ...requests];
    });
    this.finished = { state, record, draws, requests };
  }

  /** Chains of a superchain start at the point that the first of them finds. */
  private *start(): EnsembleCoroutine<EnsembleRecord> {
    const { initial, parameterNameOf, stepSize, isStepSizeSearched, chains, superchains, chees } = this.settings;
    const { dimension } = this.spaces;
    const perStart = chains / superchains;
    yield* together(
      this.state.map(({ point }, chain) => {
        const first = chain - (chain % perStart);
        return initialise(dimension, point, this.key, first, initial, parameterNameOf);
      }),
    );
    const warmup = startWarmup(this.plan, stepSize, isStepSizeSearched);
    const counts = this.countPreparation(this.state.map(() => noCounts));
    return { transitions: 0, warmup, trajectory: startTrajectoryLength(chees.trajectoryLength), counts };
  }

  /** Densities and gradients are evaluated again at the saved positions; these evaluations are not counted a second time. */
  private *restore(saved: EnsembleSnapshot): EnsembleCoroutine<EnsembleRecord> {
    const decoded = saved.chains.map((chain) => decodeChain(chain, this.spaces.dimension, this.settings));
    decoded.forEach(({ vectors }, chain) => this.spaces.restore(chain, this.state[chain].point, vectors));
    const [count, logLength, logAveraged, meanSquare] = decodeVector(saved.trajectory, 4);
    const { transitions, warmup } = decoded[0].record;
    const counts = decoded.map(({ record }) => record.counts);
    const record = { transitions, warmup, trajectory: { count, logLength, logAveraged, meanSquare }, counts };
    this.record = record;
    yield { lists: this.state.map(({ point }) => [{ kind: 'evaluate', point }]) };
    this.evaluations.fill(0);
    return record;
  }

  /** Evaluations of a start or a step-size search count as warm-up. */
  private countPreparation(counts: readonly ChainCounts[]): ChainCounts[] {
    const { evaluations } = this;
    this.evaluations = evaluations.map(() => 0);
    return counts.map((old, chain) => ({
      ...old,
      warmupGradientEvaluations: old.warmupGradientEvaluations + evaluations[chain],
    }));
  }

  private countTransition(old: ChainCounts, isAdapting: boolean, info: TransitionInfo): ChainCounts {
    this.evaluations.fill(0);
    const { leapfrogSteps, isDivergent } = info;
    if (isAdapting) return { ...old, warmupGradientEvaluations: old.warmupGradientEvaluations + leapfrogSteps };
    return {
      ...old,
      gradientEvaluations: old.gradientEvaluations + leapfrogSteps,
      divergences: old.divergences + Number(isDivergent),
    };
  }
}
