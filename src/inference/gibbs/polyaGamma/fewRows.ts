// Rows of groups that have few each, as one block a group: what the scalars' density given the rows' precisions works on.
import type { DataArray } from '../../../kernels/compiler/memoryLayout.js';
import type { GeneralisedHierarchy, Hierarchy } from '../../../models/linearHierarchy/structure.js';
import { isLinear } from '../../../models/linearHierarchy/structure.js';

/** Rows and entries of a group's block at most: its matrices are written out in a loop over groups. */
const most = { rows: 16, entries: 400 } as const;
/** Places at most for each row: groups of one term are filled up to the largest. */
const mostPlaces = 2;

/**
 * 0/1 responses of the groups of one level, each with few rows: rows then say less of a group than it has coefficients, and a block of its rows is
 * smaller than one of its coefficients.
 */
export function hasFewRows(structure: Hierarchy): boolean {
  if (isLinear(structure) || structure.likelihood.kind !== 'bernoulli' || structure.fixed !== undefined) return false;
  if (structure.terms.length !== 1 || structure.terms[0].levels.length !== 1) return false;
  const [{ levels }] = structure.terms;
  const [{ groups, size }] = levels;
  const rows = mostRows(structure);
  return rows <= most.rows && rows * size <= most.entries && rows * groups <= mostPlaces * structure.rows;
}

/** Of a group, but at least 2. */
export function mostRows({ terms: [{ rowStart }] }: Hierarchy): number {
  let found = 2;
  for (let g = 0; g + 1 < rowStart.length; g++) found = Math.max(found, rowStart[g + 1] - rowStart[g]);
  return found;
}

/** Names of the arrays of `rowBlocks`. */
export const blockNames = { design: 'design', halves: 'halves' } as const;

/** Design `[group, row, k]` and y − ½ `[group, row]`; 0 where a group has fewer rows than others. */
export function rowBlocks(structure: GeneralisedHierarchy): Map<string, DataArray> {
  const { y } = structure;
  const [{ columns, rowStart, rowOrder, levels }] = structure.terms;
  const [{ groups, size }] = levels;
  const rows = mostRows(structure);
  const design = new Float64Array(groups * rows * size);
  const halves = new Float64Array(groups * rows);
  for (let g = 0; g < groups; g++) {
    for (let place = rowStart[g], at = g * rows; place < rowStart[g + 1]; place++, at++) {
      const row = rowOrder?.[place] ?? place;
      halves[at] = y[row] - 0.5;
      for (let k = 0; k < size; k++) design[at * size + k] = columns[k][row];
    }
  }
  return new Map([
    [blockNames.design, { shape: [groups, rows, size], values: design }],
    [blockNames.halves, { shape: [groups, rows], values: halves }],
  ]);
}

/** The mean of precisions at even odds, in every place. */
export function startPrecisions(structure: Hierarchy): Float64Array {
  return new Float64Array(structure.terms[0].levels[0].groups * mostRows(structure)).fill(0.25);
}
