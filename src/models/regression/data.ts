// The regression's data: response, standardised columns, and categories with their levels.
import { factorOf } from '../../data/grouping.js';
import { InputError } from '../../data/inputError.js';
import {
  meanAndSd,
  numbersOf,
  type Predictor,
  preparePredictors,
  standardisePredictors,
  tooLarge,
} from '../../data/predictors.js';
import type { ColumnRequest } from '../../data/readTable.js';
import type { FactorColumn, Table } from '../../data/table.js';

/** The part of the section that shapes the data. */
export interface RegressionColumns {
  readonly response: string;
  readonly x: readonly string[];
  readonly categories: readonly string[];
  readonly standardise: boolean | readonly string[];
  readonly shrinkage: string;
}

export interface RegressionData {
  readonly rows: number;
  readonly responseName: string;
  readonly y: Float64Array;
  /** Of the response as read: priors take their scale from it, whatever `y` is. */
  readonly response: { readonly mean: number; readonly sd: number };
  readonly x: readonly Predictor[];
  readonly categories: readonly FactorColumn[];
}

export function regressionColumns({ response, x, categories }: RegressionColumns): ColumnRequest[] {
  const request = (kind: ColumnRequest['kind']) => (name: string) => ({ name, kind });
  return [...[response, ...x].map(request('number')), ...categories.map(request('factor'))];
}

/**
 * Throws InputError for columns that are absent, not numeric or not finite, constant, and, without shrinkage, linearly dependent;
 * for a category of one level, or whose levels occur once each.
 */
export function regressionData(table: Table, section: RegressionColumns): RegressionData {
  const { source } = table;
  const y = numbersOf(table, section.response, 'response');
  const response = meanAndSd(y);
  if (!Number.isFinite(response.sd)) throw tooLarge(source, section.response, 'response', y);
  if (response.sd === 0) {
    const message = `${source}: column '${section.response}' (response) is ${y[0]} in all ${y.length} rows; it must vary`;
    throw new InputError(message, { file: source, column: section.response, value: y[0] });
  }
  const columns = section.x.map((name) => ({ name, values: numbersOf(table, name, 'model.x') }));
  const level = { key: 'x', items: 'rows' } as const;
  // A prior that shrinks chooses among columns that say the same, or that are more than the rows.
  const prepare = section.shrinkage === 'none' ? preparePredictors : standardisePredictors;
  const categories = section.categories.map((name) => {
    const factor = factorOf(table, name, 'model.categories');
    const count = factor.levels.length;
    const fault =
      count < 2
        ? `has one level ('${factor.levels[0]}')`
        : count === table.rows
          ? 'has another label in every row'
          : undefined;
    if (fault !== undefined)
      throw new InputError(`${source}: column '${name}' (model.categories) ${fault}; leave it out`, {
        file: source,
        column: name,
      });
    return factor;
  });
  return {
    rows: table.rows,
    responseName: section.response,
    y,
    response,
    x: prepare(source, level, columns, section.standardise),
    categories,
  };
}
