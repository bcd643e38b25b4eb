// join: adds the columns of another table to the rows; every row finds one row there, or none.
import { z } from 'zod';
import { quoteName } from '../../duckdb.js';
import { names, text } from '../../schemaParts.js';
import { suggestion } from '../../nearestName.js';
import { counted } from '../dataReport.js';
import { defineStep } from '../step.js';
import type { LoadedRows, Workspace } from '../workspace.js';
import { rowColumn } from '../workspace.js';

type Key = readonly { readonly own: string; readonly other: string }[];

export const joinStep = defineStep({
  name: 'join',
  kind: 'rowwise',
  schema: z.strictObject({
    join: text,
    /** Column names, or pairs `{own: theirs}`. */
    on: z.union([text, names.min(1), z.record(text, text)]),
    columns: names.optional(),
    unmatched: z.enum(['keep', 'drop', 'refuse']).default('keep'),
  }),
  example: '{join: stores, on: store}',
  run: async (rows, { join, on, columns, unmatched }, { tables }) => {
    const table = tables.get(join);
    if (table === undefined)
      throw rows.fault(`there is no table '${join}'; ${suggestion(join, [...tables.keys()], 'data.tables has')}`);
    const key: Key =
      typeof on === 'object' && !Array.isArray(on)
        ? Object.entries(on).map(([own, other]) => ({ own, other }))
        : [on].flat().map((name) => ({ own: name, other: name }));
    rows.need(key.map(({ own }) => own));
    rows.need(
      key.map(({ other }) => other),
      table,
    );
    if (columns !== undefined) rows.need(columns, table);
    const taken = columns ?? [...table.types.keys()].filter((name) => !key.some(({ other }) => other === name));
    const both = taken.find((name) => rows.types.has(name));
    if (both !== undefined)
      throw rows.fault(
        `both sides have a column '${both}'; list what to take from ${join} by columns: […], or rename it there`,
        both,
      );
    await refuseDuplicates(rows, join, table, key);

    const match = key.map((pair) => equality(rows, table, pair)).join(' AND ');
    const lacking = `NOT EXISTS (SELECT 1 FROM ${table.sql} AS t WHERE ${match})`;
    const shown = key.map(({ own }) => `CAST(r.${quoteName(own)} AS VARCHAR) AS ${quoteName(own)}`).join(', ');
    const [without] = await rows.query(
      `SELECT count(*) AS n, count(DISTINCT (${key.map(({ own }) => `r.${quoteName(own)}`).join(', ')})) AS keys FROM ${rows.sql} AS r WHERE ${lacking}`,
    );
    const [unused] = await rows.query(
      `SELECT count(*) AS n FROM ${table.sql} AS t WHERE NOT EXISTS (SELECT 1 FROM ${rows.sql} AS r WHERE ${match})`,
    );
    const count = Number(without.n);
    if (count > 0 && unmatched === 'refuse') {
      const [first] = await rows.query(
        `SELECT r.rowid + 1 AS row, ${shown} FROM ${rows.sql} AS r WHERE ${lacking} ORDER BY r.rowid LIMIT 1`,
      );
      const value = key.map(({ own }) => `${own} = ${String(first[own])}`).join(', ');
      throw rows.fault(
        `${counted(count, 'row')} of ${rows.loaded.name} find nothing in ${join}: the first is row ${Number(first.row)} (${value}); add it there, or choose unmatched: keep or drop`,
      );
    }
    const selected = ['r.*', ...taken.map((name) => `t.${quoteName(name)}`), `r.rowid AS ${rowColumn}`].join(', ');
    const kind = unmatched === 'drop' ? 'JOIN' : 'LEFT JOIN';
    await rows.replace(
      `SELECT * EXCLUDE (${rowColumn}) FROM (SELECT ${selected} FROM ${rows.sql} AS r ${kind} ${table.sql} AS t ON ${match}) ORDER BY ${rowColumn}`,
    );
    const changes = [`added ${taken.join(', ') || 'no columns'} from ${join}`];
    if (count > 0) {
      const what = unmatched === 'drop' ? 'left out' : 'values from there are missing';
      changes.push(
        `${counted(count, 'row')} (${counted(Number(without.keys), 'key')}) found nothing in ${join}: ${what}`,
      );
    }
    if (Number(unused.n) > 0) changes.push(`${counted(Number(unused.n), 'row')} of ${join} matched no row`);
    return changes;
  },
});

/** Keys of different types are compared as text: a number in one file may be a label in the other. */
function equality(rows: Workspace, table: LoadedRows, { own, other }: Key[number]): string {
  const [left, right] = [`r.${quoteName(own)}`, `t.${quoteName(other)}`];
  const isText = (rows.types.get(own) === 'VARCHAR') !== (table.types.get(other) === 'VARCHAR');
  return isText ? `CAST(${left} AS VARCHAR) = CAST(${right} AS VARCHAR)` : `${left} = ${right}`;
}

async function refuseDuplicates(rows: Workspace, join: string, table: LoadedRows, key: Key): Promise<void> {
  const columns = key.map(({ other }) => quoteName(other));
  const grouped = `SELECT ${columns.map((name) => `CAST(${name} AS VARCHAR) AS ${name}`).join(', ')}, list_sort(list(rowid)) AS rows FROM ${table.sql} WHERE ${columns.map((name) => `${name} IS NOT NULL`).join(' AND ')} GROUP BY ALL HAVING count(*) > 1`;
  const [found] = await rows.query(
    `SELECT *, rows[1] + 1 AS one, rows[2] + 1 AS two, count(*) OVER () AS keys FROM (${grouped}) ORDER BY one LIMIT 1`,
  );
  if (found === undefined) return;
  const value = key.map(({ other }) => `${other} = ${String(found[other])}`).join(', ');
  const others = Number(found.keys) > 1 ? ` (${Number(found.keys)} keys are repeated)` : '';
  throw rows.fault(
    `${join} has ${value} in rows ${Number(found.one)} and ${Number(found.two)}${others}; a join needs each key once: aggregate it first, or join on more columns`,
  );
}
