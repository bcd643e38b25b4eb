// missing: what to do with missing values, column by column: leave rows out, refuse them, or fill them in.
import { z } from 'zod';
import { isNumeric, quoteName, quoteText } from '../../duckdb.js';
import { text } from '../../schemaParts.js';
import { counted } from '../dataReport.js';
import { defineStep } from '../step.js';
import type { Workspace } from '../workspace.js';

const way = z.union([
  z.enum(['drop', 'refuse', 'mean', 'median', 'indicator']),
  z.number(),
  z.strictObject({ constant: z.union([z.string(), z.number()]) }),
]);

export const missingStep = defineStep({
  name: 'missing',
  kind: 'statistics',
  schema: z.strictObject({ missing: z.record(text, way) }),
  example: '{missing: {income: mean, region: drop}}',
  run: async (rows, { missing }) => {
    rows.need(Object.keys(missing));
    const changes: string[] = [];
    for (const [name, how] of Object.entries(missing)) changes.push(await treat(rows, name, how));
    return changes;
  },
});

async function treat(rows: Workspace, name: string, how: z.output<typeof way>): Promise<string> {
  const column = quoteName(name);
  const [{ n, first }] = await rows.query(
    `SELECT count(*) AS n, min(rowid) + 1 AS first FROM ${rows.sql} WHERE ${column} IS NULL`,
  );
  const count = Number(n);
  const values = counted(count, 'missing value');
  const isNumber = isNumeric(rows.types.get(name)!);
  if (how === 'indicator') return await mark(rows, name, count);
  if (count === 0) return `${name}: nothing is missing`;
  if (how === 'refuse')
    throw rows.fault(
      `column '${name}' of ${rows.loaded.name}, row ${Number(first)}: ${values}, this is the first; mend the data, or choose drop, mean, median, indicator or a value`,
      name,
    );
  if (how === 'drop') {
    await rows.replace(`SELECT * FROM ${rows.sql} WHERE ${column} IS NOT NULL ORDER BY rowid`);
    return `${name}: ${counted(count, 'row')} left out because it is missing`;
  }
  if (how === 'mean' || how === 'median') {
    await rows.needNumbers([name]);
    const value = await statistic(rows, name, how);
    await rows.change([[name, `coalesce(CAST(r.${column} AS DOUBLE), ${value})`]]);
    return `${name}: ${values} replaced by the ${how} ${Number(value.toPrecision(4))}${await rows.ofTraining()}`;
  }
  const constant = typeof how === 'object' ? how.constant : how;
  if (typeof constant === 'string' && isNumber)
    throw rows.fault(`column '${name}' holds numbers; '${constant}' is none`, name, constant);
  const own = isNumber ? `CAST(r.${column} AS DOUBLE)` : `CAST(r.${column} AS VARCHAR)`;
  await rows.change([[name, `coalesce(${own}, ${isNumber ? constant : quoteText(String(constant))})`]]);
  return `${name}: ${values} replaced by ${constant}`;
}

/** A 0/1 column of what was missing, and in its place the mean, or the label `missing`. */
async function mark(rows: Workspace, name: string, count: number): Promise<string> {
  const [column, flag] = [quoteName(name), `${name}_missing`];
  rows.needFree([flag]);
  const isNumber = isNumeric(rows.types.get(name)!);
  const mean = isNumber ? await statistic(rows, name, 'mean') : undefined;
  const filled =
    mean === undefined
      ? `coalesce(CAST(r.${column} AS VARCHAR), 'missing')`
      : `coalesce(CAST(r.${column} AS DOUBLE), ${mean})`;
  await rows.change([
    [flag, `CASE WHEN r.${column} IS NULL THEN 1 ELSE 0 END`],
    [name, filled],
  ]);
  const by =
    mean === undefined ? "the label 'missing'" : `the mean ${Number(mean.toPrecision(4))}${await rows.ofTraining()}`;
  return `${name}: ${counted(count, 'missing value')} replaced by ${by}, marked in ${flag}`;
}

async function statistic(rows: Workspace, name: string, how: 'mean' | 'median'): Promise<number> {
  const sql = how === 'mean' ? 'avg' : 'median';
  const [{ value }] = await rows.query(
    `SELECT ${sql}(CAST(${quoteName(name)} AS DOUBLE)) AS value FROM ${rows.sql} WHERE ${rows.training}`,
  );
  if (value === null) throw rows.fault(`column '${name}' is missing in all rows; leave it out`, name);
  return Number(value);
}
