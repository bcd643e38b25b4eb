// Warm-up of ChEES-HMC: step size, metric and trajectory length from all chains, one state for all of them.
import type { WarmupStage } from '../warmup/stages.js';
import type { WarmupPlan, WarmupState, WarmupStep } from '../warmup/warmup.js';
import { isWarmingUp, warmupTransition } from '../warmup/warmup.js';
import { type EnsembleInfo, harmonicMean } from './chees.js';
import type { TrajectoryLength } from './trajectoryLength.js';
import { adaptedLength, cheesGradient, startTrajectoryLength, updateTrajectoryLength } from './trajectoryLength.js';
import type { MoveStatistics } from '../phaseSpace/pooled.js';

/** Below this many transitions the metric is not adapted. */
const SHORTEST_WITH_METRIC = 20;

/**
 * Two metric windows, of 15 % and 30 % of the transitions, after a first 15 % to come near the posterior; the last 40 % are for the
 * trajectory's length, which moves by 2.5 % at a time, and the step size. Fewer and earlier windows than for single chains:
 * every transition gives as many draws as there are chains. Own choice.
 */
export function cheesStages(transitions: number): readonly WarmupStage[] {
  if (transitions === 0) return [];
  if (transitions < SHORTEST_WITH_METRIC) return [{ adapts: 'stepSize', transitions }];
  const share = (part: number): number => Math.floor(part * transitions);
  const windows = [share(0.15), share(0.3)];
  return [
    { adapts: 'stepSize', transitions: share(0.15) },
    ...windows.map((length): WarmupStage => ({ adapts: 'metric', transitions: length })),
    { adapts: 'stepSize', transitions: transitions - share(0.15) - windows[0] - windows[1] },
  ];
}

/** What the chains have adapted so far. */
export interface CheesWarmup {
  readonly warmup: WarmupState;
  readonly trajectory: TrajectoryLength;
}

/** The longest trajectory of the next transition. */
export function currentLength(plan: WarmupPlan, { warmup, trajectory }: CheesWarmup): number {
  return isWarmingUp(plan, warmup) ? Math.exp(trajectory.logLength) : adaptedLength(trajectory);
}

export interface CheesWarmupStep extends Omit<WarmupStep, 'state'> {
  readonly state: CheesWarmup;
}

/**
 * State after one transition of length `length`. Once warm-up is over nothing changes. With the first metric, in whose units
 * every standard deviation is about 1, the trajectory starts afresh from a quarter period; with the next ones it goes on from
 * where it is.
 * @param statistics undefined once warm-up is over
 */
export function cheesWarmupTransition(
  plan: WarmupPlan,
  state: CheesWarmup,
  { moves }: EnsembleInfo,
  statistics: MoveStatistics | undefined,
  length: number,
  maxLeapfrogSteps: number,
): CheesWarmupStep {
  const { weights } = moves;
  const step = warmupTransition(plan, state.warmup, { acceptanceRate: harmonicMean(weights) });
  if (!statistics) return { ...step, state: { warmup: step.state, trajectory: state.trajectory } };
  const gradient = cheesGradient({ weights, ...statistics }, length);
  const { stepSize } = state.warmup;
  let trajectory = updateTrajectoryLength(state.trajectory, gradient, stepSize, maxLeapfrogSteps * stepSize);
  if (step.adapts) {
    const isFirst = plan.stages.findIndex(({ adapts }) => adapts === 'metric') === state.warmup.stage;
    trajectory = startTrajectoryLength(isFirst ? Math.PI / 2 : Math.exp(trajectory.logLength));
  }
  return { ...step, state: { warmup: step.state, trajectory } };
}
