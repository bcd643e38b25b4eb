// Adapts the length of trajectories by the ChEES criterion (Hoffman, Radul & Sountsov 2021, "An adaptive-MCMC scheme for setting
// trajectory lengths in Hamiltonian Monte Carlo", §3).

/** Adam without momentum (Kingma & Ba 2015), in log T, as in the paper: learning rate, and decay of the squared gradients. */
const LEARNING_RATE = 0.025;
const SQUARE_DECAY = 0.95;
/** Weight of the n-th length in the average of log T: n to minus this. */
const AVERAGE_DECAY = 0.5;

/** State of the recursion; all scalars. */
export interface TrajectoryLength {
  /** Updates so far. */
  readonly count: number;
  /** log T: to explore with. A transition's trajectory is a fraction of T, its jitter. */
  readonly logLength: number;
  /** Weighted mean of log T, to keep when adaptation ends. */
  readonly logAveraged: number;
  /** Running mean of squared gradients. */
  readonly meanSquare: number;
}

export function startTrajectoryLength(length: number): TrajectoryLength {
  return { count: 0, logLength: Math.log(length), logAveraged: 0, meanSquare: 0 };
}

/** What the chains' moves of one transition say, `[chain]` each; see `MoveStatistics`. */
export interface PooledMoves {
  /** Acceptance probabilities; 0 for a divergent trajectory. */
  readonly weights: ArrayLike<number>;
  /** ‖q' − E q'‖² − ‖q − E q‖². */
  readonly changes: ArrayLike<number>;
  /** (q' − E q')·dq'/dt, half the derivative of the first square by the length of the trajectory. */
  readonly slopes: ArrayLike<number>;
}

/**
 * Estimate of d ChEES / d log T, where ChEES = ¼ E (‖q' − E q'‖² − ‖q − E q‖²)² is the expected squared change of the squared
 * distance from the mean (§3.1, eq. 6): the mean over chains, weighted by acceptance, of change · slope · dt/d log T, t = h T
 * being the length of the trajectory and h the jitter.
 * @param length t
 */
export function cheesGradient({ weights, changes, slopes }: PooledMoves, length: number): number {
  let [sum, total] = [0, 0];
  for (let chain = 0; chain < weights.length; chain++) {
    const product = changes[chain] * slopes[chain];
    if (!(weights[chain] > 0 && Number.isFinite(product))) continue;
    sum += weights[chain] * product;
    total += weights[chain];
  }
  return total > 0 ? (length * sum) / total : 0;
}

/** One step up the gradient; T stays within `shortest` and `longest`. A gradient whose square is 0 or not finite changes nothing. */
export function updateTrajectoryLength(
  state: TrajectoryLength,
  gradient: number,
  shortest: number,
  longest: number,
): TrajectoryLength {
  if (!(gradient * gradient > 0 && Number.isFinite(gradient * gradient))) return state;
  const count = state.count + 1;
  const meanSquare = SQUARE_DECAY * state.meanSquare + (1 - SQUARE_DECAY) * gradient * gradient;
  const scale = Math.sqrt(meanSquare / (1 - SQUARE_DECAY ** count));
  const moved = state.logLength + (LEARNING_RATE * gradient) / scale;
  const logLength = Math.min(Math.log(longest), Math.max(Math.log(shortest), moved));
  const weight = count ** -AVERAGE_DECAY;
  const logAveraged = weight * logLength + (1 - weight) * state.logAveraged;
  return { count, logLength, logAveraged, meanSquare };
}

/** T when adaptation has ended. */
export function adaptedLength({ count, logLength, logAveraged }: TrajectoryLength): number {
  return Math.exp(count > 0 ? logAveraged : logLength);
}
