// What the log of treatments says of rows: the share treated with them, cells of past exposure, classes of activity; and the sets of all that.
import {
  type Classes,
  exposureCells,
  exposureEdges,
  exposureHistory,
  quantileClasses,
  quantileEdges,
  shareTreated,
} from '../../data/exposureHistory.js';
import { factorOf } from '../../data/grouping.js';
import { InputError } from '../../data/inputError.js';
import { numbersOf } from '../../data/predictors.js';
import type { Table } from '../../data/table.js';
import type { EffectSet, ExperimentColumns } from './data.js';
import { weekNumbers } from './weekNumbers.js';

/** Of the rows of one table; undefined: not asked for. */
interface LogFeatures {
  readonly share: Float64Array | undefined;
  readonly exposure: Classes | undefined;
  readonly activity: Classes | undefined;
}

/**
 * Features of the rows of each table. A treatment is no outcome: those of all tables make up the log that a row's history and its share treated
 * come from. Edges of classes are quantiles of the first table, which is fitted. Throws InputError as `treatmentOf`, and for weeks that do not count.
 */
export function logFeatures(section: ExperimentColumns, tables: readonly Table[]): LogFeatures[] {
  const { customer, campaign, week, activity } = section;
  const fitted = tables[0].rows;
  const ends = tables.map((_, t) => tables.slice(0, t + 1).reduce((sum, { rows }) => sum + rows, 0));
  const all = ends[ends.length - 1];
  const numbers = (of: (table: Table) => Float64Array): Float64Array => {
    if (tables.length === 1) return of(tables[0]);
    const values = new Float64Array(all);
    for (const [t, table] of tables.entries()) values.set(of(table), ends[t] - table.rows);
    return values;
  };
  const labels = (name: string, role: string): Classes => joined(tables, name, role);
  const treated = numbers((table) => treatmentOf(table, section.treatment));
  const weeks =
    week === undefined
      ? new Float64Array(all)
      : numbers((table) => weekNumbers(table.source, factorOf(table, week, 'model.week')));
  const ofCampaigns =
    campaign === undefined ? { codes: new Int32Array(all), levels: [''] } : labels(campaign, 'model.campaign');
  const share = section.share ? shareTreated(ofCampaigns.codes, ofCampaigns.levels.length, weeks, treated) : undefined;
  let exposure: Classes | undefined;
  if (section.exposure) {
    const { codes, levels } = labels(customer!, 'model.customer');
    const history = exposureHistory({ customer: codes, customers: levels.length, week: weeks, treated });
    const seen = { recency: history.recency.subarray(0, fitted), stock: history.stock.subarray(0, fitted) };
    exposure = exposureCells(history, exposureEdges(seen));
  }
  let classes: Classes | undefined;
  if (activity !== undefined) {
    const values = numbers((table) => numbersOf(table, activity, 'model.activity'));
    classes = quantileClasses(values, quantileEdges(values.subarray(0, fitted), section.activityClasses));
  }
  return tables.map(({ rows }, t) => {
    const own = (from: Classes | undefined): Classes | undefined =>
      from && { codes: from.codes.subarray(ends[t] - rows, ends[t]), levels: from.levels };
    return {
      share: share?.subarray(ends[t] - rows, ends[t]),
      exposure: own(exposure),
      activity: own(classes),
    };
  });
}

/** A set of effects with the key that it comes from; levels may be without rows. */
export interface RowSet extends EffectSet {
  readonly role: string;
}

/** The sets of a table's rows, in the order in which the model has them. */
export function setsOf(section: ExperimentColumns, table: Table, features: LogFeatures): RowSet[] {
  const { campaign, week, segments } = section;
  const labels = (name: string, kind: EffectSet['kind'], role: string): RowSet => {
    const { codes, levels } = factorOf(table, name, role);
    return { name, kind, role, codes, levels };
  };
  const made = (name: 'exposure' | 'activity'): RowSet[] => {
    const own = features[name];
    return own === undefined ? [] : [{ name, kind: 'customer', role: `model.${name}`, ...own }];
  };
  return [
    ...(week === undefined ? [] : [labels(week, 'week', 'model.week')]),
    ...(campaign === undefined ? [] : [labels(campaign, 'campaign', 'model.campaign')]),
    ...made('exposure'),
    ...made('activity'),
    ...segments.map((name) => labels(name, 'customer', 'model.segments')),
  ];
}

/** 1 treated, 0 control, by row. Throws InputError for other numbers. */
export function treatmentOf(table: Table, name: string): Float64Array {
  const { source } = table;
  const values = numbersOf(table, name, 'model.treatment');
  const row = values.findIndex((value) => value !== 0 && value !== 1);
  if (row >= 0) {
    const message = `${source}: column '${name}' (model.treatment), row ${row + 1}: ${values[row]} is neither 0 (control) nor 1 (treated)`;
    throw new InputError(message, { file: source, column: name, row: row + 1, value: values[row] });
  }
  return values;
}

/** The labels of a column of several tables under common codes. */
function joined(tables: readonly Table[], name: string, role: string): Classes {
  const factors = tables.map((table) => factorOf(table, name, role));
  if (factors.length === 1) return factors[0];
  const codeOf = new Map<string, number>();
  const parts = factors.map(({ codes, levels }) => {
    const places = levels.map((level) => {
      const known = codeOf.get(level);
      if (known === undefined) codeOf.set(level, codeOf.size);
      return known ?? codeOf.size - 1;
    });
    return codes.map((code) => places[code]);
  });
  const codes = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    codes.set(part, end);
    end += part.length;
  }
  return { codes, levels: [...codeOf.keys()] };
}
