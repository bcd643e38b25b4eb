// Figures with title and caption, and legends that show colour, dash and shape.
import { renderChart } from './charts/svgChart.js';
import type { Chart } from './charts/svgChart.js';
import { markup, raw } from './html.js';
import type { Html } from './html.js';
import { MOST_CHAINS_DRAWN, chainStyle } from './palette.js';

export interface FigureParts {
  /** Line above the figure. */
  readonly title?: Html;
  readonly caption?: string | Html;
}

export function figure(chart: Chart, { title, caption }: FigureParts = {}): Html {
  return markup`<figure>
${title ? markup`<div class="panel-title">${title}</div>` : null}${renderChart(chart)}
${caption ? markup`<figcaption>${caption}</figcaption>` : null}</figure>
`;
}

export interface LegendEntry {
  readonly name: string;
  readonly shape: 'line' | 'area' | 'dot' | 'ring' | 'band';
  readonly colour: string;
  readonly dash?: readonly number[];
}

function swatch({ shape, colour, dash }: LegendEntry): Html {
  const shapes: Record<LegendEntry['shape'], string> = {
    line: `<path d="M0 6h34" stroke="${colour}" stroke-width="2" stroke-dasharray="${(dash ?? []).join(' ')}"/>`,
    area: `<path d="M0 1h34v10H0Z" fill="${colour}" fill-opacity=".25"/>`,
    band: `<path d="M4 6h26" stroke="${colour}" stroke-width="3" stroke-linecap="round"/>`,
    dot: `<circle cx="17" cy="6" r="3.4" fill="${colour}"/>`,
    ring: `<circle cx="17" cy="6" r="3.4" fill="#fff" stroke="${colour}" stroke-width="1.4"/>`,
  };
  return raw(`<svg viewBox="0 0 34 12" aria-hidden="true">${shapes[shape]}</svg>`);
}

export function legend(entries: readonly LegendEntry[]): Html {
  return markup`<ul class="legend">
    ${entries.map((entry) => markup`<li>${swatch(entry)}${entry.name}</li>`)}
  </ul>`;
}

/** One line per chain that is drawn, with its colour and dash. */
export function chainLegend(chains: number): LegendEntry[] {
  return Array.from({ length: Math.min(chains, MOST_CHAINS_DRAWN) }, (_, chain) => {
    const { stroke, dash } = chainStyle(chain);
    return { name: `chain ${chain + 1}`, shape: 'line' as const, colour: stroke, dash };
  });
}

/** Said where only some of the chains have a line of their own. */
export function firstChainsNote(chains: number): Html | null {
  if (chains <= MOST_CHAINS_DRAWN) return null;
  return markup`<p class="small soft">The first ${MOST_CHAINS_DRAWN} of ${chains} chains have a line each; figures in words are of all.</p>`;
}

/** Panels in rows of two; below each other on narrow pages. */
export function sideBySide(panels: readonly Html[]): Html {
  const rows = Array.from({ length: Math.ceil(panels.length / 2) }, (_, i) => panels.slice(2 * i, 2 * i + 2));
  return markup`${rows.map((row) => markup`<div class="two">${row}</div>`)}`;
}
