// Least squares of each group's own rows, in the data's units: the unpooled estimates that a hierarchy shrinks.
import type { ThreeLevelData } from '../../data/threeLevelData.js';
import { unitFactors } from '../linearHierarchy/crossproducts.js';
import type { OwnEstimate } from '../modelEntry.js';
import { threeLevelDesign } from './design.js';

/**
 * Estimates by group and coefficient (0 is the Intercept); null where the group's rows do not determine them.
 * @param rowStart first row of each group in the sorted rows, and the end
 */
export function groupLeastSquares(
  data: ThreeLevelData,
  rowStart: Int32Array,
): (group: number, coefficient: number) => OwnEstimate | null {
  const design = threeLevelDesign(data).rows;
  const k = design.names.length;
  const factors = unitFactors(data.y, design.columns, rowStart);
  return (group, coefficient) => {
    const rows = rowStart[group + 1] - rowStart[group];
    if (rows <= k) return null;
    const r = (i: number, j: number): number => factors.upper[(group * k + i) * k + j];
    let largest = 0;
    for (let i = 0; i < k; i++) largest = Math.max(largest, Math.abs(r(i, i)));
    for (let i = 0; i < k; i++) if (!(Math.abs(r(i, i)) > 1e-8 * largest)) return null;
    // Weights w with coefficient in data units = w'b; solve R'v = w, so the variance is σ² v'v and the estimate v'z.
    const v = new Float64Array(k);
    for (let i = 0; i < k; i++) {
      let rest = design.toDataUnits[i * k + coefficient];
      for (let j = 0; j < i; j++) rest -= r(j, i) * v[j];
      v[i] = rest / r(i, i);
    }
    let estimate = 0;
    let variance = 0;
    for (let i = 0; i < k; i++) {
      estimate += v[i] * factors.projected[group * k + i];
      variance += v[i] * v[i];
    }
    return { estimate, standardError: Math.sqrt((variance * factors.residuals[group]) / (rows - k)) };
  };
}
