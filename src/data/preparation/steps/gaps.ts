// gaps: gives every unit a row for every period of its series, and says how the new rows are filled.
import { z } from 'zod';
import { isNumeric, isTime, quoteName } from '../../duckdb.js';
import { names, text } from '../../schemaParts.js';
import { counted } from '../dataReport.js';
import { defineStep } from '../step.js';
import type { Workspace } from '../workspace.js';

const fillWord = z.union([z.number(), z.enum(['last', 'missing', 'refuse'])]);
type Fill = z.output<typeof fillWord>;

export const gapsStep = defineStep({
  name: 'gaps',
  kind: 'regroups',
  schema: z.strictObject({
    /** The column of time: dates, or whole numbers that count periods. */
    gaps: text,
    unit: z.union([text.transform((name) => [name]), names]).default([]),
    /** One way for all columns, or one for each. */
    fill: z.union([fillWord, z.record(text, fillWord)]),
    every: z.enum(['day', 'week', 'month']).optional(),
    /** own: from a unit's first period to its last; common: from the first of all to the last of all. */
    range: z.enum(['own', 'common']).default('own'),
  }),
  example: '{gaps: week, unit: store, fill: {units: 0, price: last}}',
  run: async (rows, { gaps: time, unit, fill, every, range }) => {
    rows.need([time, ...unit]);
    const others = [...rows.types.keys()].filter((name) => name !== time && !unit.includes(name));
    if (typeof fill === 'object') rows.need(Object.keys(fill));
    await refuseRepeats(rows, time, unit);
    const step = await spacing(rows, time, every);
    const key = [...unit, time].map(quoteName);
    const units = unit.map(quoteName);
    const bounds = `min(${quoteName(time)}) AS first_, max(${quoteName(time)}) AS last_`;
    const own = `SELECT ${[...units, bounds].join(', ')} FROM ${rows.sql} ${units.length > 0 ? `GROUP BY ${units.join(', ')}` : ''}`;
    const common = `SELECT * FROM (SELECT DISTINCT ${units.join(', ')} FROM ${rows.sql}), (SELECT ${bounds} FROM ${rows.sql})`;
    const type = rows.types.get(time)!;
    const periods = `unnest(generate_series(first_, last_, ${step}))`;
    const grid = await rows.store(
      `SELECT ${[...units, `CAST(${periods} AS ${type}) AS ${quoteName(time)}`].join(', ')} FROM (${range === 'own' || units.length === 0 ? own : common})`,
    );
    const same = (a: string, b: string): string =>
      [...units, quoteName(time)].map((name) => `${a}.${name} IS NOT DISTINCT FROM ${b}.${name}`).join(' AND ');
    const [stray] = await rows.query(
      `SELECT CAST(r.${quoteName(time)} AS VARCHAR) AS at FROM ${rows.sql} AS r WHERE NOT EXISTS (SELECT 1 FROM ${grid} AS g WHERE ${same('g', 'r')}) LIMIT 1`,
    );
    if (stray !== undefined)
      throw rows.fault(
        `column '${time}' holds ${String(stray.at)}, which is no whole number of periods from the first; align it first: {align: ${time}, to: week}`,
        time,
        stray.at,
      );
    const [first] = await rows.query(
      `SELECT ${key.map((name) => `CAST(g.${name} AS VARCHAR) AS ${name}`).join(', ')}, count(*) OVER () AS n FROM ${grid} AS g WHERE NOT EXISTS (SELECT 1 FROM ${rows.sql} AS r WHERE ${same('g', 'r')}) ORDER BY ${key.map((name) => `g.${name}`).join(', ')} LIMIT 1`,
    );
    if (first === undefined) return ['no period is missing'];
    const count = Number(first.n);
    const wayOf = (name: string): Fill => fillOf(rows, fill, name);
    if (others.length === 0 ? fill === 'refuse' : others.some((name) => wayOf(name) === 'refuse')) {
      const at = [...unit, time].map((name) => `${name} = ${String(first[name])}`).join(', ');
      throw rows.fault(
        `there is no row for ${at} (${counted(count, 'gap')} in all); add the rows, or choose fill: 0 or last`,
      );
    }
    const window = `(${units.length > 0 ? `PARTITION BY ${units.map((name) => `g.${name}`).join(', ')}` : ''} ORDER BY g.${quoteName(time)} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`;
    const filled = others.map((name) => {
      const own = `r.${quoteName(name)}`;
      const way = wayOf(name);
      if (way === 'missing') return `${own} AS ${quoteName(name)}`;
      const value = way === 'last' ? `last_value(${own} IGNORE NULLS) OVER ${window}` : String(way);
      return `CASE WHEN r.here_ THEN ${own} ELSE ${value} END AS ${quoteName(name)}`;
    });
    await rows.replace(
      `SELECT ${[...key.map((name) => `g.${name}`), ...filled].join(', ')} FROM ${grid} AS g LEFT JOIN (SELECT *, true AS here_ FROM ${rows.sql}) AS r ON ${same('g', 'r')} ORDER BY ${key.map((name) => `g.${name}`).join(', ')}`,
    );
    const ways = others.map((name) => `${name} ${wayOf(name)}`).join(', ');
    return [
      `added ${counted(count, 'row')} for periods without one, from ${range === 'own' ? "a unit's first to its last" : 'the first of all to the last'}: ${ways}`,
    ];
  },
});

