// Covariances of simulated levels: common factors, so that any size is a covariance.
import type { SimulationRandom } from './simulation.js';

/**
 * Covariance of a level: Σ = diag(s) R diag(s), R = LL' + diag(1 − l_i'l_i) with rows |l_i| < 1 of common factors, R = I without loadings.
 */
export interface SimulatedCovariance {
  readonly sds: readonly number[];
  /** `[coefficient][factor]` */
  readonly loadings?: readonly (readonly number[])[];
}

/** One vector from N(0, Σ). */
export function drawDeviation({ sds, loadings }: SimulatedCovariance, random: SimulationRandom): number[] {
  const common = (loadings?.[0] ?? []).map(() => random.normal());
  return sds.map((sd, k) => {
    const own = loadings?.[k] ?? [];
    return sd * (dot(own, common) + Math.sqrt(1 - dot(own, own)) * random.normal());
  });
}

/** Correlations l_i'l_j for i > j, NaN elsewhere. */
export function belowDiagonal(loadings: readonly (readonly number[])[]): number[] {
  return loadings.flatMap((row, i) => loadings.map((column, j) => (i > j ? dot(row, column) : NaN)));
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i], 0);
