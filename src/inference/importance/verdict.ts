// What k̂ says of an approximation to the posterior, as a status and in words.
import { paretoKThreshold, type SmoothedWeights } from './paretoSmoothing.js';

export type FitStatus = 'good' | 'usable' | 'unreliable' | 'notAssessed';

export interface FitVerdict {
  /** k̂ of the log ratios of posterior to approximation; null where it was not assessed. */
  readonly paretoK: number | null;
  /** Effective share of the draws under the smoothed weights, in [0, 1]; null where it was not assessed. */
  readonly effectiveShare: number | null;
  /** Dimensions of what was compared. */
  readonly dimension: number;
  readonly status: FitStatus;
  /** One sentence. */
  readonly words: string;
}

/** Beyond this many dimensions k̂ of a joint density says little: it grows with the dimension even for fits that serve. */
export const JOINT_DIMENSION_LIMIT = 100;

/** Share from which weights hardly vary: the total variation distance is then at most ½ √(1/0.9 − 1) = 0.17 as far as the draws show. */
const EVEN_SHARE = 0.9;

/**
 * The verdict on an approximation of `dimension` dimensions from smoothed weights of draws of it. Below the threshold for that many draws
 * the approximation is close and importance weights correct what is left of its error; from 0.7 on they cannot (Yao et al. 2018,
 * §3; Vehtari et al. 2024, §3.2.4); from 1 on the ratios have no mean. k̂ does not see how much the tail weighs: of a slightly skewed
 * posterior the ratios have a heavy tail over a normal that is all but exact, and their effective share tells so.
 */
export function judgeFit(weights: SmoothedWeights, dimension: number, of = 'the posterior'): FitVerdict {
  const { paretoK, effectiveSize, logWeights } = weights;
  const draws = logWeights.length;
  const threshold = paretoKThreshold(draws);
  const effectiveShare = effectiveSize / draws;
  const shown = Number.isFinite(paretoK) ? paretoK.toFixed(2) : 'infinite';
  const record = (status: FitStatus, words: string): FitVerdict => ({
    paretoK,
    effectiveShare,
    dimension,
    status,
    words,
  });
  if (paretoK < Math.min(0.5, threshold)) {
    return record('good', `the approximation is close to ${of} (Pareto k ${shown})`);
  }
  if (paretoK < threshold) {
    return record(
      'usable',
      `the approximation is near ${of}, and importance weights correct what it misses (Pareto k ${shown})`,
    );
  }
  if (effectiveShare > EVEN_SHARE && Number.isFinite(paretoK)) {
    const share = `${Math.floor(100 * effectiveShare)} % of the draws effective`;
    return record(
      'usable',
      `the approximation is near ${of} but for its far tails (importance weights hardly vary, ${share}; their tail is heavy, Pareto k ${shown})`,
    );
  }
  const why = paretoK >= 1 ? 'is far from' : 'does not cover';
  return record(
    'unreliable',
    `the approximation ${why} ${of} (Pareto k ${shown}, at most ${threshold.toFixed(2)} would do); sample it with NUTS instead`,
  );
}

/** The verdict where k̂ would say nothing. */
export function notAssessed(dimension: number): FitVerdict {
  return {
    paretoK: null,
    effectiveShare: null,
    dimension,
    status: 'notAssessed',
    words: `not assessed: Pareto k says little beyond ${JOINT_DIMENSION_LIMIT} dimensions, and there are ${dimension}`,
  };
}
