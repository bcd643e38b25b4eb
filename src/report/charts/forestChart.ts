// Forest plot of one coefficient over groups: interval, posterior mean, and how far it was drawn from the group's own estimate.
import { formatSignificant } from '../format.js';
import { BLUE, INK, INK_SOFT, PALE_BLUE, RULE, VERMILLION } from '../palette.js';
import type { ReportForest, ReportForestGroup } from '../reportInput.js';
import { extent, linearScale, widen } from './axis.js';
import { area, circles, line, segments } from './marks.js';
import type { Chart } from './svgChart.js';

const ROW_HEIGHT = 15;
const LABEL_LENGTH = 26;

function shorten(label: string): string {
  const characters = [...label];
  return characters.length <= LABEL_LENGTH ? label : `${characters.slice(0, LABEL_LENGTH - 1).join('')}…`;
}

/** Groups at evenly spaced ranks of the posterior mean, at most `count`, sorted from low to high. */
export function spacedGroups(groups: readonly ReportForestGroup[], count: number): ReportForestGroup[] {
  const sorted = [...groups].sort((a, b) => a.mean - b.mean);
  if (sorted.length <= count) return sorted;
  return Array.from({ length: count }, (_, index) => sorted[Math.round((index * (sorted.length - 1)) / (count - 1))]);
}

/**
 * Range of the horizontal axis: every interval, and the groups' own estimates as far as twice the width of the
 * intervals; an estimate beyond is drawn as an arrow at the edge.
 */
function range(groups: readonly ReportForestGroup[], populationMean: number | null): [number, number] {
  const posterior = extent(groups.flatMap(({ q5, q95 }) => [q5, q95]).concat(populationMean ?? []));
  const reach = widen(posterior, 0.5);
  const own = groups.flatMap(({ unpooled }) => unpooled?.estimate ?? []).filter((x) => x >= reach[0] && x <= reach[1]);
  return widen(extent([...posterior, ...own]), 0.03);
}

/** Chart of 500 pixels by 15 per group; `groups` run from bottom to top. */
export function forestChart(forest: ReportForest, groups: readonly ReportForestGroup[]): Chart {
  const [min, max] = range(groups, forest.populationMean);
  const rows = groups.map((group, row) => ({ ...group, row }));
  const own = rows.flatMap(({ unpooled, mean, row }) => (unpooled ? [{ own: unpooled.estimate, mean, row }] : []));
  const inside = own.filter(({ own: x }) => x >= min && x <= max);
  const tip = (max - min) * 0.014;
  const arrows = own
    .filter(({ own: x }) => x < min || x > max)
    .map(({ own: x, row }) => {
      const [edge, back] = x < min ? [min, min + tip] : [max, max - tip];
      return area([[edge, row], [back, row - 0.3], [back, row + 0.3]], { fill: VERMILLION }); // prettier-ignore
    });
  const labels = groups.map(({ label }) => shorten(label));
  const first = groups[0];
  const last = groups[groups.length - 1];
  return {
    width: 500,
    height: 54 + ROW_HEIGHT * groups.length,
    left: 16 + 6.4 * Math.max(...labels.map((label) => label.length)),
    label:
      `${forest.title}, ${groups.length} of ${forest.groups.length} groups by posterior mean: from ` +
      `${formatSignificant(first.mean)} (${first.label}) to ${formatSignificant(last.mean)} (${last.label}).`,
    x: { ...linearScale(min, max, 5), name: forest.coefficient },
    y: { categories: labels },
    marks: [
      segments(rows.map(({ row }) => [[min, row], [max, row]]), { stroke: RULE, width: 0.5 }), // prettier-ignore
      ...(forest.populationMean === null
        ? []
        : [line([[forest.populationMean, -0.5], [forest.populationMean, rows.length - 0.5]], { stroke: INK, dash: [4, 3] })]), // prettier-ignore
      segments(rows.map(({ q5, q95, row }) => [[q5, row], [q95, row]]), { stroke: PALE_BLUE, width: 3.2 }), // prettier-ignore
      segments(inside.map(({ own: x, mean, row }) => [[x, row], [mean, row]]), { stroke: VERMILLION, width: 1 }), // prettier-ignore
      circles(inside.map(({ own: x, row }) => [x, row]), 2.4, { stroke: VERMILLION, fill: '#ffffff', width: 1 }), // prettier-ignore
      ...arrows,
      circles(rows.map(({ mean, row }) => [mean, row]), 2.6, { fill: BLUE, stroke: INK_SOFT, width: 0.4 }), // prettier-ignore
    ],
  };
}
