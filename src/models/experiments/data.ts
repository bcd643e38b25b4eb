// The data of many experiments: rows by customer, treatment coded −1/+1, centred covariates, and the sets of effects that sum to zero.
import type { Classes } from '../../data/exposureHistory.js';
import { factorOf, groupRows } from '../../data/grouping.js';
import { InputError } from '../../data/inputError.js';
import { meanAndSd, numbersOf, tooLarge } from '../../data/predictors.js';
import type { ColumnRequest } from '../../data/readTable.js';
import type { Table } from '../../data/table.js';
import { type CampaignAttributes, campaignAttributes } from './campaignAttributes.js';
import { logFeatures, type RowSet, setsOf, treatmentOf } from './logFeatures.js';

/** The part of the section that shapes the data. */
export interface ExperimentColumns {
  readonly response: string;
  readonly treatment: string;
  readonly customer?: string | undefined;
  readonly campaign?: string | undefined;
  readonly week?: string | undefined;
  readonly x: readonly string[];
  readonly moderators: readonly string[];
  readonly segments: readonly string[];
  readonly activity?: string | undefined;
  readonly activityClasses: number;
  readonly exposure: boolean;
  readonly share: boolean;
  readonly customerEffects?: boolean | undefined;
  readonly campaignAttributes?: readonly string[] | undefined;
}

/** A set of effects, one for each level, that sum to zero: on the baseline, and on the effect of treatment. */
export interface EffectSet {
  /** Of the column, or `exposure` or `activity`. */
  readonly name: string;
  readonly kind: 'campaign' | 'week' | 'customer';
  readonly levels: readonly string[];
  /** Level of each row, `[rows]`. */
  readonly codes: Int32Array;
  /** Effects do not sum to zero, but lie about a regression on these. */
  readonly attributes?: CampaignAttributes;
}

/** A column of numbers, less its mean. */
export interface Centred {
  readonly name: string;
  readonly values: Float64Array;
  readonly mean: number;
}

/** Everything by row is in the order of the customers, where they have effects. */
export interface ExperimentsData {
  readonly rows: number;
  readonly responseName: string;
  /** As read. */
  readonly y: Float64Array;
  /** Of the response as read: what is modelled is its deviation from this mean. */
  readonly response: { readonly mean: number; readonly sd: number };
  /** −1 control, +1 treated, `[rows]`. */
  readonly w: Float64Array;
  /** Customers with effects of their own; null: none. */
  readonly customers: {
    readonly column: string;
    readonly names: readonly string[];
    readonly rowStart: Int32Array;
  } | null;
  readonly x: readonly Centred[];
  readonly moderators: readonly Centred[];
  readonly sets: readonly EffectSet[];
}

export function experimentColumns(section: ExperimentColumns): ColumnRequest[] {
  const { response, treatment, customer, campaign, week, x, moderators, segments, activity } = section;
  const { campaignAttributes: attributes = [] } = section;
  const numbers = new Set([response, treatment, ...x, ...moderators, ...(activity === undefined ? [] : [activity])]);
  const factors = [customer, campaign, week, ...segments, ...attributes].filter((name) => name !== undefined);
  return [
    ...[...numbers].map((name) => ({ name, kind: 'number' as const })),
    ...factors.map((name) => ({ name, kind: 'factor' as const })),
  ];
}

/**
 * Throws InputError for columns that are absent, not numeric or constant; a treatment that is neither 0 nor 1, or the same in all rows; sets of one
 * level; and for effects of customers where none of them has two rows.
 * @param unfitted rows of the same log that are not fitted: their treatments are past treatments of the customers all the same
 */
