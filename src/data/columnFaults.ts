// Finds the first value that a column may not hold, and says so in one line: source, column, row, line and value.

import { lineOfRow } from './csvFile.js';
import { isNumeric, quoteName, rowsOf } from './duckdb.js';
import type { OpenSource } from './dataSource.js';
import { InputError } from './inputError.js';
import type { RawRows } from './rawRows.js';
import { numberSql } from './rawRows.js';

const textTypes = /^(VARCHAR|ENUM.*|UUID)$/;

/** "row 12 (line 13)" for CSV files, "row 12" elsewhere, with the location for the error's fields. */
async function locate(source: OpenSource, width: number, row: number): Promise<{ text: string; line?: number }> {
  if (source.csvPath === null) return { text: `row ${row}` };
  const line = await lineOfRow(source.csvPath, row, width);
  return { text: `row ${row} (line ${line})`, line };
}

async function fault(
  raw: RawRows,
  column: string,
  row: number,
  value: string | null,
  what: string,
): Promise<InputError> {
  const { text, line } = await locate(raw.source, raw.width, row);
  const message = `${raw.source.shown}: column '${column}', ${text}: ${what}`;
  return new InputError(message, { file: raw.source.shown, line, column, row, value });
}

/** The value of a cell as text (null: missing). Rows count from 1. */
async function cell(raw: RawRows, column: string, row: number): Promise<string | null> {
  const sql = `SELECT CAST(${quoteName(column)} AS VARCHAR) AS value FROM temp.hierax_rows WHERE rowid = ${row - 1}`;
  return (await rowsOf(raw.connection, sql))[0].value as string | null;
}

/**
 * Checks the columns that should be numbers. Returns those that hold text only (they are factors); throws for text among
 * numbers, for NaN and infinite values, and for types that are no quantity (dates, lists).
 */
export async function checkNumbers(raw: RawRows, names: readonly string[]): Promise<ReadonlySet<string>> {
  const texts = new Set<string>();
  if (names.length === 0) return texts;
  for (const name of names) {
    const type = raw.types.get(name)!;
    if (isNumeric(type)) continue;
    if (!textTypes.test(type)) {
      const what = `holds ${type} values, not numbers; turn them into a number in a query`;
      throw new InputError(`${raw.source.shown}: column '${name}' ${what}`, { file: raw.source.shown, column: name });
    }
    if (type !== 'VARCHAR') texts.add(name);
  }
  const checked = names.filter((name) => !texts.has(name));
  const sums = checked.flatMap((name, index) => {
    const number = numberSql(name, raw.types.get(name)!);
    const isText = `(${quoteName(name)} IS NOT NULL AND ${number} IS NULL)`;
    return [
      `count(${number}) AS numbers_${index}`,
      `min(rowid) FILTER (WHERE ${isText}) AS text_${index}`,
      `min(rowid) FILTER (WHERE NOT isfinite(${number})) AS infinite_${index}`,
      `count(*) FILTER (WHERE NOT isfinite(${number})) AS infinite_count_${index}`,
    ];
  });
  if (sums.length === 0) return texts;
  const [found] = await rowsOf(raw.connection, `SELECT ${sums.join(', ')} FROM temp.hierax_rows`);
  for (const [index, name] of checked.entries()) {
    const textRow = found[`text_${index}`];
    if (textRow !== null && Number(found[`numbers_${index}`]) === 0) {
      texts.add(name);
    } else if (textRow !== null) {
      const row = Number(textRow) + 1;
      const value = await cell(raw, name, row);
      throw await fault(
        raw,
        name,
        row,
        value,
        `'${value}' is not a number; write a number, or nothing where it is missing`,
      );
    } else if (found[`infinite_${index}`] !== null) {
      const row = Number(found[`infinite_${index}`]) + 1;
      const value = await cell(raw, name, row);
      const count = Number(found[`infinite_count_${index}`]);
      const more = count > 1 ? ` (${count} such values in this column)` : '';
      throw await fault(raw, name, row, value, `${value} is not a finite number${more}; mend or leave out these rows`);
    }
  }
  return texts;
}

/** Throws when a column has missing values: how many, the first row, and what can be done. */
export async function refuseMissing(raw: RawRows, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const sums = names.flatMap((name, index) => [
    `min(rowid) FILTER (WHERE ${quoteName(name)} IS NULL) AS first_${index}`,
    `count(*) FILTER (WHERE ${quoteName(name)} IS NULL) AS count_${index}`,
  ]);
  const [found] = await rowsOf(raw.connection, `SELECT ${sums.join(', ')} FROM temp.hierax_rows`);
  for (const [index, name] of names.entries()) {
    if (found[`first_${index}`] === null) continue;
    const count = Number(found[`count_${index}`]);
    const missing = count === 1 ? '1 missing value' : `${count} missing values, this is the first`;
    const way =
      raw.source.isPrepared === true
        ? `say what to do by a step (missing: {${name}: drop})`
        : `leave the rows out by a query (WHERE ${name} IS NOT NULL)`;
    const remedy = `fill them in, or ${way}`;
    throw await fault(raw, name, Number(found[`first_${index}`]) + 1, null, `${missing}; ${remedy}`);
  }
}

/** Throws when two rows agree in all columns of a key that is declared unique. */
export async function checkKey(raw: RawRows, key: readonly string[]): Promise<void> {
  const columns = key.map(quoteName).join(', ');
  const grouped = `SELECT list_sort(list(rowid)) AS rows FROM temp.hierax_rows GROUP BY ${columns} HAVING count(*) > 1`;
  const sql = `SELECT rows[1] AS one, rows[2] AS two, count(*) OVER () AS keys FROM (${grouped}) ORDER BY one LIMIT 1`;
  const [found] = await rowsOf(raw.connection, sql);
  if (found === undefined) return;
  const [one, two] = [Number(found.one) + 1, Number(found.two) + 1];
  const values = await Promise.all(key.map(async (name) => `${name} = ${await cell(raw, name, one)}`));
  const others = Number(found.keys) > 1 ? ` (${Number(found.keys)} keys are repeated)` : '';
  const what = `repeats ${values.join(', ')} of row ${one}${others}; ${key.join(' + ')} is declared unique`;
  throw await fault(raw, key.join(' + '), two, values.join(', '), what);
}
