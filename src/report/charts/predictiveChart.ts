// Posterior predictive check: replicated data sets behind the observed one, and test statistics in units of their intervals.
import { formatFixed } from '../format.js';
import { BLUE, INK, RULE, SKY } from '../palette.js';
import type { ReportPredictiveCheck } from '../reportInput.js';
import { extent, linearScale } from './axis.js';
import { area, circles, line, segments } from './marks.js';
import type { Chart } from './svgChart.js';

type Point = readonly [number, number];

function curve(grid: ArrayLike<number>, density: ArrayLike<number>): Point[] {
  return Array.from(grid, (x, index) => [x, density[index]] as const);
}

/** Largest gap between observed and mean replicated cumulative distribution, from densities on a grid. */
export function distributionGap({ grid, observed, replicated }: ReportPredictiveCheck): number {
  let gap = 0;
  let largest = 0;
  for (let index = 1; index < grid.length; index++) {
    const mean = replicated.reduce((sum, density) => sum + density[index], 0) / replicated.length;
    gap += (observed[index] - mean) * (grid[index] - grid[index - 1]);
    largest = Math.max(largest, Math.abs(gap));
  }
  return largest;
}

/** Chart of 680 × 280. */
export function predictiveChart(check: ReportPredictiveCheck): Chart {
  const observed = curve(check.grid, check.observed);
  const replicated = check.replicated.map((density) => curve(check.grid, density));
  const top = extent([observed, ...replicated].flat().map(([, height]) => height))[1] * 1.05;
  return {
    width: 680,
    height: 280,
    left: 18,
    label:
      `Density of ${check.response}, observed and in ${replicated.length} replicated data sets: the largest gap between ` +
      `the two cumulative distributions is ${formatFixed(distributionGap(check), 3)}.`,
    x: { ...linearScale(...extent(observed.map(([x]) => x)), 7), name: check.response },
    y: { ...linearScale(0, top, 4), name: null },
    marks: [
      ...replicated.map((points) => line(points, { stroke: SKY, width: 0.8, opacity: 0.55 })),
      line(observed, { stroke: INK, width: 2 }),
    ],
  };
}

/** Position of an observed value where 0 and 1 are the ends of the replicated 90 % interval, held to [-1, 2]. */
function position(observed: number, q5: number, q95: number): number {
  const share = q95 > q5 ? (observed - q5) / (q95 - q5) : observed === q5 ? 0.5 : observed < q5 ? -1 : 2;
  return Math.min(2, Math.max(-1, share));
}

/** Chart of 680 pixels by 24 per statistic: where the observed statistic lies in the interval of its replications. */
export function statisticsChart({ statistics }: ReportPredictiveCheck): Chart {
  const rows = [...statistics].reverse();
  const inside = rows.filter(({ observed, q5, q95 }) => observed >= q5 && observed <= q95).length;
  const height = rows.length - 0.5;
  const points = rows.map(({ observed, q5, q95 }, row) => [position(observed, q5, q95), row] as const);
  const median = rows.map(({ q5, q50, q95 }, row): [Point, Point] => {
    const x = position(q50, q5, q95);
    return [[x, row - 0.28], [x, row + 0.28]]; // prettier-ignore
  });
  return {
    width: 680,
    height: 54 + 24 * rows.length,
    left: 120,
    right: 40,
    label: `Observed statistics against their replications: ${inside} of ${rows.length} lie inside the 90 % interval.`,
    x: {
      min: -1,
      max: 2,
      ticks: [-1, 0, 0.5, 1, 2],
      label: (value) =>
        ({ '-1': 'far below', '0': '5 %', '0.5': '', '1': '95 %', '2': 'far above' })[String(value)] ?? '',
      name: 'observed value within the replicated 90 % interval',
    },
    y: { categories: rows.map(({ name }) => name) },
    marks: [
      area([[0, -0.5], [0, height], [1, height], [1, -0.5]], { fill: BLUE, opacity: 0.12 }), // prettier-ignore
      segments(rows.map((_, row) => [[-1, row], [2, row]]), { stroke: RULE, width: 0.5 }), // prettier-ignore
      segments(median, { stroke: BLUE, width: 1.5 }),
      circles(points, 4, { fill: INK }),
    ],
  };
}
