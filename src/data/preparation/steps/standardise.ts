// standardise: columns with mean 0 and standard deviation 1, over all rows or within groups.
import { z } from 'zod';
import { quoteName } from '../../duckdb.js';
import { names, text } from '../../schemaParts.js';
import { defineStep } from '../step.js';
import { columnList, groupStatistics } from './limits.js';

export const standardiseStep = defineStep({
  name: 'standardise',
  kind: 'statistics',
  schema: z.strictObject({
    standardise: columnList,
    by: z.union([text.transform((name) => [name]), names]).default([]),
  }),
  example: '{standardise: [price], by: product}',
  run: async (rows, { standardise: columns, by }) => {
    await rows.needNumbers(columns);
    const { join, of } = await groupStatistics(rows, columns, by, (x) => [`avg(${x})`, `stddev_samp(${x})`]);
    const [figures] = await rows.query(
      `SELECT ${columns.flatMap((name, i) => [`avg(CAST(${quoteName(name)} AS DOUBLE)) AS mean_${i}`, `stddev_samp(CAST(${quoteName(name)} AS DOUBLE)) AS sd_${i}`]).join(', ')} FROM ${rows.sql} WHERE ${rows.training}`,
    );
    const constant = columns.find((_, i) => !(Number(figures[`sd_${i}`]) > 0));
    if (constant !== undefined)
      throw rows.fault(`column '${constant}' is the same in all rows; leave it out`, constant);
    await rows.change(
      columns.map((name) => {
        const centred = `CAST(r.${quoteName(name)} AS DOUBLE) - ${of(name, 0)}`;
        // A group without spread lies at its mean.
        return [name, `CASE WHEN ${of(name, 1)} > 0 THEN (${centred}) / ${of(name, 1)} ELSE ${centred} END`] as const;
      }),
      join,
    );
    const training = await rows.ofTraining();
    return columns.map((name, i) => {
      if (by.length > 0)
        return `${name}: mean and standard deviation of its ${by.join(' × ')}${training} taken off and divided by`;
      const [mean, sd] = [figures[`mean_${i}`], figures[`sd_${i}`]].map((x) =>
        String(Number(Number(x).toPrecision(4))),
      );
      return `${name}: centred by ${mean}, divided by ${sd}${training}`;
    });
  },
});
