// How the fit predicts the rows that it did not see.
import { formatCount, formatShort } from '../format.js';
import { markup } from '../html.js';
import type { Section } from '../parts.js';
import { namesAndNumbers, table } from '../table.js';
import type { ReportInput } from '../reportInput.js';

export function heldOutSection({ heldOut }: ReportInput): Section | null {
  if (!heldOut) return null;
  const { rows, rmse, mae, r2, coverage95, logPredictiveDensity, logPredictiveDensitySe, draws, notes } = heldOut;
  const figures: readonly (readonly [string, number | null])[] = [
    ['root mean square error', rmse],
    ['mean absolute error', mae],
    ['R², about the mean of the held-out rows', r2],
    ['share inside 95 % predictive intervals', coverage95],
    ['log predictive density', logPredictiveDensity],
    ['its standard error', logPredictiveDensitySe],
    ['log predictive density per row', logPredictiveDensity / rows],
  ];
  return {
    id: 'held-out',
    title: 'Rows held out',
    body: markup`<p>${formatCount(rows)} rows that the fit did not see, predicted from ${formatCount(draws)} draws.</p>
${table(
  namesAndNumbers(['figure', 'value']),
  figures.map(([name, value]) => [name, { shown: value === null ? '–' : formatShort(value), value }]),
  { caption: 'Predictions of held-out rows' },
)}
${notes.length > 0 ? markup`<ul>${notes.map((note) => markup`<li>${note}</li>`)}</ul>` : null}
<p class="small soft below">Every row: <code>holdout.parquet</code>.</p>`,
  };
}
