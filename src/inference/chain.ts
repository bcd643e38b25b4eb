// One chain: start, warm-up and sampling as a single coroutine, with a consistent record after every transition.
import { hmc } from './hmc.js';
import { initialise } from './initialise.js';
import type { Kernel, KernelState, TransitionInfo } from './kernel.js';
import type { BatchedLogDensity } from './logDensity.js';
import { nuts } from './nuts.js';
import { HostPhaseSpace } from './phaseSpace/hostPhaseSpace.js';
import { diagonalMetric } from './phaseSpace/metric.js';
import type { BatchedRequest, Coroutine } from './phaseSpace/singleRequests.js';
import type { VectorArena } from './phaseSpace/vectorArena.js';
import type { RandomKey, StepKey } from './random/streams.js';
import { randomKey, stepKey } from './random/streams.js';
import type { ResolvedSettings } from './settings.js';
import type { ChainCounts, ChainRecord, ChainSnapshot } from './snapshot.js';
import { decodeChain, encodeChain } from './snapshot.js';
import { RunningMoments } from './warmup/moments.js';
import { searchStepSize } from './warmup/searchStepSize.js';
import { warmupStages } from './warmup/stages.js';
import type { WarmupPlan } from './warmup/warmup.js';
import { startWarmup, warmupTransition, withSearchedStepSize } from './warmup/warmup.js';

export type Phase = 'warmup' | 'sampling';

/** A finished transition, as a listener sees it. */
export interface Draw {
  readonly chain: number;
  readonly phase: Phase;
  /** Index within the phase. */
  readonly index: number;
  /** Unconstrained position `[dimension]`: a view, valid during the call only. */
  readonly position: Float64Array;
  readonly info: TransitionInfo;
}

/** A chain's lifetime: it asks for evaluations through `pending` and is given them through `resume`. */
export class Chain {
  /** The evaluation the chain waits for; undefined once it has drawn all its draws. */
  pending: BatchedRequest | undefined;
  private readonly space: HostPhaseSpace;
  private readonly kernel: Kernel;
  private readonly key: RandomKey;
  private readonly plan: WarmupPlan;
  private readonly life: Coroutine<void>;
  private state: KernelState = { point: 0 };
  private record: ChainRecord | undefined;
  /** Gradient evaluations not yet counted in the record. */
  private evaluations = 0;

  constructor(
    private readonly density: BatchedLogDensity,
    private readonly settings: ResolvedSettings,
    private readonly index: number,
    private readonly onDraw: (draw: Draw) => void,
    arena: VectorArena | undefined,
    saved?: ChainSnapshot | null,
  ) {
    const { method, maxTreeDepth, denseIndices, warmup, targetAcceptance, priorVariances } = settings;
    const metric = diagonalMetric(density.dimension, settings.inverseMass);
    this.space = new HostPhaseSpace(density, index - settings.part.first, metric, denseIndices.length, arena);
    this.kernel = method === 'nuts' ? nuts(this.space, { maxTreeDepth }) : hmc(this.space, settings.hmc);
    this.key = randomKey(settings.seed);
    this.plan = { stages: warmupStages(warmup), targetAcceptance, priorVariances };
    this.life = this.run(saved ?? undefined);
    this.advance(this.life.next());
  }

  /** Step size and metric of the next transition, and the counts so far; undefined before the chain has started. */
  get current(): ChainRecord | undefined {
    return this.record;
  }

  /** Writes the position to evaluate into the chain's lane. */
  begin(): void {
    if (this.pending) this.space.begin(this.pending);
  }

  /** Takes the evaluation from the lane and runs on to the next one. */
  resume(): void {
    if (!this.pending) return;
    this.evaluations++;
    this.advance(this.life.next(this.space.finish(this.pending)));
  }

  /** The chain after its last finished transition; null before its start is found. */
  snapshot(): ChainSnapshot | null {
    return this.record ? encodeChain(this.record, this.space.positionAt(this.state.point)) : null;
  }

  private advance(next: ReturnType<Coroutine<void>['next']>): void {
    let step = next;
    while (!step.done && step.value.kind !== 'evaluate' && step.value.kind !== 'leapfrog') {
      step = this.life.next(this.space.answer(step.value));
    }
    this.pending = step.done ? undefined : (step.value as BatchedRequest);
    if (step.done) this.space.restLane(this.state.point);
  }

  private *run(saved: ChainSnapshot | undefined): Coroutine<void> {
    let record = saved ? yield* this.restore(saved) : yield* this.start();
    this.space.metric = record.warmup.metric;
    const total = this.settings.warmup + this.settings.draws;
    while (record.transitions < total) {
      const key: StepKey = stepKey(this.key, this.index, record.transitions);
      let { warmup, counts } = record;
      if (warmup.isSearchPending) {
        warmup = withSearchedStepSize(warmup, yield* searchStepSize(key, this.state, warmup.stepSize));
        counts = this.countPreparation(counts);
      }
      const [state, info] = yield* this.kernel.step(key, this.state, warmup.stepSize);
      const position = this.space.positionAt(state.point);
      warmup = warmupTransition(this.plan, warmup, position, info);
      // From here to the listener nothing is awaited: state, record and draw change together.
      this.state = state;
      this.space.metric = warmup.metric;
      const phase: Phase = record.transitions < this.settings.warmup ? 'warmup' : 'sampling';
      const index = record.transitions - (phase === 'warmup' ? 0 : this.settings.warmup);
      record = { transitions: record.transitions + 1, warmup, counts: this.countTransition(counts, phase, info) };
      this.record = record;
      this.onDraw({ chain: this.index, phase, index, position, info });
    }
  }

  private *start(): Coroutine<ChainRecord> {
    const { initial, parameterNameOf, stepSize, isStepSizeSearched, denseIndices } = this.settings;
    yield* initialise(this.space, this.state.point, this.key, this.index, initial, parameterNameOf);
    const moments = new RunningMoments(this.density.dimension, denseIndices);
    const warmup = startWarmup(this.plan, this.space.metric, moments, stepSize, isStepSizeSearched);
    const none = { warmupGradientEvaluations: 0, gradientEvaluations: 0, divergences: 0, maxTreeDepthHits: 0 };
    return { transitions: 0, warmup, counts: this.countPreparation(none) };
  }

  /** Density and gradient are evaluated again at the saved position; that evaluation is not counted a second time. */
  private *restore(saved: ChainSnapshot): Coroutine<ChainRecord> {
    const { record, position } = decodeChain(saved, this.density.dimension, this.settings.denseIndices);
    this.space.positionAt(this.state.point).set(position);
    yield { kind: 'evaluate', point: this.state.point };
    this.evaluations = 0;
    this.record = record;
    return record;
  }

  /** Evaluations of a start or a step-size search count as warm-up. */
  private countPreparation(counts: ChainCounts): ChainCounts {
    const warmupGradientEvaluations = counts.warmupGradientEvaluations + this.evaluations;
    this.evaluations = 0;
    return { ...counts, warmupGradientEvaluations };
  }

  private countTransition(counts: ChainCounts, phase: Phase, info: TransitionInfo): ChainCounts {
    if (phase === 'warmup') return this.countPreparation(counts);
    const gradientEvaluations = counts.gradientEvaluations + this.evaluations;
    this.evaluations = 0;
    return {
      ...counts,
      gradientEvaluations,
      divergences: counts.divergences + Number(info.isDivergent),
      maxTreeDepthHits: counts.maxTreeDepthHits + Number(info.reachedMaxTreeDepth),
    };
  }
}
