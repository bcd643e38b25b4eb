// Where everything lies in the declared structure: columns of the customers, dense columns and sets of the fixed block.
import { meanAndSd } from '../../data/predictors.js';
import type { Category } from '../linearHierarchy/structure.js';
import { isShrunk, type ShrinkageOptions } from '../shrinkage.js';
import type { EffectSet, ExperimentsData } from './data.js';
import { type PoolingOptions, pooledOf } from './poolable.js';

/** How levels and moderators are coded. */
export interface Coding {
  /**
   * By set: its effects sum to zero; or each level has one of its own, which a prior shrinks or pools: shrinking all levels but one, whose effect is
   * minus the sum of theirs, would treat it unlike the others.
   */
  readonly levels: readonly ('sumToZero' | 'own')[];
  /** What the values of each moderator are divided by, `[moderator]`. */
  readonly moderatorScales: readonly number[];
}

/** Shrunk coefficients of moderators are those of unit standard deviations, comparable to effects of levels. */
export function codingOf({ moderators, sets }: ExperimentsData, options: ShrinkageOptions & PoolingOptions): Coding {
  if (isShrunk(options))
    return { levels: sets.map(() => 'own'), moderatorScales: moderators.map(({ values }) => meanAndSd(values).sd) };
  const levels = sets.map((set) => (pooledOf([set], options).length > 0 ? 'own' : 'sumToZero'));
  return { levels, moderatorScales: moderators.map(() => 1) };
}

/** Names of the dense columns of the fixed block, in order, with their places. */
export interface Layout {
  readonly dense: readonly Float64Array[];
  readonly categories: readonly Category[];
  /** Places among the dense columns. */
  readonly places: {
    readonly intercept: number;
    /** The treatment and x; undefined where they are the customers' own. */
    readonly treatment: number | undefined;
    readonly x: number | undefined;
    /** Of the first moderator, on the baseline and on the effect. */
    readonly baseline: number;
    readonly effect: number;
  };
  /** Columns of the customers' own coefficients: the treatment, then x. */
  readonly own: readonly Float64Array[];
}

/** Sets with coefficients in the fixed block: categories are these on the baseline, then these on the effect. */
export const fixedSets = <Set extends Pick<EffectSet, 'attributes'>>(sets: readonly Set[]): Set[] =>
  sets.filter(({ attributes }) => attributes === undefined);

/** The campaigns, where they are drawn around a regression on their attributes. */
export const campaignsOf = ({ sets }: Pick<ExperimentsData, 'sets'>): EffectSet | undefined =>
  sets.find(({ attributes }) => attributes !== undefined);

export function layoutOf(
  { rows, w, customers, x, moderators, sets }: ExperimentsData,
  { levels: codings, moderatorScales }: Coding,
): Layout {
  const common = customers === null ? [w, ...x.map(({ values }) => values)] : [];
  const baseline = 1 + common.length;
  const scaled = moderators.map(({ values }, m) =>
    moderatorScales[m] === 1 ? values : values.map((value) => value / moderatorScales[m]),
  );
  return {
    dense: [
      new Float64Array(rows).fill(1),
      ...common,
      ...scaled,
      ...scaled.map((values) => values.map((value, row) => value * w[row])),
    ],
    categories: [undefined, w].flatMap((multiplier) =>
      fixedSets(sets).map((set) => {
        const hasSpare = codings[sets.indexOf(set)] === 'own';
        return {
          levels: set.levels.length + (hasSpare ? 1 : 0),
          levelOfRow: set.codes,
          multiplier,
          ...(hasSpare && { hasSpare }),
        };
      }),
    ),
    places: {
      intercept: 0,
      treatment: customers === null ? 1 : undefined,
      x: customers === null ? 2 : undefined,
      baseline,
      effect: baseline + moderators.length,
    },
    own: customers === null ? [] : [w, ...x.map(({ values }) => values)],
  };
}
