// Spreads that are moved with a sign that means nothing: one that may vanish then has no long tail at 0.
import { isEvenAtZero } from '../../../models/linearHierarchy/scalePriors.js';
import { type Hierarchy, hasFactors } from '../../../models/linearHierarchy/structure.js';
import { partialsWith } from '../correlations.js';
import type { Scalars } from './scalars.js';
import type { Reflection } from './tuning.js';

/** Standard errors of a typical group's coefficient up to which its spread is moved as it is; beyond, as its logarithm. */
const linearTo = 0.5;

/** Where coordinates of spreads turn. @param information on a coefficient of a typical group */
export const turnsOf = (information: Float64Array): Float64Array =>
  information.map((own) => (own > 0 ? linearTo / Math.sqrt(own) : 1));

/** The standard deviations of a level. */
export interface SignedSpreads {
  readonly term: number;
  readonly level: number;
  /** Of the parameter. */
  readonly name: string;
  /** Place of the first among the scalars, and how many. */
  readonly offset: number;
  readonly size: number;
  /** Place of the level's first free partial correlation; undefined: it has none. */
  readonly partials: number | undefined;
}

/**
 * Those whose prior allows it: the log density is even and smooth at 0, as a spread's sign can go to the standardised deviations and to the correlations
 * of its coefficient.
 */
export function signedSpreads({ terms }: Hierarchy, { blocks }: Scalars): SignedSpreads[] {
  return terms.flatMap(({ levels }, term) =>
    levels.flatMap(({ covariance }, level) => {
      if (hasFactors(covariance) || !isEvenAtZero(covariance)) return [];
      const { name, offset, size } = blocks.find((block) => block.name === covariance.sds)!;
      const partials = blocks.find((block) => block.name === covariance.cholesky)?.offset;
      return [{ term, level, name, offset, size, partials }];
    }),
  );
}

/** As scalars whose signs mean nothing, with those that turn along. */
export function reflectionsOf(spreads: readonly SignedSpreads[]): Reflection[] {
  return spreads.flatMap(({ offset, size, partials }) =>
    Array.from({ length: size }, (_, i) => ({
      place: offset + i,
      along: partials === undefined ? [] : partialsWith(i, size).map((at) => partials + at),
    })),
  );
}

/** The same scalars with all of these spreads positive. */
export function withoutSigns(spreads: readonly SignedSpreads[], scalars: Float64Array): Float64Array {
  const turned = scalars.slice();
  for (const { place, along } of reflectionsOf(spreads))
    if (scalars[place] < 0) for (const at of [place, ...along]) turned[at] *= -1;
  return turned;
}
