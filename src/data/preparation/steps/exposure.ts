// exposure: what a customer had been through before each row: weeks since the last treatment, decayed stock, their cells, activity classes, shares treated.
import { z } from 'zod';
import { isNumeric, isTime, quoteName } from '../../duckdb.js';
import {
  type Classes,
  exposureCells,
  exposureEdges,
  exposureHistory,
  quantileClasses,
  quantileEdges,
  shareTreated,
  usualDecay,
  usualRecencyEdges,
  usualStockClasses,
} from '../../exposureHistory.js';
import { count, text } from '../../schemaParts.js';
import { counted } from '../dataReport.js';
import { defineStep } from '../step.js';
import { heldOutColumn, type Workspace } from '../workspace.js';

/** Classes of activity in the paper on many experiments. */
const usualActivityClasses = 7;

export const exposureStep = defineStep({
  name: 'exposure',
  kind: 'statistics',
  schema: z.strictObject({
    /** A column that is above 0 where the customer was treated. */
    exposure: text,
    unit: text,
    week: text,
    /** With it, the share treated of a campaign in a week. */
    campaign: text.optional(),
    /** With it, classes of about equal size of this column. */
    activity: text.optional(),
    decay: z.number().gt(0).lt(1).default(usualDecay),
    recencyBins: z
      .array(z.number().gt(0))
      .min(1)
      .refine((ends) => ends.every((end, i) => i === 0 || end > ends[i - 1]), ' must rise, like [2, 4, 6, 8]')
      .default([...usualRecencyEdges]),
    stockClasses: count.default(usualStockClasses),
    activityClasses: count.default(usualActivityClasses),
  }),
  example: '{exposure: treated, unit: customer, week: week}',
  run: async (
    rows,
    { exposure, unit, week, campaign, activity, decay, recencyBins, stockClasses, activityClasses },
  ) => {
    await rows.needNumbers([exposure, ...(activity === undefined ? [] : [activity])]);
    rows.need([unit, week, ...(campaign === undefined ? [] : [campaign])]);
    const names = ['exposure_recency', 'exposure_stock', 'exposure_cell'];
    if (campaign !== undefined) names.push('share_treated');
    if (activity !== undefined) names.push('activity_class');
    rows.needFree(names);
    await refuseGaps(rows, [exposure, unit, week, ...[campaign, activity].filter((name) => name !== undefined)]);

    const code = (name: string): string => `dense_rank() OVER (ORDER BY ${quoteName(name)}) - 1`;
    const selected = [
      `CAST(${code(unit)} AS DOUBLE)`,
      weekSql(rows, week),
      `CAST(${quoteName(exposure)} AS DOUBLE)`,
      `CAST(${campaign === undefined ? '0' : code(campaign)} AS DOUBLE)`,
      activity === undefined ? '0.0' : `CAST(${quoteName(activity)} AS DOUBLE)`,
      rows.isSplit ? `CAST(NOT ${heldOutColumn} AS DOUBLE)` : '1.0',
    ];
    const read = await rows.columns(`SELECT ${selected.join(', ')} FROM ${rows.sql} ORDER BY rowid`);
    const [customer, weeks, treated, campaigns, active, isTraining] = read.map((own) =>
      Float64Array.from(own as number[]),
    );
    const most = (codes: Float64Array): number => codes.reduce((largest, own) => Math.max(largest, own), 0) + 1;
    const history = exposureHistory({ customer, customers: most(customer), week: weeks, treated }, decay);
    const ofTraining = (values: Float64Array): Float64Array => values.filter((_, row) => isTraining[row] === 1);
    const seen = { recency: ofTraining(history.recency), stock: ofTraining(history.stock) };
    const cells = exposureCells(history, exposureEdges(seen, recencyBins, stockClasses));
    const label = ({ codes, levels }: Classes): string[] => Array.from(codes, (own) => levels[own]);
    const missing = (values: Float64Array): (number | null)[] =>
      Array.from(values, (own) => (Number.isNaN(own) ? null : own));
    const columns: [type: string, values: (number | string | null)[]][] = [
      ['DOUBLE', missing(history.recency)],
      ['DOUBLE', [...history.stock]],
      ['VARCHAR', label(cells)],
    ];
    if (campaign !== undefined) columns.push(['DOUBLE', [...shareTreated(campaigns, most(campaigns), weeks, treated)]]);
    if (activity !== undefined)
      columns.push(['VARCHAR', label(quantileClasses(active, quantileEdges(ofTraining(active), activityClasses)))]);
    const made = await rows.table(
      ['row', ...names],
      ['BIGINT', ...columns.map(([type]) => type)],
      [Array.from({ length: rows.rows }, (_, row) => BigInt(row)), ...columns.map(([, values]) => values)],
    );
    await rows.change(
      names.map((name) => [name, `m.${name}`] as const),
      `JOIN ${made} AS m ON m.row = r.rowid`,
    );
    const never = history.recency.filter(Number.isNaN).length;
    const training = await rows.ofTraining();
    return [
      `added ${names.join(', ')} from ${exposure} of each ${unit} before the row's ${week}: decay ${decay} a week, at most ${stockClasses} classes of stock within each bin of recency${training}`,
      `${counted(never, 'row')} without an earlier treatment: exposure_recency is missing, exposure_stock 0`,
    ];
  },
});

/** Weeks as numbers: whole numbers as they are, dates in weeks. */
function weekSql(rows: Workspace, week: string): string {
  const type = rows.types.get(week)!;
  if (isNumeric(type)) return `CAST(${quoteName(week)} AS DOUBLE)`;
  if (isTime(type)) return `epoch(CAST(${quoteName(week)} AS TIMESTAMP)) / 604800.0`;
  throw rows.fault(
    `column '${week}' holds neither dates nor numbers; align it first: {align: ${week}, to: week}`,
    week,
  );
}

async function refuseGaps(rows: Workspace, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const [found] = await rows.query(
      `SELECT rowid + 1 AS row FROM ${rows.sql} WHERE ${quoteName(name)} IS NULL LIMIT 1`,
    );
    if (found !== undefined)
      throw rows.fault(
        `column '${name}', row ${Number(found.row)}: the value is missing; filter such rows out first`,
        name,
      );
  }
}
