// impute: completes missing values by chained equations; each of m data sets is fitted, and the fits are pooled.
import { z } from 'zod';
import { isNumeric, quoteName } from '../../duckdb.js';
import { count, names, text } from '../../schemaParts.js';
import { counted } from '../dataReport.js';
import { chainEquations } from '../imputation/chainedEquations.js';
import type { Variable } from '../imputation/variables.js';
import { defineStep } from '../step.js';
import type { Workspace } from '../workspace.js';
import { heldOutColumn } from '../workspace.js';
import { columnList } from './limits.js';

const mostLevels = 30;

const schema = z.strictObject({
  impute: columnList,
  /** Columns that say something of those that are missing; the response belongs to them. */
  with: z.union([text.transform((name) => [name]), names.min(1)]),
  /** One value for all rows of such a unit. */
  per: text.optional(),
  imputations: z.int().min(2).max(100).default(10),
  iterations: count.max(200).default(10),
  donors: count.max(100).default(5),
});

export type ImputeSettings = z.output<typeof schema>;

export const imputeStep = defineStep({
  name: 'impute',
  kind: 'statistics',
  schema,
  example: '{impute: [income], with: [sales, region]}',
  run: async (rows, settings, { random, imputation, response }) => {
    const { impute, with: others, per, imputations, iterations, donors } = settings;
    const both = others.find((name) => impute.includes(name));
    if (both !== undefined)
      throw rows.fault(`'${both}' is in impute: and in with:; what is imputed predicts the others anyway`, both);
    rows.need([...impute, ...others, ...(per === undefined ? [] : [per])]);
    const table = per === undefined ? rows.sql : await collapse(rows, settings, per, response);
    const { variables, size } = await readVariables(rows, table, settings, response);
    const open = variables.filter(({ name, gaps }) => impute.includes(name) && gaps.length > 0);
    if (open.length === 0) return [`${impute.join(', ')}: nothing is missing`];
    chainEquations(variables, size, { iterations, donors }, random(imputation));
    const made = await writeVariables(rows, open, size);
    const place = per === undefined ? 'i.row = r.rowid' : `i.row = c.rowid`;
    const units =
      per === undefined ? '' : `JOIN ${table} AS c ON c.${quoteName(per)} IS NOT DISTINCT FROM r.${quoteName(per)} `;
    const [before] = await rows.query(
      `SELECT ${open.map(({ name }, i) => `count(*) - count(${quoteName(name)}) AS n_${i}`).join(', ')} FROM ${rows.sql}`,
    );
    await rows.change(
      open.map(({ name }) => {
        const type = rows.types.get(name)!;
        return [name, `coalesce(r.${quoteName(name)}, CAST(i.${quoteName(name)} AS ${type}))`] as const;
      }),
      `${units}JOIN ${made} AS i ON ${place}`,
    );
    const training = await rows.ofTraining();
    return open.map(({ name, gaps, kind }, i) => {
      const of = per === undefined ? '' : ` of ${counted(gaps.length, per)}`;
      const how = kind === 'number' ? 'predictive mean matching' : 'multinomial logistic regression';
      return `${name}: ${counted(Number(before[`n_${i}`]), 'missing value')}${of} completed by ${how}${training} in ${imputations} data sets; this is ${imputation}`;
    });
  },
});

type Read = Variable & { readonly labels?: readonly string[] };

