// ChEES-HMC: trajectories of all chains in lockstep, with a jittered length that is adapted over all chains (Hoffman et al. 2021).
import { otherPoint, trajectory } from '../hmc.js';
import type { KernelState, TransitionInfo } from '../kernel.js';
import type { Moves } from '../phaseSpace/pooled.js';
import type { PhaseSpace } from '../phaseSpace/requests.js';
import type { StepKey } from '../random/streams.js';
import { halton } from './halton.js';
import { type EnsembleCoroutine, together } from './together.js';

export interface CheesOptions {
  /** T at the start, in the metric's units of time; without warm-up it stays. */
  readonly trajectoryLength: number;
  readonly maxLeapfrogSteps: number;
}

export const defaultCheesOptions: CheesOptions = { trajectoryLength: Math.PI / 2, maxLeapfrogSteps: 1000 };

/** Target of the harmonic mean of acceptance probabilities: optimal for HMC (Beskos et al. 2013), the paper's choice. */
export const CHEES_TARGET_ACCEPTANCE = 0.651;

// State

/** `[chain]` */
export type EnsembleState = readonly KernelState[];

// Info

/** What happened in one transition of all chains. */
export interface EnsembleInfo {
  /** `[chain]` */
  readonly chains: readonly TransitionInfo[];
  /** What the adaptation of T asks phase space about. */
  readonly moves: Moves;
}

// Kernel

/**
 * One transition of all chains: each takes the same number of leapfrog steps, enough for `length`, and accepts or rejects by
 * itself. The slots of `state` are left as they were.
 * @param keys `[chain]`
 */
export function* cheesStep(
  spaces: readonly PhaseSpace[],
  { maxLeapfrogSteps }: CheesOptions,
  keys: readonly StepKey[],
  state: EnsembleState,
  stepSize: number,
  length: number,
): EnsembleCoroutine<readonly [EnsembleState, EnsembleInfo]> {
  const steps = Math.min(maxLeapfrogSteps, Math.max(1, Math.ceil(length / stepSize)));
  const ended = yield* together(
    spaces.map((space, chain) => trajectory(space, keys[chain], state[chain], stepSize, steps)),
  );
  const chains = ended.map(([, info]) => info);
  const before = Int32Array.from(state, ({ point }) => point);
  const moves: Moves = {
    before,
    after: before.map(otherPoint),
    momenta: new Int32Array(chains.length),
    weights: Float64Array.from(chains, ({ acceptanceRate }) => acceptanceRate),
  };
  return [ended.map(([next]) => next), { chains, moves }];
}

// Helpers

/** Length of the trajectory of transition `index` (from 0): the longest, jittered. */
export function jitteredLength(longest: number, index: number): number {
  return halton(index + 1) * longest;
}

/**
 * Harmonic mean of the chains' acceptance probabilities (§3.3): it minds the chains that do worst. Probabilities are taken as at
 * least 0.01, so that among many chains a single divergent one costs its share and not everything: own choice.
 */
export function harmonicMean(probabilities: ArrayLike<number>): number {
  let sum = 0;
  for (let chain = 0; chain < probabilities.length; chain++) sum += 1 / Math.max(probabilities[chain], 0.01);
  return probabilities.length / sum;
}
