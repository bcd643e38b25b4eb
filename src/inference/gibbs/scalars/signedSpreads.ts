// Spreads that are moved with a sign that means nothing: one that may vanish then has no long tail at 0.
import { isEvenAtZero } from '../../../models/linearHierarchy/scalePriors.js';
import { type Hierarchy, isDiagonal } from '../../../models/linearHierarchy/structure.js';
import type { Scalars } from './scalars.js';

/** The standard deviations of a level. */
export interface SignedSpreads {
  readonly term: number;
  readonly level: number;
  /** Of the parameter. */
  readonly name: string;
  /** Place of the first among the scalars, and how many. */
  readonly offset: number;
  readonly size: number;
}

/**
 * Those of levels without correlations whose prior allows it: the log density is even and smooth at 0, as a spread's sign can go to the standardised
 * deviations.
 */
export function signedSpreads({ terms }: Hierarchy, { blocks }: Scalars): SignedSpreads[] {
  return terms.flatMap(({ levels }, term) =>
    levels.flatMap(({ covariance }, level) => {
      if (!isDiagonal(covariance) || !isEvenAtZero(covariance)) return [];
      const { name, offset, size } = blocks.find((block) => block.name === covariance.sds)!;
      return [{ term, level, name, offset, size }];
    }),
  );
}

/** Their places among the scalars. */
export function placesOf(spreads: readonly SignedSpreads[]): number[] {
  return spreads.flatMap(({ offset, size }) => Array.from({ length: size }, (_, i) => offset + i));
}
