// The checks of a fit: each answers pass, review or fail with what was seen and what to do about it.
import { FEWEST_FOR_ESS, FEWEST_FOR_STUCK, WORST_NAMED } from './checkLimits.js';
import type { ScalarLimits } from './checkLimits.js';
import { checkFigure } from './figureCheck.js';
import type { CheckResult, FigureClass } from './figureCheck.js';
import type { NamedSummary } from './namedSummary.js';
import { checkDivergences, checkEbfmi, checkTreeDepth } from './samplerChecks.js';
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
  /** Nested R-hat of runs with superchains, which is judged instead. */
  readonly rhatNestedMoments?: Float64Array;
  readonly essBatchMeans: Float64Array;
  /** Standard deviations; zero marks a constant. */
  readonly sd: Float64Array;
}

/** A run of many chains, several from each starting point. */
export interface ManyChains {
  readonly superchains: number;
  readonly chains: number;
  /** Draws that the figures of scalars are made of. */
  readonly drawsPerChain: number;
}

const NESTED_ADVICE =
  'The chains have not forgotten where they started, or a superchain has too few draws: run more warm-up and draws, or more ' +
  'chains in each superchain; if nested R-hat stays, look for several modes, scales near zero (non-centre that level) or ' +
  'parameters that the data cannot tell apart (tighten their priors).';
const RHAT_ADVICE =
  'Chains have not mixed: run more warm-up and draws; if R-hat stays, look at the traces of the scalars named for several ' +
  'modes, scales near zero (non-centre that level) or parameters that the data cannot tell apart (tighten their priors).';
const ESS_ADVICE =
  'Draw more; if the figure grows slowly, look for strong correlation (dense metric), scales near zero (non-centre that ' +
  'level) or integrate the coefficients out.';
const TAIL_ADVICE =
  'Interval ends are less certain than they look: draw more; for heavy tails tighten the priors of the scalars named.';

/**
 * All checks that the input allows, in the order of the flow.
 * @param many given for a run with superchains: nested R-hat takes the place of R-hat, whose half-chains are too short there, and
 * nothing is held against a chain for being short
 */
export function runChecks(
  classes: readonly ScalarClass[],
  sampler?: SamplerStatistics,
  many?: ManyChains,
): CheckResult[] {
  const isTooShortForEss = many !== undefined && many.drawsPerChain < FEWEST_FOR_ESS;
  const results = [
    checkNonFinite(classes),
    checkStuckChains(classes, many),
    many ? checkRhatNested(classes) : checkRhat(classes),
    isTooShortForEss ? withoutEss('essBulk', many) : checkEssBulk(classes),
    isTooShortForEss ? withoutEss('essTail', many) : checkEssTail(classes),
  ];
  if (!sampler) return results;
  results.push(checkDivergences(sampler), checkEbfmi(sampler, many !== undefined));
  return sampler.maxTreeDepth === null ? results : [...results, checkTreeDepth(sampler)];
}

/** Rank-normalised nested R-hat of every scalar against the limits of R-hat. */
function checkRhatNested(classes: readonly ScalarClass[]): CheckResult {
  const figures = classes.map((entry) => rhatClass(entry, entry.scalars.length, summaryAccess(entry, 'rhatNested')));
  return checkFigure('rhatNested', figures, NESTED_ADVICE);
}

function withoutEss(name: string, { chains, superchains, drawsPerChain }: ManyChains): CheckResult {
  const detail =
    `${chains} chains of ${drawsPerChain} draws: too short for autocorrelations. Nested R-hat counts for it: within its ` +
    `limit each of the ${superchains} superchains is worth 50 independent draws.`;
  return { name, status: 'pass', detail };
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
  const isNested = classes.some((c) => c.rhatNestedMoments !== undefined);
  const rhats = classes.map((c) => {
    const values = c.rhatNestedMoments ?? c.splitRhatMoments;
    return rhatClass(c, values.length, access(c, values));
  });
  const sizes = classes.map((c) => essClass(c, c.essBatchMeans.length, access(c, c.essBatchMeans)));
  const converged = isNested
    ? checkFigure('rhatNestedMoments', rhats, NESTED_ADVICE)
    : checkFigure('splitRhatMoments', rhats, RHAT_ADVICE);
  return [converged, checkFigure('essBatchMeans', sizes, ESS_ADVICE)];
}

type FigureAccess = Pick<FigureClass, 'nameAt' | 'valueAt' | 'isConstantAt'>;

function summaryAccess({ scalars }: ScalarClass, figure: 'rhat' | 'rhatNested' | 'essBulk' | 'essTail'): FigureAccess {
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
export function checkNonFinite(classes: readonly ScalarClass[]): CheckResult {
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
function checkStuckChains(classes: readonly ScalarClass[], many: ManyChains | undefined): CheckResult {
  if (many !== undefined && many.drawsPerChain < FEWEST_FOR_STUCK) {
    const detail = `${many.chains} chains of ${many.drawsPerChain} draws: too short to tell a stuck chain from a rejected one.`;
    return { name: 'stuckChains', status: 'pass', detail };
  }
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
