// The checks of a fit: each answers pass, review or fail with what was seen and what to do about it.
import { DIVERGENT_SHARE_FAIL, EBFMI_FAIL, EBFMI_REVIEW, TREE_DEPTH_SHARE_FAIL, WORST_NAMED } from './checkLimits.js';
import type { ScalarLimits } from './checkLimits.js';
import { checkFigure } from './figureCheck.js';
import type { CheckResult, FigureClass } from './figureCheck.js';
import type { NamedSummary } from './namedSummary.js';
import type { SamplerStatistics } from './samplerStatistics.js';

/** Scalars that are judged by the same limits: the population, the stores, the products … */
export interface ScalarClass {
  readonly label: string;
  readonly limits: ScalarLimits;
  readonly scalars: readonly NamedSummary[];
}

/** Scalars known by running moments only (`RunningMoments`), `[index]` in each array. */
export interface MomentsClass {
  readonly label: string;
  readonly limits: ScalarLimits;
  readonly nameAt: (index: number) => string;
  readonly splitRhatMoments: Float64Array;
  readonly essBatchMeans: Float64Array;
  /** Standard deviations; zero marks a constant. */
  readonly sd: Float64Array;
}

const RHAT_ADVICE =
  'Chains have not mixed: run more warm-up and draws; if R-hat stays, look at the traces of the scalars named for several ' +
  'modes, scales near zero (non-centre that level) or parameters that the data cannot tell apart (tighten their priors).';
const ESS_ADVICE =
  'Draw more; if the figure grows slowly, look for strong correlation (dense metric), scales near zero (non-centre that ' +
  'level) or integrate the coefficients out.';
const TAIL_ADVICE =
  'Interval ends are less certain than they look: draw more; for heavy tails tighten the priors of the scalars named.';

/** All checks that the input allows, in the order of the flow. */
export function runChecks(classes: readonly ScalarClass[], sampler?: SamplerStatistics): CheckResult[] {
  const results = [
    checkNonFinite(classes),
    checkStuckChains(classes),
    checkRhat(classes),
    checkEssBulk(classes),
    checkEssTail(classes),
  ];
  if (!sampler) return results;
  results.push(checkDivergences(sampler), checkEbfmi(sampler));
  return sampler.maxTreeDepth === null ? results : [...results, checkTreeDepth(sampler)];
}

/** Rank-normalised split R-hat of every scalar against the limits of its class. */
function checkRhat(classes: readonly ScalarClass[]): CheckResult {
  const figures = classes.map((entry) => rhatClass(entry, entry.scalars.length, summaryAccess(entry, 'rhat')));
  return checkFigure('rhat', figures, RHAT_ADVICE);
}

/** Bulk ESS of every scalar. */
function checkEssBulk(classes: readonly ScalarClass[]): CheckResult {
  const figures = classes.map((entry) => essClass(entry, entry.scalars.length, summaryAccess(entry, 'essBulk')));
  return checkFigure('essBulk', figures, ESS_ADVICE);
}

/** Tail ESS of every scalar. */
function checkEssTail(classes: readonly ScalarClass[]): CheckResult {
  const figures = classes.map((entry) => essClass(entry, entry.scalars.length, summaryAccess(entry, 'essTail')));
  return checkFigure('essTail', figures, TAIL_ADVICE);
}

/** Split R-hat from half-chain moments and batch-means ESS, for quantities whose draws were not kept. */
export function checkMoments(classes: readonly MomentsClass[]): CheckResult[] {
  const access = (entry: MomentsClass, values: Float64Array): FigureAccess => ({
    nameAt: entry.nameAt,
    valueAt: (i) => values[i],
    isConstantAt: (i) => entry.sd[i] === 0,
  });
  const rhats = classes.map((c) => rhatClass(c, c.splitRhatMoments.length, access(c, c.splitRhatMoments)));
  const sizes = classes.map((c) => essClass(c, c.essBatchMeans.length, access(c, c.essBatchMeans)));
  return [checkFigure('splitRhatMoments', rhats, RHAT_ADVICE), checkFigure('essBatchMeans', sizes, ESS_ADVICE)];
}

type FigureAccess = Pick<FigureClass, 'nameAt' | 'valueAt' | 'isConstantAt'>;

function summaryAccess({ scalars }: ScalarClass, figure: 'rhat' | 'essBulk' | 'essTail'): FigureAccess {
  return {
    nameAt: (i) => scalars[i].name,
    valueAt: (i) => scalars[i][figure],
    isConstantAt: (i) => scalars[i].isConstant,
  };
}

interface LabelledLimits {
  readonly label: string;
  readonly limits: ScalarLimits;
}

function rhatClass({ label, limits }: LabelledLimits, count: number, access: FigureAccess): FigureClass {
  return { label, count, ...access, good: 'below', passLimit: limits.rhatPass, reviewLimit: limits.rhatReview };
}

function essClass({ label, limits }: LabelledLimits, count: number, access: FigureAccess): FigureClass {
  return { label, count, ...access, good: 'above', passLimit: limits.essPass, reviewLimit: limits.essReview };
}

