// Chooses how the coefficients of a term follow the scalars, and gathers what that takes of the rows.
import type { DataArray } from '../../../kernels/compiler/memoryLayout.js';
import type { NestedTerm } from '../../../models/linearHierarchy/structure.js';
import { followByApproximation, followByVariances, followNames as names, standardise } from './follow.js';
import type { GroupInformation } from './information.js';
import type { LinearisedRows } from './linearise.js';
import type { Following } from './scalarProgram.js';

/**
 * By the groups' information where they have few coefficients, else by variances.
 * @param innermost information of the innermost groups
 */
export function followingOf(term: NestedTerm, t: number, innermost: GroupInformation, rows: LinearisedRows): Following {
  if (innermost.shape.length === 3) {
    return {
      placement: followByApproximation(term),
      data: new Map<string, DataArray>([
        [names.precision(t), innermost],
        [names.shift(t), shiftsOf(term, rows)],
      ]),
      isStandardised: true,
      standardise: (scales, coefficients, population, d) => standardise(term, t, scales, coefficients, population, d),
    };
  }
  return { placement: followByVariances, data: new Map(), isStandardised: false, standardise: () => [] };
}

/** X'Wη* of each innermost group. */
function shiftsOf({ columns, levels, rowStart, rowOrder }: NestedTerm, { shifts }: LinearisedRows): DataArray {
  const [{ groups, size: k }] = levels;
  const values = new Float64Array(groups * k);
  for (let g = 0; g < groups; g++) {
    for (let place = rowStart[g]; place < rowStart[g + 1]; place++) {
      const row = rowOrder?.[place] ?? place;
      for (let a = 0; a < k; a++) values[g * k + a] += columns[a][row] * shifts[row];
    }
  }
  return { shape: [groups, k], values };
}
