// What rows through a link roughly say of the coefficients of groups: for the shape of trajectories, and for what stays put while the population moves.
import { deviatingOf, outerPlaces } from '../../../models/linearHierarchy/links.js';
import type { NestedTerm } from '../../../models/linearHierarchy/structure.js';
import { type LinearisedRows, mostDense } from './linearise.js';
import type { TermValues } from '../chainValues.js';

/** X'WX of each group of a level, or its diagonal. */
export interface GroupInformation {
  /** `[group, k, k]`, or `[group, k]` */
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** By level of a term: what the rows of each group say of its coefficients, those of the levels below moving along. */
export function groupInformation(term: NestedTerm, { weights }: LinearisedRows): GroupInformation[] {
  const { columns, levels, rowStart, rowOrder } = term;
  const found: GroupInformation[] = [];
  for (const [j, { groups, size: k }] of levels.entries()) {
    const isDense = k <= mostDense;
    const values = new Float64Array(groups * (isDense ? k * k : k));
    const add = (g: number, a: number, b: number, value: number): void => {
      if (isDense) values[(g * k + a) * k + b] += value;
      else if (a === b) values[g * k + a] += value;
    };
    if (j === 0) {
      for (let g = 0; g < groups; g++) {
        for (let place = rowStart[g]; place < rowStart[g + 1]; place++) {
          const row = rowOrder?.[place] ?? place;
          for (let a = 0; a < k; a++) {
            const scaled = weights[row] * columns[a][row];
            if (isDense) for (let b = 0; b < k; b++) add(g, a, b, scaled * columns[b][row]);
            else add(g, a, a, scaled * columns[a][row]);
          }
        }
      }
    } else {
      const { size, covariates, covariateCount: q, parent, groups: members } = levels[j - 1];
      const below = found[j - 1];
      const wasDense = below.shape.length === 3;
      const places = outerPlaces(levels[j - 1]);
      for (let g = 0; g < members; g++) {
        for (const [a, { coefficient: i, covariate: c }] of places.entries()) {
          for (const [b, { coefficient: l, covariate: other }] of places.entries()) {
            if (!wasDense && i !== l) continue;
            const own = wasDense ? below.values[(g * size + i) * size + l] : below.values[g * size + i];
            add(parent![g], a, b, own * covariates[g * q + c] * covariates[g * q + other]);
          }
        }
      }
    }
    found.push({ shape: isDense ? [groups, k, k] : [groups, k], values });
  }
  return found;
}

/**
 * By level: what the data say of one coefficient of a typical group when the others, and those of the levels below, are only known by their
 * standard deviations: the mean over groups, of those that deviate.
 */
export function typicalInformation(
  { columns, levels, rowStart }: NestedTerm,
  weights: Float64Array,
  values: TermValues['levels'],
): Float64Array[] {
  /** Of all coefficients of each level. */
  const all: Float64Array[] = [];
  const spreads = levels.map((level, j) => {
    const sds = new Float64Array(level.size);
    for (const [n, i] of deviatingOf(level).entries()) sds[i] = values[j].sds[n];
    return sds;
  });
  for (const [j, { groups, size: k }] of levels.entries()) {
    const sums = new Float64Array(k);
    if (j === 0) {
      const [sds] = spreads;
      for (let row = 0; row < rowStart[rowStart.length - 1]; row++) {
        let variance = 1 / weights[row];
        for (let i = 0; i < k; i++) variance += (columns[i][row] * sds[i]) ** 2;
        for (let i = 0; i < k; i++) {
          const own = columns[i][row] ** 2;
          sums[i] += own / (variance - own * sds[i] ** 2);
        }
      }
    } else {
      const { covariates, covariateCount: q, groups: members } = levels[j - 1];
      const own = all[j - 1].map((information, i) => 1 / (1 / information + spreads[j - 1][i] ** 2));
      const places = outerPlaces(levels[j - 1]);
      for (let g = 0; g < members; g++)
        for (const [a, { coefficient, covariate }] of places.entries())
          sums[a] += covariates[g * q + covariate] ** 2 * own[coefficient];
    }
    all.push(sums.map((sum) => sum / groups));
  }
  return all.map((found, j) => Float64Array.from(deviatingOf(levels[j]), (i) => found[i]));
}
