// What the checks say about the sampler itself: divergences, the range of energies, and trees cut short.
import {
  DIVERGENT_SHARE_FAIL,
  EBFMI_FAIL,
  EBFMI_REVIEW,
  FEWEST_FOR_EBFMI,
  MOST_CHAINS_LISTED,
  TREE_DEPTH_SHARE_FAIL,
  WORST_NAMED,
} from './checkLimits.js';
import type { CheckResult } from './figureCheck.js';
import type { SamplerStatistics } from './samplerStatistics.js';

/** Divergent transitions after warm-up. */
export function checkDivergences({ divergences, drawsPerChain }: SamplerStatistics): CheckResult {
  const total = sum(divergences);
  const draws = drawsPerChain * divergences.length;
  if (total === 0) return { name: 'divergences', status: 'pass', detail: `No divergence in ${draws} draws.` };
  const detail =
    `${total} of ${draws} draws diverged (${byChain(divergences)}): the posterior is curved more sharply somewhere ` +
    'than the step size follows, and that region may be missing from the draws. Raise the target acceptance rate (0.95, ' +
    '0.99); if divergences stay, non-centre the levels with few rows or tighten the priors of their scales.';
  return { name: 'divergences', status: total > DIVERGENT_SHARE_FAIL * draws ? 'fail' : 'review', detail };
}

/** Energy Bayesian fraction of missing information: of each chain, or their mean where many chains are short. */
export function checkEbfmi({ ebfmi, drawsPerChain }: SamplerStatistics, hasManyChains: boolean): CheckResult {
  if (hasManyChains && drawsPerChain < FEWEST_FOR_EBFMI) return checkMeanEbfmi(ebfmi, drawsPerChain);
  const lowest = Math.min(...ebfmi.filter((value) => !Number.isNaN(value)));
  const undefinedSome = ebfmi.some(Number.isNaN);
  const listed = ebfmi.map((value) => (Number.isNaN(value) ? 'undefined' : value.toFixed(2)));
  const seen =
    ebfmi.length <= MOST_CHAINS_LISTED
      ? `E-BFMI per chain: ${listed.join(', ')}`
      : `E-BFMI of ${ebfmi.length} chains: lowest ${lowest.toFixed(2)}${undefinedSome ? ', undefined for some' : ''}`;
  if (lowest >= EBFMI_REVIEW && !undefinedSome) {
    return { name: 'ebfmi', status: 'pass', detail: `${seen} (all at least ${EBFMI_REVIEW}).` };
  }
  return lowEbfmi(seen, lowest);
}

function checkMeanEbfmi(ebfmi: readonly number[], draws: number): CheckResult {
  const known = ebfmi.filter((value) => !Number.isNaN(value));
  if (known.length === 0) {
    const detail = `E-BFMI is undefined for chains of ${draws} draws: nothing can be said about the range of energies.`;
    return { name: 'ebfmi', status: draws < 2 ? 'pass' : 'review', detail };
  }
  const mean = sum(known) / known.length;
  const seen = `E-BFMI, mean over ${known.length} chains of ${draws} draws: ${mean.toFixed(2)}`;
  if (mean >= EBFMI_REVIEW) return { name: 'ebfmi', status: 'pass', detail: `${seen} (at least ${EBFMI_REVIEW}).` };
  return lowEbfmi(seen, mean);
}

function lowEbfmi(seen: string, value: number): CheckResult {
  const detail =
    `${seen}; at least ${EBFMI_REVIEW} is wanted. The momentum is renewed too weakly to cross the range of energies, often ` +
    'because of heavy tails or a scale that governs many coefficients: non-centre that level, integrate the coefficients ' +
    'out, or use a tighter prior on the scale.';
  return { name: 'ebfmi', status: value < EBFMI_FAIL ? 'fail' : 'review', detail };
}

/** Transitions cut off at the largest tree depth. */
export function checkTreeDepth({ maxTreeDepthHits, maxTreeDepth, drawsPerChain }: SamplerStatistics): CheckResult {
  const hits = maxTreeDepthHits ?? [];
  const total = sum(hits);
  const draws = drawsPerChain * hits.length;
  if (total === 0) {
    return { name: 'treeDepth', status: 'pass', detail: `No tree of ${draws} reached depth ${maxTreeDepth}.` };
  }
  const detail =
    `${total} of ${draws} trees reached depth ${maxTreeDepth} (${byChain(hits)}): trajectories were cut short, which ` +
    'costs efficiency. Allow deeper trees, warm up longer, or bring parameters to one scale (standardise, dense metric).';
  return { name: 'treeDepth', status: total > TREE_DEPTH_SHARE_FAIL * draws ? 'fail' : 'review', detail };
}

/** Counts of all chains, or of the worst of many. */
function byChain(counts: readonly number[]): string {
  if (counts.length <= MOST_CHAINS_LISTED) return `per chain: ${counts.join(', ')}`;
  const worst = counts.map((count, chain) => ({ count, chain })).sort((a, b) => b.count - a.count);
  const named = worst.slice(0, WORST_NAMED).filter(({ count }) => count > 0);
  return `most in ${named.map(({ count, chain }) => `chain ${chain}: ${count}`).join(', ')}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
