// rfm: recency, frequency and monetary value of a unit's purchases, from what lies before each row's time.
import { z } from 'zod';
import { isTime, quoteName } from '../../duckdb.js';
import { suggestion } from '../../nearestName.js';
import { text } from '../../schemaParts.js';
import { counted } from '../dataReport.js';
import { defineStep } from '../step.js';
import { rowColumn } from '../workspace.js';

export const rfmStep = defineStep({
  name: 'rfm',
  kind: 'rowwise',
  schema: z.strictObject({
    /** The column of what was paid: a purchase is a row in which it is above 0. */
    rfm: text,
    unit: text,
    time: text,
    /** The table of the purchases; default: the rows themselves. */
    of: text.optional(),
    /** How far back to look, in days where time is a date, else in its units; default: all the past. */
    windows: z.array(z.number().gt(0)).optional(),
    prefix: z.string().default(''),
  }),
  example: '{rfm: spend, unit: household, time: week, windows: [4, 12]}',
  run: async (rows, { rfm: value, unit, time, of, windows, prefix }, { tables }) => {
    rows.need([unit, time]);
    const events = of === undefined ? rows.loaded : tables.get(of);
    if (events === undefined)
      throw rows.fault(`there is no table '${of}'; ${suggestion(of!, [...tables.keys()], 'data.tables has')}`);
    rows.need([unit, time, value], events);
    const [ownType, type] = [rows.types.get(time)!, events.types.get(time)!];
    const isDate = isTime(ownType);
    if (isDate !== isTime(type) || type === 'VARCHAR')
      throw rows.fault(
        `column '${time}' is ${ownType} in ${rows.loaded.name} and ${type} in ${events.name}; it must be dates, or numbers, in both`,
        time,
      );
    const names = [`${prefix}recency`];
    const suffixes = windows === undefined ? [''] : windows.map((window) => `_${window}`);
    for (const suffix of suffixes) names.push(`${prefix}frequency${suffix}`, `${prefix}monetary${suffix}`);
    rows.needFree(names);
    // Purchases and rows in one list; a window ends before the row's own time, with which EXCLUDE GROUP leaves all of the same time out.
    const at = (name: string): string => (isDate ? `CAST(${name} AS TIMESTAMP)` : `CAST(${name} AS DOUBLE)`);
    const union = `SELECT CAST(${quoteName(unit)} AS VARCHAR) AS u, ${at(quoteName(time))} AS t, NULL::DOUBLE AS v, rowid AS ${rowColumn} FROM ${rows.sql}
      UNION ALL SELECT CAST(${quoteName(unit)} AS VARCHAR), ${at(quoteName(time))}, CAST(${quoteName(value)} AS DOUBLE), NULL FROM ${events.sql} WHERE ${quoteName(value)} > 0`;
    const frames = [undefined, ...(windows ?? [])].map((window, i) => {
      const from =
        window === undefined
          ? 'UNBOUNDED'
          : isDate
            ? `INTERVAL (${Math.round(window * 86_400)}) SECOND`
            : String(window);
      return `w${i} AS (PARTITION BY u ORDER BY t RANGE BETWEEN ${from} PRECEDING AND CURRENT ROW EXCLUDE GROUP)`;
    });
    const recency = isDate
      ? "date_diff('second', max(t) FILTER (v > 0) OVER w0, t) / 86400.0"
      : 't - max(t) FILTER (v > 0) OVER w0';
    const figures = suffixes.flatMap((_, i) => {
      const window = windows === undefined ? 'w0' : `w${i + 1}`;
      return [`count(v) OVER ${window}`, `coalesce(avg(v) OVER ${window}, 0)`];
    });
    const columns = [recency, ...figures].map((sql, i) => `${sql} AS ${quoteName(names[i])}`);
    const all = `SELECT ${[rowColumn, ...columns].join(', ')} FROM (${union}) WINDOW ${frames.join(', ')}`;
    const computed = await rows.store(`SELECT * FROM (${all}) WHERE ${rowColumn} IS NOT NULL`);
    await rows.change(
      names.map((name) => [name, `c.${quoteName(name)}`] as const),
      `JOIN ${computed} AS c ON c.${rowColumn} = r.rowid`,
    );
    await rows.run(`DROP TABLE ${computed}`);
    const [{ never }] = await rows.query(
      `SELECT count(*) AS never FROM ${rows.sql} WHERE ${quoteName(names[0])} IS NULL`,
    );
    const first =
      Number(never) > 0
        ? [`${names[0]} is missing in ${counted(Number(never), 'row')} without an earlier purchase`]
        : [];
    return [`added ${names.join(', ')} from ${value} of ${events.name} before each row's ${time}`, ...first];
  },
});
