// Covariates and parents of a term's groups, as data of a program.
import type { DataArray } from '../../kernels/compiler/memoryLayout.js';
import type { NamedTensors } from '../../kernels/trace/trace.js';
import type { NestedTerm } from '../../models/linearHierarchy/structure.js';
import type { LevelLinks } from './levels.js';

/** The compiler writes arrays out whose axes are all shorter than this: of few groups with many coefficients more than a function may hold. */
const [looped, mostWrittenOut] = [33, 2000];

/**
 * Groups of a level in a collapsed program: those declared, and where their matrices would be too many to be written out, after them some without
 * data or noise, which equal their means and say nothing of anything.
 */
function groupsInProgram({ levels }: NestedTerm, j: number, isCollapsed: boolean): number {
  const { groups, size } = levels[j];
  return isCollapsed && j > 0 && groups < looped && groups * size * size > mostWrittenOut ? looped : groups;
}

/** Covariates, where they are more than a constant, and parents of every level. */
export function linkData(term: NestedTerm, isCollapsed: boolean): Map<string, DataArray> {
  const { levels } = term;
  const arrays = new Map<string, DataArray>();
  for (const [j, { covariates, covariateCount, parent }] of levels.entries()) {
    const groups = groupsInProgram(term, j, isCollapsed);
    const isConstant = covariateCount === 1 && covariates.every((z) => z === 1);
    if (!isConstant) {
      const values = new Float64Array(groups * covariateCount);
      values.set(covariates);
      arrays.set(`covariates ${j}`, { shape: [groups, covariateCount], values });
    }
    if (parent === null) continue;
    const values = new Int32Array(groups).fill(levels[j + 1].groups - 1);
    values.set(parent);
    arrays.set(`parent ${j}`, { shape: [groups], values });
  }
  return arrays;
}

/** The same as tensors of a program. */
export function linksOf(term: NestedTerm, isCollapsed: boolean, d: NamedTensors): LevelLinks[] {
  return term.levels.map(({ size, covariateCount, regressions }, j): LevelLinks => {
    return {
      size,
      covariateCount,
      ...(regressions && { regressions }),
      covariates: d[`covariates ${j}`],
      parent: d[`parent ${j}`],
      parentGroups: j + 1 < term.levels.length ? groupsInProgram(term, j + 1, isCollapsed) : 1,
    };
  });
}
