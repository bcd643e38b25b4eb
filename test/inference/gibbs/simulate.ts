// Values drawn from a hierarchy's own prior, and responses drawn given them.
import type { PriorSpec } from '../../../src/data/prior.js';
import type { ChainValues, LevelValues } from '../../../src/inference/gibbs/chainValues.js';
import { cholesky } from '../../../src/inference/linearAlgebra.js';
import { covarianceOfFactors } from '../../../src/inference/linearHierarchy/factors.js';
import {
  drawGamma,
  drawInverseGamma,
  drawInverseWishartFactor,
  drawNormal,
} from '../../../src/inference/random/distributions.js';
import type { RandomStream } from '../../../src/inference/random/streams.js';
import type { CovariancePrior } from '../../../src/models/covariancePriors.js';
import { groupOfRow } from '../../../src/models/linearHierarchy/hierarchyModel.js';
import { deviatingCount, deviatingOf, outerSize } from '../../../src/models/linearHierarchy/links.js';
import {
  type CoefficientPrior,
  type FactorCovariance,
  hasFactors,
  type LinearHierarchy,
} from '../../../src/models/linearHierarchy/structure.js';
import { levelMeans } from '../../../src/models/linearHierarchy/values.js';
import { effectsOf } from './density.js';

/** A draw of a univariate prior. */
export function drawPrior(stream: RandomStream, { family, parameters: [a, b, c] }: PriorSpec): number {
  const t = (df: number): number => drawNormal(stream) / Math.sqrt(drawGamma(stream, df / 2) / (df / 2));
  switch (family) {
    case 'normal':
      return a + b * drawNormal(stream);
    case 'halfNormal':
      return a * Math.abs(drawNormal(stream));
    case 'studentT':
      return b + c * t(a);
    case 'halfStudentT':
      return b * Math.abs(t(a));
    case 'cauchy':
      return a + b * t(1);
    case 'halfCauchy':
      return a * Math.abs(t(1));
    case 'exponential':
      return -Math.log(stream.uniform()) / a;
    case 'gamma':
      return drawGamma(stream, a) / b;
    case 'inverseGamma':
      return drawInverseGamma(stream, a, b);
    case 'precisionGamma':
      return Math.sqrt(drawInverseGamma(stream, a, b));
    default:
      throw new Error(`${family} cannot be drawn from`);
  }
}

/** Standard deviations, and with `full` a Cholesky factor of correlations, from a covariance prior. */
export function drawCovariance(
  stream: RandomStream,
  prior: CovariancePrior,
  k: number,
  full: boolean,
): Pick<LevelValues, 'sds' | 'lower'> {
  const ofScale = (df: number, diagonal: readonly number[]): Pick<LevelValues, 'sds' | 'lower'> => {
    const scale = new Float64Array(k * k);
    diagonal.forEach((value, i) => (scale[i * (k + 1)] = Math.sqrt(value)));
    const factor = drawInverseWishartFactor(stream, df, scale, k);
    const sigma = new Float64Array(k * k);
    for (let i = 0; i < k; i++)
      for (let j = 0; j < k; j++) for (let m = 0; m < k; m++) sigma[i * k + j] += factor[i * k + m] * factor[j * k + m];
    const sds = Float64Array.from({ length: k }, (_, i) => Math.sqrt(sigma[i * (k + 1)]));
    return {
      sds,
      lower: cholesky(
        sigma.map((value, at) => value / (sds[Math.floor(at / k)] * sds[at % k])),
        k,
      )!,
    };
  };
  switch (prior.kind) {
    case 'huangWand': {
      if (!full) {
        const sds = prior.scales.map((scale) =>
          drawPrior(stream, { family: 'halfStudentT', parameters: [prior.df, scale] }),
        );
        return { sds: Float64Array.from(sds), lower: undefined };
      }
      const diagonal = prior.scales.map((scale) => (2 * prior.df) / drawInverseGamma(stream, 0.5, 1 / (scale * scale)));
      return ofScale(prior.df + k - 1, diagonal);
    }
    case 'inverseWishart': {
      if (full) return ofScale(prior.df, Array<number>(k).fill(prior.scale));
      const shape = (prior.df - k + 1) / 2;
      const sds = Float64Array.from({ length: k }, () => Math.sqrt(drawInverseGamma(stream, shape, prior.scale / 2)));
      return { sds, lower: undefined };
    }
    case 'separate': {
      const sds = Float64Array.from({ length: k }, () => drawPrior(stream, prior.sd));
      if (!full) return { sds, lower: undefined };
      // Partial correlations of the vine: column j (from 1) has Beta(b, b) on (−1, 1), b = η + (k − 1 − j)/2 (Lewandowski et al. 2009).
      const lower = new Float64Array(k * k);
      for (let i = 0; i < k; i++) {
        let rest = 1;
        for (let j = 0; j < i; j++) {
          const b = prior.eta + (k - 2 - j) / 2;
          const [x, y] = [drawGamma(stream, b), drawGamma(stream, b)];
          const z = (2 * x) / (x + y) - 1;
          lower[i * k + j] = z * rest;
          rest *= Math.sqrt(1 - z * z);
        }
        lower[i * k + i] = rest;
      }
      return { sds, lower };
    }
    default:
      throw new Error((prior satisfies never as CovariancePrior).kind);
  }
}

