// First screen: what was fitted on what data, the verdict, the key figures, and every check.
import { checkList, checkTitle } from '../checkList.js';
import { flagsOf, isFlagged } from '../flags.js';
import type { Flag } from '../flags.js';
import { formatBytes, formatCount, formatFixed, formatRhat, formatSeconds, plural } from '../format.js';
import { markup } from '../html.js';
import type { Html } from '../html.js';
import type { CheckStatus } from '../../diagnostics/index.js';
import { FILES, fileLink, flagMark, statusMark } from '../parts.js';
import type { Section } from '../parts.js';
import type { ReportInput, ReportParameter } from '../reportInput.js';

interface Verdict {
  readonly status: CheckStatus;
  readonly head: string;
  readonly body: string;
}

/** The worst check decides; its words say what a reader may do with the results. */
function verdictOf({ checks, run }: Pick<ReportInput, 'checks' | 'run'>): Verdict {
  const named = (status: CheckStatus): string[] =>
    checks.filter((check) => check.status === status).map(({ name }) => checkTitle(name));
  const [failed, review] = [named('fail'), named('review')];
  if (failed.length > 0) {
    return {
      status: 'fail',
      head: 'Do not rely on these results yet',
      body: `${plural(failed.length, 'check')} failed: ${failed.join(', ')}. The list below says what to change before fitting again.`,
    };
  }
  if (review.length > 0) {
    return {
      status: 'review',
      head: 'Usable once you have looked at the points below',
      body: `No check failed; ${plural(review.length, 'check')} ask${review.length === 1 ? 's' : ''} for a look: ${review.join(', ')}.`,
    };
  }
  if (checks.length === 0) return { status: 'review', head: 'Not checked', body: 'No checks were run on this fit.' };
  return {
    status: 'pass',
    head: run.isApproximation ? 'The approximation can be used' : 'The posterior can be used',
    body: `All ${checks.length} checks passed: ${run.isApproximation ? 'the approximation is close to the posterior' : 'the chains agree, and the estimates are precise enough for the figures shown'}.`,
  };
}

function worst(parameters: readonly ReportParameter[], figure: 'rhat' | 'essBulk' | 'essTail'): number | null {
  const values = parameters.flatMap((parameter) => parameter[figure] ?? []).filter(Number.isFinite);
  if (values.length === 0) return null;
  return values.reduce((a, b) => (figure === 'rhat' ? Math.max(a, b) : Math.min(a, b)));
}

interface KeyFigure {
  readonly name: string;
  readonly shown: string;
  readonly flag?: Flag | null;
}

function keyFigures({ parameters, limits, sampler, run, cost }: ReportInput): KeyFigure[] {
  const population = parameters.filter((parameter) => parameter.class === 'population');
  const [rhat, essBulk, essTail] = (['rhat', 'essBulk', 'essTail'] as const).map((name) => worst(population, name));
  const flags = flagsOf({ class: 'population', rhat, essBulk, essTail }, limits);
  const ebfmi = sampler?.ebfmi.filter(Number.isFinite) ?? [];
  const convergence: KeyFigure[] = [
    { name: 'largest R-hat, population', shown: formatRhat(rhat), flag: flags.rhat },
    { name: 'smallest bulk ESS, population', shown: formatCount(essBulk), flag: flags.essBulk },
    { name: 'smallest tail ESS, population', shown: formatCount(essTail), flag: flags.essTail },
  ];
  const divergences = sampler?.divergences.reduce((sum, count) => sum + count, 0);
  return [
    ...(run.isApproximation ? [] : convergence),
    ...(divergences === undefined ? [] : [{ name: 'divergences', shown: formatCount(divergences) }]),
    ...(ebfmi.length === 0 ? [] : [{ name: 'smallest E-BFMI', shown: formatFixed(Math.min(...ebfmi), 2) }]),
    { name: 'draws kept', shown: formatCount(run.chains * run.draws) },
    { name: 'total time', shown: formatSeconds(cost.seconds.total) },
    { name: 'peak memory', shown: formatBytes(cost.peakMemoryBytes) },
  ];
}

function keyFigure({ name, shown, flag }: KeyFigure): Html {
  return markup`<div><dt>${name}</dt><dd>${shown}${flag ? flagMark(flag) : null}</dd></div>`;
}

/** One sentence under the title: data and method. */
export function lede({ data, run }: ReportInput): string {
  const levels = data.sizes.map(({ name, count }) => plural(count, name));
  return (
    `${plural(data.rows, 'row')}${levels.length > 0 ? ` (${levels.join(', ')})` : ''}, ` +
    `fitted by ${run.method} with ${run.isApproximation ? plural(run.chains * run.draws, 'independent draw') : `${plural(run.chains, 'chain')} of ${plural(run.draws, 'draw')}`}, ${run.date}.`
  );
}

/** Verdict and key figures, shown before the first heading. */
export function overview(input: ReportInput): Html {
  const verdict = verdictOf(input);
  return markup`<div class="verdict ${verdict.status}">
<p class="head ${verdict.status}">${statusMark(verdict.status)}${verdict.head}</p><p class="body">${verdict.body}</p></div>
<dl class="figures-key">${keyFigures(input).map(keyFigure)}</dl>`;
}

export function checksSection(input: ReportInput): Section {
  return {
    id: 'checks',
    title: input.run.isApproximation ? 'Checks of the approximation' : 'Convergence checks',
    body: markup`${checkList(input.checks)}
${input.run.isApproximation ? null : limitsNote(input)}
<p class="small soft below">The same checks as data: ${fileLink(FILES.diagnostics)}.</p>`,
  };
}

function limitsNote(input: ReportInput): Html {
  const flagged = input.parameters.filter((parameter) => isFlagged(parameter, input.limits)).length;
  const { population, group } = input.limits;
  return markup`<p class="small soft below">Limits: ${input.limits.judgesRhat === false ? 'nested R-hat' : 'R-hat'} below ${formatRhat(population.rhatPass)} for population parameters and ${formatRhat(group.rhatPass)} for groups;
bulk and tail effective sample size (ESS) above ${formatCount(population.essPass)} and ${formatCount(group.essPass)}.
${flagged === 0 ? 'No parameter is outside them.' : `${plural(flagged, 'parameter is', 'parameters are')} outside them, marked in the tables.`}</p>`;
}
