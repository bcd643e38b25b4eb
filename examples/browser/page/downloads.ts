// The summary as files: CSV and JSON with the figures and names of `hierax fit`.
import Papa from 'papaparse';
import type { FitResult, SummaryRow } from '../messages.js';

const figures = ['mean', 'sd', 'mcseMean', 'q5', 'q50', 'q95', 'essBulk', 'essTail', 'rhat'] as const;

/** Undefined figures are null, as in summary.json. */
const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

function record(row: SummaryRow, hasTruth: boolean): Record<string, string | number | null> {
  const values = figures.map((figure): [string, number | null] => [figure, finite(row[figure])]);
  return { name: row.name, ...Object.fromEntries(values), ...(hasTruth && { truth: finite(row.truth) }) };
}

const hasTruth = ({ rows }: FitResult): boolean => rows.some(({ truth }) => truth !== undefined);

/** `{parameters: […]}` as summary.json, with what the fit cost beside it. */
export function summaryJson(result: FitResult): string {
  const { rows, checks, device, drawsPerChain, divergences, gradientEvaluations, seconds } = result;
  const parameters = rows.map((row) => record(row, hasTruth(result)));
  const fit = { device, drawsPerChain, divergences, gradientEvaluations, seconds, checks };
  return `${JSON.stringify({ parameters, fit }, null, 1)}\n`;
}

/** One row per scalar; undefined figures are empty. */
export function summaryCsv(result: FitResult): string {
  return `${Papa.unparse(
    result.rows.map((row) => record(row, hasTruth(result))),
    { newline: '\n' },
  )}\n`;
}

/** Hands a text to the user as a file. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
