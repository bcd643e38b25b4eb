// Posterior density of one scalar: all chains together, the 90 % interval, and each chain on its own.
import { kernelDensity } from '../../diagnostics/index.js';
import { formatFixed, supportedDecimals } from '../format.js';
import { BLUE, INK, MOST_CHAINS_DRAWN, chainStyle } from '../palette.js';
import type { ReportDraws, ReportParameter } from '../reportInput.js';
import { extent, linearScale } from './axis.js';
import { area, line, segments, under } from './marks.js';
import type { Chart } from './svgChart.js';

type Point = readonly [number, number];

const GRID_POINTS = 160;

/** No points where the draws are constant or not finite. */
function curve(values: Float64Array, { lower, upper }: ReportDraws): Point[] {
  const estimate = kernelDensity(values, { points: GRID_POINTS, lower, upper });
  return estimate ? Array.from(estimate.x, (x, index) => [x, estimate.density[index]] as const) : [];
}

/** Chart of 330 × 170; `summary` gives the interval and the words of the label. */
export function densityChart(draws: ReportDraws, summary: ReportParameter): Chart {
  const pooled = new Float64Array(draws.chains.reduce((total, chain) => total + chain.length, 0));
  draws.chains.reduce((offset, chain) => (pooled.set(chain, offset), offset + chain.length), 0);
  const whole = curve(pooled, draws);
  const chains = draws.chains.slice(0, MOST_CHAINS_DRAWN).map((chain) => curve(chain, draws));
  const top = extent([whole, ...chains].flat().map(([, height]) => height))[1];
  const decimals = supportedDecimals(summary.mcseMean, summary.sd);
  const [q5, mean, q95] = [summary.q5, summary.mean, summary.q95].map((value) => formatFixed(value, decimals));
  const inside = whole.filter(
    ([x]) => summary.q5 !== null && summary.q95 !== null && x >= summary.q5 && x <= summary.q95,
  );
  return {
    width: 330,
    height: 170,
    left: 14,
    label: `Posterior density of ${draws.name}: mean ${mean}, 90 % interval from ${q5} to ${q95}.`,
    x: { ...linearScale(...extent(whole.length > 0 ? whole.map(([x]) => x) : [summary.mean ?? NaN]), 5), name: '' },
    y: { ...linearScale(0, top * 1.05, 3), name: null },
    marks: [
      area(under(whole), { fill: BLUE, opacity: 0.1 }),
      area(under(inside), { fill: BLUE, opacity: 0.18 }),
      ...chains.map((points, chain) => line(points, { ...chainStyle(chain), width: 1.1 })),
      ...(summary.mean === null
        ? []
        : [
            segments(
              [
                [
                  [summary.mean, 0],
                  [summary.mean, top * 1.05],
                ],
              ],
              { stroke: INK, width: 1, dash: [3, 3] },
            ),
          ]),
    ],
  };
}
