// The finished fit: what it cost, what the checks say, and the table of the posterior, with the truth where it is known.
import { type CheckStatus, worstStatus } from '../../../src/diagnostics/index.js';
import {
  formatCount,
  formatFixed,
  formatRhat,
  formatSeconds,
  plural,
  supportedDecimals,
} from '../../../src/report/format.js';
import type { FitResult, SummaryRow } from '../messages.js';
import { byId, element } from './elements.js';

/** Rows of a table beyond which the user is asked to filter. */
const mostRows = 300;

/** What the checks are called. */
const checkTitles: Readonly<Record<string, string>> = {
  nonFinite: 'finite draws',
  stuckChains: 'moving chains',
  rhat: 'R-hat',
  essBulk: 'bulk ESS',
  essTail: 'tail ESS',
  divergences: 'divergences',
  ebfmi: 'E-BFMI',
  treeDepth: 'tree depth',
};

export function showPosterior(result: FitResult): void {
  byId('posterior', HTMLElement).hidden = false;
  byId('facts', HTMLDListElement).replaceChildren(
    ...facts(result).flatMap(([term, value]) => [element('dt', {}, term), element('dd', {}, value)]),
  );
  byId('checks', HTMLUListElement).replaceChildren(
    ...result.checks.map(({ name, status, detail }) =>
      element('li', { class: status }, element('b', {}, `${checkTitles[name] ?? name}: ${status}`), ` ${detail}`),
    ),
  );
  const level = (wanted: SummaryRow['level']): SummaryRow[] => result.rows.filter(({ level }) => level === wanted);
  const [population, groups] = [level('population'), level('group')];
  const hasRows = result.rows.length > 0;
  for (const id of ['download-csv', 'download-json']) byId(id, HTMLButtonElement).hidden = !hasRows;
  byId('tables', HTMLDivElement).replaceChildren(
    ...(hasRows ? [element('h3', {}, 'Population'), tableOf(population, 'population')] : []),
    ...(groups.length > 0 ? [groupTable(groups)] : []),
    ...(result.note === undefined ? [] : [element('p', { class: 'small' }, `The ${result.note}.`)]),
  );
}

function facts(result: FitResult): [string, string][] {
  const { seconds, gradientEvaluations, drawsPerChain, divergences, device, isComplete, checks } = result;
  const sampled = seconds.warmup + seconds.sampling;
  const total = seconds.read + seconds.compile + sampled + seconds.summary;
  const perGradient = gradientEvaluations > 0 ? (1e6 * sampled) / gradientEvaluations : NaN;
  const phases = `reading ${formatSeconds(seconds.read)}, compiling ${formatSeconds(seconds.compile)}, warm-up ${formatSeconds(seconds.warmup)}, sampling ${formatSeconds(seconds.sampling)}, summary ${formatSeconds(seconds.summary)}`;
  const verdict: Readonly<Record<CheckStatus, string>> = {
    pass: 'all checks pass',
    review: 'some checks want a look',
    fail: 'some checks fail: do not use these figures',
  };
  return [
    [
      'Draws',
      isComplete
        ? `${formatCount(drawsPerChain)} per chain`
        : `stopped: ${drawsPerChain === 0 ? 'no chain had finished its warm-up' : `${plural(drawsPerChain, 'draw')} per chain`}`,
    ],
    ...(checks.length === 0
      ? []
      : [['Checks', verdict[worstStatus(checks.map(({ status }) => status))]] as [string, string]]),
    ['Divergences', formatCount(divergences)],
    ['Device', device],
    ['Time', `${formatSeconds(total)}: ${phases}`],
    ['Gradients', `${formatCount(gradientEvaluations)}, ${formatFixed(perGradient, perGradient < 10 ? 1 : 0)} µs each`],
  ];
}

function groupTable(groups: readonly SummaryRow[]): HTMLElement {
  const holder = element('div', {});
  const filter = element('input', {
    type: 'search',
    placeholder: 'filter by name',
    'aria-label': 'Filter groups by name',
  });
  const show = (): void => {
    const wanted = filter.value.toLowerCase();
    const found = groups.filter(({ name }) => name.toLowerCase().includes(wanted));
    const more =
      found.length > mostRows
        ? [
            element(
              'p',
              { class: 'small' },
              `${formatCount(mostRows)} of ${formatCount(found.length)} rows; filter to see others, or download all.`,
            ),
          ]
        : [];
    holder.replaceChildren(tableOf(found.slice(0, mostRows), 'groups'), ...more);
  };
  filter.addEventListener('input', show);
  const details = element(
    'details',
    {},
    element('summary', {}, `Coefficients of groups (${formatCount(groups.length)})`),
    filter,
    holder,
  );
  details.addEventListener('toggle', () => {
    if (details.open && holder.childElementCount === 0) show();
  });
  return details;
}

function tableOf(rows: readonly SummaryRow[], id: string): HTMLElement {
  const hasTruth = rows.some(({ truth }) => truth !== undefined);
  const numbers = ['mean', 'sd', '5 %', '50 %', '95 %', 'ESS bulk', 'ESS tail', 'R-hat'];
  const titles = hasTruth ? ['truth', ...numbers.slice(0, 2), 'off by sd', ...numbers.slice(2)] : numbers;
  const head = [
    element('th', { scope: 'col' }, 'name'),
    ...titles.map((title) => element('th', { scope: 'col', class: 'number' }, title)),
  ];
  const body = rows.map((row) => element('tr', { 'data-name': row.name }, ...cells(row, hasTruth)));
  const table = element(
    'table',
    { class: 'summary', id: `summary-${id}` },
    element('thead', {}, element('tr', {}, ...head)),
    element('tbody', {}, ...body),
  );
  return element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Posterior: ${id}` }, table);
}

function cells(row: SummaryRow, hasTruth: boolean): HTMLElement[] {
  const decimals = supportedDecimals(row.mcseMean, row.sd);
  const figure = (value: number): string => formatFixed(value, decimals);
  const off = row.truth === undefined ? NaN : (row.mean - row.truth) / row.sd;
  const number = (text: string, bad = false): HTMLElement =>
    element('td', { class: bad ? 'number bad' : 'number' }, text);
  return [
    element('th', { scope: 'row', class: 'name' }, row.name),
    ...(hasTruth ? [number(figure(row.truth ?? NaN))] : []),
    number(figure(row.mean)),
    number(figure(row.sd)),
    ...(hasTruth ? [number(formatFixed(off, 1), Math.abs(off) > 3)] : []),
    number(figure(row.q5)),
    number(figure(row.q50)),
    number(figure(row.q95)),
    number(formatCount(row.essBulk), row.essBulk < 400),
    number(formatCount(row.essTail), row.essTail < 400),
    number(formatRhat(row.rhat), row.rhat > 1.01),
  ];
}
