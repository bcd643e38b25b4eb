// Ranks of one scalar's true values: the distribution less the uniform one, with the band that holds all of a uniform curve.
import type { RankUniformity } from '../../diagnostics/index.js';
import { linearScale } from '../charts/axis.js';
import { area, line } from '../charts/marks.js';
import type { Chart } from '../charts/svgChart.js';
import { BLUE, VERMILLION } from '../palette.js';

/** Chart of 330 × 170 (Säilynoja, Bürkner and Vehtari 2022, figure 1). */
export function rankCurveChart(
  name: string,
  ranks: readonly number[],
  rankValues: number,
  uniformity: RankUniformity,
): Chart {
  const { lower, upper } = uniformity.band();
  const curve = uniformity.curve(ranks);
  const at = (i: number): number => (i + 1) / rankValues;
  const difference = (count: number, i: number): number => count / ranks.length - at(i);
  const points = (counts: Int32Array): [number, number][] =>
    Array.from(counts, (count, i): [number, number] => [at(i), difference(count, i)]);
  const outside = curve.some((count, i) => count < lower[i] || count > upper[i]);
  const reach =
    1.1 * Math.max(...[curve, lower, upper].flatMap((counts) => points(counts).map(([, y]) => Math.abs(y))));
  return {
    width: 330,
    height: 170,
    left: 48,
    right: 14,
    label: `Ranks of ${name}: their distribution less the uniform one lies ${outside ? 'partly outside' : 'inside'} the band that holds 95 % of uniform curves.`,
    x: { ...linearScale(0, 1, 4), name: '' },
    y: { ...linearScale(-reach, reach, 4), name: '' },
    marks: [
      area([...points(upper), ...points(lower).reverse()], { fill: '#000000', opacity: 0.07 }),
      line(points(curve), { stroke: outside ? VERMILLION : BLUE, width: 1.4 }),
    ],
  };
}
