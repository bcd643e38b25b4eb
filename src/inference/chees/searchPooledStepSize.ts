// A first step size for all chains: doubled or halved until one leapfrog step is accepted with probability near 0.8 on average.
import { otherPoint } from '../hmc.js';
import type { PhasePoint, Request } from '../phaseSpace/requests.js';
import type { StepKey } from '../random/streams.js';
import { sites } from '../random/streams.js';
import type { EnsembleState } from './chees.js';
import type { EnsembleCoroutine } from './together.js';

const ACCEPTANCE = 0.8;
const SMALLEST = 1e-10;
const LARGEST = 1e7;

/** As `searchStepSize` (Hoffman & Gelman 2014, alg. 4), with the mean acceptance probability of all chains. */
export function* searchPooledStepSize(
  keys: readonly StepKey[],
  state: EnsembleState,
  stepSize: number,
): EnsembleCoroutine<number> {
  let current = stepSize;
  let isGrowing: boolean | undefined;
  for (let trial = 0; current >= SMALLEST && current <= LARGEST; trial++) {
    const { lists } = yield {
      lists: state.map(({ point }, chain): readonly Request[] => {
        const from: PhasePoint = { point, momentum: 0 };
        const to: PhasePoint = { point: otherPoint(point), momentum: 1 };
        return [
          { kind: 'refresh', at: from, stream: keys[chain].stream(sites.stepSizeSearch + trial) },
          { kind: 'leapfrog', from, to, stepSize: current },
        ];
      }),
    };
    let sum = 0;
    for (const [before, after] of lists.map((energies) => [energies[0], energies[1]])) {
      sum += Math.min(1, Math.exp(before - after));
    }
    const isAccepted = sum > ACCEPTANCE * state.length;
    isGrowing ??= isAccepted;
    if (isGrowing !== isAccepted) return current;
    current = isGrowing ? 2 * current : current / 2;
  }
  return Math.min(LARGEST, Math.max(SMALLEST, current));
}
