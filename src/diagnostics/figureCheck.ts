// The judgement common to R-hat and ESS: classes of scalars, each with its limits, and the worst of them by name.
import { WORST_NAMED } from './checkLimits.js';

export type CheckStatus = 'pass' | 'review' | 'fail';

/** The answer of one check. */
export interface CheckResult {
  readonly name: string;
  readonly status: CheckStatus;
  /** What was seen, the worst scalars by name, and what to do. */
  readonly detail: string;
}

/** One figure of all scalars of a class. */
export interface FigureClass {
  readonly label: string;
  readonly count: number;
  readonly nameAt: (index: number) => string;
  /** NaN where the figure is undefined. */
  readonly valueAt: (index: number) => number;
  /** Constant scalars have nothing to converge and are left out. */
  readonly isConstantAt: (index: number) => boolean;
  /** Which side is good, and the two limits on the way from good to bad. */
  readonly good: 'below' | 'above';
  readonly passLimit: number;
  readonly reviewLimit: number;
}

const SEVERITY: Readonly<Record<CheckStatus, number>> = { pass: 0, review: 1, fail: 2 };

/** The more severe of the statuses; pass when there is none. */
export function worstStatus(statuses: readonly CheckStatus[]): CheckStatus {
  return statuses.reduce<CheckStatus>((worst, next) => (SEVERITY[next] > SEVERITY[worst] ? next : worst), 'pass');
}

/**
 * Judges one figure over all classes: the status of the worst scalar, and a sentence per class. A scalar whose figure is
 * undefined although it is not constant is to be reviewed.
 * @param advice what to do, appended unless all pass
 */
export function checkFigure(name: string, classes: readonly FigureClass[], advice: string): CheckResult {
  const verdicts = classes.filter(({ count }) => count > 0).map(judgeClass);
  if (verdicts.length === 0) return { name, status: 'review', detail: 'There was no scalar to judge.' };
  const status = worstStatus(verdicts.map((verdict) => verdict.status));
  const sentences = verdicts.map(({ sentence }) => sentence);
  return { name, status, detail: [...sentences, ...(status === 'pass' ? [] : [advice])].join(' ') };
}

interface Verdict {
  readonly status: CheckStatus;
  readonly sentence: string;
}

function judgeClass(figures: FigureClass): Verdict {
  const { label, count, good, passLimit, reviewLimit } = figures;
  const sign = good === 'below' ? 1 : -1;
  const badness = (value: number) => sign * value;
  const failing: number[] = [];
  const undefinedAt: number[] = [];
  let worst: number[] = [];
  let missed = 0;
  let failed = 0;
  let constant = 0;
  for (let i = 0; i < count; i++) {
    if (figures.isConstantAt(i)) {
      constant++;
      continue;
    }
    const value = figures.valueAt(i);
    if (Number.isNaN(value)) {
      undefinedAt.push(i);
      continue;
    }
    if (badness(value) >= badness(passLimit)) missed++;
    if (badness(value) >= badness(reviewLimit)) failed++;
    failing.push(i);
    if (failing.length > 64) worst = keepWorst(failing, worst);
  }
  worst = keepWorst(failing, worst);

  function keepWorst(fresh: number[], kept: readonly number[]): number[] {
    const all = [...kept, ...fresh].sort((a, b) => badness(figures.valueAt(b)) - badness(figures.valueAt(a)));
    fresh.length = 0;
    return all.slice(0, WORST_NAMED);
  }

  const show = (i: number) => `${figures.nameAt(i)} ${formatFigure(figures.valueAt(i), good)}`;
  const judged = count - constant - undefinedAt.length;
  const parts: string[] = [];
  if (judged > 0 && missed === 0) {
    parts.push(`all ${judged} are ${good} ${passLimit} (worst ${show(worst[0])})`);
  } else if (judged > 0) {
    const named = worst.slice(0, missed).map(show).join(', ');
    const severe = failed > 0 ? `, of which ${failed} not ${good} ${reviewLimit}` : '';
    parts.push(`${missed} of ${judged} are not ${good} ${passLimit}${severe}; worst: ${named}`);
  }
  if (undefinedAt.length > 0) {
    const named = undefinedAt.slice(0, WORST_NAMED).map(figures.nameAt).join(', ');
    parts.push(`undefined for ${undefinedAt.length} (too few, tied or non-finite draws): ${named}`);
  }
  if (constant > 0) parts.push(`${constant} constant left out`);
  const status = failed > 0 ? 'fail' : missed > 0 || undefinedAt.length > 0 ? 'review' : 'pass';
  return { status, sentence: `${label}: ${parts.join('; ')}.` };
}

function formatFigure(value: number, good: 'below' | 'above'): string {
  if (!Number.isFinite(value)) return String(value);
  return good === 'below' ? value.toFixed(3) : value.toFixed(0);
}
