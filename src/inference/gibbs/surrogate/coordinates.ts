// Coordinates of a term's scales around a reference, and places at a distance from it that is linear in variances and covariances.
import { deviatingCount } from '../../../models/linearHierarchy/links.js';
import { type HierarchyLevel, isDiagonal, type NestedTerm } from '../../../models/linearHierarchy/structure.js';
import { cholesky, solve } from '../../linearAlgebra.js';
import { covarianceFactor, type Scales } from '../scaleMove.js';

/**
 * σ, and for each level C with Σ = CC', `[k][k]`; of a diagonal Σ the standard deviations `[k]`.
 *
 * Around it, coordinates are log σ less that of the reference, then by level: of a diagonal Σ the logs of s over that of the reference; else the
 * lower triangle of B = U D row by row, with Σ = C B B'C', D on the diagonal as logs and U, whose diagonal is 1, below. Displacements are log σ
 * likewise, then s² over that of the reference less 1, and the lower triangle of BB' − I.
 */
export interface Reference {
  readonly sigma: number;
  readonly factors: readonly Float64Array[];
}

/** Numbers of a level among coordinates and displacements. */
export function levelDimension(level: HierarchyLevel): number {
  const k = deviatingCount(level);
  return isDiagonal(level.covariance) ? k : (k * (k + 1)) / 2;
}

export function surrogateDimension({ levels }: NestedTerm): number {
  return levels.reduce((sum, level) => sum + levelDimension(level), 1);
}

export function coordinatesOf({ levels }: NestedTerm, reference: Reference, scales: Scales): Float64Array {
  return Float64Array.from([
    Math.log(scales.sigma / reference.sigma),
    ...levels.flatMap((level, j) => {
      const factor = reference.factors[j];
      const { sds, lower } = scales.levels[j];
      if (isDiagonal(level.covariance)) return Array.from(sds, (sd, i) => Math.log(sd / factor[i]));
      const k = sds.length;
      const own = covarianceFactor(sds, lower);
      const coordinates: number[] = new Array<number>((k * (k + 1)) / 2);
      for (let j = 0; j < k; j++) {
        const column = Float64Array.from({ length: k }, (_, i) => own[i * k + j]);
        solve(factor, column);
        for (let i = j; i < k; i++)
          coordinates[(i * (i + 1)) / 2 + j] = i === j ? Math.log(column[j]) : column[i] / column[j];
      }
      return coordinates;
    }),
  ]);
}

export function scalesAt({ levels }: NestedTerm, reference: Reference, coordinates: Float64Array): Scales {
  let next = 1;
  return {
    sigma: reference.sigma * Math.exp(coordinates[0]),
    levels: levels.map((level, j) => {
      const own = coordinates.subarray(next, (next += levelDimension(level)));
      const factor = reference.factors[j];
      if (isDiagonal(level.covariance)) return { sds: own.map((x, i) => Math.exp(x) * factor[i]), lower: undefined };
      const k = deviatingCount(level);
      const lower = new Float64Array(k * k);
      for (let i = 0; i < k; i++)
        for (let j = 0; j <= i; j++)
          for (let m = j; m <= i; m++) lower[i * k + j] += factor[i * k + m] * ratioAt(own, m, j);
      const sds = Float64Array.from({ length: k }, (_, i) => Math.hypot(...lower.subarray(i * k, (i + 1) * k)));
      return { sds, lower: lower.map((x, at) => x / sds[Math.floor(at / k)]) };
    }),
  };
}

/** Element of B, i ≥ j, at a level's coordinates. */
const ratioAt = (own: Float64Array, i: number, j: number): number =>
  Math.exp(own[(j * (j + 3)) / 2]) * (i === j ? 1 : own[(i * (i + 1)) / 2 + j]);

/** Coordinates at displacements; NaN where a variance would not be positive. */
export function coordinatesAt({ levels }: NestedTerm, displacements: Float64Array): Float64Array {
  const result = displacements.slice();
  let next = 1;
  for (const level of levels) {
    const own = result.subarray(next, (next += levelDimension(level)));
    if (isDiagonal(level.covariance)) {
      own.set(own.map((x) => 0.5 * Math.log(1 + x)));
      continue;
    }
    const k = deviatingCount(level);
    const square = new Float64Array(k * k);
    for (let i = 0; i < k; i++)
      for (let j = 0; j <= i; j++) square[i * k + j] = own[(i * (i + 1)) / 2 + j] + Number(i === j);
    const b = cholesky(square, k) ?? square.fill(NaN);
    for (let i = 0; i < k; i++)
      for (let j = 0; j <= i; j++)
        own[(i * (i + 1)) / 2 + j] = i === j ? Math.log(b[i * (k + 1)]) : b[i * k + j] / b[j * (k + 1)];
  }
  return result;
}

/** log |∂ displacements / ∂ coordinates|, up to a constant. */
export function logJacobianOfDisplacements({ levels }: NestedTerm, coordinates: Float64Array): number {
  let sum = 0;
  let next = 1;
  for (const level of levels) {
    const k = deviatingCount(level);
    for (let j = 0; j < k; j++)
      sum += isDiagonal(level.covariance)
        ? 2 * coordinates[next + j]
        : 2 * (k - j) * coordinates[next + (j * (j + 3)) / 2];
    next += levelDimension(level);
  }
  return sum;
}

/** Displacements at coordinates. */
export function displacementsOf({ levels }: NestedTerm, coordinates: Float64Array): Float64Array {
  const result = coordinates.slice();
  let next = 1;
  for (const level of levels) {
    const length = levelDimension(level);
    const own = coordinates.subarray(next, next + length);
    if (isDiagonal(level.covariance))
      result.set(
        own.map((x) => Math.exp(2 * x) - 1),
        next,
      );
    else {
      const k = deviatingCount(level);
      for (let i = 0; i < k; i++)
        for (let j = 0; j <= i; j++) {
          let sum = -Number(i === j);
          for (let m = 0; m <= j; m++) sum += ratioAt(own, i, m) * ratioAt(own, j, m);
          result[next + (i * (i + 1)) / 2 + j] = sum;
        }
    }
    next += length;
  }
  return result;
}
