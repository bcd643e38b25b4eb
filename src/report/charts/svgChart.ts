// Draws a chart with ECharts on the server and returns a small, self-contained SVG with an accessible name.
// One file with all of it: the module of the charts alone takes eight times as long to load.
import { init } from 'echarts/dist/echarts.esm.min';
import { escapeHtml, raw } from '../html.js';
import type { Html } from '../html.js';
import { INK, INK_SOFT } from '../palette.js';
import type { Scale } from './axis.js';

/** Data coordinates to a pixel position. */
export type ToPixel = (x: number, y: number) => readonly [number, number];

/** One path of a chart: SVG path data in pixels, built once the axes are laid out. */
export interface Mark {
  readonly path: (toPixel: ToPixel) => string;
  readonly stroke?: string;
  readonly fill?: string;
  readonly width?: number;
  readonly dash?: readonly number[];
  readonly opacity?: number;
}

interface CategoryScale {
  /** From bottom to top; row k lies at height k. */
  readonly categories: readonly string[];
}

/** A chart with one pair of axes; sizes in pixels. */
export interface Chart {
  readonly width: number;
  readonly height: number;
  /** What the figure shows and what it says, for those who cannot see it. */
  readonly label: string;
  readonly x: Scale & { readonly name: string };
  /** A scale without a name hides its axis. */
  readonly y: (Scale & { readonly name: string | null }) | CategoryScale;
  readonly left: number;
  readonly right?: number;
  readonly marks: readonly Mark[];
}

const FONT = { fontSize: 11.5, fontFamily: 'inherit', color: INK_SOFT };
const AXIS_LINE = { show: true, onZero: false, lineStyle: { color: INK_SOFT, width: 1 } };

function valueAxis(scale: Scale, name: string | null): object {
  return {
    type: 'value',
    min: scale.min,
    max: scale.max,
    show: name !== null,
    axisLine: AXIS_LINE,
    axisTick: { show: true, length: 4, lineStyle: { color: INK_SOFT }, customValues: scale.ticks },
    axisLabel: { ...FONT, margin: 7, hideOverlap: true, customValues: scale.ticks, formatter: scale.label },
    splitLine: { show: false },
    name: name ?? '',
    nameLocation: 'middle',
    nameTextStyle: { ...FONT, color: INK },
  };
}

/** A numeric axis, so that marks can lie between the rows. */
function categoryAxis({ categories }: CategoryScale): object {
  const rows = categories.map((_, row) => row);
  const scale = { min: -0.5, max: rows.length - 0.5, ticks: rows, label: (row: number) => categories[row] ?? '' };
  const axis = valueAxis(scale, '');
  return {
    ...axis,
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { ...FONT, color: INK, margin: 8, hideOverlap: false, customValues: rows, formatter: scale.label },
  };
}

function seriesOf(mark: Mark): object {
  return {
    type: 'custom',
    silent: true,
    data: [[0, 0]],
    renderItem: (_: unknown, api: { coord(point: readonly number[]): readonly [number, number] }) => ({
      type: 'path',
      shape: { pathData: mark.path((x, y) => api.coord([x, y])) || 'M0 0' },
      style: {
        fill: mark.fill ?? 'none',
        stroke: mark.stroke ?? 'none',
        lineWidth: mark.width ?? 1,
        lineDash: mark.dash?.length ? mark.dash : undefined,
        lineCap: mark.dash?.length ? 'butt' : 'round',
        lineJoin: 'round',
        opacity: mark.opacity ?? 1,
      },
    }),
  };
}

/**
 * Drops what a static page does not need (namespaces, hover styles, chart metadata), rounds coordinates to a tenth of
 * a pixel, and joins neighbouring paths that are drawn alike.
 */
function compact(svg: string): string {
  const lines = svg
    .replace(/<style[\s\S]*?<\/style>|<defs ?>\s*<\/defs>/g, '')
    .replace(/ (?:xmlns(?::xlink)?|version|baseProfile|class|pointer-events|ecmeta_\w+)="[^"]*"/g, '')
    .replace(/<rect [^>]*fill="none"><\/rect>/, '')
    .replace(/ (d|transform)="([^"]*)"/g, (_, name: string, value: string) => {
      const rounded = value.replace(/-?\d+\.\d{2,}/g, (number) => String(Math.round(Number(number) * 10) / 10));
      return ` ${name}="${rounded}"`;
    })
    .split('\n')
    .filter((line) => line.trim() !== '');
  const joined: string[] = [];
  let style = '';
  for (const line of lines) {
    const match = /^<path d="([^"]*)"([^>]*)><\/path>$/.exec(line);
    if (match && match[2] === style && !style.includes('opacity')) {
      joined.push(joined.pop()!.replace('" ', `${match[1]}" `));
    } else {
      joined.push(line);
    }
    style = match?.[2] ?? '';
  }
  return joined.join('\n');
}

/** SVG of a chart, `role="img"`, scaled by its container; it refers to nothing outside itself. */
export function renderChart(chart: Chart): Html {
  const { width, height, left, x, y } = chart;
  const instance = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    const yAxis = 'categories' in y ? categoryAxis(y) : valueAxis(y, y.name);
    instance.setOption({
      animation: false,
      grid: { left, right: chart.right ?? 14, top: 10, bottom: x.name === '' ? 26 : 44, outerBoundsMode: 'none' },
      xAxis: { ...valueAxis(x, x.name), nameGap: 28 },
      yAxis: { ...yAxis, nameGap: left - 18 },
      series: chart.marks.map(seriesOf),
    });
    const svg = compact(instance.renderToSVGString());
    const name = `<svg role="img" aria-label="${escapeHtml(chart.label)}"`;
    return raw(svg.replace('<svg', name));
  } finally {
    instance.dispose();
  }
}
