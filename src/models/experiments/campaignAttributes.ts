// What is known of campaigns by design: columns that say one thing of each campaign, as covariates of its effects.
import { factorOf } from '../../data/grouping.js';
import { InputError } from '../../data/inputError.js';
import { preparePredictors } from '../../data/predictors.js';
import type { FactorColumn, Table } from '../../data/table.js';

/** A number, or labels whose effects sum to zero: all but the last have a column of their own, −1 where the last is. */
interface Attribute {
  readonly name: string;
  /** Null: a number. */
  readonly levels: readonly string[] | null;
  /** Means over campaigns of its columns, which are taken off. */
  readonly means: readonly number[];
}

export interface CampaignAttributes {
  readonly attributes: readonly Attribute[];
  /** Columns of all attributes. */
  readonly width: number;
  /** `[campaign][width]`. */
  readonly values: Float64Array;
}

const numberLike = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const role = 'model.campaignAttributes';

/**
 * Columns of which all labels are numbers count as numbers. Throws InputError for an attribute that is not one for each campaign, or the same for all;
 * and for as many columns as campaigns, or columns that say the same.
 * @param campaign of each row, every campaign occurring
 */
export function campaignAttributes(table: Table, names: readonly string[], campaign: FactorColumn): CampaignAttributes {
  const { source } = table;
  const groups = campaign.levels.length;
  const drafts = names.map((name) => {
    const factor = factorOf(table, name, role);
    const levels = factor.levels.every((level) => numberLike.test(level)) ? null : factor.levels;
    const draft: Attribute = {
      name,
      levels,
      means: new Array<number>(levels === null ? 1 : levels.length - 1).fill(0),
    };
    return { draft, labels: labelsOf(table, factor, campaign) };
  });
  const coded = drafts.map(({ draft, labels }) => labels.map((label) => codesOf(draft, label)));
  const columns = drafts.flatMap(({ draft: { name, levels, means } }, a) =>
    means.map((_, j) => ({
      name: levels === null ? name : `${name}: ${levels[j]}`,
      values: Float64Array.from(coded[a], (own) => own[j]),
    })),
  );
  const single = drafts.find(({ draft: { levels } }) => levels?.length === 1)?.draft.name;
  if (single !== undefined)
    throw new InputError(`${source}: column '${single}' (${role}) is the same in all campaigns; leave it out`, {
      file: source,
      column: single,
    });
  if (columns.length >= groups)
    throw new InputError(
      `${role}: ${columns.length} columns of attributes for ${groups} campaigns of ${source}; name fewer attributes`,
    );
  preparePredictors(source, { key: 'campaignAttributes', items: 'campaigns' }, columns, false);
  const attributes = drafts.map(({ draft }, a) => ({
    ...draft,
    means: draft.means.map((_, j) => coded[a].reduce((sum, own) => sum + own[j] / groups, 0)),
  }));
  const labels = drafts.map((own) => own.labels);
  return { attributes, width: columns.length, values: valuesOf(attributes, labels, groups) };
}

/** The covariates of campaigns that the fit did not see, `[campaign][width]`. @param campaign their places, −1 for rows of others */
export function attributesOfNew(
  { attributes }: CampaignAttributes,
  table: Table,
  campaign: Pick<FactorColumn, 'codes' | 'levels' | 'name'>,
): { readonly values: Float64Array; readonly notes: readonly string[] } {
  const notes: string[] = [];
  const labels = attributes.map(({ name, levels }) => {
    const own = labelsOf(table, factorOf(table, name, role), campaign);
    if (levels === null) {
      const stray = own.find((label) => !numberLike.test(label));
      if (stray !== undefined)
        throw new InputError(
          `${table.source}: column '${name}' (${role}) holds '${stray}', where the fit saw numbers`,
          {
            file: table.source,
            column: name,
            value: stray,
          },
        );
    } else {
      const strange = [...new Set(own.filter((label) => !levels.includes(label)))];
      if (strange.length > 0)
        notes.push(`The fit saw no campaign with ${name} ${strange.join(', ')}: taken for the average of the others.`);
    }
    return own;
  });
  return { values: valuesOf(attributes, labels, campaign.levels.length), notes };
}

/** Names of what is reported of attributes: a number's effect by unit, and that of every label about their average. */
export const attributeNames = ({ attributes }: CampaignAttributes): string[] =>
  attributes.flatMap(({ name, levels }) => levels?.map((level) => `${name}: ${level}`) ?? [name]);

/** What is reported from coefficients of the columns, `[reported][width]`. */
export function attributeContrasts({ attributes, width }: CampaignAttributes): number[] {
  const rows: number[][] = [];
  let first = 0;
  for (const { levels, means } of attributes) {
    for (let l = 0; l < (levels?.length ?? 1); l++) {
      const own = means.map((_, j) => (l < means.length ? Number(l === j) : -1));
      rows.push(Array.from({ length: width }, (_, j) => own[j - first] ?? 0));
    }
    first += means.length;
  }
  return rows.flat();
}

/** A number, or a label in sum-to-zero coding; one that is not known at the average. */
function codesOf({ levels }: Pick<Attribute, 'levels'>, label: string): number[] {
  if (levels === null) return [Number(label)];
  const place = levels.indexOf(label);
  return levels.slice(1).map((_, j) => (place === levels.length - 1 ? -1 : Number(place === j)));
}

function valuesOf(
  attributes: readonly Attribute[],
  labels: readonly (readonly string[])[],
  groups: number,
): Float64Array {
  return Float64Array.from(
    Array.from({ length: groups }, (_, g) =>
      attributes.flatMap((own, a) => codesOf(own, labels[a][g]).map((value, j) => value - own.means[j])),
    ).flat(),
  );
}

/** The label of each campaign. */
function labelsOf(
  { source }: Table,
  { name, codes, levels }: FactorColumn,
  campaign: Pick<FactorColumn, 'codes' | 'levels' | 'name'>,
): string[] {
  const own = new Int32Array(campaign.levels.length).fill(-1);
  for (const [row, code] of codes.entries()) {
    const group = campaign.codes[row];
    if (group < 0) continue;
    if (own[group] < 0) own[group] = code;
    if (own[group] === code) continue;
    const both = `'${levels[own[group]]}' and '${levels[code]}'`;
    const message = `${source}: column '${name}' (${role}), row ${row + 1}: campaign '${campaign.levels[group]}' has ${both}; an attribute is one for each campaign`;
    throw new InputError(message, { file: source, column: name, row: row + 1, value: levels[code] });
  }
  return Array.from(own, (code) => levels[code]);
}
