// The page of a simulation-based calibration: coverage by class, and the ranks of every population scalar.
import { type CalibrationFigures, RankUniformity } from '../../diagnostics/index.js';
import { checkList } from '../checkList.js';
import { figure, sideBySide } from '../figure.js';
import { formatCount, formatFixed, formatShort, plural } from '../format.js';
import { markup } from '../html.js';
import { renderPage } from '../page.js';
import type { Section } from '../parts.js';
import { namesAndNumbers, table } from '../table.js';
import { rankCurveChart } from './rankCurveChart.js';

export interface CalibrationReport {
  readonly title: string;
  /** Name of the model and title of the method. */
  readonly model: string;
  readonly method: string;
  readonly command: string;
  readonly figures: CalibrationFigures;
  /** Simulations whose fit failed, with the reason. */
  readonly failures: readonly { readonly index: number; readonly reason: string }[];
}

/** Scalars whose ranks are drawn; of more, those with the smallest p-values. */
const MOST_DRAWN = 40;

export function renderCalibration(report: CalibrationReport): string {
  const { title, model, method, figures, failures } = report;
  const failed = failures.length === 0 ? '' : ` ${plural(failures.length, 'fit')} failed and count nowhere.`;
  return renderPage({
    title,
    lede: `${plural(figures.simulations, 'data set')} simulated from the prior of the ${model} model and fitted by ${method}.${failed}`,
    sections: [verdictSection(figures), coverageSection(figures), ranksSection(figures), reproduction(report)],
  });
}

function verdictSection({ checks }: CalibrationFigures): Section {
  return { id: 'checks', title: 'Verdict', body: checkList(checks) };
}

function coverageSection({ classes, simulations }: CalibrationFigures): Section {
  const rows = classes.map((entry) => [
    entry.site,
    formatCount(entry.scalars),
    formatFixed(entry.coverage50, 3),
    formatFixed(entry.coverage90, 3),
    formatFixed(entry.coverage90Error, 3),
  ]);
  return {
    id: 'coverage',
    title: 'Coverage',
    body: markup`<p>How often central intervals hold the value that the data were simulated with, over ${plural(simulations, 'simulation')} and all scalars of a site.
An exact method gives 0.5 and 0.9; the standard error says how far chance alone takes the second.</p>
${table(namesAndNumbers(['site', 'scalars', '50 % interval', '90 % interval', 'standard error']), rows, { caption: 'Coverage by site' })}`,
  };
}

function ranksSection({ scalars, simulations, rankValues }: CalibrationFigures): Section {
  const uniformity = new RankUniformity(simulations, rankValues);
  const shown = [...scalars].sort((a, b) => a.pValue - b.pValue).slice(0, MOST_DRAWN);
  const order = scalars.filter((scalar) => shown.includes(scalar));
  const panels = order.map(({ name, ranks, pValue }) =>
    figure(rankCurveChart(name, ranks, rankValues, uniformity), {
      title: markup`<span class="name">${name}</span><span class="soft">p ${formatShort(pValue, 2)}</span>`,
    }),
  );
  const rows = scalars.map(({ name, pValue, coverage90 }) => [
    name,
    { shown: formatShort(pValue, 2), value: pValue },
    { shown: formatFixed(coverage90, 3), value: coverage90 },
  ]);
  return {
    id: 'ranks',
    title: 'Ranks of the true values',
    body: markup`<p>The distribution of the true value's rank among ${formatCount(rankValues - 1)} draws, less the uniform one. Inside the grey band, which holds
95 % of the curves of an exact method, all is well; a curve that rises and falls like an S means intervals that are too wide or too narrow, an arch means a bias.</p>
${sideBySide(panels)}
${table(namesAndNumbers(['scalar', 'p-value', 'coverage of 90 %']), rows, { caption: 'Every population scalar', sortable: true })}`,
  };
}

function reproduction({ command, failures }: CalibrationReport): Section {
  const list = failures.map(({ index, reason }) => markup`<li>simulation ${String(index)}: ${reason}</li>`);
  return {
    id: 'reproduction',
    title: 'To run it again',
    body: markup`<pre>${command}</pre>${list.length === 0 ? null : markup`<p>Fits that failed:</p><ul>${list}</ul>`}`,
  };
}
