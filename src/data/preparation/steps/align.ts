// align: turns dates and times into the first day of their day, week or month, so that tables meet in time.
import { z } from 'zod';
import { isTime, quoteName } from '../../duckdb.js';
import { text } from '../../schemaParts.js';
import { defineStep } from '../step.js';

export const alignStep = defineStep({
  name: 'align',
  kind: 'rowwise',
  schema: z.strictObject({ align: text, to: z.enum(['day', 'week', 'month']), as: text.optional() }),
  example: '{align: date, to: week}',
  run: async (rows, { align, to, as = align }) => {
    rows.need([align]);
    if (as !== align) rows.needFree([as]);
    const type = rows.types.get(align)!;
    const column = quoteName(align);
    if (!isTime(type) && type !== 'VARCHAR')
      throw rows.fault(`column '${align}' holds numbers, which count periods already; align takes dates`, align);
    if (type === 'VARCHAR') {
      const [found] = await rows.query(
        `SELECT rowid + 1 AS row, ${column} AS value FROM ${rows.sql} WHERE ${column} IS NOT NULL AND TRY_CAST(${column} AS TIMESTAMP) IS NULL LIMIT 1`,
      );
      if (found !== undefined)
        throw rows.fault(
          `column '${align}' of ${rows.loaded.name}, row ${Number(found.row)}: '${String(found.value)}' is no date; write YYYY-MM-DD`,
          align,
          found.value,
        );
    }
    await rows.change([[as, `CAST(date_trunc('${to}', CAST(r.${column} AS TIMESTAMP)) AS DATE)`]]);
    const day = to === 'week' ? 'the Monday of its week' : to === 'month' ? 'the first day of its month' : 'its day';
    return [`${as === align ? align : `${as}, from ${align},`} is ${day}`];
  },
});
