// The fold over the warm-up's stages: what a transition does to step size, metric and schedule.
import type { TransitionInfo } from '../kernel.js';
import type { Metric } from '../phaseSpace/metric.js';
import type { DualAveraging } from './dualAveraging.js';
import { startDualAveraging, updateDualAveraging } from './dualAveraging.js';
import { estimateMetric } from './estimateMetric.js';
import type { RunningMoments } from './moments.js';
import type { WarmupStage } from './stages.js';

/** What a chain has adapted so far and where in the schedule it is. */
export interface WarmupState {
  /** Index of the current stage; the number of stages when warm-up is over. */
  readonly stage: number;
  /** Transitions done in the current stage. */
  readonly done: number;
  /** Step size of the next transition. */
  readonly stepSize: number;
  /** The metric is new, so the step size is searched for afresh before the next transition. */
  readonly isSearchPending: boolean;
  readonly dualAveraging: DualAveraging;
  readonly metric: Metric;
  /** Moments of the current window; filled in place. */
  readonly moments: RunningMoments;
}

export interface WarmupPlan {
  readonly stages: readonly WarmupStage[];
  readonly targetAcceptance: number;
  /** Variances `[dimension]` that the metric's estimate shrinks towards. */
  readonly priorVariances: Float64Array;
}

export function startWarmup(
  plan: WarmupPlan,
  metric: Metric,
  moments: RunningMoments,
  stepSize: number,
  isSearchPending: boolean,
): WarmupState {
  const start = {
    stage: 0,
    done: 0,
    stepSize,
    isSearchPending,
    dualAveraging: startDualAveraging(stepSize),
    metric,
    moments,
  };
  return closeFinishedStages(plan, start);
}

function isWarmingUp(plan: WarmupPlan, state: WarmupState): boolean {
  return state.stage < plan.stages.length;
}

/** After a step-size search: dual averaging starts again from what it found. */
export function withSearchedStepSize(state: WarmupState, stepSize: number): WarmupState {
  return { ...state, stepSize, isSearchPending: false, dualAveraging: startDualAveraging(stepSize) };
}

/** State after one transition that ended at `position` `[dimension]`. Once warm-up is over nothing changes. */
export function warmupTransition(
  plan: WarmupPlan,
  state: WarmupState,
  position: Float64Array,
  info: TransitionInfo,
): WarmupState {
  if (!isWarmingUp(plan, state)) return state;
  const dualAveraging = updateDualAveraging(state.dualAveraging, info.acceptanceRate, plan.targetAcceptance);
  if (plan.stages[state.stage].adapts === 'metric') state.moments.add(position);
  const stepSize = Math.exp(dualAveraging.logStepSize);
  return closeFinishedStages(plan, { ...state, done: state.done + 1, dualAveraging, stepSize });
}

/** Ends the stages that are complete: a metric stage sets the metric; the end of warm-up keeps the averaged step size. */
function closeFinishedStages(plan: WarmupPlan, state: WarmupState): WarmupState {
  let current = state;
  while (isWarmingUp(plan, current) && current.done >= plan.stages[current.stage].transitions) {
    if (plan.stages[current.stage].adapts === 'metric') {
      const metric = estimateMetric(current.moments, plan.priorVariances);
      current.moments.reset();
      if (metric) current = { ...current, metric, isSearchPending: true };
    }
    current = { ...current, stage: current.stage + 1, done: 0 };
  }
  if (isWarmingUp(plan, current) || current.isSearchPending || current.dualAveraging.count === 0) return current;
  return { ...current, stepSize: Math.exp(current.dualAveraging.logAveraged) };
}
