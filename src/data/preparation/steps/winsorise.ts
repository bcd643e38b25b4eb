// winsorise: values beyond the limits of what is usual are set to the limit.
import { z } from 'zod';
import { quoteName } from '../../duckdb.js';
import { counted } from '../dataReport.js';
import { defineStep } from '../step.js';
import { columnList, limitKeys, type Limits, limitsOf, limitWords } from './limits.js';

export const winsoriseStep = defineStep({
  name: 'winsorise',
  kind: 'statistics',
  schema: z.strictObject({ winsorise: columnList, ...limitKeys }),
  example: '{winsorise: [spend], quantiles: [0.01, 0.99]}',
  run: async (rows, { winsorise: columns, by, mad, quantiles }) => {
    if (mad !== undefined && quantiles !== undefined) throw rows.fault('has both quantiles and mad; keep one of them');
    const limits: Limits = mad === undefined ? { quantiles: quantiles ?? [0.01, 0.99] } : { mad };
    const { join, lower, upper } = await limitsOf(rows, columns, by, limits);
    const counts = columns.flatMap((name, i) => {
      const own = `CAST(r.${quoteName(name)} AS DOUBLE)`;
      return [
        `count(*) FILTER (${own} < ${lower(name)}) AS below_${i}`,
        `count(*) FILTER (${own} > ${upper(name)}) AS above_${i}`,
      ];
    });
    const [found] = await rows.query(`SELECT ${counts.join(', ')} FROM ${rows.sql} AS r ${join}`);
    await rows.change(
      columns.map((name) => {
        const own = `CAST(r.${quoteName(name)} AS DOUBLE)`;
        return [
          name,
          `CASE WHEN ${own} < ${lower(name)} THEN ${lower(name)} WHEN ${own} > ${upper(name)} THEN ${upper(name)} ELSE ${own} END`,
        ] as const;
      }),
      join,
    );
    const training = await rows.ofTraining();
    return columns.map((name, i) => {
      const [below, above] = [Number(found[`below_${i}`]), Number(found[`above_${i}`])];
      const within = by.length > 0 ? ` within ${by.join(' × ')}` : '';
      return `${name}: ${counted(below, 'value')} raised and ${above} lowered to ${limitWords(limits)}${within}${training}`;
    });
  },
});
