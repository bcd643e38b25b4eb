// What k̂ says of an approximation to the posterior, as a status and in words.
import { paretoKThreshold } from './paretoSmoothing.js';

export type FitStatus = 'good' | 'usable' | 'unreliable' | 'notAssessed';

export interface FitVerdict {
  /** k̂ of the log ratios of posterior to approximation; null where it was not assessed. */
  readonly paretoK: number | null;
  /** Dimensions of what was compared. */
  readonly dimension: number;
  readonly status: FitStatus;
  /** One sentence. */
  readonly words: string;
}

/** Beyond this many dimensions k̂ of a joint density says little: it grows with the dimension even for fits that serve. */
export const JOINT_DIMENSION_LIMIT = 100;

/**
 * The verdict on an approximation of `dimension` dimensions from k̂ of `draws` draws of it. Below the threshold for that many draws
 * the approximation is close and importance weights correct what is left of its error; from 0.7 on they cannot (Yao et al. 2018,
 * §3; Vehtari et al. 2024, §3.2.4); from 1 on the ratios have no mean.
 */
export function judgeFit(paretoK: number, draws: number, dimension: number, of = 'the posterior'): FitVerdict {
  const threshold = paretoKThreshold(draws);
  const shown = Number.isFinite(paretoK) ? paretoK.toFixed(2) : 'infinite';
  const record = (status: FitStatus, words: string): FitVerdict => ({ paretoK, dimension, status, words });
  if (paretoK < Math.min(0.5, threshold)) {
    return record('good', `the approximation is close to ${of} (Pareto k ${shown})`);
  }
  if (paretoK < threshold) {
    return record(
      'usable',
      `the approximation is near ${of}, and importance weights correct what it misses (Pareto k ${shown})`,
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
    dimension,
    status: 'notAssessed',
    words: `not assessed: Pareto k says little beyond ${JOINT_DIMENSION_LIMIT} dimensions, and there are ${dimension}`,
  };
}
