// The list of checks with their verdicts, worst first.
import type { CheckResult, CheckStatus } from '../diagnostics/index.js';
import type { Html } from './html.js';
import { markup } from './html.js';
import { statusMark } from './parts.js';

const WORDS: Readonly<Record<CheckStatus, string>> = { pass: 'Pass', review: 'Review', fail: 'Fail' };
/** Titles of the checks of `src/diagnostics` and of the data; others keep their name. */
const TITLES: Readonly<Record<string, string>> = {
  nonFinite: 'Finite draws',
  stuckChains: 'Moving chains',
  rhat: 'R-hat',
  rhatNested: 'Nested R-hat',
  essBulk: 'Bulk effective sample size',
  essTail: 'Tail effective sample size',
  splitRhatMoments: 'R-hat from half-chain moments',
  rhatNestedMoments: 'Nested R-hat from half-chain moments',
  essBatchMeans: 'Effective sample size from batch means',
  divergences: 'Divergences',
  ebfmi: 'Energy (E-BFMI)',
  treeDepth: 'Tree depth',
  rotation: 'Rotation of factors',
  thinData: 'Enough data',
  fewMarkets: 'Number of markets',
  optimisation: 'Optimisation',
  approximation: 'Closeness of the approximation',
  imputations: 'Number of imputations',
  ranks: 'Ranks of the true values',
};

const ORDER: readonly CheckStatus[] = ['fail', 'review', 'pass'];

/** Title of a check. */
export function checkTitle(name: string): string {
  return TITLES[name] ?? name;
}

function checkRow({ name, status, detail }: CheckResult): Html {
  return markup`<li><span class="status ${status}">${statusMark(status)} ${WORDS[status]}</span><span>${checkTitle(name)}</span><span class="soft">${detail}</span></li>
`;
}

/** All checks, those that need a look first. */
export function checkList(checks: readonly CheckResult[]): Html {
  const sorted = [...checks].sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
  return markup`<ul class="checks">
${sorted.map(checkRow)}</ul>`;
}
