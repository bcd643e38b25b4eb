// What the data below say of the coefficients of a level's groups, in memory: columns of arrays that are outputs of the programs.
import { deviatingCount, deviatingOf } from '../../models/linearHierarchy/links.js';
import type { HierarchyLevel } from '../../models/linearHierarchy/structure.js';
import { lowerTriangle, stack, triangleIndex, unstack } from './columns.js';
import type { Element, ElementAlgebra, Elements } from './elements.js';
import type { UpwardLevel } from './upward.js';

/** H and k in arrays that are outputs of the program: all that has to do with coefficients that deviate. */
export function inMemory(
  algebra: ElementAlgebra,
  level: HierarchyLevel,
  h: Elements,
  k: readonly Element[],
): Pick<UpwardLevel, 'precision' | 'score' | 'stored'> {
  const { builder } = algebra;
  const deviating = deviatingOf(level);
  const places = storedPlaces(level);
  const columns = [...places.map(([i, j]) => algebra.some(h[i][j])), ...deviating.map((i) => algebra.some(k[i]))];
  // See `informationColumns`.
  const stored = stack(builder, columns.toReversed(), level.groups);
  const read = unstack(builder, stored).reverse();
  const at = new Map(places.map(([i, j], n) => [triangleIndex(i, j), read[n]]));
  return {
    precision: algebra.matrix(level.size, level.size, (i, j) => at.get(triangleIndex(i, j))),
    score: k.map((_, i) => (deviating.includes(i) ? read[places.length + deviating.indexOf(i)] : undefined)),
    stored,
  };
}

function storedPlaces(level: HierarchyLevel): [number, number][] {
  const deviating = deviatingOf(level);
  return lowerTriangle(level.size).filter(([i, j]) => deviating.includes(i) || deviating.includes(j));
}

/** Name of an output that holds a level's H and k in its columns, at most 32 of them. */
export const informationOutput = (level: number, part: number): string => `information ${level} ${part}`;

/**
 * Number of the columns of a level's H and k, and the place of H_ii among them. They lie the other way round than what is summed: one loop then does both, where a sum of the
 * stored array would be a second.
 */
export function informationColumns(
  level: HierarchyLevel,
  i: number,
): { readonly count: number; readonly place: number } {
  const places = storedPlaces(level);
  const count = places.length + deviatingCount(level);
  return { count, place: count - 1 - places.findIndex(([row, column]) => row === i && column === i) };
}
