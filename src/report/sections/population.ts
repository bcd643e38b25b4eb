// Population parameters: the table, always visible, and a density for each.
import { densityChart } from '../charts/densityChart.js';
import { formatFixed, supportedDecimals } from '../format.js';
import { markup } from '../html.js';
import type { Html } from '../html.js';
import { BLUE, INK } from '../palette.js';
import { chainLegend, figure, firstChainsNote, legend } from '../figure.js';
import { FILES, fileLink, subheading } from '../parts.js';
import type { Section } from '../parts.js';
import type { ReportInput, ReportParameter } from '../reportInput.js';
import { parameterTable } from './parameterTable.js';
import { drawsNote, shownDraws } from './shownDraws.js';

function densityTitle({ name, mean, q5, q95, mcseMean, sd }: ReportParameter): Html {
  const decimals = supportedDecimals(mcseMean, sd);
  return markup`<span class="name">${name}</span><span class="soft">${formatFixed(mean, decimals)} [${formatFixed(q5, decimals)}, ${formatFixed(q95, decimals)}]</span>`;
}

function densities(input: ReportInput): Html {
  const selection = shownDraws(input);
  const panels = selection.shown.map(({ draws, summary }) =>
    figure(densityChart(draws, summary), { title: densityTitle(summary) }),
  );
  return markup`${subheading('densities', 'Posterior densities')}
<p>All chains together (filled; darker inside the 90 % interval) and each chain on its own. Above each panel: posterior mean and 90 % interval.</p>
${legend([
  { name: 'all chains', shape: 'area', colour: BLUE },
  { name: 'posterior mean', shape: 'line', colour: INK, dash: [3, 3] },
  ...chainLegend(input.run.chains),
])}
${firstChainsNote(input.run.chains)}
<div class="panels">${panels}</div>
${drawsNote(selection)}`;
}

export function populationSection(input: ReportInput): Section {
  const parameters = input.parameters.filter((parameter) => parameter.class === 'population');
  return {
    id: 'population',
    title: 'Population parameters',
    body: markup`<p>In the units of the data. Means and quantiles are printed to the digit that their Monte-Carlo error supports; full precision is in ${fileLink(FILES.summary)}.</p>
${parameterTable(parameters, input.limits, 'Population parameters: posterior mean, sd, Monte-Carlo standard error of the mean, quantiles')}
${(input.model.cautions ?? []).map((caution) => markup`<p>${caution}</p>`)}
${input.draws.length > 0 ? densities(input) : null}`,
  };
}
