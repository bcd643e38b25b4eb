// Small pieces of a term's updates: sums that those of scales work on, and what its programs are told of the population.
import type { NestedTerm } from '../../models/linearHierarchy/structure.js';
import type { NormalMoments } from './populationPrior.js';
import type { BoundProgram } from './program.js';

export function setMoments(program: BoundProgram, lane: number, { precisions, means }: NormalMoments): void {
  program.set('prior precision', lane, precisions);
  program.set('prior mean', lane, means);
}

/** Diagonal of a matrix `[k][k]`. */
export const diagonalOf = (matrix: Float64Array, k: number): Float64Array =>
  Float64Array.from({ length: k }, (_, i) => matrix[i * (k + 1)]);

/** Sums of deviation i times covariate c, at i·q + c, when deviations are multiplied by ρ. */
export function scaleSums(sums: Float64Array, rho: Float64Array, q: number): void {
  const width = rho.length * q;
  for (let at = 0; at < sums.length; at++) sums[at] *= rho[Math.floor((at % width) / q)];
}

export function changeOfSquares(rho: Float64Array, slopes: Float64Array, curvature: Float64Array): number {
  const k = rho.length;
  let change = 0;
  for (let i = 0; i < k; i++) {
    let product = 0;
    for (let j = 0; j < k; j++) product += curvature[i * k + j] * (rho[j] - 1);
    change += (rho[i] - 1) * (product - 2 * slopes[i]);
  }
  return change;
}

/** Σ z z' over the groups of level j − 1 that belong to each group of level j, or to the population. */
export function memberCovariates({ levels }: NestedTerm, j: number): Float64Array {
  const { groups, covariates, covariateCount: q, parent } = levels[j - 1];
  const sums = new Float64Array((j < levels.length ? levels[j].groups : 1) * q * q);
  for (let g = 0; g < groups; g++) {
    const at = (parent?.[g] ?? 0) * q * q;
    for (let c = 0; c < q; c++)
      for (let d = 0; d < q; d++) sums[at + c * q + d] += covariates[g * q + c] * covariates[g * q + d];
  }
  return sums;
}
