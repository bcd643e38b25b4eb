// Rank histogram per chain (Vehtari et al. 2021): flat and alike where the chains sample the same distribution.
import { rankHistogram } from '../../diagnostics/index.js';
import { MOST_CHAINS_DRAWN, chainStyle } from '../palette.js';
import type { ReportDraws } from '../reportInput.js';
import { linearScale } from './axis.js';
import { area, line, steps } from './marks.js';
import type { Chart } from './svgChart.js';

const BINS = 20;

/** Chart of 330 × 170; the band holds 95 % of the counts of independent draws. Null when a draw is not finite. */
export function rankChart(draws: ReportDraws): Chart | null {
  const ranks = rankHistogram(draws.chains, BINS);
  if (ranks === null) return null;
  const { counts, edges, expected } = ranks;
  const total = draws.chains.reduce((sum, chain) => sum + chain.length, 0);
  const sd = Math.sqrt(expected * (1 - 1 / BINS) * (1 - 1 / draws.chains.length));
  const band = [Math.max(0, expected - 1.96 * sd), expected + 1.96 * sd] as const;
  const all = counts.flatMap((chain) => Array.from(chain));
  const outside = all.filter((count) => count < band[0] || count > band[1]).length;
  const top = Math.max(...all, band[1]) * 1.1;
  return {
    width: 330,
    height: 170,
    left: 42,
    right: 20,
    label:
      `Rank plot of ${draws.name}: ${outside} of ${all.length} counts lie outside the band that holds 95 % of the ` +
      `counts of independent draws.`,
    x: { ...linearScale(0, total, 4), name: '' },
    y: { ...linearScale(0, top, 4), name: '' },
    marks: [
      area(
        [
          [0, band[0]],
          [0, band[1]],
          [total, band[1]],
          [total, band[0]],
        ],
        { fill: '#000000', opacity: 0.07 },
      ),
      ...counts
        .slice(0, MOST_CHAINS_DRAWN)
        .map((chain, index) => line(steps(edges, chain), { ...chainStyle(index), width: 1.1 })),
    ],
  };
}