/** How a column is filled; text carries its last label where a number is given for all. */
function fillOf(rows: Workspace, fill: Fill | Readonly<Record<string, Fill>>, name: string): Fill {
  if (typeof fill !== 'object') return typeof fill === 'number' && !isNumeric(rows.types.get(name)!) ? 'last' : fill;
  if (Object.hasOwn(fill, name)) return fill[name];
  throw rows.fault(`fill says nothing of column '${name}'; add ${name}: 0, last, missing or refuse`, name);
}

async function refuseRepeats(rows: Workspace, time: string, unit: readonly string[]): Promise<void> {
  const key = [...unit, time];
  const shown = key.map((name) => `CAST(${quoteName(name)} AS VARCHAR) AS ${quoteName(name)}`).join(', ');
  const [twice] = await rows.query(
    `SELECT ${shown}, count(*) AS n FROM ${rows.sql} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1`,
  );
  if (twice !== undefined)
    throw rows.fault(
      `${Number(twice.n)} rows have ${key.map((name) => `${name} = ${String(twice[name])}`).join(', ')}; aggregate them first`,
    );
  const [none] = await rows.query(`SELECT rowid + 1 AS row FROM ${rows.sql} WHERE ${quoteName(time)} IS NULL LIMIT 1`);
  if (none !== undefined)
    throw rows.fault(
      `column '${time}', row ${Number(none.row)}: the time is missing; filter such rows out first`,
      time,
    );
}

/** SQL for the distance of two periods: as asked, 1 of whole numbers, and of dates the smallest distance there is. */
async function spacing(rows: Workspace, time: string, every: string | undefined): Promise<string> {
  const type = rows.types.get(time)!;
  const column = quoteName(time);
  if (!isTime(type)) {
    if (/INT/.test(type)) return '1';
    throw rows.fault(`column '${time}' holds neither dates nor whole numbers; derive or align it first`, time);
  }
  if (every !== undefined) return `INTERVAL 1 ${every}`;
  const [{ days }] = await rows.query(
    `SELECT min(d) AS days FROM (SELECT date_diff('day', lag(t) OVER (ORDER BY t), t) AS d FROM (SELECT DISTINCT CAST(${column} AS TIMESTAMP) AS t FROM ${rows.sql}))`,
  );
  const found = days === null ? 1 : Number(days);
  if (found === 1) return 'INTERVAL 1 day';
  if (found === 7) return 'INTERVAL 1 week';
  if (found >= 28 && found <= 31) return 'INTERVAL 1 month';
  throw rows.fault(
    `the dates of '${time}' are ${found} days apart at the least; say every: day, week or month, or align them first`,
    time,
  );
}