export function experimentsData(table: Table, section: ExperimentColumns, unfitted?: Table): ExperimentsData {
  const { source, rows } = table;
  const { campaignAttributes: attributes = [] } = section;
  const customer = section.customer === undefined ? undefined : factorOf(table, section.customer, 'model.customer');
  const hasCustomers = customer !== undefined && section.customerEffects !== false;
  const grouping = hasCustomers ? groupRows(table, { unit: customer.name }) : undefined;
  if (grouping?.rowStart.length === rows + 1) {
    const why = `no customer of ${source} has two rows, so effects of customers cannot be told from errors`;
    throw new InputError(`model.customerEffects: ${why}; set customerEffects: false`);
  }
  const order = grouping?.originalRow;
  const inOrder = (values: Float64Array): Float64Array =>
    order === undefined ? values : Float64Array.from(order, (row) => values[row]);
  const numbers = (name: string, role: string): Float64Array => inOrder(numbersOf(table, name, role));

  const y = numbers(section.response, 'response');
  const response = meanAndSd(y);
  if (!Number.isFinite(response.sd)) throw tooLarge(source, section.response, 'response', y);
  if (response.sd === 0) {
    const message = `${source}: column '${section.response}' (response) is ${y[0]} in all ${rows} rows; it must vary`;
    throw new InputError(message, { file: source, column: section.response, value: y[0] });
  }
  const treated = treatmentOf(table, section.treatment);
  if (treated.every((value) => value === treated[0])) {
    const message = `${source}: column '${section.treatment}' (model.treatment) is ${treated[0]} in all ${rows} rows; effects need treated rows and controls`;
    throw new InputError(message, { file: source, column: section.treatment, value: treated[0] });
  }
  const centred = (key: 'x' | 'moderators') => (name: string) =>
    centre(source, name, `model.${key}`, numbers(name, `model.${key}`));
  const x = section.x.map(centred('x'));
  const moderators = section.moderators.map(centred('moderators'));
  const [features] = logFeatures(section, unfitted === undefined ? [table] : [table, unfitted]);
  if (features.share !== undefined) moderators.push(centre(source, 'share', 'model.share', inOrder(features.share)));
  return {
    rows,
    responseName: section.response,
    y,
    response,
    w: inOrder(treated).map((one) => 2 * one - 1),
    customers: grouping ? { column: customer!.name, names: grouping.names, rowStart: grouping.rowStart } : null,
    x,
    moderators,
    sets: setsOf(section, table, features).map((own) => ({
      ...effectSet(source, own, order),
      ...(own.kind === 'campaign' &&
        attributes.length > 0 && {
          attributes: campaignAttributes(table, attributes, factorOf(table, own.name, own.role)),
        }),
    })),
  };
}

function centre(source: string, name: string, role: string, values: Float64Array): Centred {
  const { mean, sd } = meanAndSd(values);
  if (!Number.isFinite(sd)) throw tooLarge(source, name, role, values);
  if (sd === 0) {
    const message = `${source}: column '${name}' (${role}) is ${values[0]} in all ${values.length} rows: constant beside the intercept; leave it out`;
    throw new InputError(message, { file: source, column: name, value: values[0] });
  }
  return { name, values: values.map((value) => value - mean), mean };
}

function effectSet(source: string, { name, kind, role, ...classes }: RowSet, order?: Int32Array): EffectSet {
  const { codes, levels } = occurring(classes);
  if (levels.length < 2) {
    const message = `${role}: all rows of ${source} have one ${name}, ${levels[0]}; leave it out`;
    throw new InputError(message, { file: source, column: name });
  }
  return { name, kind, levels, codes: order === undefined ? codes : Int32Array.from(order, (row) => codes[row]) };
}

/** Classes without those that no row has: nothing is known of them. */
export function occurring({ codes, levels }: Classes): Classes {
  const occurs = new Uint8Array(levels.length);
  for (const code of codes) occurs[code] = 1;
  let next = 0;
  const places = Int32Array.from(occurs, (has) => (has === 1 ? next++ : -1));
  return { codes: codes.map((code) => places[code]), levels: levels.filter((_, level) => occurs[level] === 1) };
}
