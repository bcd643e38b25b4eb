// Limits of what is usual in a column: quantiles, or multiples of the median absolute deviation, of all rows or by group.
import { z } from 'zod';
import { quoteName } from '../../duckdb.js';
import { names, text } from '../../schemaParts.js';
import type { Workspace } from '../workspace.js';

/** Keys of the steps that use limits. */
export const limitKeys = {
  quantiles: z
    .tuple([z.number().min(0).max(1), z.number().min(0).max(1)])
    .refine(([lower, upper]) => lower < upper, ' must be two rising shares between 0 and 1, like [0.01, 0.99]')
    .optional(),
  /** So many median absolute deviations, scaled to the standard deviation of a normal, from the median. */
  mad: z.number().gt(0).optional(),
  by: z.union([text.transform((name) => [name]), names]).default([]),
};

export const columnList = z.union([text.transform((name) => [name]), names.min(1)]);

export interface Limits {
  readonly quantiles?: readonly [number, number] | undefined;
  readonly mad?: number | undefined;
}

/** 1 / Φ⁻¹(¾): a normal's standard deviation in median absolute deviations. */
const madScale = 1.482602218505602;

/** Words for a report: `quantiles 0.01 and 0.99`. */
export function limitWords({ quantiles, mad }: Limits): string {
  return quantiles === undefined
    ? `${mad} median absolute deviations from the median`
    : `quantiles ${quantiles[0]} and ${quantiles[1]}`;
}

/**
 * Statistics of columns by group, from the training rows: SQL of a join to the rows `r`, and of each statistic for a row. A group without
 * training rows takes the statistics of all.
 * @param figures SQL of each statistic of a column
 */
export async function groupStatistics(
  rows: Workspace,
  columns: readonly string[],
  by: readonly string[],
  figures: (column: string) => readonly string[],
): Promise<{ readonly join: string; readonly of: (column: string, figure: number) => string }> {
  rows.need(by);
  const selected = columns.flatMap((name, c) =>
    figures(`CAST(${quoteName(name)} AS DOUBLE)`).map((sql, f) => `${sql} AS s_${c}_${f}`),
  );
  const all = await rows.store(`SELECT ${selected.join(', ')} FROM ${rows.sql} WHERE ${rows.training}`);
  if (by.length === 0)
    return { join: `CROSS JOIN ${all} AS a`, of: (column, f) => `a.s_${columns.indexOf(column)}_${f}` };
  const keys = by.map(quoteName);
  const groups = await rows.store(
    `SELECT ${[...keys, ...selected].join(', ')} FROM ${rows.sql} WHERE ${rows.training} GROUP BY ${keys.join(', ')}`,
  );
  return {
    join: `CROSS JOIN ${all} AS a LEFT JOIN ${groups} AS g ON ${keys.map((name) => `g.${name} IS NOT DISTINCT FROM r.${name}`).join(' AND ')}`,
    of: (column, f) => {
      const place = `s_${columns.indexOf(column)}_${f}`;
      return `coalesce(g.${place}, a.${place})`;
    },
  };
}

/** Lower and upper limit of each column for a row `r`; null where there is no spread to measure by. */
export async function limitsOf(
  rows: Workspace,
  columns: readonly string[],
  by: readonly string[],
  limits: Limits,
): Promise<{
  readonly join: string;
  readonly lower: (column: string) => string;
  readonly upper: (column: string) => string;
}> {
  await rows.needNumbers(columns);
  const { quantiles } = limits;
  if (quantiles !== undefined) {
    const { join, of } = await groupStatistics(rows, columns, by, (x) =>
      quantiles.map((share) => `quantile_cont(${x}, ${share})`),
    );
    return { join, lower: (column) => of(column, 0), upper: (column) => of(column, 1) };
  }
  const width = (limits.mad ?? 0) * madScale;
  const { join, of } = await groupStatistics(rows, columns, by, (x) => [`median(${x})`, `mad(${x})`]);
  const limit = (sign: string) => (column: string) =>
    `CASE WHEN ${of(column, 1)} > 0 THEN ${of(column, 0)} ${sign} ${width} * ${of(column, 1)} END`;
  return { join, lower: limit('-'), upper: limit('+') };
}
