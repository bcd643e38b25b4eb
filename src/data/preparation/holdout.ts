// Which rows a fit does not see: a random share, the last times, or one row of every unit with enough of them.
import { isTime, quoteName, quoteText } from '../duckdb.js';
import { counted } from './dataReport.js';
import type { Holdout } from './schema.js';
import type { Workspace } from './workspace.js';

/**
 * Splits the rows, and says how. Random choices go by hashes of seed and row number: the same for a seed.
 * Throws InputError for columns that are not there, and when one side would be empty.
 */
export async function splitRows(rows: Workspace, holdout: Holdout, seed: number): Promise<string> {
  const { share, time, last, after, unit, atLeast = 6 } = holdout;
  const lottery = `md5('${seed}:' || CAST(r.rowid AS VARCHAR))`;
  let words: string;
  if (share !== undefined) {
    const wanted = Math.round(share * rows.rows);
    await rows.split(`row_number() OVER (ORDER BY ${lottery}) <= ${wanted}`);
    words = `drawn at random, ${share} of all`;
  } else if (unit !== undefined) {
    rows.need(time === undefined ? [unit] : [unit, time]);
    const own = `PARTITION BY r.${quoteName(unit)}`;
    const order = time === undefined ? lottery : `r.${quoteName(time)} DESC NULLS LAST, ${lottery}`;
    await rows.split(
      `r.${quoteName(unit)} IS NOT NULL AND count(*) OVER (${own}) >= ${atLeast} AND row_number() OVER (${own} ORDER BY ${order}) = 1`,
    );
    words = `${time === undefined ? 'one row, at random,' : `the last row by ${time}`} of every ${unit} with at least ${atLeast}`;
  } else if (last !== undefined) {
    rows.need([time!]);
    await rows.split(`coalesce(dense_rank() OVER (ORDER BY r.${quoteName(time!)} DESC NULLS LAST) <= ${last}, false)`);
    words = `of the last ${last === 1 ? '' : `${last} `}${time!}${last === 1 ? '' : 's'}`;
  } else {
    rows.need([time!]);
    const type = rows.types.get(time!)!;
    const limit = isTime(type)
      ? `CAST(${quoteText(String(after))} AS TIMESTAMP)`
      : typeof after === 'number'
        ? String(after)
        : quoteText(after!);
    await rows.split(`coalesce(r.${quoteName(time!)} > ${limit}, false)`);
    words = `with ${time!} after ${after}`;
  }
  const [{ n }] = await rows.query(`SELECT count(*) AS n FROM ${rows.sql} WHERE NOT (${rows.training})`);
  const held = Number(n);
  if (held === 0) throw rows.fault(`holds out no row (${words}); choose a smaller limit or a larger share`);
  if (held === rows.rows) throw rows.fault(`holds out all ${rows.rows} rows (${words}); some are needed to fit`);
  return `${counted(held, 'row')} held out, ${words}; ${rows.rows - held} to fit`;
}
