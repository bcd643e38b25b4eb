// outliers: a 0/1 column beside each column, 1 where the value lies beyond the limits of what is usual.
import { z } from 'zod';
import { quoteName } from '../../duckdb.js';
import { counted } from '../dataReport.js';
import { defineStep } from '../step.js';
import { columnList, limitKeys, limitsOf, limitWords } from './limits.js';

export const outliersStep = defineStep({
  name: 'outliers',
  kind: 'statistics',
  schema: z.strictObject({ outliers: columnList, ...limitKeys }),
  example: '{outliers: [spend], mad: 5}',
  run: async (rows, { outliers: columns, by, quantiles, mad = quantiles === undefined ? 5 : undefined }) => {
    if (mad !== undefined && quantiles !== undefined) throw rows.fault('has both quantiles and mad; keep one of them');
    const flag = (name: string): string => `${name}_outlier`;
    rows.need(columns);
    rows.needFree(columns.map(flag));
    const limits = { quantiles, mad };
    const { join, lower, upper } = await limitsOf(rows, columns, by, limits);
    await rows.change(
      columns.map((name) => {
        const own = `CAST(r.${quoteName(name)} AS DOUBLE)`;
        return [
          flag(name),
          `CASE WHEN ${own} IS NULL THEN 0 WHEN ${own} < ${lower(name)} OR ${own} > ${upper(name)} THEN 1 ELSE 0 END`,
        ] as const;
      }),
      join,
    );
    const [found] = await rows.query(
      `SELECT ${columns.map((name, i) => `sum(${quoteName(flag(name))}) AS n_${i}`).join(', ')} FROM ${rows.sql}`,
    );
    const training = await rows.ofTraining();
    return columns.map(
      (name, i) =>
        `${flag(name)} marks ${counted(Number(found[`n_${i}`]), 'row')} beyond ${limitWords(limits)}${by.length > 0 ? ` within ${by.join(' × ')}` : ''}${training}`,
    );
  },
});
