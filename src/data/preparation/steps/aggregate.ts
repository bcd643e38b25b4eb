// aggregate: one row for each combination of the `by` columns, with sums, means and the like of the others.
import { z } from 'zod';
import { quoteName } from '../../duckdb.js';
import { suggestion } from '../../nearestName.js';
import { names, text } from '../../schemaParts.js';
import { counted } from '../dataReport.js';
import { defineStep } from '../step.js';

/** SQL of each function of a column; `order` is that of first and last. */
const functions: Readonly<
  Record<string, { readonly takesNumbers: boolean; readonly sql: (column: string, order: string) => string }>
> = {
  sum: { takesNumbers: true, sql: (x) => `CAST(sum(${x}) AS DOUBLE)` },
  mean: { takesNumbers: true, sql: (x) => `avg(CAST(${x} AS DOUBLE))` },
  median: { takesNumbers: true, sql: (x) => `median(CAST(${x} AS DOUBLE))` },
  sd: { takesNumbers: true, sql: (x) => `stddev_samp(CAST(${x} AS DOUBLE))` },
  count: { takesNumbers: false, sql: (x) => `count(${x})` },
  distinct: { takesNumbers: false, sql: (x) => `count(DISTINCT ${x})` },
  min: { takesNumbers: false, sql: (x) => `min(${x})` },
  max: { takesNumbers: false, sql: (x) => `max(${x})` },
  first: { takesNumbers: false, sql: (x, order) => `arg_min(${x}, (${order}, rowid))` },
  last: { takesNumbers: false, sql: (x, order) => `arg_max(${x}, (${order}, rowid))` },
};

export const aggregateStep = defineStep({
  name: 'aggregate',
  kind: 'regroups',
  schema: z.strictObject({
    /** `name: sum`, or `name: sum(column)` where the column has another name; `name: count` counts rows. */
    aggregate: z.record(text, text),
    by: z.union([text.transform((name) => [name]), names.min(1)]),
    /** What first and last go by. */
    order: text.optional(),
  }),
  example: '{aggregate: {units: sum, price: mean}, by: [store, week]}',
  run: async (rows, { aggregate, by, order }) => {
    rows.need(by);
    if (order !== undefined) rows.need([order]);
    const selected: string[] = [];
    const read = new Set<string>();
    for (const [name, written] of Object.entries(aggregate)) {
      if (by.includes(name)) throw rows.fault(`'${name}' is in by: and in aggregate:; leave one of them out`, name);
      const [, word, given] = /^\s*(\w+)\s*(?:\(\s*(.*?)\s*\))?\s*$/.exec(written) ?? [];
      if (word === undefined || !Object.hasOwn(functions, word)) {
        const hint = suggestion(word ?? written, Object.keys(functions));
        throw rows.fault(`aggregate.${name} cannot be '${written}'; ${hint}`, name, written);
      }
      if (word === 'count' && given === undefined) {
        selected.push(`count(*) AS ${quoteName(name)}`);
        continue;
      }
      const column = given ?? name;
      const { takesNumbers, sql } = functions[word];
      if (takesNumbers) await rows.needNumbers([column]);
      else rows.need([column]);
      if ((word === 'first' || word === 'last') && order === undefined)
        throw rows.fault(`aggregate.${name} is ${word}: name the column of its order, like order: week`, name, written);
      read.add(column);
      selected.push(`${sql(quoteName(column), order === undefined ? '' : quoteName(order))} AS ${quoteName(name)}`);
    }
    const columns = [...read];
    const [missing] = await rows.query(
      `SELECT ${['0 AS nothing', ...columns.map((name, i) => `count(*) - count(${quoteName(name)}) AS missing_${i}`)].join(', ')} FROM ${rows.sql}`,
    );
    const before = rows.rows;
    const keys = by.map(quoteName);
    await rows.replace(
      `SELECT ${[...keys, ...selected].join(', ')} FROM ${rows.sql} GROUP BY ${keys.join(', ')} ORDER BY ${keys.map((name) => `${name} NULLS LAST`).join(', ')}`,
    );
    const ignored = columns.flatMap((name, i) => {
      const count = Number(missing[`missing_${i}`]);
      return count > 0 ? [`${counted(count, 'missing value')} of ${name} left out of its figures`] : [];
    });
    const figures = Object.entries(aggregate).map(([name, written]) =>
      written.includes('(') || written === 'count' ? `${name} = ${written}` : `${name} = ${written}(${name})`,
    );
    return [`one row for each ${by.join(' × ')} (${counted(before, 'row')} before): ${figures.join(', ')}`, ...ignored];
  },
});
