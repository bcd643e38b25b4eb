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
  return placed(levels, reference, coordinates, (level, own) => {
    if (isDiagonal(level.covariance)) return own.map(Math.exp);
    const k = deviatingCount(level);
    const b = new Float64Array(k * k);
    for (let j = 0; j < k; j++) {
      const scale = Math.exp(own[(j * (j + 3)) / 2]);
      for (let i = j; i < k; i++) b[i * k + j] = scale * (i === j ? 1 : own[(i * (i + 1)) / 2 + j]);
    }
    return b;
  });
}

/** The scales at displacements so small that variances stay positive. */
export function displacedScales({ levels }: NestedTerm, reference: Reference, displacements: Float64Array): Scales {
  return placed(levels, reference, displacements, (level, own) => {
    if (isDiagonal(level.covariance)) return own.map((x) => Math.sqrt(1 + x));
    const k = deviatingCount(level);
    const ratio = new Float64Array(k * k);
    for (let i = 0; i < k; i++)
      for (let j = 0; j <= i; j++) ratio[i * k + j] = own[(i * (i + 1)) / 2 + j] + Number(i === j);
    return cholesky(ratio, k) ?? ratio.fill(NaN);
  });
}

/** Scales by what each level's part of the numbers makes of the reference's factor: B, or the ratios of standard deviations. */
function placed(
  levels: readonly HierarchyLevel[],
  reference: Reference,
  numbers: Float64Array,
  ratioOf: (level: HierarchyLevel, own: Float64Array) => Float64Array,
): Scales {
  let next = 1;
  return {
    sigma: reference.sigma * Math.exp(numbers[0]),
    levels: levels.map((level, j) => {
      const ratio = ratioOf(level, numbers.slice(next, (next += levelDimension(level))));
      const factor = reference.factors[j];
      if (isDiagonal(level.covariance)) return { sds: ratio.map((x, i) => x * factor[i]), lower: undefined };
      const k = deviatingCount(level);
      const lower = new Float64Array(k * k);
      for (let i = 0; i < k; i++)
        for (let j = 0; j <= i; j++)
          for (let m = j; m <= i; m++) lower[i * k + j] += factor[i * k + m] * ratio[m * k + j];
      const sds = Float64Array.from({ length: k }, (_, i) => Math.hypot(...lower.subarray(i * k, (i + 1) * k)));
      return { sds, lower: lower.map((x, at) => x / sds[Math.floor(at / k)]) };
    }),
  };
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
      const at = (i: number, j: number): number =>
        Math.exp(own[(j * (j + 3)) / 2]) * (i === j ? 1 : own[(i * (i + 1)) / 2 + j]);
      for (let i = 0; i < k; i++)
        for (let j = 0; j <= i; j++) {
          let sum = -Number(i === j);
          for (let m = 0; m <= j; m++) sum += at(i, m) * at(j, m);
          result[next + (i * (i + 1)) / 2 + j] = sum;
        }
    }
    next += length;
  }
  return result;
}
