// filter: keeps the rows for which an expression is true.
import { z } from 'zod';
import { text } from '../../schemaParts.js';
import { counted } from '../dataReport.js';
import { defineStep } from '../step.js';

export const filterStep = defineStep({
  name: 'filter',
  kind: 'rowwise',
  schema: z.strictObject({ filter: text }),
  example: '{filter: units > 0}',
  run: async (rows, { filter }) => {
    const condition = `(${filter}\n)`;
    const [{ unknown, dropped }] = await rows.query(
      `SELECT count(*) FILTER (WHERE ${condition} IS NULL) AS unknown, count(*) FILTER (WHERE NOT ${condition}) AS dropped FROM ${rows.sql}`,
    );
    await rows.replace(`SELECT * FROM ${rows.sql} WHERE ${condition} ORDER BY rowid`);
    const missing =
      Number(unknown) > 0 ? [`${counted(Number(unknown), 'row')} left out where a missing value leaves it open`] : [];
    return [`${counted(Number(dropped), 'row')} left out for which '${filter}' is false`, ...missing];
  },
});
