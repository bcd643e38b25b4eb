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

/** What a pass over the scalars of a class found. */
interface Tally {
  judged: number;
  missed: number;
  failed: number;
  constant: number;
  undefinedCount: number;
  /** First scalars with an undefined figure. */
  readonly undefinedFirst: number[];
  /** Worst scalars, the worst first. */
  readonly worst: number[];
}

function tally(figures: FigureClass): Tally {
  // Larger is worse on this scale, whichever side is good.
  const sign = figures.good === 'below' ? 1 : -1;
  const out: Tally = { judged: 0, missed: 0, failed: 0, constant: 0, undefinedCount: 0, undefinedFirst: [], worst: [] };
  for (let i = 0; i < figures.count; i++) {
    const value = figures.valueAt(i);
    if (figures.isConstantAt(i)) {
      out.constant++;
    } else if (Number.isNaN(value)) {
      out.undefinedCount++;
      if (out.undefinedFirst.length < WORST_NAMED) out.undefinedFirst.push(i);
    } else {
      out.judged++;
      if (sign * value >= sign * figures.passLimit) out.missed++;
      if (sign * value >= sign * figures.reviewLimit) out.failed++;
      const place = out.worst.findIndex((j) => sign * figures.valueAt(j) < sign * value);
      if (place >= 0) out.worst.splice(place, 0, i);
      else if (out.worst.length < WORST_NAMED) out.worst.push(i);
      if (out.worst.length > WORST_NAMED) out.worst.pop();
    }
  }
  return out;
}

function judgeClass(figures: FigureClass): Verdict {
  const { label, good, passLimit, reviewLimit } = figures;
  const found = tally(figures);
  const show = (i: number) => `${figures.nameAt(i)} ${formatFigure(figures.valueAt(i), good)}`;
  const parts: string[] = [];
  if (found.judged > 0 && found.missed === 0) {
    parts.push(`all ${found.judged} are ${good} ${passLimit} (worst ${show(found.worst[0])})`);
  } else if (found.judged > 0) {
    const named = found.worst.slice(0, found.missed).map(show).join(', ');
    const severe = found.failed > 0 ? `, of which ${found.failed} not ${good} ${reviewLimit}` : '';
    parts.push(`${found.missed} of ${found.judged} are not ${good} ${passLimit}${severe}; worst: ${named}`);
  }
  if (found.undefinedCount > 0) {
    const named = found.undefinedFirst.map(figures.nameAt).join(', ');
    parts.push(`undefined for ${found.undefinedCount} (too few, tied or non-finite draws), first: ${named}`);
  }
  if (found.constant > 0) parts.push(`${found.constant} constant left out`);
  const status = found.failed > 0 ? 'fail' : found.missed + found.undefinedCount > 0 ? 'review' : 'pass';
  return { status, sentence: `${label}: ${parts.join('; ')}.` };
}

function formatFigure(value: number, good: 'below' | 'above'): string {
  if (!Number.isFinite(value)) return String(value);
  return good === 'below' ? value.toFixed(4) : value.toFixed(1);
}
