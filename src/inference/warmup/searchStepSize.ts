// A first step size: doubled or halved until one leapfrog step is accepted with probability near 0.8 (Hoffman & Gelman 2014, alg. 4).
import type { Coroutine, PhasePoint } from '../phaseSpace/requests.js';
import type { KernelState } from '../kernel.js';
import type { StepKey } from '../random/streams.js';
import { sites } from '../random/streams.js';

const LOG_ACCEPTANCE = Math.log(0.8);
const SMALLEST = 1e-10;
const LARGEST = 1e7;

export interface SearchedStepSize {
  readonly stepSize: number;
  /** Gradients that the search took. */
  readonly evaluations: number;
}

/**
 * The step size at which the acceptance of one step crosses 0.8, starting from `stepSize`; a new momentum at every trial,
 * as in Stan. Stays within [1e-10, 1e7]: a density that needs less or allows more shows as divergences or as a flat posterior.
 */
export function* searchStepSize(key: StepKey, state: KernelState, stepSize: number): Coroutine<SearchedStepSize> {
  const from: PhasePoint = { point: state.point, momentum: 0 };
  const to: PhasePoint = { point: state.point === 0 ? 1 : 0, momentum: 1 };
  let current = stepSize;
  let isGrowing: boolean | undefined;
  let trial = 0;
  while (current >= SMALLEST && current <= LARGEST) {
    const energies = yield [
      { kind: 'refresh', at: from, stream: key.stream(sites.stepSizeSearch + trial++) },
      { kind: 'leapfrog', from, to, stepSize: current },
    ];
    const isAccepted = energies[0] - energies[1] > LOG_ACCEPTANCE;
    isGrowing ??= isAccepted;
    if (isGrowing !== isAccepted) return { stepSize: current, evaluations: trial };
    current = isGrowing ? 2 * current : current / 2;
  }
  return { stepSize: Math.min(LARGEST, Math.max(SMALLEST, current)), evaluations: trial };
}
