// Posterior mean against the group's own estimate, for every group: flatter than the diagonal where groups were shrunk.
import { quantile } from '../../diagnostics/index.js';
import { formatFixed, plural } from '../format.js';
import { BLUE, INK, INK_SOFT } from '../palette.js';
import type { ReportForest } from '../reportInput.js';
import { extent, linearScale, widen } from './axis.js';
import { dots, line } from './marks.js';
import type { Chart } from './svgChart.js';

type Point = readonly [number, number];

export interface Shrinkage {
  /** Own estimate and posterior mean of each group inside the fences. */
  readonly points: readonly Point[];
  /** Groups whose own estimate lies more than three interquartile ranges outside the quartiles. */
  readonly beyond: number;
  /** Least-squares slope of posterior means on own estimates; NaN when the estimates do not vary. */
  readonly slope: number;
}

function slopeOf(points: readonly Point[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  let crossproduct = 0;
  let square = 0;
  for (const [x, y] of points) {
    crossproduct += (x - meanX) * (y - meanY);
    square += (x - meanX) ** 2;
  }
  return crossproduct / square;
}

/** How the groups of a forest were shrunk; the few far-off own estimates of thin groups are counted and set aside. */
export function shrinkageOf(forest: ReportForest): Shrinkage {
  const all = forest.groups.flatMap(({ unpooled, mean }): Point[] =>
    unpooled && Number.isFinite(unpooled.estimate) ? [[unpooled.estimate, mean]] : [],
  );
  if (all.length < 2) return { points: all, beyond: 0, slope: NaN };
  const estimates = Float64Array.from(all, ([x]) => x);
  const [q25, q75] = [quantile(estimates, 0.25), quantile(estimates, 0.75)];
  const reach = 3 * (q75 - q25);
  const points = all.filter(([x]) => x >= q25 - reach && x <= q75 + reach);
  return { points, beyond: all.length - points.length, slope: slopeOf(points) };
}

/** Chart of 500 × 420; null with fewer than two groups that have an estimate of their own. */
export function shrinkageChart(forest: ReportForest, { points, slope }: Shrinkage): Chart | null {
  if (points.length < 2) return null;
  const xRange = widen(extent(points.map(([x]) => x)), 0.04);
  const yRange = widen(extent(points.map(([, y]) => y)), 0.06);
  const [low, high] = [Math.max(xRange[0], yRange[0]), Math.min(xRange[1], yRange[1])];
  const many = points.length > 1000;
  const mean = forest.populationMean;
  const level: Point[] = mean === null ? [] : xRange.map((x) => [x, mean] as const);
  const diagonal: Point[] = low < high ? [low, high].map((x) => [x, x] as const) : [];
  return {
    width: 500,
    height: 420,
    left: 62,
    label:
      `${forest.title}, shrinkage of ${plural(points.length, 'group')}: a group whose own estimate is one unit higher ` +
      `has a posterior mean ${formatFixed(slope, 2)} units higher on average.`,
    x: { ...linearScale(...xRange, 6), name: `own estimate of the group: ${forest.coefficient}` },
    y: { ...linearScale(...yRange, 6), name: 'posterior mean' },
    marks: [
      line(level, { stroke: INK_SOFT, dash: [2, 3] }),
      dots(points, { stroke: BLUE, width: many ? 2.6 : 4, opacity: many ? 0.45 : 0.65 }),
      line(diagonal, { stroke: INK, dash: [5, 4] }),
    ],
  };
}
