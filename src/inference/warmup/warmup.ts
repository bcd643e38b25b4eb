// The fold over the warm-up's stages: what a transition does to step size, metric and schedule.
import type { TransitionInfo } from '../kernel.js';
import type { DualAveraging } from './dualAveraging.js';
import { startDualAveraging, updateDualAveraging } from './dualAveraging.js';
import type { WarmupStage } from './stages.js';

/** What a chain has adapted so far and where in the schedule it is. */
export interface WarmupState {
  /** Index of the current stage; the number of stages when warm-up is over. */
  readonly stage: number;
  /** Transitions done in the current stage. */
  readonly done: number;
  /** Step size of the next transition. */
  readonly stepSize: number;
  /** A metric window has ended, so the step size is searched for afresh before the next transition. */
  readonly isSearchPending: boolean;
  readonly dualAveraging: DualAveraging;
}

export interface WarmupPlan {
  readonly stages: readonly WarmupStage[];
  readonly targetAcceptance: number;
}

/** The state after a transition, and what phase space is to do with the position that it ended at. */
export interface WarmupStep {
  readonly state: WarmupState;
  /** The position belongs to a metric window. */
  readonly observes: boolean;
  /** It was the window's last: the metric is to be estimated. */
  readonly adapts: boolean;
}

export function startWarmup(plan: WarmupPlan, stepSize: number, isSearchPending: boolean): WarmupState {
  const start = { stage: 0, done: 0, stepSize, isSearchPending, dualAveraging: startDualAveraging(stepSize) };
  return closeFinishedStages(plan, start);
}

export function isWarmingUp(plan: WarmupPlan, state: WarmupState): boolean {
  return state.stage < plan.stages.length;
}

/** After a step-size search: dual averaging starts again from what it found. */
export function withSearchedStepSize(state: WarmupState, stepSize: number): WarmupState {
  return { ...state, stepSize, isSearchPending: false, dualAveraging: startDualAveraging(stepSize) };
}

/** State after one transition. Once warm-up is over nothing changes. */
export function warmupTransition(
  plan: WarmupPlan,
  state: WarmupState,
  info: Pick<TransitionInfo, 'acceptanceRate'>,
): WarmupStep {
  if (!isWarmingUp(plan, state)) return { state, observes: false, adapts: false };
  const dualAveraging = updateDualAveraging(state.dualAveraging, info.acceptanceRate, plan.targetAcceptance);
  const stepSize = Math.exp(dualAveraging.logStepSize);
  const next = closeFinishedStages(plan, { ...state, done: state.done + 1, dualAveraging, stepSize });
  const observes = plan.stages[state.stage].adapts === 'metric';
  return { state: next, observes, adapts: observes && next.stage > state.stage };
}

/** Ends the stages that are complete; after a metric stage a step size is searched for; the end of warm-up keeps the averaged one. */
function closeFinishedStages(plan: WarmupPlan, state: WarmupState): WarmupState {
  let current = state;
  while (isWarmingUp(plan, current) && current.done >= plan.stages[current.stage].transitions) {
    const isSearchPending = current.isSearchPending || plan.stages[current.stage].adapts === 'metric';
    current = { ...current, isSearchPending, stage: current.stage + 1, done: 0 };
  }
  if (isWarmingUp(plan, current) || current.isSearchPending || current.dualAveraging.count === 0) return current;
  return { ...current, stepSize: Math.exp(current.dualAveraging.logAveraged) };
}
