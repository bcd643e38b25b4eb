// The comparison as a plain table.
import { methods } from '../../inference/index.js';
import type { ComparedRun, ComparisonRow } from './comparisonFigures.js';

export function formatComparison(rows: readonly ComparisonRow[], reference: ComparedRun): string {
  const headings = [
    'method',
    'device',
    'seconds',
    'ms per draw',
    'min bulk ESS/s',
    'median bulk ESS/s',
    'min tail ESS/s',
    'effort',
    'memory MB',
    'mean off by sd',
    'sd off by',
    'checks',
  ];
  const cells = rows.map(({ method, device, essPerSecond, fromReference, ...row }) => [
    methods[method].title,
    device,
    row.seconds.toFixed(1),
    (1000 * row.secondsPerDraw).toPrecision(3),
    short(essPerSecond?.minBulk),
    short(essPerSecond?.medianBulk),
    short(essPerSecond?.minTail),
    `${row.effort.count} ${row.effort.unit}`,
    (row.peakMemoryBytes / 1e6).toFixed(0),
    fromReference === null ? 'reference' : fromReference.mean.toFixed(3),
    fromReference === null ? 'reference' : `${(100 * fromReference.sd).toFixed(0)} %`,
    row.status,
  ]);
  const note = `Largest differences over the population from ${methods[reference.method].title} on ${reference.device}, in its standard deviations. Draws of approximations are independent: they have no ESS.`;
  return `${alignColumns(headings, cells, (k) => k > 1 && k < 11)}\n${note}`;
}

/** Headings and rows as lines, columns of numbers to the right. */
export function alignColumns(
  headings: readonly string[],
  cells: readonly (readonly string[])[],
  isNumber: (column: number) => boolean,
): string {
  const widths = headings.map((heading, k) => Math.max(heading.length, ...cells.map((row) => row[k].length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, k) => (isNumber(k) ? cell.padStart(widths[k]) : cell.padEnd(widths[k])))
      .join('  ')
      .trimEnd();
  return [line(headings), ...cells.map(line)].join('\n');
}

const short = (value: number | undefined): string => (value === undefined ? '–' : value.toPrecision(3));
