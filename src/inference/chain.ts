// One chain: start, warm-up and sampling as a single coroutine, with a consistent record after every transition.
import { DrawReader } from './drawReader.js';
import { hmc, hmcSlots } from './hmc.js';
import { initialise } from './initialise.js';
import type { Kernel, KernelState, TransitionInfo } from './kernel.js';
import { nuts } from './nuts.js';
import { nutsSlotCounts } from './nutsPlan.js';
import type { PhaseSpaces, SlotCounts } from './phaseSpace/phaseSpaces.js';
import type { Coroutine, PhaseSpace, Request } from './phaseSpace/requests.js';
import type { RandomKey, StepKey } from './random/streams.js';
import { randomKey, stepKey } from './random/streams.js';
import type { ResolvedSettings } from './settings.js';
import type { SitesWanted } from './siteReport.js';
import type { ChainCounts, ChainRecord, ChainSnapshot } from './snapshot.js';
import { decodeChain, encodeChain } from './snapshot.js';
import { searchStepSize } from './warmup/searchStepSize.js';
import { stepSizeStages, warmupStages } from './warmup/stages.js';
import type { WarmupPlan, WarmupStep } from './warmup/warmup.js';
import { startWarmup, warmupTransition, withSearchedStepSize } from './warmup/warmup.js';

export type Phase = 'warmup' | 'sampling';

/** A finished transition, as a listener sees it. */
export interface Draw<Info = TransitionInfo> {
  readonly chain: number;
  readonly phase: Phase;
  /** Index within the phase. */
  readonly index: number;
  /** Unconstrained position `[dimension]`, valid during the call only; empty for a draw that the listener does not want. */
  readonly position: Float64Array;
  /** Kept values of the run's report, valid during the call only; absent where the listener wants none, or the device reports none. */
  readonly sites?: Float64Array;
  readonly info: Info;
}

export interface DrawListener {
  readonly onDraw: (draw: Draw) => void;
  readonly wantsDraw: (chain: number, phase: Phase, index: number) => boolean;
  readonly wantsSites: (chain: number, phase: Phase, index: number) => SitesWanted;
}

/** A transition that the kernel has finished, until phase space has done what ends it. */
interface Finished {
  readonly state: KernelState;
  readonly record: ChainRecord;
  readonly draw: Draw;
  /** What ends it: moments and metric take the position in, and the draw is read. */
  readonly requests: readonly Request[];
}

/** Slots that the chains of a run need with a given lookahead. */
export function chainSlots({ method, maxTreeDepth }: ResolvedSettings): (lookahead: number) => SlotCounts {
  return (lookahead) => (method === 'nuts' ? nutsSlotCounts(maxTreeDepth, lookahead) : hmcSlots);
}

/** A chain's lifetime: it asks through `pending` and is given the answers through `resume`. */
export class Chain {
  /** The list of requests that the chain waits for; undefined once it has drawn all its draws. */
  pending: readonly Request[] | undefined;
  /** Number of the chain in `spaces`. */
  private readonly lane: number;
  private readonly kernel: Kernel;
  private readonly key: RandomKey;
  private readonly plan: WarmupPlan;
  private readonly life: Coroutine<void>;
  /** The slot of the last draw handed out: nothing writes to it until the next one is. */
  private state: KernelState = { point: 0 };
  private record: ChainRecord | undefined;
  private finished: Finished | undefined;
  private readonly reader: DrawReader;

  constructor(
    private readonly spaces: PhaseSpaces,
    private readonly settings: ResolvedSettings,
    private readonly index: number,
    private readonly listener: DrawListener,
    saved?: ChainSnapshot | null,
  ) {
    const { method, maxTreeDepth, warmup, targetAcceptance, adaptsMetric } = settings;
    const lane = (this.lane = index - settings.part.first);
    const space: PhaseSpace = {
      get lookahead() {
        return spaces.lookahead;
      },
      logDensityAt: (point) => spaces.logDensityAt(lane, point),
    };
    this.kernel = method === 'nuts' ? nuts(space, { maxTreeDepth }) : hmc(space, settings.hmc);
    this.key = randomKey(settings.seed);
    this.reader = new DrawReader(spaces, listener, index);
    this.plan = { stages: (adaptsMetric ? warmupStages : stepSizeStages)(warmup), targetAcceptance };
    this.life = this.run(saved ?? undefined);
    this.advance(this.life.next());
  }

  /** Step size of the next transition, and the counts so far; undefined before the chain's first draw. */
  get current(): ChainRecord | undefined {
    return this.record;
  }

