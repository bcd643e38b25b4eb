// What became of each fit of a list: its row in the table and in workstation.json.
import { readRun } from '../../src/data/run/runFolder.js';
import { toJson } from '../../src/data/run/summaryFiles.js';
import { type CheckStatus, worstStatus } from '../../src/diagnostics/index.js';
import type { Fit } from './fitList.js';

export interface FitRow {
  readonly name: string;
  readonly config: string;
  readonly folder: string;
  /** `finished before`: found finished, and left alone. */
  readonly state: 'finished' | 'finished before' | 'failed' | 'interrupted' | 'not begun';
  /** One line; undefined unless it failed. */
  readonly error?: string;
  readonly figures?: RunFigures;
  /** Of the configuration and the settings that the run was made with. */
  readonly fingerprint: string;
}

export interface RunFigures {
  readonly device: string;
  readonly seconds: number;
  /** Null for methods without trajectories. */
  readonly divergences: number | null;
  /** Over the scalars of summary.json; null when none has one. */
  readonly maxRhat: number | null;
  /** Bulk and tail. */
  readonly minEss: number | null;
  readonly checks: CheckStatus;
}

/** Throws InputError when the folder holds no finished run. */
export function runFigures(folder: string): RunFigures {
  const { diagnostics, summary } = readRun(folder);
  const { device, seconds, divergences, checks } = diagnostics as unknown as {
    readonly device: string;
    readonly seconds: { readonly total: number };
    readonly divergences: number | null;
    readonly checks: readonly { readonly status: CheckStatus }[];
  };
  const known = (values: readonly number[]): readonly number[] => values.filter((value) => !Number.isNaN(value));
  const rhats = known(summary.map(({ rhat }) => rhat));
  const sizes = known(summary.flatMap(({ essBulk, essTail }) => [essBulk, essTail]));
  return {
    device,
    seconds: seconds.total,
    divergences,
    maxRhat: rhats.length === 0 ? null : Math.max(...rhats),
    minEss: sizes.length === 0 ? null : Math.min(...sizes),
    checks: worstStatus(checks.map(({ status }) => status)),
  };
}

export const row = (
  { name, config, folder }: Fit,
  fingerprint: string,
  state: FitRow['state'],
  more: Pick<FitRow, 'error' | 'figures'> = {},
): FitRow => ({ name, config, folder, state, fingerprint, ...more });

export const rowsToJson = (rows: readonly FitRow[]): string => `${toJson({ fits: rows }, 2)}\n`;

/** A plain table, and under it the line of every fit that failed. */
export function formatRows(rows: readonly FitRow[]): string {
  const headings = ['fit', 'state', 'device', 'seconds', 'divergences', 'max R-hat', 'min ESS', 'checks', 'run'];
  const cells = rows.map(({ name, state, figures, folder }) => [
    name,
    state,
    ...(figures === undefined
      ? ['–', '–', '–', '–', '–', '–']
      : [
          figures.device,
          figures.seconds.toFixed(1),
          figures.divergences?.toFixed(0) ?? '–',
          figures.maxRhat?.toFixed(4) ?? '–',
          figures.minEss?.toFixed(0) ?? '–',
          figures.checks,
        ]),
    folder,
  ]);
  const widths = headings.map((heading, k) => Math.max(heading.length, ...cells.map((row) => row[k].length)));
  const isNumber = (k: number): boolean => k >= 3 && k <= 6;
  const line = (row: readonly string[]): string =>
    row
      .map((cell, k) => (isNumber(k) ? cell.padStart(widths[k]) : cell.padEnd(widths[k])))
      .join('  ')
      .trimEnd();
  const failures = rows.flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error}`]));
  return [line(headings), ...cells.map(line), ...failures].join('\n');
}
