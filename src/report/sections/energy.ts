// Hamiltonian diagnostics: the energy plot and the numbers of each chain.
import { energyChart } from '../charts/energyChart.js';
import { formatCount, formatFixed, formatSignificant, plural } from '../format.js';
import { markup } from '../html.js';
import { BLUE, VERMILLION } from '../palette.js';
import { figure, legend } from '../figure.js';
import { FILES, fileLink } from '../parts.js';
import type { Section } from '../parts.js';
import { namesAndNumbers, table } from '../table.js';
import type { ReportInput } from '../reportInput.js';

/** Up to this many chains have a row each. */
const MOST_ROWS = 16;

/** Null for methods without Hamiltonian dynamics. */
export function energySection({ sampler }: ReportInput): Section | null {
  if (sampler === null) return null;
  const chart = energyChart(sampler);
  // Of many chains those that move most slowly between energies.
  const order = [...sampler.ebfmi.keys()];
  const isCut = order.length > MOST_ROWS;
  if (isCut) order.sort((a, b) => (sampler.ebfmi[a] ?? -1) - (sampler.ebfmi[b] ?? -1));
  const rows = order
    .slice(0, MOST_ROWS)
    .map((chain) => [
      `chain ${chain + 1}`,
      formatFixed(sampler.ebfmi[chain], 2),
      formatCount(sampler.divergences[chain]),
      formatCount(sampler.maxTreeDepthHits?.[chain] ?? null),
      formatSignificant(sampler.stepSize[chain] ?? null),
      formatFixed(sampler.acceptanceRate[chain] ?? null, 2),
    ]);
  const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
  const depth =
    sampler.maxTreeDepthHits === null
      ? null
      : ` ${plural(total(sampler.maxTreeDepthHits), 'trajectory', 'trajectories')} reached the tree-depth limit of ${sampler.maxTreeDepth}.`;
  const plot = chart
    ? markup`${legend([
        { name: 'energy', shape: 'line', colour: BLUE },
        { name: 'change of energy from draw to draw', shape: 'line', colour: VERMILLION, dash: [5, 3] },
      ])}
<div class="one">${figure(chart, { caption: 'All chains, each centred at its own mean. A dashed curve much narrower than the solid one means slow movement between energies: E-BFMI below 0.3.' })}</div>`
    : null;
  return {
    id: 'energy',
    title: 'Energy and trajectories',
    body: markup`<p>${plural(total(sampler.divergences), 'divergent transition')}.${depth}</p>
${plot}
${table(namesAndNumbers(['chain', 'E-BFMI', 'divergences', 'depth limit', 'step size', 'acceptance rate']), rows, { caption: isCut ? `The ${MOST_ROWS} chains with the smallest E-BFMI` : 'Per chain' })}
<p class="small soft">Energies of every draw: ${fileLink(FILES.draws)}, group <code>sample_stats</code>.</p>`,
  };
}
