// The page of a comparison of models by rows that no fit saw.
import { formatSeconds, formatShort } from '../format.js';
import { markup } from '../html.js';
import { renderPage } from '../page.js';
import { statusMark } from '../parts.js';
import { type Column, table } from '../table.js';

export interface ComparedModel {
  /** Its run's folder beside the page. */
  readonly name: string;
  /** Of the held-out rows: sum of the logs of predictive densities, errors of the mean, share inside central 95 % intervals. */
  readonly logPredictiveDensity: number;
  readonly rmse: number;
  readonly mae: number;
  readonly r2: number;
  readonly coverage95: number | null;
  /** Log predictive density less that of the best model, with the standard error of the difference; null for the best. */
  readonly fromBest: { readonly difference: number; readonly se: number } | null;
  readonly seconds: number;
  readonly status: Parameters<typeof statusMark>[0];
}

const columns: readonly Column[] = [
  { title: 'model', text: true },
  { title: 'log predictive density' },
  { title: 'from the best' },
  { title: 'standard error' },
  { title: 'RMSE' },
  { title: 'MAE' },
  { title: 'R²' },
  { title: 'inside 95 %' },
  { title: 'total' },
  { title: 'checks', text: true },
];

export function renderModelComparison({
  command,
  rows,
  models,
}: {
  readonly command: string;
  /** Held-out rows. */
  readonly rows: number;
  readonly models: readonly ComparedModel[];
}): string {
  const number = (value: number, digits = 4) => ({ shown: formatShort(value, digits), value });
  const body = models.map((own) => [
    { shown: markup`<a href="${own.name}/report.html">${own.name}</a>` },
    number(own.logPredictiveDensity, 6),
    own.fromBest === null ? { shown: 'best', value: 0 } : number(own.fromBest.difference),
    own.fromBest === null ? { shown: '', value: null } : number(own.fromBest.se, 3),
    number(own.rmse),
    number(own.mae),
    number(own.r2),
    {
      shown: own.coverage95 === null ? '–' : `${formatShort(100 * own.coverage95, 3)} %`,
      value: own.coverage95,
    },
    { shown: formatSeconds(own.seconds), value: own.seconds },
    { shown: markup`${statusMark(own.status)} ${own.status}` },
  ]);
  return renderPage({
    title: 'Models compared',
    lede: `${models.length} models judged by the same ${rows} rows, which none of the fits saw.`,
    sections: [
      {
        id: 'prediction',
        title: 'How well each predicts',
        body: markup`${table(columns, body, { caption: 'Prediction of held-out rows', sortable: true, wide: true })}
<p class="small soft">Larger log predictive densities are better. Differences are sums over the rows of paired differences, and their standard errors are of these: a difference of less than two
of them is no reason to prefer a model.</p>`,
      },
      {
        id: 'reproduction',
        title: 'To run it again',
        body: markup`<pre>${command}</pre><p class="small soft">The figures as data: <a href="models.json"><code>models.json</code></a>.</p>`,
      },
    ],
  });
}
