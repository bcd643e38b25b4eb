// Draws of one scalar in the order they came, one line per chain.
import { formatCount, formatRhat } from '../format.js';
import { MOST_CHAINS_DRAWN, chainStyle } from '../palette.js';
import type { ReportDraws, ReportParameter } from '../reportInput.js';
import { extent, linearScale, widen } from './axis.js';
import { line } from './marks.js';
import type { Chart } from './svgChart.js';

/** Windows a long trace is cut into; the smallest and the largest draw of each window are drawn. */
const WINDOWS = 120;

/** Finite draws of a short chain; the envelope of a long one, in the order of the draws. */
export function traceEnvelope(draws: Float64Array, windows = WINDOWS): (readonly [number, number])[] {
  if (draws.length <= 2 * windows) {
    return Array.from(draws, (value, index) => [index + 1, value] as const).filter(([, value]) =>
      Number.isFinite(value),
    );
  }
  const points: (readonly [number, number])[] = [];
  for (let window = 0; window < windows; window++) {
    const start = Math.floor((window * draws.length) / windows);
    const end = Math.floor(((window + 1) * draws.length) / windows);
    let low = start;
    let high = start;
    for (let index = start; index < end; index++) {
      if (draws[index] < draws[low]) low = index;
      if (draws[index] > draws[high]) high = index;
    }
    for (const index of low < high ? [low, high] : [high, low]) {
      if (Number.isFinite(draws[index])) points.push([index + 1, draws[index]]);
    }
  }
  return points;
}

/** Chart of 520 × 170. */
export function traceChart(draws: ReportDraws, summary: ReportParameter): Chart {
  const lines = draws.chains.slice(0, MOST_CHAINS_DRAWN).map((chain) => traceEnvelope(chain));
  const length = Math.max(...draws.chains.map((chain) => chain.length));
  return {
    width: 520,
    height: 170,
    left: 58,
    right: 20,
    label:
      `Trace of ${draws.name}: ${draws.chains.length} chains of ${formatCount(length)} draws; ` +
      `R-hat ${formatRhat(summary.rhat)}, bulk effective sample size ${formatCount(summary.essBulk)}.`,
    x: { ...linearScale(1, length, 5), name: '' },
    y: { ...linearScale(...widen(extent(lines.flat().map(([, value]) => value)), 0.04), 4), name: '' },
    marks: lines.map((points, chain) => line(points, { stroke: chainStyle(chain).stroke, width: 0.7, opacity: 0.85 })),
  };
}
