// Posterior predictive check: would data from this model look like the data?
import { predictiveChart, statisticsChart } from '../charts/predictiveChart.js';
import { formatCount, formatFixed, formatSignificant } from '../format.js';
import { markup } from '../html.js';
import { BLUE, INK, SKY } from '../palette.js';
import { figure, legend } from '../figure.js';
import { folded } from '../parts.js';
import type { Section } from '../parts.js';
import { namesAndNumbers, table } from '../table.js';
import type { ReportInput, ReportPredictiveCheck } from '../reportInput.js';

const TABLE_POINTS = 25;

function densityTable({ grid, observed, replicated }: ReportPredictiveCheck): ReturnType<typeof table> {
  const every = Math.max(1, Math.ceil(grid.length / TABLE_POINTS));
  const rows: string[][] = [];
  for (let index = 0; index < grid.length; index += every) {
    const heights = replicated.map((density) => density[index]).sort((a, b) => a - b);
    const last = heights.length - 1;
    const figures = [observed[index], heights[0] ?? null, heights[Math.round(last / 2)] ?? null, heights[last] ?? null];
    rows.push([formatSignificant(grid[index]), ...figures.map((value) => formatSignificant(value))]);
  }
  const titles = ['value', 'observed', 'lowest replication', 'median replication', 'highest replication'];
  return table(namesAndNumbers(titles), rows, { caption: 'Densities' }); // prettier-ignore
}

function statisticsTable({ statistics }: ReportPredictiveCheck): ReturnType<typeof table> {
  const rows = statistics.map(({ name, observed, q5, q50, q95, pValue }) => [
    name,
    ...[observed, q5, q50, q95].map((value) => ({ shown: formatSignificant(value, 4), value })),
    { shown: formatFixed(pValue, 3), value: pValue },
  ]);
  const titles = ['statistic', 'observed', 'replicated 5 %', 'median', '95 %', 'p'];
  return table(namesAndNumbers(titles), rows, { caption: 'Test statistics; p is the share of replications at least as large as the observed value' }); // prettier-ignore
}

function partInWords({ part }: ReportPredictiveCheck): string {
  return part === undefined
    ? ''
    : ` Of the ${formatCount(part.of)} observations ${formatCount(part.observations)}, chosen at random, are shown and replicated.`;
}

/** Null when no replications were drawn. */
export function predictiveSection({ predictive }: ReportInput): Section | null {
  if (predictive === null) return null;
  const statistics = markup`${figure(statisticsChart(predictive), {
    title: markup`<span class="prose">Test statistics</span>`,
    caption: 'A dot outside the band is a feature of the data that the model rarely reproduces.',
  })}${statisticsTable(predictive)}`;
  return {
    id: 'predictive',
    title: 'Posterior predictive check',
    body: markup`<p>Data sets replicated from the posterior, laid behind the observed one. Where the dark line leaves the bundle, the model misses something about the response.${partInWords(predictive)}</p>
${legend([
  { name: 'observed', shape: 'line', colour: INK },
  { name: `${predictive.replicated.length} replications`, shape: 'line', colour: SKY },
  { name: '90 % of replications', shape: 'area', colour: BLUE },
  { name: 'median of replications', shape: 'line', colour: BLUE },
])}
<div class="one">${figure(predictiveChart(predictive))}
${folded('Numbers of this figure', densityTable(predictive))}
${predictive.statistics.length > 0 ? statistics : null}</div>`,
  };
}
