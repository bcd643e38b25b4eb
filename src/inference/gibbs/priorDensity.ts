// Log densities of univariate priors at plain numbers, up to a constant, and those of standard deviations under each covariance prior.
import type { CovariancePrior } from '../../models/covariancePriors.js';
import type { PriorSpec } from '../../models/linearHierarchy/structure.js';
import { inverseCorrelationDiagonal } from './correlations.js';

/** Log density at x > 0 (at any x for families of the real line), up to a constant. */
export function logPrior({ family, parameters: [a, b, c] }: PriorSpec, x: number): number {
  switch (family) {
    case 'normal':
      return -0.5 * ((x - a) / b) ** 2;
    case 'halfNormal':
      return -0.5 * (x / a) ** 2;
    case 'studentT':
      return -0.5 * (a + 1) * Math.log1p(((x - b) / c) ** 2 / a);
    case 'halfStudentT':
      return -0.5 * (a + 1) * Math.log1p((x / b) ** 2 / a);
    case 'cauchy':
      return -Math.log1p(((x - a) / b) ** 2);
    case 'halfCauchy':
      return -Math.log1p((x / a) ** 2);
    case 'laplace':
      return -Math.abs(x - a) / b;
    case 'logNormal':
      return -0.5 * ((Math.log(x) - a) / b) ** 2 - Math.log(x);
    case 'beta':
      return (a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x);
    case 'exponential':
      return -a * x;
    case 'gamma':
      return (a - 1) * Math.log(x) - b * x;
    case 'inverseGamma':
      return -(a + 1) * Math.log(x) - b / x;
    case 'precisionGamma':
      return -(2 * a + 1) * Math.log(x) - b / (x * x);
    case 'flat':
      return 0;
    case 'lkj':
    case 'inverseWishart':
    case 'huangWand':
      throw new Error(`${family} is a prior of a matrix`);
    default:
      throw new Error(family satisfies never);
  }
}

/**
 * Log density of the standard deviation of coefficient i given the others and the correlations R, up to a constant; it does not
 * depend on the others. `inverseDiagonal` holds (R⁻¹)_ii; undefined: Σ is diagonal.
 * The densities are those of `covarianceLogDensity`.
 */
export function logSdPrior(
  prior: CovariancePrior,
  i: number,
  size: number,
  inverseDiagonal: ArrayLike<number> | undefined,
  sd: number,
): number {
  switch (prior.kind) {
    case 'huangWand': {
      const scale = prior.scales[i];
      if (inverseDiagonal === undefined) return -0.5 * (prior.df + 1) * Math.log1p((sd / scale) ** 2 / prior.df);
      // |Σ| to the power −(ν + 2k)/2, and the Jacobian s^k: together s^−(ν + k).
      const rate = (prior.df * inverseDiagonal[i]) / (sd * sd) + 1 / (scale * scale);
      return -0.5 * (prior.df + size) * Math.log(rate) - (prior.df + size) * Math.log(sd);
    }
    case 'inverseWishart':
      // Independent variances: s² ~ inverse gamma((df − k + 1)/2, scale/2), times the Jacobian 2s.
      if (inverseDiagonal === undefined) return -(prior.df - size + 2) * Math.log(sd) - (0.5 * prior.scale) / (sd * sd);
      return -(prior.df + 1) * Math.log(sd) - (0.5 * prior.scale * inverseDiagonal[i]) / (sd * sd);
    case 'separate':
      return logPrior(prior.sd, sd);
    default:
      throw new Error((prior satisfies never as CovariancePrior).kind);
  }
}

/** Log density of (s, L), up to a constant: that of `covarianceLogDensity`. L `[k][k]`; undefined: Σ is diagonal. */
export function logCovariancePrior(prior: CovariancePrior, sds: Float64Array, lower: Float64Array | undefined): number {
  const k = sds.length;
  const inverse = lower && inverseCorrelationDiagonal(lower, k);
  let density = 0;
  for (let i = 0; i < k; i++) density += logSdPrior(prior, i, k, inverse, sds[i]);
  if (lower === undefined) return density;
  // What is left depends on |R| alone, and on the Jacobian dR / dL.
  const power =
    prior.kind === 'separate'
      ? 2 * (prior.eta - 1)
      : prior.kind === 'huangWand'
        ? -(prior.df + 2 * k)
        : -(prior.df + k + 1);
  for (let i = 1; i < k; i++) density += (power + k - 1 - i) * Math.log(lower[i * k + i]);
  return density;
}
