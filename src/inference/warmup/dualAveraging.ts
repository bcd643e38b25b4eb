// Dual averaging of the log step size towards a target acceptance rate (Hoffman & Gelman 2014, §3.2.1, eq. 6).

const SHRINKAGE = 0.05; // γ
const STABILISATION = 10; // t₀
const DECAY = 0.75; // κ

/** State of the recursion; all scalars. */
export interface DualAveraging {
  readonly count: number;
  /** μ: the log step size shrunk towards, log(10 ε₀). */
  readonly logTarget: number;
  /** H̄: running mean of target minus achieved acceptance. */
  readonly meanError: number;
  /** log ε: to explore with. */
  readonly logStepSize: number;
  /** log ε̄: the weighted mean, to keep when adaptation ends. */
  readonly logAveraged: number;
}

export function startDualAveraging(stepSize: number): DualAveraging {
  const logStepSize = Math.log(stepSize);
  return { count: 0, logTarget: Math.log(10) + logStepSize, meanError: 0, logStepSize, logAveraged: 0 };
}

/** One update with the acceptance rate of a transition; one that is not a number counts as 0. */
export function updateDualAveraging(state: DualAveraging, acceptanceRate: number, target: number): DualAveraging {
  const count = state.count + 1;
  const accepted = Number.isNaN(acceptanceRate) ? 0 : Math.min(1, acceptanceRate);
  const gain = 1 / (count + STABILISATION);
  const meanError = (1 - gain) * state.meanError + gain * (target - accepted);
  const logStepSize = state.logTarget - (Math.sqrt(count) / SHRINKAGE) * meanError;
  const weight = count ** -DECAY;
  const logAveraged = weight * logStepSize + (1 - weight) * state.logAveraged;
  return { count, logTarget: state.logTarget, meanError, logStepSize, logAveraged };
}
