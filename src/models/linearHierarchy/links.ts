// What a level's coefficients have to do with those of the next level: which deviate from their means, and what these are made of.
import type { HierarchyLevel } from './structure.js';

/** Coefficients of a group that deviate from their means, ascending. */
export function deviatingOf({ size, deviating }: Pick<HierarchyLevel, 'size' | 'deviating'>): readonly number[] {
  return deviating ?? Array.from({ length: size }, (_, i) => i);
}

/** How many do. */
export function deviatingCount({ size, deviating }: Pick<HierarchyLevel, 'size' | 'deviating'>): number {
  return deviating?.length ?? size;
}

/** A coefficient of the next level: the effect of a covariate on a coefficient's mean. */
export interface OuterPlace {
  readonly coefficient: number;
  readonly covariate: number;
}

type Regressions = Pick<HierarchyLevel, 'size' | 'covariateCount' | 'regressions'>;

/** The coefficients of the next level, in order. */
export function outerPlaces({ size, covariateCount, regressions }: Regressions): readonly OuterPlace[] {
  return Array.from({ length: size }, (_, coefficient) =>
    Array.from(regressions?.[coefficient] ?? Array(covariateCount).keys(), (covariate) => ({ coefficient, covariate })),
  ).flat();
}

/** How many there are. */
export function outerSize({ size, covariateCount, regressions }: Regressions): number {
  return regressions === undefined ? size * covariateCount : regressions.reduce((sum, { length }) => sum + length, 0);
}

/** Place of each coefficient's first in the next level, `[k]`; its constant's where there is one. */
export function outerStarts({ size, covariateCount, regressions }: Regressions): number[] {
  let next = 0;
  return Array.from({ length: size }, (_, i) => {
    const own = next;
    next += regressions?.[i].length ?? covariateCount;
    return own;
  });
}

/** Place in the population of the constant of each innermost coefficient, `[k]`, where every regression begins with a constant. */
export function populationPlaces(levels: readonly HierarchyLevel[]): number[] {
  return placesFrom(levels, 0);
}

/** The same of each coefficient of a level. */
export function placesFrom(levels: readonly HierarchyLevel[], level: number): number[] {
  let places = Array.from({ length: levels[level].size }, (_, i) => i);
  for (const own of levels.slice(level)) {
    const starts = outerStarts(own);
    places = places.map((place) => starts[place]);
  }
  return places;
}

/** Whether every regression begins with a covariate that is 1 in all groups. */
export function hasConstants(levels: readonly HierarchyLevel[]): boolean {
  return levels.every(({ covariates, covariateCount: q, groups, regressions }) => {
    const first = new Set(regressions?.map((own) => own[0]) ?? [0]);
    for (const c of first) for (let g = 0; g < groups; g++) if (covariates[g * q + c] !== 1) return false;
    return true;
  });
}

/** Whether any coefficient lacks a deviation or a covariate that others of its level have. */
export function isPartial({ levels }: { readonly levels: readonly HierarchyLevel[] }): boolean {
  return levels.some(({ deviating, regressions }) => deviating !== undefined || regressions !== undefined);
}
