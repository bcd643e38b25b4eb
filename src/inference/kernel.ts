// The contract that HMC and NUTS share: step(key, state, stepSize) → [state, info].
import type { Coroutine } from './phaseSpace/requests.js';
import type { StepKey } from './random/streams.js';

/** Energy errors above this count as divergences (Stan's bound). */
export const DIVERGENCE_THRESHOLD = 1000;

/** What the next transition needs: the slot of the current, evaluated point. */
export interface KernelState {
  readonly point: number;
}

/** What happened in one transition. */
export interface TransitionInfo {
  /** Log density of the draw. */
  readonly logDensity: number;
  /** Hamiltonian of the draw with the momentum it was reached with. */
  readonly energy: number;
  /** Mean Metropolis acceptance probability over the trajectory's states, in [0, 1]. */
  readonly acceptanceRate: number;
  readonly stepSize: number;
  /** Doublings of the trajectory that were completed; 0 for static HMC. */
  readonly treeDepth: number;
  readonly leapfrogSteps: number;
  readonly isDivergent: boolean;
  readonly reachedMaxTreeDepth: boolean;
}

/** A Markov kernel as a coroutine; its first list refreshes the momentum. The slot of `state` is left as it was, so a transition can be abandoned half-way. */
export interface Kernel {
  step(key: StepKey, state: KernelState, stepSize: number): Coroutine<readonly [KernelState, TransitionInfo]>;
}
