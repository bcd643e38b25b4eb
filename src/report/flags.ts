// Which figures of a summary row lie outside the limits of the checks, and how far.
import type { CheckStatus } from '../diagnostics/index.js';
import { formatCount, formatRhat } from './format.js';
import type { ReportLimits, ReportParameter } from './reportInput.js';

/** A figure that did not pass: the limit it missed, in words. */
export interface Flag {
  readonly status: Exclude<CheckStatus, 'pass'>;
  readonly words: string;
}

type Judged = Pick<ReportParameter, 'class' | 'rhat' | 'essBulk' | 'essTail'>;

interface Flags {
  readonly rhat: Flag | null;
  readonly essBulk: Flag | null;
  readonly essTail: Flag | null;
}

/** A flag for each figure outside its limit, null for the others. Undefined figures are not flagged. */
export function flagsOf(parameter: Judged, limits: ReportLimits): Flags {
  const { rhatPass, rhatReview, essPass, essReview } = limits[parameter.class];
  const essFlag = (value: number | null): Flag | null => {
    if (value === null || !(value <= essPass)) return null;
    return { status: value > essReview ? 'review' : 'fail', words: `not above ${formatCount(essPass)}` };
  };
  const rhatFlag = (value: number | null): Flag | null => {
    if (value === null || limits.judgesRhat === false || !(value >= rhatPass)) return null;
    return { status: value < rhatReview ? 'review' : 'fail', words: `not below ${formatRhat(rhatPass)}` };
  };
  return { rhat: rhatFlag(parameter.rhat), essBulk: essFlag(parameter.essBulk), essTail: essFlag(parameter.essTail) };
}

export function isFlagged(parameter: ReportParameter, limits: ReportLimits): boolean {
  return Object.values(flagsOf(parameter, limits)).some((flag) => flag !== null);
}
