// The page of a comparison of methods: what each costs, and whether they agree.
import { figure, sideBySide } from '../figure.js';
import { formatBytes, formatCount, formatSeconds, formatShort, plural } from '../format.js';
import { markup } from '../html.js';
import { renderPage } from '../page.js';
import { type Section, statusMark } from '../parts.js';
import { type Column, table } from '../table.js';
import { type ComparedInterval, intervalsChart, speedChart } from './comparisonCharts.js';

type Status = Parameters<typeof statusMark>[0];

export interface ComparisonReport {
  readonly model: string;
  readonly command: string;
  /** Method and device that the others are held against. */
  readonly reference: string;
  /** Why methods are missing, a line each. */
  readonly leftOut: readonly string[];
  readonly rows: readonly ComparisonReportRow[];
}

export interface ComparisonReportRow {
  readonly title: string;
  readonly device: string;
  /** Folder of the run beside the page. */
  readonly folder: string;
  readonly isApproximation: boolean;
  readonly status: Status;
  /** From reading the data to the summary. */
  readonly seconds: number;
  /** Warm-up and sampling, over all draws kept. */
  readonly secondsPerDraw: number;
  readonly effort: { readonly unit: string; readonly count: number };
  readonly peakMemoryBytes: number;
  readonly deviceMemoryBytes: number | null;
  /** Effective draws per second of warm-up and sampling, over the population's scalars; null for approximations, whose draws are independent. */
  readonly essPerSecond: {
    readonly minBulk: number;
    readonly medianBulk: number;
    readonly minTail: number;
    readonly medianTail: number;
  } | null;
  /** Of the population's scalars; null for the reference itself. */
  readonly fromReference: {
    /** Largest |mean − mean of the reference| in its standard deviations, and where. */
    readonly mean: number;
    readonly meanAt: string;
    /** Largest |sd / sd of the reference − 1|, and where. */
    readonly sd: number;
    readonly sdAt: string;
    /** Largest difference of means in Monte-Carlo standard errors of both. */
    readonly mcse: number;
  } | null;
  readonly population: readonly ComparedInterval[];
}

/** Scalars whose intervals are drawn. */
const MOST_DRAWN = 24;

export function renderComparison(report: ComparisonReport): string {
  const { model, rows, reference } = report;
  return renderPage({
    title: `Methods compared: ${model} model`,
    lede: `The same model, data and priors fitted in ${plural(rows.length, 'way')}; differences are from ${reference}.`,
    sections: [speed(report), agreement(report), intervals(report), reproduction(report)],
  });
}

const nameOf = ({ title, device }: ComparisonReportRow): string => `${title}, ${device}`;

function speed({ rows }: ComparisonReport): Section {
  const columns: Column[] = [
    { title: 'method', text: true },
    { title: 'total' },
    { title: 'per draw' },
    { title: 'min bulk ESS/s' },
    { title: 'median bulk ESS/s' },
    { title: 'min tail ESS/s' },
    { title: 'median tail ESS/s' },
    { title: 'effort' },
    { title: 'memory' },
    { title: 'checks', text: true },
  ];
  const body = rows.map((row) => [
    { shown: markup`<a href="${row.folder}/report.html">${nameOf(row)}</a>` },
    { shown: formatSeconds(row.seconds), value: row.seconds },
    { shown: formatSeconds(row.secondsPerDraw), value: row.secondsPerDraw },
    ...(['minBulk', 'medianBulk', 'minTail', 'medianTail'] as const).map((name) => ({
      shown: row.essPerSecond === null ? '–' : formatShort(row.essPerSecond[name], 3),
      value: row.essPerSecond?.[name] ?? null,
    })),
    { shown: `${formatCount(row.effort.count)} ${row.effort.unit}`, value: row.effort.count },
    {
      shown: `${formatBytes(row.peakMemoryBytes)}${row.deviceMemoryBytes === null ? '' : ` + ${formatBytes(row.deviceMemoryBytes)} on the device`}`,
      value: row.peakMemoryBytes,
    },
    { shown: markup`${statusMark(row.status)} ${row.status}` },
  ]);
  const chains = rows.filter(({ essPerSecond }) => essPerSecond !== null);
  return {
    id: 'speed',
    title: 'What each costs',
    body: markup`${chains.length === 0 ? null : figure(speedChart(chains.map((row) => ({ name: nameOf(row), ...row.essPerSecond! }))))}
${table(columns, body, { caption: 'Cost by method', sortable: true, wide: true })}
<p class="small soft">Effective sample sizes are of the population's scalars, over the time of warm-up and sampling together. Draws of approximations are independent, so they have none:
their verdict is in their own report.</p>`,
  };
}

function agreement({ rows, reference }: ComparisonReport): Section {
  const columns: Column[] = [
    { title: 'method', text: true },
    { title: 'largest difference of means' },
    { title: 'at', text: true },
    { title: 'in standard errors' },
    { title: 'largest difference of sds' },
    { title: 'at', text: true },
  ];
  const body = rows.flatMap((row) => {
    const { fromReference: far } = row;
    if (far === null) return [];
    return [
      [
        nameOf(row),
        { shown: `${formatShort(far.mean, 2)} sd`, value: far.mean },
        far.meanAt,
        { shown: formatShort(far.mcse, 2), value: far.mcse },
        { shown: `${formatShort(100 * far.sd, 2)} %`, value: far.sd },
        far.sdAt,
      ],
    ];
  });
  return {
    id: 'agreement',
    title: 'Whether they agree',
    body: markup`<p>Against ${reference}: means in its posterior standard deviations and in Monte-Carlo standard errors of both. Exact methods differ by chance alone, largest over all scalars
up to about four standard errors.</p>
${table(columns, body, { caption: 'Distance from the reference' })}`,
  };
}

function intervals({ rows }: ComparisonReport): Section {
  const names = rows[0].population.slice(0, MOST_DRAWN).map(({ name }) => name);
  const panels = names.map((name) => {
    const own = rows.map((row) => ({
      method: nameOf(row),
      interval: row.population.find((scalar) => scalar.name === name)!,
    }));
    return figure(intervalsChart(name, own), { title: markup`<span class="name">${name}</span>` });
  });
  const more = rows[0].population.length - names.length;
  return {
    id: 'intervals',
    title: 'Posterior by method',
    body: markup`<p>Means and 90 % intervals of the population's scalars${more > 0 ? `, the first ${names.length}; ${more} more are in the runs` : ''}.</p>
${sideBySide(panels)}`,
  };
}

function reproduction({ command, leftOut }: ComparisonReport): Section {
  return {
    id: 'reproduction',
    title: 'To run it again',
    body: markup`<pre>${command}</pre>${leftOut.length === 0 ? null : markup`<p>Left out:</p><ul>${leftOut.map((line) => markup`<li>${line}</li>`)}</ul>`}
<p class="small soft">The figures as data: <a href="comparison.json"><code>comparison.json</code></a>.</p>`,
  };
}
