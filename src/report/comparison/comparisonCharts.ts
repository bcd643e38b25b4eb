// Figures of a comparison: effective draws per second on a logarithmic axis, and intervals of one scalar by method.
import { extent, linearScale, widen } from '../charts/axis.js';
import { circles, segments } from '../charts/marks.js';
import type { Chart } from '../charts/svgChart.js';
import { formatShort } from '../format.js';
import { BLUE, INK_SOFT, PALE_BLUE, RULE } from '../palette.js';

export interface ComparedInterval {
  readonly name: string;
  readonly mean: number;
  readonly q5: number;
  readonly q95: number;
}

const ROW_HEIGHT = 20;
const widthOf = (labels: readonly string[]): number => 16 + 6.4 * Math.max(...labels.map((label) => label.length));

/** Minimum and median of the scalars' bulk ESS per second. */
export function speedChart(
  rows: readonly { readonly name: string; readonly minBulk: number; readonly medianBulk: number }[],
): Chart {
  const shown = [...rows].reverse();
  const [from, to] = extent(shown.flatMap(({ minBulk, medianBulk }) => [minBulk, medianBulk]).map(Math.log10));
  const [min, max] = [Math.floor(from - 0.05), Math.ceil(to + 0.05)];
  const ticks = Array.from({ length: max - min + 1 }, (_, i) => min + i);
  const labels = shown.map(({ name }) => name);
  const best = rows.reduce((a, b) => (b.minBulk > a.minBulk ? b : a));
  return {
    width: 640,
    height: 54 + ROW_HEIGHT * rows.length,
    left: widthOf(labels),
    label: `Effective draws per second of the slowest population scalar: most by ${best.name}, ${formatShort(best.minBulk, 3)}.`,
    x: {
      min,
      max,
      ticks,
      label: (value) => formatShort(10 ** value, 2),
      name: 'effective draws per second: slowest scalar to median',
    },
    y: { categories: labels },
    marks: [
      segments(shown.map((_, row) => [[min, row], [max, row]]), { stroke: RULE, width: 0.5 }), // prettier-ignore
      segments(
        shown.map(({ minBulk, medianBulk }, row) => [[Math.log10(minBulk), row], [Math.log10(medianBulk), row]]), // prettier-ignore
        { stroke: PALE_BLUE, width: 3.2 },
      ),
      circles(shown.map(({ minBulk }, row) => [Math.log10(minBulk), row]), 3.4, { fill: BLUE }), // prettier-ignore
    ],
  };
}

/** Mean and 90 % interval of one scalar, one row a method. */
export function intervalsChart(
  name: string,
  rows: readonly { readonly method: string; readonly interval: ComparedInterval }[],
): Chart {
  const shown = [...rows].reverse();
  const [min, max] = widen(extent(shown.flatMap(({ interval: { q5, q95, mean } }) => [q5, q95, mean])), 0.05);
  const labels = shown.map(({ method }) => method);
  return {
    width: 380,
    height: 34 + ROW_HEIGHT * rows.length,
    left: widthOf(labels),
    label: `${name} by method: ${rows.map(({ method, interval: { mean } }) => `${method} ${formatShort(mean, 4)}`).join('; ')}.`,
    x: { ...linearScale(min, max, 3), name: '' },
    y: { categories: labels },
    marks: [
      segments(shown.map((_, row) => [[min, row], [max, row]]), { stroke: RULE, width: 0.5 }), // prettier-ignore
      segments(shown.map(({ interval: { q5, q95 } }, row) => [[q5, row], [q95, row]]), { stroke: PALE_BLUE, width: 3.2 }), // prettier-ignore
      circles(shown.map(({ interval: { mean } }, row) => [mean, row]), 2.8, { fill: BLUE, stroke: INK_SOFT, width: 0.4 }), // prettier-ignore
    ],
  };
}
