// Trace and rank plots of the population scalars, side by side.
import { rankChart } from '../charts/rankChart.js';
import { traceChart } from '../charts/traceChart.js';
import { formatCount, formatRhat } from '../format.js';
import { markup } from '../html.js';
import { chainLegend, figure, firstChainsNote, legend } from '../figure.js';
import type { Section } from '../parts.js';
import type { ReportInput } from '../reportInput.js';
import { drawsNote, shownDraws } from './shownDraws.js';

/** Null when no draws were handed over, and for independent ones. */
export function mixingSection(input: ReportInput): Section | null {
  if (input.draws.length === 0 || input.run.isApproximation) return null;
  const selection = shownDraws(input);
  const rows = selection.shown.map(({ draws, summary }) => {
    const ranks = rankChart(draws);
    const figures = `R-hat ${formatRhat(summary.rhat)}, ESS ${formatCount(summary.essBulk)} bulk, ${formatCount(summary.essTail)} tail`;
    return markup`<div class="row"><div class="panel-title"><span class="name">${draws.name}</span><span class="soft">${figures}</span></div>
<div class="two">${figure(traceChart(draws, summary))}${ranks ? figure(ranks) : markup`<p class="small soft">No rank plot: some draws are not finite.</p>`}</div></div>`;
  });
  return {
    id: 'mixing',
    title: 'Traces and ranks',
    body: markup`<p>Left, the draws in order: the chains should cover the same band and not drift (of a long run, the smallest and largest draw of each of 120 windows are drawn).
Right, how often the draws of each chain fall into each twentieth of all ranks: level lines, mostly within the grey band, mean that the chains sample the same distribution.</p>
${legend(chainLegend(input.run.chains))}
${firstChainsNote(input.run.chains)}
<div class="mixing">${rows}</div>
${drawsNote(selection)}`,
  };
}
