// Media: contributions, shares and returns of every component in one table, with their chart, and response curves by channel.
import { parseScalarName } from '../../data/run/names.js';
import { linearScale } from '../charts/axis.js';
import { forestChart } from '../charts/forestChart.js';
import { area, circles, line } from '../charts/marks.js';
import type { Chart } from '../charts/svgChart.js';
import { formatFixed, formatSignificant, supportedDecimals } from '../format.js';
import { markup } from '../html.js';
import { BLUE, INK, PALE_BLUE } from '../palette.js';
import { figure, legend, sideBySide } from '../figure.js';
import { FILES, fileLink, subheading } from '../parts.js';
import type { Section } from '../parts.js';
import type { ReportInput, ReportParameter } from '../reportInput.js';
import { type Cell, namesAndNumbers, table } from '../table.js';

/** Summaries of a site by the level of its last axis, in order. */
function bySite(input: ReportInput, site: string): Map<string, ReportParameter> {
  const found = new Map<string, ReportParameter>();
  for (const parameter of input.parameters) {
    if (!parameter.name.startsWith(`${site}[`)) continue;
    const parts = parseScalarName(parameter.name)?.parts;
    if (parts?.length === 1) found.set(parts[0].level, parameter);
  }
  return found;
}

/** Mean and 90 % interval, to the digits that the mean's Monte-Carlo error supports. */
function interval(parameter: ReportParameter | undefined): Cell {
  if (parameter === undefined) return { shown: '', value: null };
  const { mean, sd, mcseMean, q5, q95 } = parameter;
  const decimals = supportedDecimals(mcseMean, sd);
  const [middle, low, high] = [mean, q5, q95].map((value) => formatFixed(value, decimals));
  return { shown: `${middle} [${low}, ${high}]`, value: mean };
}

interface CurvePoint {
  readonly factor: number;
  readonly summary: ReportParameter;
}

/** Points of each channel's curve, from little to much media; without any, 0. */
function curves(input: ReportInput): Map<string, CurvePoint[]> {
  const found = new Map<string, CurvePoint[]>();
  for (const summary of input.parameters) {
    if (!summary.name.startsWith('response_curve[')) continue;
    const [factor, channel] = parseScalarName(summary.name)!.parts;
    const points = found.get(channel.level) ?? [];
    found.set(channel.level, points);
    points.push({ factor: Number(factor.level), summary });
  }
  return found;
}

/** Chart of 500 × 260: band of 90 %, mean, and a dot at today's media. */
function curveChart(channel: string, points: readonly CurvePoint[]): Chart {
  const at = (value: (summary: ReportParameter) => number | null): [number, number][] => [
    [0, 0],
    ...points.map(({ factor, summary }): [number, number] => [factor, value(summary) ?? NaN]),
  ];
  const [low, mean, high] = [at(({ q5 }) => q5), at((own) => own.mean), at(({ q95 }) => q95)];
  const now = mean.filter(([factor]) => factor === 1);
  const most = Math.max(...high.map(([, value]) => value));
  const end = Math.max(...mean.map(([factor]) => factor));
  return {
    width: 500,
    height: 260,
    left: 84,
    label: `Response curve of ${channel}: contribution ${formatSignificant(now[0]?.[1] ?? null)} at today's media, ${formatSignificant(mean.at(-1)![1])} at ${end} times that.`,
    x: { ...linearScale(0, end, 5), name: "media, today's = 1" },
    y: { ...linearScale(0, most, 4), name: 'contribution' },
    marks: [
      area([...low, ...[...high].reverse()], { fill: PALE_BLUE, opacity: 0.6 }),
      line(mean, { stroke: BLUE, width: 2 }),
      circles(now, 3.4, { fill: INK }),
    ],
  };
}

/** Null for models without media. */
export function mediaSection(input: ReportInput): Section | null {
  const contribution = bySite(input, 'contribution');
  const share = bySite(input, 'contribution_share');
  if (contribution.size === 0 || share.size === 0) return null;
  const total = bySite(input, 'total_roi');
  const roi = total.size > 0 ? total : bySite(input, 'roi');
  const marginal = bySite(input, 'marginal_roi');
  const rows = [...contribution].map(([name, own]) => [
    name,
    ...[own, share.get(name), roi.get(name), marginal.get(name)].map(interval),
  ]);
  const groups = [...contribution].reverse().map(([label, { mean, q5, q95 }]) => ({
    label,
    mean: mean ?? NaN,
    q5: q5 ?? NaN,
    q95: q95 ?? NaN,
    unpooled: null,
  }));
  const chart = forestChart(
    { title: 'Contributions', coefficient: 'contribution', groups, populationMean: null },
    groups,
  );
  const panels = [...curves(input)].map(([channel, points]) =>
    figure(curveChart(channel, points), { title: markup`<span class="name">${channel}</span>` }),
  );
  return {
    id: 'media',
    title: 'Media: contributions and returns',
    body: markup`<p>Posterior means with 90 % intervals, over all places and weeks. Contribution of a channel: what would be missing of the response without its media. ROI: its worth over the spend of the same weeks.
Marginal ROI: worth of what 1 % more media in every week would add, over 1 % of the spend. The same numbers are in ${fileLink(FILES.summary)}.</p>
${table(namesAndNumbers(['component', 'contribution', 'share', 'ROI', 'marginal ROI']), rows, { caption: 'Contributions and returns: mean [5 %, 95 %]' })}
${figure(chart)}
${
  panels.length === 0
    ? null
    : markup`${subheading('response-curves', 'Response curves')}
<p>Contribution with the channel's media multiplied by a factor in every week, the other channels as they were.</p>
${legend([
  { name: 'posterior mean', shape: 'line', colour: BLUE },
  { name: '90 % interval', shape: 'area', colour: PALE_BLUE },
  { name: "today's media", shape: 'dot', colour: INK },
])}
${sideBySide(panels)}`
}`,
  };
}
