// Covariances of simulated levels: one common factor, so that any size is a covariance.
import type { SimulationRandom } from './simulation.js';

/**
 * Covariance of a level: Σ = diag(s) R diag(s), R = l l' + diag(1 − l²) with |l| < 1 (one common factor), R = I without
 * loadings.
 */
export interface SimulatedCovariance {
  readonly sds: readonly number[];
  readonly loadings?: readonly number[];
}

/** One vector from N(0, Σ). */
export function drawDeviation({ sds, loadings }: SimulatedCovariance, random: SimulationRandom): number[] {
  const common = loadings === undefined ? 0 : random.normal();
  return sds.map((sd, k) => {
    const loading = loadings?.[k] ?? 0;
    return sd * (loading * common + Math.sqrt(1 - loading * loading) * random.normal());
  });
}

/** Correlations l_i l_j for i > j, NaN elsewhere. */
export function belowDiagonal(loadings: readonly number[]): number[] {
  return loadings.flatMap((row, i) => loadings.map((column, j) => (i > j ? row * column : NaN)));
}
