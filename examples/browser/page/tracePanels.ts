// Trace plots of a few scalars, redrawn while the chains run; the scalar of each panel can be chosen.
import { LineChart } from 'echarts/charts';
import { GridComponent, MarkAreaComponent, MarkLineComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { traceEnvelope } from '../../../src/report/charts/traceChart.js';
import { formatShort } from '../../../src/report/format.js';
import { chainStyle, INK_SOFT, RULE } from '../../../src/report/palette.js';
import type { FitBegin } from '../messages.js';
import { byId, element } from './elements.js';
import type { TraceStore } from './traceStore.js';

echarts.use([LineChart, GridComponent, MarkAreaComponent, MarkLineComponent, CanvasRenderer]);

const mostPanels = 6;

/** A panel: which scalar it shows, and its chart. */
interface Panel {
  scalar: number;
  readonly chart: echarts.ECharts;
}

const label = { fontSize: 11.5, color: INK_SOFT };

export class TracePanels {
  private readonly panels: readonly Panel[];
  private readonly observer: ResizeObserver;

  constructor(
    private readonly begin: FitBegin,
    private readonly store: TraceStore,
  ) {
    const holder = byId('traces', HTMLDivElement);
    const shown = firstScalars(begin.scalars);
    const hosts = shown.map(() => element('div', { class: 'chart', role: 'img' }));
    holder.replaceChildren(...hosts.map((host, index) => this.frame(host, index, shown[index])));
    this.panels = hosts.map((host, index) => ({ scalar: shown[index], chart: echarts.init(host) }));
    this.observer = new ResizeObserver(() => this.panels.forEach(({ chart }) => chart.resize()));
    this.observer.observe(holder);
    this.draw();
  }

  draw(): void {
    for (const panel of this.panels) this.drawPanel(panel);
  }

  dispose(): void {
    this.observer.disconnect();
    for (const { chart } of this.panels) chart.dispose();
  }

  private frame(host: HTMLElement, index: number, scalar: number): HTMLElement {
    const { scalars } = this.begin;
    const options = scalars.map((name, value) => element('option', { value, selected: value === scalar }, name));
    const select = element('select', { 'aria-label': `Scalar of trace ${index + 1}` }, ...options);
    select.addEventListener('change', () => {
      this.panels[index].scalar = Number(select.value);
      this.drawPanel(this.panels[index]);
    });
    return element('figure', {}, element('figcaption', {}, select), host);
  }

  private drawPanel({ scalar, chart }: Panel): void {
    const { begin, store } = this;
    const total = begin.warmup + begin.draws;
    const traces = Array.from({ length: begin.chains }, (_, chain) => traceEnvelope(store.trace(scalar, chain), 300));
    const [low, high] = robustRange(this.settledValues(scalar));
    const transitions = Math.max(...store.counts);
    chart
      .getDom()
      .setAttribute(
        'aria-label',
        `Trace of ${begin.scalars[scalar]}: ${begin.chains} chains, ${transitions} of ${total} transitions`,
      );
    chart.setOption(
      {
        animation: false,
        grid: { left: 58, right: 12, top: 8, bottom: 24 },
        xAxis: {
          type: 'value',
          min: 0,
          max: this.horizon,
          axisLabel: { ...label, hideOverlap: true },
          splitLine: { show: false },
          axisLine: { onZero: false, lineStyle: { color: RULE } },
        },
        yAxis: {
          type: 'value',
          min: low,
          max: high,
          axisLabel: {
            ...label,
            formatter: (value: number) => formatShort(value, 3),
            showMinLabel: false,
            showMaxLabel: false,
          },
          splitNumber: 4,
          splitLine: { lineStyle: { color: '#eef1f4' } },
        },
        series: traces.map((points, chain) => ({
          type: 'line',
          data: points,
          showSymbol: false,
          silent: true,
          lineStyle: { width: 0.8, opacity: 0.85, color: chainStyle(chain).stroke },
          clip: true,
          ...(chain === 0 && {
            markArea: {
              silent: true,
              itemStyle: { color: 'rgba(27,31,36,.045)' },
              label: { ...label, position: 'insideTopLeft', formatter: 'warm-up' },
              data: [[{ xAxis: 0 }, { xAxis: Math.min(begin.warmup, this.horizon) }]],
            },
          }),
        })),
      },
      { notMerge: false, lazyUpdate: true },
    );
  }

  /** End of the horizontal axis: the whole run, halved as long as what has come so far fits. */
  private get horizon(): number {
    const transitions = Math.max(...this.store.counts);
    let end = this.begin.warmup + this.begin.draws;
    while (end / 2 >= Math.max(transitions, 200)) end /= 2;
    return Math.ceil(end);
  }

  /** The later half of what has come of every chain: the way there from the starts is not to set the scale. */
  private settledValues(scalar: number): Float64Array {
    const parts = Array.from({ length: this.begin.chains }, (_, chain) => {
      const trace = this.store.trace(scalar, chain);
      return trace.subarray(Math.floor(trace.length / 2));
    });
    const joined = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
    parts.reduce((offset, part) => (joined.set(part, offset), offset + part.length), 0);
    return joined;
  }
}

/** Smallest and largest value with a margin; [0, 1] before the first. */
function robustRange(values: Float64Array): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  const margin = 0.15 * (high - low) || 0.05 * Math.abs(low) || 0.5;
  return [low - margin, high + margin];
}

/** One scalar of each site in turn, then the next ones, until the panels are full; in the order of the model. */
function firstScalars(names: readonly string[]): number[] {
  const sites = new Map<string, number[]>();
  for (const [index, name] of names.entries()) {
    const site = name.split('[', 1)[0];
    sites.set(site, [...(sites.get(site) ?? []), index]);
  }
  const rounds = Math.max(...[...sites.values()].map(({ length }) => length));
  const order = Array.from({ length: rounds }, (_, round) => [...sites.values()].flatMap((own) => own[round] ?? []));
  return order
    .flat()
    .slice(0, mostPanels)
    .sort((a, b) => a - b);
}