/** NaN or infinite draws: any of them fails. */
function checkNonFinite(classes: readonly ScalarClass[]): CheckResult {
  const bad = classes.flatMap(({ scalars }) => scalars.filter(({ nonFiniteDraws }) => nonFiniteDraws > 0));
  if (bad.length === 0) return { name: 'nonFinite', status: 'pass', detail: 'All draws are finite.' };
  bad.sort((a, b) => b.nonFiniteDraws - a.nonFiniteDraws);
  const named = bad.slice(0, WORST_NAMED).map(({ name, nonFiniteDraws }) => `${name} ${nonFiniteDraws}`);
  const detail =
    `${bad.length} scalars have NaN or infinite draws (number of draws: ${named.join(', ')}); their figures are undefined. ` +
    'Look for overflow in what is computed from the parameters: a scale without an upper tail, exp of a large number.';
  return { name: 'nonFinite', status: 'fail', detail };
}

/** Chains that never moved: fails where a chain is stuck in most scalars, to be reviewed where in some. */
function checkStuckChains(classes: readonly ScalarClass[]): CheckResult {
  const moving = classes.flatMap(({ scalars }) => scalars.filter(({ isConstant }) => !isConstant));
  const stuckIn = new Map<number, string[]>();
  for (const { name, stuckChains } of moving) {
    for (const chain of stuckChains) stuckIn.set(chain, [...(stuckIn.get(chain) ?? []), name]);
  }
  if (stuckIn.size === 0) return { name: 'stuckChains', status: 'pass', detail: 'Every chain moved in every scalar.' };
  const chains = [...stuckIn].sort(([a], [b]) => a - b);
  const seen = chains.map(([chain, names]) => {
    const more = names.length > WORST_NAMED ? ', …' : '';
    return `chain ${chain} in ${names.length} of ${moving.length} scalars (${names.slice(0, WORST_NAMED).join(', ')}${more})`;
  });
  const status = chains.some(([, names]) => 2 * names.length > moving.length) ? 'fail' : 'review';
  const detail =
    `Never moved: ${seen.join('; ')}. The step size collapsed or the chain began where the density is degenerate: ` +
    'start from other initial values or another seed, and do not drop the chain without knowing why it stuck.';
  return { name: 'stuckChains', status, detail };
}

/** Divergent transitions after warm-up. */
function checkDivergences({ divergences, drawsPerChain }: SamplerStatistics): CheckResult {
  const total = sum(divergences);
  const draws = drawsPerChain * divergences.length;
  if (total === 0) return { name: 'divergences', status: 'pass', detail: `No divergence in ${draws} draws.` };
  const detail =
    `${total} of ${draws} draws diverged (per chain: ${divergences.join(', ')}): the posterior is curved more sharply somewhere ` +
    'than the step size follows, and that region may be missing from the draws. Raise the target acceptance rate (0.95, ' +
    '0.99); if divergences stay, non-centre the levels with few rows or tighten the priors of their scales.';
  return { name: 'divergences', status: total > DIVERGENT_SHARE_FAIL * draws ? 'fail' : 'review', detail };
}

/** Energy Bayesian fraction of missing information of each chain. */
function checkEbfmi({ ebfmi }: SamplerStatistics): CheckResult {
  const listed = ebfmi.map((value) => (Number.isNaN(value) ? 'undefined' : value.toFixed(2))).join(', ');
  const lowest = Math.min(...ebfmi.filter((value) => !Number.isNaN(value)));
  const undefinedSome = ebfmi.some(Number.isNaN);
  const seen = `E-BFMI per chain: ${listed}`;
  if (lowest >= EBFMI_REVIEW && !undefinedSome) {
    return { name: 'ebfmi', status: 'pass', detail: `${seen} (all at least ${EBFMI_REVIEW}).` };
  }
  const detail =
    `${seen}; at least ${EBFMI_REVIEW} is wanted. The momentum is renewed too weakly to cross the range of energies, often ` +
    'because of heavy tails or a scale that governs many coefficients: non-centre that level, integrate the coefficients ' +
    'out, or use a tighter prior on the scale.';
  return { name: 'ebfmi', status: lowest < EBFMI_FAIL ? 'fail' : 'review', detail };
}

/** Transitions cut off at the largest tree depth. */
function checkTreeDepth({ maxTreeDepthHits, maxTreeDepth, drawsPerChain }: SamplerStatistics): CheckResult {
  const hits = maxTreeDepthHits ?? [];
  const total = sum(hits);
  const draws = drawsPerChain * hits.length;
  if (total === 0) {
    return { name: 'treeDepth', status: 'pass', detail: `No tree of ${draws} reached depth ${maxTreeDepth}.` };
  }
  const detail =
    `${total} of ${draws} trees reached depth ${maxTreeDepth} (per chain: ${hits.join(', ')}): trajectories were cut short, which ` +
    'costs efficiency. Allow deeper trees, warm up longer, or bring parameters to one scale (standardise, dense metric).';
  return { name: 'treeDepth', status: total > TREE_DEPTH_SHARE_FAIL * draws ? 'fail' : 'review', detail };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