  /** Takes the answers to `pending` and runs on to the next list. */
  resume(answers: ArrayLike<number>): void {
    const { finished, pending } = this;
    if (!pending) return;
    if (!finished) {
      this.advance(this.life.next(answers));
      return;
    }
    this.handOut(finished);
    const rest: number[] = [];
    for (let i = finished.requests.length; i < pending.length; i++) rest.push(answers[i]);
    this.advance(this.life.next(rest));
  }

  /** The chain at the last draw handed out; null before the first. */
  async snapshot(): Promise<ChainSnapshot | null> {
    const { record, state } = this;
    return record ? encodeChain(record, await this.spaces.save(this.lane, state.point)) : null;
  }

  private advance(next: ReturnType<Coroutine<void>['next']>): void {
    if (next.done) {
      this.pending = undefined;
      return;
    }
    // What ends a transition travels with the first list of the next one.
    this.pending = this.finished ? [...this.finished.requests, ...next.value] : next.value;
  }

  /** State, record and draw change together, in the batch whose list carried the requests that end the transition. */
  private handOut({ state, record, draw }: Finished): void {
    this.finished = undefined;
    this.state = state;
    this.record = record;
    this.listener.onDraw(draw);
  }

  private *run(saved: ChainSnapshot | undefined): Coroutine<void> {
    let { state } = this;
    let record = saved ? yield* this.restore(saved) : yield* this.start();
    const total = this.settings.warmup + this.settings.draws;
    while (record.transitions < total) {
      const key: StepKey = stepKey(this.key, this.index, record.transitions);
      let { warmup, counts } = record;
      if (warmup.isSearchPending) {
        const { stepSize, evaluations } = yield* searchStepSize(key, state, warmup.stepSize);
        warmup = withSearchedStepSize(warmup, stepSize);
        counts = withWarmup(counts, evaluations);
      }
      const [next, info] = yield* this.kernel.step(key, state, warmup.stepSize);
      state = next;
      record = this.finish(state, record.transitions, warmupTransition(this.plan, warmup, info), counts, info);
    }
    if (this.finished) yield [];
  }

  /** The record after a transition; the draw is handed out when phase space has done its part. */
  private finish(
    state: KernelState,
    transitions: number,
    { state: warmup, observes, adapts }: WarmupStep,
    counts: ChainCounts,
    info: TransitionInfo,
  ): ChainRecord {
    const phase: Phase = transitions < this.settings.warmup ? 'warmup' : 'sampling';
    const index = transitions - (phase === 'warmup' ? 0 : this.settings.warmup);
    const { point } = state;
    const requests: Request[] = [];
    if (observes) requests.push({ kind: 'observe', point });
    if (adapts) requests.push({ kind: 'adapt', priorVariances: this.settings.priorVariances });
    const reading = this.reader.read(phase, index, point);
    requests.push(...reading.requests);
    const record = { transitions: transitions + 1, warmup, counts: withTransition(counts, phase, info) };
    const draw = { chain: this.index, phase, index, ...reading.vectors, info };
    this.finished = { state, record, draw, requests };
    if (requests.length === 0) this.handOut(this.finished);
    return record;
  }

  private *start(): Coroutine<ChainRecord> {
    const { initial, parameterNameOf, stepSize, isStepSizeSearched } = this.settings;
    const { dimension } = this.spaces;
    const evaluations = yield* initialise(dimension, this.state.point, this.key, this.index, initial, parameterNameOf);
    const warmup = startWarmup(this.plan, stepSize, isStepSizeSearched);
    const none = { warmupGradientEvaluations: 0, gradientEvaluations: 0, divergences: 0, maxTreeDepthHits: 0 };
    return { transitions: 0, warmup, counts: withWarmup(none, evaluations) };
  }

  /** Density and gradient are evaluated again at the saved position; that evaluation is not counted a second time. */
  private *restore(saved: ChainSnapshot): Coroutine<ChainRecord> {
    const { record, vectors } = decodeChain(saved, this.spaces.dimension, this.settings);
    this.spaces.restore(this.lane, this.state.point, vectors);
    this.record = record;
    yield [{ kind: 'evaluate', point: this.state.point }];
    return record;
  }
}

/** Evaluations of a start or a step-size search count as warm-up. */
function withWarmup(counts: ChainCounts, evaluations: number): ChainCounts {
  return { ...counts, warmupGradientEvaluations: counts.warmupGradientEvaluations + evaluations };
}

function withTransition(counts: ChainCounts, phase: Phase, info: TransitionInfo): ChainCounts {
  if (phase === 'warmup') return withWarmup(counts, info.leapfrogSteps);
  return {
    warmupGradientEvaluations: counts.warmupGradientEvaluations,
    gradientEvaluations: counts.gradientEvaluations + info.leapfrogSteps,
    divergences: counts.divergences + Number(info.isDivergent),
    maxTreeDepthHits: counts.maxTreeDepthHits + Number(info.reachedMaxTreeDepth),
  };
}
