// Hamiltonian Monte Carlo with a trajectory of fixed length and a jittered step size (Neal 2011; Duane et al. 1987).
import type { Kernel, KernelState, TransitionInfo } from './kernel.js';
import { DIVERGENCE_THRESHOLD } from './kernel.js';
import type { SlotCounts } from './phaseSpace/phaseSpaces.js';
import type { Coroutine, PhasePoint, PhaseSpace, Request } from './phaseSpace/requests.js';
import type { StepKey } from './random/streams.js';
import { sites } from './random/streams.js';

export interface HmcOptions {
  /** Length of the trajectory in the metric's units of time; π/2 takes a Gaussian of unit scale to an independent draw. */
  readonly integrationTime: number;
  /** The step size of a transition is uniform within this fraction of its adapted value; in [0, 1). */
  readonly stepSizeJitter: number;
  readonly maxLeapfrogSteps: number;
  /** The length of a transition's trajectory is uniform within this fraction of `integrationTime`; in [0, 1). */
  readonly lengthJitter: number;
}

export const defaultHmcOptions: HmcOptions = {
  integrationTime: Math.PI / 2,
  stepSizeJitter: 0.2,
  maxLeapfrogSteps: 1023,
  lengthJitter: 0,
};

// State and Info: those of kernel.ts.

// Init

/** Points 0 and 1 and one momentum; one more for the step-size search. */
export const hmcSlots: SlotCounts = { points: 2, momenta: 2 };

/** HMC over one chain's phase space. */
export function hmc(space: PhaseSpace, options: HmcOptions = defaultHmcOptions): Kernel {
  return { step: (key, state, stepSize) => hmcStep(space, options, key, state, stepSize) };
}

// Kernel

function* hmcStep(
  space: PhaseSpace,
  options: HmcOptions,
  key: StepKey,
  state: KernelState,
  stepSize: number,
): Coroutine<readonly [KernelState, TransitionInfo]> {
  const random = key.stream(sites.stepSizeJitter);
  const jitter = 1 + options.stepSizeJitter * (2 * random.uniform() - 1);
  const length = options.integrationTime * (1 + options.lengthJitter * (2 * random.uniform() - 1));
  const steps = Math.min(options.maxLeapfrogSteps, Math.max(1, Math.round(length / stepSize)));
  const [next, info] = yield* trajectory(space, key, state, stepSize * jitter, steps);
  return [next, { ...info, stepSize }];
}

/** A transition of the given number of leapfrog steps; the proposal is in the other point slot, its momentum in slot 0. */
export function* trajectory(
  space: PhaseSpace,
  key: StepKey,
  state: KernelState,
  stepSize: number,
  steps: number,
): Coroutine<readonly [KernelState, TransitionInfo]> {
  const start: PhasePoint = { point: state.point, momentum: 0 };
  const moving: PhasePoint = { point: otherPoint(state.point), momentum: 0 };
  let requests: Request[] = [{ kind: 'refresh', at: start, stream: key.stream(sites.momentum) }];
  let [initialEnergy, energy] = [NaN, NaN];
  let taken = 0;
  let isDivergent = false;
  while (taken < steps && !isDivergent) {
    const planned = Math.min(steps, taken + space.lookahead);
    for (let step = taken; step < planned; step++) {
      requests.push({ kind: 'leapfrog', from: step === 0 ? start : moving, to: moving, stepSize });
    }
    const answers = yield requests;
    let next = 0;
    if (taken === 0) initialEnergy = answers[next++];
    while (taken < planned && !isDivergent) {
      energy = answers[next++];
      taken++;
      isDivergent = !(energy - initialEnergy <= DIVERGENCE_THRESHOLD);
    }
    requests = [];
  }
  const acceptanceRate = isDivergent ? 0 : Math.min(1, Math.exp(initialEnergy - energy));
  const isAccepted = key.stream(sites.trajectory).bernoulli(acceptanceRate);
  const point = isAccepted ? moving.point : start.point;
  return [
    { point },
    {
      logDensity: space.logDensityAt(point),
      energy: isAccepted ? energy : initialEnergy,
      acceptanceRate,
      stepSize,
      treeDepth: 0,
      leapfrogSteps: taken,
      isDivergent,
      reachedMaxTreeDepth: false,
    },
  ];
}

// Helpers

/** Of the two point slots the one that is not given. */
export function otherPoint(point: number): number {
  return point === 0 ? 1 : 0;
}