/** A row for each unit: what is imputed as it is observed, numbers as means, labels as the most frequent; held-out responses do not count. */
async function collapse(
  rows: Workspace,
  { impute, with: others }: ImputeSettings,
  per: string,
  response: string | undefined,
): Promise<string> {
  const unit = quoteName(per);
  for (const name of impute) {
    const column = quoteName(name);
    const [found] = await rows.query(
      `SELECT CAST(${unit} AS VARCHAR) AS unit, CAST(min(${column}) AS VARCHAR) AS one, CAST(max(${column}) AS VARCHAR) AS other FROM ${rows.sql} GROUP BY ${unit} HAVING min(${column}) <> max(${column}) ORDER BY ALL LIMIT 1`,
    );
    if (found !== undefined)
      throw rows.fault(
        `column '${name}' differs within ${per} = ${String(found.unit)} (${String(found.one)} and ${String(found.other)}); leave out per:, or impute what is one value per ${per}`,
        name,
      );
  }
  const seen = (name: string): string => (rows.isSplit && name === response ? ` FILTER (${rows.training})` : '');
  const figures = others.map((name) => {
    const column = quoteName(name);
    const figure = isNumeric(rows.types.get(name)!)
      ? `avg(CAST(${column} AS DOUBLE))`
      : `mode(${column} ORDER BY ${column})`;
    return `${figure}${seen(name)} AS ${column}`;
  });
  const held = rows.isSplit ? [`bool_and(${heldOutColumn}) AS ${heldOutColumn}`] : [];
  const observed = impute.map((name) => `max(${quoteName(name)}) AS ${quoteName(name)}`);
  return await rows.store(
    `SELECT ${[unit, ...observed, ...figures, ...held].join(', ')} FROM ${rows.sql} GROUP BY ${unit} ORDER BY ${unit}`,
  );
}

/** Columns of the table as variables. Models are fitted to rows that are not held out; a held-out response is a gap like any other, and dropped in the end. */
async function readVariables(
  rows: Workspace,
  table: string,
  { impute, with: others, per }: ImputeSettings,
  response: string | undefined,
): Promise<{ readonly variables: readonly Read[]; readonly size: number }> {
  const all = [...impute, ...others];
  const held = rows.isSplit ? heldOutColumn : 'false';
  const selected = all.map((name) => {
    const isNumber = isNumeric(rows.types.get(name)!);
    const value = `CAST(${quoteName(name)} AS ${isNumber ? 'DOUBLE' : 'VARCHAR'})`;
    return rows.isSplit && name === response && per === undefined ? `CASE WHEN NOT ${held} THEN ${value} END` : value;
  });
  const columns = await rows.columns(`SELECT ${[held, ...selected].join(', ')} FROM ${table} ORDER BY rowid`);
  const isHeld = columns[0];
  const variables = all.map((name, v): Read => {
    const values = columns[v + 1];
    const places = [...values.keys()];
    const gaps = Int32Array.from(places.filter((row) => values[row] === null));
    const known = Int32Array.from(places.filter((row) => values[row] !== null && isHeld[row] !== true));
    if (known.length < 2)
      throw rows.fault(`column '${name}' has ${known.length} values to learn from; leave it out`, name);
    if (gaps.length > 0 && !impute.includes(name) && !(rows.isSplit && name === response))
      throw rows.fault(
        `column '${name}' (with) has ${counted(gaps.length, 'missing value')} itself; impute it too, or fill it in before`,
        name,
      );
    const base = { name, gaps, known };
    if (isNumeric(rows.types.get(name)!))
      return {
        ...base,
        kind: 'number',
        values: Float64Array.from(values, (value) => (value === null ? NaN : Number(value))),
      };
    const labels = [...new Set(values.filter((value) => value !== null).map(String))].sort();
    if (labels.length > mostLevels || labels.length < 2)
      throw rows.fault(
        `column '${name}' has ${labels.length} labels; between 2 and ${mostLevels} can be imputed or predict: group them, or leave it out`,
        name,
      );
    const codeOf = new Map(labels.map((label, code) => [label, code]));
    const codes = Int32Array.from(values, (value) => (value === null ? -1 : codeOf.get(value as string)!));
    return { ...base, kind: 'labels', levels: labels.length, codes, labels };
  });
  return { variables, size: isHeld.length };
}

/** The variables as a table with the row's number from 0. */
async function writeVariables(rows: Workspace, variables: readonly Read[], size: number): Promise<string> {
  const lists = variables.map((own) =>
    own.kind === 'number' ? [...own.values] : Array.from(own.codes, (code) => own.labels![code]),
  );
  return await rows.table(
    ['row', ...variables.map(({ name }) => name)],
    ['BIGINT', ...variables.map(({ kind }) => (kind === 'number' ? 'DOUBLE' : 'VARCHAR'))],
    [Array.from({ length: size }, (_, row) => BigInt(row)), ...lists],
  );
}
