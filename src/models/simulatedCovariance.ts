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

/** Loadings of the one factor behind full covariances; go round the coefficients. */
const fullLoadings = [0.7, -0.6, 0.4, 0.5, -0.3];

/** Loadings of simulated levels: none, those of a full covariance, or of so many common factors. */
export function simulatedLoadings(
  count: number,
  kind: 'diagonal' | 'full' | number,
): Pick<SimulatedCovariance, 'loadings'> {
  if (typeof kind === 'number') return { loadings: severalFactors(count, kind) };
  if (kind === 'diagonal' || count < 2) return {};
  return { loadings: Array.from({ length: count }, (_, k) => [fullLoadings[k % fullLoadings.length]]) };
}

/** Each factor is strong on some coefficients; what they leave is at least a third of a variance. */
function severalFactors(count: number, factors: number): number[][] {
  const own = (k: number, f: number): number =>
    (k % factors === f ? 0.75 : 0.25 / factors) * (Math.floor(k / factors + f) % 2 === 0 ? 1 : -1);
  return Array.from({ length: count }, (_, k) =>
    // Without the last digits of binary quotients.
    Array.from({ length: factors }, (_unused, f) => Number(own(k, f).toPrecision(6))),
  );
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i], 0);
