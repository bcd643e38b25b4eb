// Predictors of one level: checked to be numeric, finite, varying and linearly independent, then standardised.

import { InputError } from './inputError.js';
import type { Table } from './table.js';

/** One predictor with an entry per item of its level (row, unit or market), as the model sees it. */
export interface Predictor {
  readonly name: string;
  readonly values: Float64Array;
  /** What was taken off and divided by (sample sd, n − 1); null where the values are as in the data. */
  readonly standardisation: { readonly mean: number; readonly sd: number } | null;
  /** Only 0 and 1 occur. */
  readonly isBinary: boolean;
}

/** Of a level: its key in the configuration, or the keys that its columns are read from, and what its items are called. */
export interface Level {
  readonly key: string | ((column: string) => string);
  readonly items: 'rows' | 'units' | 'markets' | 'campaigns';
}

/** The key that a column of a level is read from. */
export const roleOf = ({ key }: Pick<Level, 'key'>, column: string): string =>
  `model.${typeof key === 'string' ? key : key(column)}`;

/** The numbers of a column by row; throws InputError when it is absent, holds text, or is not finite somewhere. */
export function numbersOf(table: Table, name: string, role: string): Float64Array {
  const column = table.columns.get(name);
  const where = { file: table.source, column: name };
  if (column === undefined) throw new InputError(`${table.source}: has no column '${name}' (${role})`, where);
  if (column.kind === 'factor') {
    const levels = column.levels.slice(0, 3).map((level) => `'${level}'`);
    const held = `holds text (${levels.join(', ')}${column.levels.length > 3 ? ', …' : ''})`;
    const remedy = role.startsWith('response')
      ? 'it must be numeric'
      : 'code it as 0/1 columns, one per level but the first';
    throw new InputError(`${table.source}: column '${name}' (${role}) ${held}; ${remedy}`, where);
  }
  const row = column.values.findIndex((value) => !Number.isFinite(value));
  if (row >= 0) {
    const value = column.values[row];
    const held = Number.isNaN(value) ? 'the value is missing' : `${value} is not a finite number`;
    const message = `${table.source}: column '${name}' (${role}), row ${row + 1}: ${held}; mend or leave out the row`;
    throw new InputError(message, { ...where, row: row + 1, value });
  }
  return column.values;
}

/** Other values of a predictor's column, on the scale that the model has it on. */
export function applyStandardisation({ standardisation }: Predictor, values: Float64Array): Float64Array {
  if (standardisation === null) return values;
  const { mean, sd } = standardisation;
  return values.map((value) => (value - mean) / sd);
}

/** Mean and sample standard deviation in two passes. */
export function meanAndSd(values: Float64Array): { mean: number; sd: number } {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return { mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

/** Values whose squares overflow: they are finite, their variance is not. */
export function tooLarge(source: string, name: string, role: string, values: Float64Array): InputError {
  const value = values.reduce((largest, next) => (Math.abs(next) > Math.abs(largest) ? next : largest));
  const message = `${source}: column '${name}' (${role}) holds ${value}: its variance is not finite; give it in a larger unit`;
  return new InputError(message, { file: source, column: name, value });
}

/**
 * Checks and standardises the predictors of one level. `standardise`: true centres and scales all but the binary ones, a
 * list exactly those named, false none. Throws InputError for a predictor that is constant beside the intercept and for
 * predictors that are linearly dependent.
 */
export function preparePredictors(
  source: string,
  level: Level,
  columns: readonly { readonly name: string; readonly values: Float64Array }[],
  standardise: boolean | readonly string[],
): Predictor[] {
  const predictors = standardisePredictors(source, level, columns, standardise);
  refuseDependence(
    source,
    level,
    columns,
    columns.map(({ values }) => meanAndSd(values)),
  );
  return predictors;
}

/** As `preparePredictors`, of columns that may be linearly dependent: for priors that choose among them. */
export function standardisePredictors(
  source: string,
  level: Level,
  columns: readonly { readonly name: string; readonly values: Float64Array }[],
  standardise: boolean | readonly string[],
): Predictor[] {
  const moments = columns.map(({ values }) => meanAndSd(values));
  for (const [index, { name, values }] of columns.entries()) {
    if (values.some((value) => value !== values[0])) continue;
    const held = `is ${values[0]} in all ${values.length} ${level.items}`;
    const message = `${source}: column '${name}' (${roleOf(level, name)}) ${held}: constant beside the intercept; leave it out`;
    throw new InputError(message, { file: source, column: name, value: moments[index].mean });
  }
  for (const [index, { name, values }] of columns.entries()) {
    if (!Number.isFinite(moments[index].sd)) throw tooLarge(source, name, roleOf(level, name), values);
  }
  return columns.map(({ name, values }, index) => {
    const isBinary = values.every((value) => value === 0 || value === 1);
    const wanted = Array.isArray(standardise) ? standardise.includes(name) : standardise === true && !isBinary;
    if (!wanted) return { name, values, standardisation: null, isBinary };
    const { mean, sd } = moments[index];
    return { name, values: values.map((value) => (value - mean) / sd), standardisation: { mean, sd }, isBinary };
  });
}

/**
 * Cholesky factorisation of the correlation matrix, column by column: a column whose share of variance that the earlier
 * ones leave unexplained is below 1e-10 is a linear combination of them.
 */
function refuseDependence(
  source: string,
  level: Level,
  columns: readonly { readonly name: string; readonly values: Float64Array }[],
  moments: readonly { readonly mean: number; readonly sd: number }[],
): void {
  const factor: number[][] = [];
  for (let j = 0; j < columns.length; j++) {
    const row: number[] = [];
    let unexplained = 1;
    for (let k = 0; k < j; k++) {
      let sum = correlation(columns[j].values, moments[j], columns[k].values, moments[k]);
      for (let m = 0; m < k; m++) sum -= row[m] * factor[k][m];
      row.push(sum / factor[k][k]);
      unexplained -= row[k] ** 2;
    }
    if (unexplained < 1e-10) {
      const partners = combination(row, factor).flatMap((weight, k) =>
        Math.abs(weight) > 1e-6 ? [columns[k].name] : [],
      );
      const items = `${columns[j].values.length} ${level.items}`;
      const what = `column '${columns[j].name}' is a linear combination of ${partners.join(', ')} and the intercept`;
      const message = `${source}: ${roleOf(level, columns[j].name)}: over the ${items}, ${what}; leave one of them out`;
      throw new InputError(message, { file: source, column: columns[j].name });
    }
    factor.push([...row, Math.sqrt(unexplained)]);
  }
}

/** Weights w with L' w = row: how the dependent column is made of the earlier ones. */
function combination(row: readonly number[], factor: readonly (readonly number[])[]): number[] {
  const weights = [...row];
  for (let k = row.length - 1; k >= 0; k--) {
    for (let m = k + 1; m < row.length; m++) weights[k] -= factor[m][k] * weights[m];
    weights[k] /= factor[k][k];
  }
  return weights;
}

function correlation(
  a: Float64Array,
  momentsOfA: { readonly mean: number; readonly sd: number },
  b: Float64Array,
  momentsOfB: { readonly mean: number; readonly sd: number },
): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - momentsOfA.mean) * (b[i] - momentsOfB.mean);
  return sum / ((a.length - 1) * momentsOfA.sd * momentsOfB.sd);
}
