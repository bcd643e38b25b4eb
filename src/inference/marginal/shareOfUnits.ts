// A share of the units, all that is above them kept: enough to say about where all units put the scales.
import { covariatesName, parentName, unitData } from './marginalData.js';
import type { Marginal } from './marginalDensity.js';

/** Every so many-th unit, at most `most` of them, as a problem of its own; there is no fixed block. */
export function shareOfUnits(marginal: Marginal, most: number): Marginal {
  const { term, groups, data } = marginal;
  const [units, ...others] = term.levels;
  const stride = Math.ceil(groups[0] / most);
  if (stride === 1) return marginal;
  const count = Math.ceil(groups[0] / stride);
  const { shape, values } = data.arrays.get(unitData)!;
  const taken = (of: ArrayLike<number>, width: number): Float64Array => {
    const own = new Float64Array(count * width);
    for (let i = 0; i < count; i++) for (let j = 0; j < width; j++) own[i * width + j] = of[i * stride * width + j];
    return own;
  };
  const covariates = taken(units.covariates, units.covariateCount);
  const parent = units.parent && Int32Array.from(taken(units.parent, 1));
  const arrays = new Map(data.arrays)
    .set(unitData, { shape: [count, shape[1]], values: taken(values, shape[1]) })
    .set(covariatesName(0), { shape: [count, units.covariateCount], values: covariates });
  if (parent !== null) arrays.set(parentName(0), { shape: [count], values: parent });
  let rows = 0;
  for (let i = 0; i < groups[0]; i += stride) rows += term.rowStart[i + 1] - term.rowStart[i];
  // Of the squares of the residuals the share of their degrees of freedom.
  const degrees = (ofRows: number, ofUnits: number): number => Math.max(1, ofRows - ofUnits * units.size);
  const share = degrees(rows, count) / degrees(data.rows, groups[0]);
  return {
    ...marginal,
    term: { ...term, levels: [{ ...units, groups: count, covariates, parent }, ...others] },
    groups: [count, ...groups.slice(1)],
    data: { ...data, arrays, rows, residualSumOfSquares: share * data.residualSumOfSquares },
  };
}