/** Everything that a hierarchy declares, from its prior. */
export function drawValues(stream: RandomStream, structure: LinearHierarchy): ChainValues {
  const { terms, fixed, errors, rows } = structure;
  const sigma = drawPrior(stream, errors.prior);
  const values: ChainValues = {
    sigma,
    terms: terms.map((term) => {
      const { prior } = term.population;
      const { coefficients: population, ...shrinkage } =
        prior.kind === 'normal'
          ? drawCoefficients(stream, prior, sigma)
          : {
              coefficients: Float64Array.from({ length: outerSize(term.levels.at(-1)!) }, () =>
                drawPrior(stream, prior.prior),
              ),
            };
      const own = {
        population,
        ...shrinkage,
        levels: term.levels.map((level) => ({
          coefficients: new Float64Array(level.groups * level.size),
          ...(hasFactors(level.covariance)
            ? drawFactorCovariance(stream, level.covariance)
            : drawCovariance(
                stream,
                level.covariance.prior,
                deviatingCount(level),
                level.covariance.cholesky !== undefined,
              )),
        })),
      };
      for (let j = term.levels.length - 1; j >= 0; j--) {
        const { groups, size } = term.levels[j];
        const deviating = deviatingOf(term.levels[j]);
        const k = deviating.length;
        const { coefficients, sds, lower } = own.levels[j];
        levelMeans(term, j, own, coefficients);
        for (let g = 0; g < groups; g++) {
          const z = Array.from({ length: k }, () => drawNormal(stream));
          for (let i = 0; i < k; i++) {
            const deviation =
              lower === undefined ? z[i] : z.reduce((sum, own_, m) => sum + (m <= i ? lower[i * k + m] * own_ : 0), 0);
            coefficients[g * size + deviating[i]] += sds[i] * deviation;
          }
        }
      }
      return own;
    }),
    fixed: fixed && drawCoefficients(stream, fixed.prior, sigma),
    ...(errors.df !== undefined && { weights: new Float64Array(rows).fill(1) }),
  };
  return values;
}

function drawFactorCovariance(stream: RandomStream, { factors, prior }: FactorCovariance) {
  const loadings = Float64Array.from(
    prior.loadingSds.flatMap((sd) => Array.from({ length: factors }, () => sd * drawNormal(stream))),
  );
  const uniques = Float64Array.from(prior.loadingSds, () => drawPrior(stream, prior.sd));
  return covarianceOfFactors({ loadings, uniques });
}

/** Coefficients with normal priors, those that are shrunk or pooled with their scales. */
function drawCoefficients(stream: RandomStream, { means, sds, horseshoe, pooling }: CoefficientPrior, sigma: number) {
  const coefficients = Float64Array.from(sds, (sd, i) => (means?.[i] ?? 0) + sd * drawNormal(stream));
  if (pooling !== undefined) {
    const spreads = Float64Array.from(pooling.priors, (prior) => drawPrior(stream, prior));
    for (const [j, place] of pooling.places.entries())
      coefficients[place] = (means?.[place] ?? 0) + spreads[pooling.sets[j]] * drawNormal(stream);
    return { coefficients, shrinkage: { sds: spreads } };
  }
  if (horseshoe === undefined) return { coefficients };
  const { places, globalScale, isRelative, slab: { df, scale } = { df: 1, scale: Infinity } } = horseshoe;
  const halfCauchy = (a: number): number => drawPrior(stream, { family: 'halfCauchy', parameters: [a] });
  const global = halfCauchy(isRelative ? sigma * globalScale : globalScale);
  const slab = Number.isFinite(scale)
    ? Math.sqrt(drawInverseGamma(stream, df / 2, (df * scale * scale) / 2))
    : Infinity;
  const local = Float64Array.from(places, () => halfCauchy(1));
  for (const [j, place] of places.entries()) {
    const precision = 1 / (local[j] * global) ** 2 + 1 / slab ** 2;
    coefficients[place] = (means?.[place] ?? 0) + drawNormal(stream) / Math.sqrt(precision);
  }
  return { coefficients, shrinkage: { local, global, slab } };
}

/** The same hierarchy with a response drawn given the values. */
export function withResponse(stream: RandomStream, structure: LinearHierarchy, values: ChainValues): LinearHierarchy {
  const { rows, terms, fixed, errors } = structure;
  const y = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const t = errors.df === undefined ? 1 : Math.sqrt(errors.df / (2 * drawGamma(stream, errors.df / 2)));
    y[row] = values.sigma * t * drawNormal(stream);
  }
  for (const [t, term] of terms.entries()) {
    const { coefficients } = values.terms[t].levels[0];
    const k = term.columns.length;
    const group = groupOfRow(term);
    for (let row = 0; row < rows; row++)
      for (let i = 0; i < k; i++) y[row] += term.columns[i][row] * coefficients[group[row] * k + i];
  }
  const effects = effectsOf(structure, values);
  for (let row = 0; row < rows; row++) {
    fixed?.dense.forEach((column, d) => (y[row] += column[row] * values.fixed!.coefficients[d]));
    fixed?.categories.forEach(
      ({ levelOfRow, multiplier }, c) => (y[row] += effects[c][levelOfRow[row]] * (multiplier?.[row] ?? 1)),
    );
  }
  return { ...structure, y };
}
