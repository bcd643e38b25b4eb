// A level's covariance given its coefficients, and the ancillary half: given standardised deviations; by each kind of covariance.
import { hasFactors, type LevelCovariance } from '../../models/linearHierarchy/structure.js';
import { setCovariance } from '../linearHierarchy/factors.js';
import type { RandomStream } from '../random/streams.js';
import type { LevelValues } from './chainValues.js';
import { inverseCorrelationDiagonal } from './correlations.js';
import { updateFullCovariance } from './covarianceUpdates.js';
import { updateFactors } from './factorUpdates.js';
import { logPrior, logSdPrior } from './priorDensity.js';
import { updateDiagonalSd } from './sdUpdates.js';
import { type ScaleQuadratic, updateSignedScales } from './signedScales.js';

/**
 * Draws a level's covariance; its values change in place.
 * @param products Σ v v' over the deviations v of the level's groups, `[k][k]`; of a diagonal covariance their diagonal, `[k]`
 */
export function updateCovariance(
  stream: RandomStream,
  covariance: LevelCovariance,
  groups: number,
  products: Float64Array,
  { sds, lower, factors }: LevelValues,
): void {
  if (hasFactors(covariance)) {
    updateFactors(stream, covariance, { count: groups, matrix: products }, factors!);
    return setCovariance(factors!, { sds, lower: lower! });
  }
  const { prior } = covariance;
  if (lower !== undefined)
    return updateFullCovariance(stream, prior, { count: groups, matrix: products }, { sds, lower });
  const k = sds.length;
  for (let i = 0; i < k; i++) {
    sds[i] = updateDiagonalSd(stream, prior, i, k, { count: groups, sum: products[i] }, sds[i]);
  }
}

/**
 * Draws a level's scales given the standardised deviations, but those that are to stay; returns what the deviations are to be multiplied with,
 * `[k]`.
 */
export function updateAncillary(
  stream: RandomStream,
  quadratic: ScaleQuadratic,
  covariance: LevelCovariance,
  { sds, lower, factors }: LevelValues,
  isFixed?: (i: number) => boolean,
): Float64Array {
  if (!hasFactors(covariance)) {
    const inverse = lower && inverseCorrelationDiagonal(lower, sds.length);
    const logDensity = (i: number, sd: number): number => logSdPrior(covariance.prior, i, sds.length, inverse, sd);
    return updateSignedScales(stream, quadratic, { logDensity, sds, lower, isFixed });
  }
  const { loadings, uniques } = factors!;
  const { factors: m, prior } = covariance;
  // Row i of Λ over ψ_i stays: density p(ψ) Π N(ψ l; 0, s²) ψ^m of ψ_i.
  const squares = uniques.map((unique, i) => {
    let sum = 0;
    for (let f = 0; f < m; f++) sum += (loadings[i * m + f] / unique / prior.loadingSds[i]) ** 2;
    return sum;
  });
  const logDensity = (i: number, sd: number): number =>
    logPrior(prior.sd, sd) + m * Math.log(sd) - 0.5 * squares[i] * sd * sd;
  const rho = updateSignedScales(stream, quadratic, { logDensity, sds: uniques, lower: undefined, isFixed });
  for (let at = 0; at < loadings.length; at++) loadings[at] *= rho[Math.floor(at / m)];
  setCovariance(factors!, { sds, lower: lower! });
  return rho;
}
