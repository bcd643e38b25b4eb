// Effects by group: forest plots with shrinkage, and how well the group-level figures converged.
import { quantile } from '../../diagnostics/index.js';
import { forestChart, spacedGroups } from '../charts/forestChart.js';
import { shrinkageChart, shrinkageOf } from '../charts/shrinkageChart.js';
import { isFlagged } from '../flags.js';
import { formatCount, formatFixed, formatRhat, plural } from '../format.js';
import { markup } from '../html.js';
import type { Html } from '../html.js';
import { BLUE, INK, PALE_BLUE, VERMILLION } from '../palette.js';
import type { Shrinkage } from '../charts/shrinkageChart.js';
import { figure, legend } from '../figure.js';
import { FILES, fileLink, folded, subheading } from '../parts.js';
import type { Section } from '../parts.js';
import { namesAndNumbers, table } from '../table.js';
import type { ReportForest, ReportForestGroup, ReportInput, ReportParameter } from '../reportInput.js';
import { parameterTable } from './parameterTable.js';

const MOST_ROWS = 60;
const WORST = 10;

function groupTable(groups: readonly ReportForestGroup[]): Html {
  const width = quantile(
    Float64Array.from(groups, ({ q5, q95 }) => q95 - q5),
    0.5,
  );
  const decimals = width > 0 ? Math.max(0, Math.ceil(1 - Math.log10(width))) : 3;
  const rows = [...groups].reverse().map(({ label, mean, q5, q95, unpooled }) => {
    return [
      label,
      ...[mean, q5, q95].map((value) => ({ shown: formatFixed(value, decimals), value })),
      ...[unpooled?.estimate ?? null, unpooled?.standardError ?? null].map((value) => ({
        shown: formatFixed(value, decimals),
        value,
      })), // prettier-ignore
    ];
  });
  const titles = ['group', 'mean', '5 %', '95 %', 'own estimate', 'its standard error'];
  return table(namesAndNumbers(titles), rows, { sortable: true }); // prettier-ignore
}

function shrinkageSentence({ slope }: Shrinkage): string {
  if (!Number.isFinite(slope)) return '';
  const kept = Math.round(100 * slope);
  return ` A difference between the groups' own estimates is kept to ${formatCount(kept)} % on average; the rest is shrunk away.`;
}

function forestParts(forest: ReportForest): { readonly forest: Html; readonly shrinkage: Html | null } {
  const shown = spacedGroups(forest.groups, MOST_ROWS);
  const all = shown.length === forest.groups.length;
  const shrinkage = shrinkageOf(forest);
  const scatter = all ? null : shrinkageChart(forest, shrinkage);
  const choice = all
    ? `All ${plural(forest.groups.length, 'group')}.`
    : `${shown.length} of ${plural(forest.groups.length, 'group')}, at even steps of rank from the lowest to the highest posterior mean.`;
  const numbers = all ? 'Numbers of this figure' : `Numbers of the ${shown.length} groups shown`;
  return {
    forest: markup`<div>${figure(forestChart(forest, shown), {
      title: markup`<span class="prose">${forest.title}</span>`,
      caption: `${choice}${all ? shrinkageSentence(shrinkage) : ''}`,
    })}${folded(numbers, groupTable(shown))}</div>`,
    shrinkage: scatter
      ? markup`<div>${figure(scatter, {
          title: markup`<span class="prose">${forest.title}: all groups</span>`,
          caption: markup`One dot per group${shrinkage.beyond > 0 ? `, ${formatCount(shrinkage.beyond)} with far-off own estimates left out` : ''}. Dashed: no shrinkage.${forest.populationMean === null ? '' : ' Dotted: the population mean.'}${shrinkageSentence(shrinkage)} Numbers: ${fileLink(FILES.everything)}.`,
        })}</div>`
      : null,
  };
}

function convergence(groups: readonly ReportParameter[], { limits }: ReportInput): Html {
  const figures = (figure: 'rhat' | 'essBulk' | 'essTail'): Float64Array =>
    Float64Array.from(groups.flatMap((parameter) => parameter[figure] ?? []).filter(Number.isFinite));
  const line = (name: string, values: Float64Array, format: (value: number | null) => string): string[] => [
    name,
    ...[0, 0.05, 0.5, 0.95, 1].map((probability) => format(quantile(values, probability))),
  ];
  const worst = [...groups].sort((a, b) => (b.rhat ?? 0) - (a.rhat ?? 0)).slice(0, WORST);
  const flagged = groups.filter((parameter) => isFlagged(parameter, limits)).length;
  const titles = ['figure', 'smallest', '5 %', 'median', '95 %', 'largest'];
  return markup`${subheading('group-convergence', 'Convergence of the group-level parameters')}
<p>${flagged === 0 ? `All ${formatCount(groups.length)} are within the limits.` : `${formatCount(flagged)} of ${formatCount(groups.length)} are outside the limits.`}</p>
${table(
  namesAndNumbers(titles),
  [
    line('R-hat', figures('rhat'), formatRhat),
    line('bulk ESS', figures('essBulk'), formatCount),
    line('tail ESS', figures('essTail'), formatCount),
  ],
  { caption: `Distribution over ${plural(groups.length, 'group-level parameter')}` },
)}
${folded(`The ${worst.length} with the largest R-hat`, parameterTable(worst, limits, 'Group-level parameters with the largest R-hat'))}
<p class="small soft">All of them: ${fileLink(FILES.everything)}.</p>`;
}

/** Null when the model has no groups to show. */
export function groupsSection(input: ReportInput): Section | null {
  const groups = input.parameters.filter((parameter) => parameter.class === 'group');
  const forests = input.forests.filter((forest) => forest.groups.length > 0).map(forestParts);
  if (forests.length === 0 && groups.length === 0) return null;
  const plots = markup`<p>Each group has its own effect, estimated from its rows and drawn towards what the other groups and its covariates suggest, the more so the less its own rows say.</p>
${legend([
  { name: 'posterior mean', shape: 'dot', colour: BLUE },
  { name: '90 % interval', shape: 'band', colour: PALE_BLUE },
  { name: "estimate from the group's own rows (arrow: off the scale)", shape: 'ring', colour: VERMILLION },
  { name: 'population mean', shape: 'line', colour: INK, dash: [4, 3] },
])}
<div class="pairs">${forests.flatMap((parts) => [parts.forest, parts.shrinkage])}</div>`;
  return {
    id: 'groups',
    title: 'Effects by group',
    body: markup`${forests.length > 0 ? plots : null}${groups.length > 0 ? convergence(groups, input) : null}`,
  };
}
