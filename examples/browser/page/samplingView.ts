// The part of the page that lives while the chains run: progress of each, pace of all, and their traces.
import { formatCount, formatSeconds, formatShort, plural } from '../../../src/report/format.js';
import { chainStyle } from '../../../src/report/palette.js';
import type { DrawBatch, FitBegin } from '../messages.js';
import { byId, element } from './elements.js';
import { TracePanels } from './tracePanels.js';
import { TraceStore } from './traceStore.js';

interface ChainRow {
  readonly phase: HTMLTableCellElement;
  readonly transitions: HTMLTableCellElement;
  readonly divergences: HTMLTableCellElement;
  readonly stepSize: HTMLTableCellElement;
  readonly leapfrogSteps: HTMLTableCellElement;
  divergent: number;
  steps: number;
}

/** Milliseconds between two drawings of the traces: drawing is not to take the cores from the chains. */
const redraw = 400;

export class SamplingView {
  private readonly progress = byId('progress', HTMLProgressElement);
  private readonly pace = byId('pace', HTMLSpanElement);
  private readonly rows: readonly ChainRow[];
  private readonly store: TraceStore;
  private readonly panels: TracePanels;
  private readonly started = performance.now();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly begin: FitBegin) {
    const { rows, units, markets, dimension, device, chains } = begin;
    const where = markets === null ? '' : ` in ${plural(markets, 'market')}`;
    byId('begun', HTMLParagraphElement).textContent =
      `${plural(rows, 'row')}, ${plural(units, 'unit')}${where}; ${formatCount(dimension)} parameters. Device: ${device}.`;
    byId('sampling', HTMLElement).hidden = false;
    this.rows = Array.from({ length: chains }, newRow);
    byId('chains', HTMLTableSectionElement).replaceChildren(...this.rows.map(rowElement));
    this.store = new TraceStore(begin);
    this.panels = new TracePanels(begin, this.store);
    this.showPace();
  }

  take(batch: DrawBatch): void {
    this.store.take(batch);
    for (let i = 0; i < batch.chain.length; i++) this.count(batch, i);
    this.showPace();
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.panels.draw();
    }, redraw);
  }

  /** Draws a last time and leaves everything on the page. */
  finish(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.panels.draw();
    this.showPace();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.panels.dispose();
  }

  private count({ chain, transition, isDivergent, stepSize, leapfrogSteps }: DrawBatch, i: number): void {
    const { warmup, draws } = this.begin;
    const row = this.rows[chain[i]];
    const done = transition[i] + 1;
    const isWarmup = done <= warmup;
    if (!isWarmup) row.divergent += isDivergent[i];
    row.steps += leapfrogSteps[i];
    row.phase.textContent = done === warmup + draws ? 'done' : isWarmup ? 'warm-up' : 'sampling';
    row.transitions.textContent = `${formatCount(done)} of ${formatCount(warmup + draws)}`;
    row.divergences.textContent = formatCount(row.divergent);
    row.divergences.classList.toggle('bad', row.divergent > 0);
    row.stepSize.textContent = formatShort(stepSize[i], 3);
    row.leapfrogSteps.textContent = formatCount(row.steps);
  }

  private showPace(): void {
    const total = this.begin.chains * (this.begin.warmup + this.begin.draws);
    const done = this.store.counts.reduce((sum, count) => sum + count, 0);
    this.progress.value = done / total;
    const elapsed = (performance.now() - this.started) / 1000;
    const left = done === 0 || done === total ? '' : `, about ${formatSeconds((elapsed * (total - done)) / done)} left`;
    this.pace.textContent = `${Math.floor((100 * done) / total)} % after ${formatSeconds(elapsed)}${left}`;
  }
}

function newRow(): ChainRow {
  const cell = (): HTMLTableCellElement => element('td', { class: 'number' }, '–');
  return {
    phase: element('td', {}, 'waiting'),
    transitions: cell(),
    divergences: cell(),
    stepSize: cell(),
    leapfrogSteps: cell(),
    divergent: 0,
    steps: 0,
  };
}

function rowElement(row: ChainRow, chain: number): HTMLTableRowElement {
  const swatch = element('span', { class: 'swatch' });
  swatch.style.background = chainStyle(chain).stroke;
  const { phase, transitions, divergences, stepSize, leapfrogSteps } = row;
  const head = element('th', { scope: 'row' }, swatch, String(chain + 1));
  return element('tr', {}, head, phase, transitions, divergences, stepSize, leapfrogSteps);
}
