// Where everything lies in the declared structure: columns of the customers, dense columns and sets of the fixed block.
import type { Category } from '../linearHierarchy/structure.js';
import type { ExperimentsData } from './data.js';

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

/** Categories are the sets on the baseline, then the sets on the effect. */
export function layoutOf({ rows, w, customers, x, moderators, sets }: ExperimentsData): Layout {
  const common = customers === null ? [w, ...x.map(({ values }) => values)] : [];
  const baseline = 1 + common.length;
  const product = (values: Float64Array): Float64Array => values.map((value, row) => value * w[row]);
  return {
    dense: [
      new Float64Array(rows).fill(1),
      ...common,
      ...moderators.map(({ values }) => values),
      ...moderators.map(({ values }) => product(values)),
    ],
    categories: [undefined, w].flatMap((multiplier) =>
      sets.map(({ levels, codes }) => ({ levels: levels.length, levelOfRow: codes, multiplier })),
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
