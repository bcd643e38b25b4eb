// What the missing values cost: Rubin's rules for every population scalar over the completed data sets.
import { formatCount, formatShort } from '../format.js';
import { markup } from '../html.js';
import type { Section } from '../parts.js';
import { namesAndNumbers, table } from '../table.js';
import type { ReportInput } from '../reportInput.js';

export function imputationSection({ imputation }: ReportInput): Section | null {
  if (imputation === undefined) return null;
  const { imputations, estimates } = imputation;
  const titles = [
    'parameter',
    'mean',
    'sd within',
    'sd between',
    "sd by Rubin's rules",
    'sd of pooled draws',
    'missing information',
  ];
  const shown = (value: number): { shown: string; value: number } => ({ shown: formatShort(value), value });
  const rows = estimates.map((own) => [
    own.name,
    ...[own.mean, own.withinSd, own.betweenSd, own.totalSd, own.pooledSd].map(shown),
    { shown: `${(100 * own.fractionMissing).toFixed(1)} %`, value: own.fractionMissing },
  ]);
  return {
    id: 'missing-values',
    title: 'Missing values',
    body: markup`<p>${formatCount(imputations)} completed data sets were fitted, each in a folder of its own (<code>imputation-1</code>, …); this report shows the draws of all.
R-hat is the largest within a data set. The last column is the share of the information that the missing values took away.</p>
${table(namesAndNumbers(titles), rows, { sortable: true, wide: true, caption: 'Variances within and between the completed data sets' })}
<p class="small soft below">The same as data: <code>imputation.json</code>.</p>`,
  };
}
