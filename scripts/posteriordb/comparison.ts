// The distance of a fit from reference draws, in Monte-Carlo standard errors.
import { mcseMean, mcseSd } from '../../src/diagnostics/index.js';
import type { Chains } from './collection.js';

export interface Comparison {
  /** Difference of means, and of standard deviations, over the combined Monte-Carlo standard error. */
  readonly mean: number;
  readonly sd: number;
}

export function compare(draws: Chains, reference: Chains): Comparison {
  const [own, theirs] = [moments(draws), moments(reference)];
  return {
    mean: (own.mean - theirs.mean) / Math.hypot(mcseMean(draws), mcseMean(reference)),
    sd: (own.sd - theirs.sd) / Math.hypot(mcseSd(draws), mcseSd(reference)),
  };
}

/** Mean and standard deviation of all chains together. */
export function moments(chains: Chains): { mean: number; sd: number } {
  const values = chains.flatMap((chain) => [...chain]);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, sd: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1)) };
}
