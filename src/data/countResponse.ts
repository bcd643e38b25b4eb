// Responses that are 0/1, successes of trials, or counts: checked row by row, with a rough look at them on the scale of the link.
import { InputError } from './inputError.js';
import { meanAndSd, numbersOf } from './predictors.js';
import type { Table } from './table.js';

export const countFamilies = ['bernoulli', 'binomial', 'poisson', 'negativeBinomial'] as const;
export const families = ['gaussian', 'studentT', ...countFamilies] as const;

/** Distribution of the response given its linear predictor. */
export type ResponseFamily = (typeof families)[number];
export type CountFamily = (typeof countFamilies)[number];

export function isCountFamily(family: ResponseFamily): family is CountFamily {
  return (countFamilies as readonly string[]).includes(family);
}

/** A response with log odds or log mean linear in predictors, in the order of the model's rows. */
export interface CountResponse {
  readonly family: CountFamily;
  /** With binomial, `[rows]`. */
  readonly trials?: Float64Array;
  /** Logs of the exposures, `[rows]`; undefined: all 0. */
  readonly logExposure?: Float64Array;
}

/** The section's keys that a count response is read from. */
export interface CountColumns {
  readonly response: string;
  readonly family?: ResponseFamily;
  readonly trials?: string;
  readonly exposure?: string;
}

/**
 * What belongs to the response of a count family, in the rows' order of the table; undefined for the others. Throws InputError, with
 * the row, for a response, trials or exposures that the family does not have.
 */
export function countResponse(table: Table, columns: CountColumns): CountResponse | undefined {
  const { family, response } = columns;
  if (family === undefined || !isCountFamily(family)) return undefined;
  const y = numbersOf(table, response, 'response');
  const refuse = (column: string, role: string, row: number, value: number, right: string): never => {
    throw new InputError(
      `${table.source}: column '${column}' (${role}), row ${row + 1}: is ${value}; family ${family} needs ${right}`,
      { file: table.source, column, row: row + 1, value },
    );
  };
  const check = (
    column: string,
    role: string,
    values: Float64Array,
    isRight: (value: number, row: number) => boolean,
    right: string,
  ) => {
    const row = values.findIndex((value, place) => !isRight(value, place));
    if (row >= 0) refuse(column, role, row, values[row], right);
  };
  const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0;
  if (family === 'bernoulli') {
    check(response, 'response', y, (value) => value === 0 || value === 1, '0 or 1');
    return { family };
  }
  check(response, 'response', y, isCount, 'whole numbers from 0');
  if (family === 'binomial') {
    const trials = numbersOf(table, columns.trials!, 'model.trials');
    check(columns.trials!, 'model.trials', trials, (value) => isCount(value) && value > 0, 'whole numbers from 1');
    const row = y.findIndex((value, place) => value > trials[place]);
    if (row >= 0)
      refuse(columns.trials!, 'model.trials', row, trials[row], `at least as many as the ${y[row]} of '${response}'`);
    return { family, trials };
  }
  if (columns.exposure === undefined) return { family };
  const exposure = numbersOf(table, columns.exposure, 'model.exposure');
  check(columns.exposure, 'model.exposure', exposure, (value) => value > 0, 'exposures greater than 0');
  return { family, logExposure: exposure.map(Math.log) };
}

/** The same rows in another order. */
export function reorderCounts(
  { family, trials, logExposure }: CountResponse,
  gather: (values: Float64Array) => Float64Array,
): CountResponse {
  return {
    family,
    ...(trials && { trials: gather(trials) }),
    ...(logExposure && { logExposure: gather(logExposure) }),
  };
}

/** Counts with a smaller mean say too little one by one for their logarithms to be of use. */
const fewestForLogs = 3;

/**
 * Numbers whose regression on predictors is roughly that of the link; for starting points and scales, never for results. Counts: log(y + ½)
 * less the log exposure; successes: log odds of (y + ½) / (n + 1); 0/1 and small counts: linear about the overall share or mean.
 */
export function workingResponse(y: Float64Array, counts: CountResponse): Float64Array {
  const { family, trials, logExposure } = counts;
  const centre = overall(y, counts);
  if (family === 'binomial') return y.map((value, row) => Math.log((value + 0.5) / (trials![row] - value + 0.5)));
  if (family === 'bernoulli') {
    const share = 1 / (1 + Math.exp(-centre));
    return y.map((value) => centre + (value - share) / (share * (1 - share)));
  }
  const expected = y.map((_, row) => Math.exp(centre + (logExposure?.[row] ?? 0)));
  if (meanAndSd(y).mean < fewestForLogs) return y.map((value, row) => centre + (value - expected[row]) / expected[row]);
  return y.map((value, row) => Math.log(value + 0.5) - (logExposure?.[row] ?? 0));
}

/**
 * Centre and spread of the response on the scale of the link, which default priors take as theirs: for log odds that of the standard logistic
 * distribution, π/√3; for log means the standard deviation of log counts, at least 1.
 */
export function linkScale(y: Float64Array, counts: CountResponse): { mean: number; sd: number } {
  const mean = overall(y, counts);
  if (counts.family === 'bernoulli' || counts.family === 'binomial') return { mean, sd: Math.PI / Math.sqrt(3) };
  const logs = y.map((value, row) => Math.log(value + 0.5) - (counts.logExposure?.[row] ?? 0));
  return { mean, sd: Math.max(1, meanAndSd(logs).sd) };
}

/** Log odds of the share, or log of the rate, of all rows together; half a success and half a failure are added. */
function overall(y: Float64Array, { family, trials, logExposure }: CountResponse): number {
  const sum = y.reduce((total, value) => total + value, 0);
  if (family === 'bernoulli' || family === 'binomial') {
    const count = trials?.reduce((total, value) => total + value, 0) ?? y.length;
    return Math.log((sum + 0.5) / (count - sum + 0.5));
  }
  return Math.log((sum + 0.5) / (logExposure?.reduce((total, value) => total + Math.exp(value), 0) ?? y.length));
}
