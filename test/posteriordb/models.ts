// The models behind posteriordb's reference draws, as a user of the library would write them.
import * as tf from '@tensorflow/tfjs-core';
import { halfCauchy, halfStudentT, normal, studentT } from '../../src/models/distributions/index.js';
import { unitFactors } from '../../src/models/linearHierarchy/crossproducts.js';
import { defineModel, type Model } from '../../src/models/model.js';
import { positive, real } from '../../src/models/parameters.js';
import { modelOf } from '../models/hierarchyExample.js';

export interface EightSchools {
  readonly J: number;
  readonly y: number[];
  readonly sigma: number[];
}

const schools = (count: number): Record<string, string[]> => ({
  school: Array.from({ length: count }, (_, j) => `${j + 1}`),
});

export const eightSchoolsCentred = ({ J, y, sigma }: EightSchools) =>
  defineModel({
    name: 'eight schools, centred',
    data: { y, sigma },
    coords: schools(J),
    parameters: { mu: real(), tau: positive(), theta: real('school') },
    logPrior: ({ mu, tau, theta }) =>
      tf.addN([normal.logDensity(mu, 0, 5), halfCauchy.logDensity(tau, 5), normal.logDensity(theta, mu, tau).sum()]),
    logLikelihood: ({ theta }, { y, sigma }) => normal.logDensity(y, theta, sigma),
  });

export const eightSchoolsNoncentred = ({ J, y, sigma }: EightSchools) =>
  defineModel({
    name: 'eight schools, non-centred',
    data: { y, sigma },
    coords: schools(J),
    parameters: { mu: real(), tau: positive(), z: real('school') },
    logPrior: ({ mu, tau, z }) =>
      tf.addN([normal.logDensity(mu, 0, 5), halfCauchy.logDensity(tau, 5), normal.logDensity(z).sum()]),
    logLikelihood: ({ mu, tau, z }, { y, sigma }) => normal.logDensity(y, mu.add(tau.mul(z)), sigma),
    derived: {
      sites: { theta: ['school'] },
      compute: ({ mu, tau, z }) => ({ theta: mu.add(tau.mul(z)) }),
    },
  });

export interface Kidiq {
  readonly kid_score: number[];
  readonly mom_hs: number[];
  readonly mom_iq: number[];
}

export const kidiqInteraction = ({ kid_score, mom_hs, mom_iq }: Kidiq) =>
  defineModel({
    name: 'kidiq with interaction',
    data: { y: kid_score, x: mom_hs.map((hs, i) => [1, hs, mom_iq[i], hs * mom_iq[i]]) },
    parameters: { beta: real(4), sigma: positive() },
    logPrior: ({ sigma }) => halfCauchy.logDensity(sigma, 2.5),
    logLikelihood: ({ beta, sigma }, { x, y }) => normal.logDensity(y, x.mul(beta).sum(1), sigma),
  });

export interface Diamonds {
  readonly Y: number[];
  /** First column 1. */
  readonly X: number[][];
}

export const diamonds = ({ Y, X }: Diamonds) =>
  defineModel({
    name: 'diamonds',
    data: { y: Y, x: centredPredictors(X) },
    parameters: { b: real(X[0].length - 1), intercept: real(), sigma: positive() },
    logPrior: ({ b, intercept, sigma }) =>
      tf.addN([
        normal.logDensity(b).sum(),
        studentT.logDensity(intercept, 3, 8, 10),
        halfStudentT.logDensity(sigma, 3, 10),
      ]),
    logLikelihood: ({ b, intercept, sigma }, { x, y }) => normal.logDensity(y, x.mul(b).sum(1).add(intercept), sigma),
  });

/** The same model with its likelihood by orthogonal factors of the rows: ‖y − Xβ‖² = residual + ‖z − Rβ‖², whatever their number. */
export const diamondsByFactors = (given: Diamonds): Model => {
  const { Y, X } = given;
  const x = centredPredictors(X);
  const columns = [0, ...x[0].keys()].map((k, column) => Float64Array.from(x, (row) => (column === 0 ? 1 : row[k])));
  const factors = unitFactors(Float64Array.from(Y), columns, Int32Array.of(0, Y.length));
  const model = diamonds(given);
  return {
    ...model,
    data: {
      ...model.data,
      upper: { shape: [columns.length, columns.length], values: factors.upper },
      projected: { shape: [columns.length], values: factors.projected },
    },
    totalLogLikelihood: ({ b, intercept, sigma }, { upper, projected }) => {
      const beta = tf.concat([intercept.reshape([1]), b], 0);
      const squares = projected.sub(upper.mul(beta).sum(1)).square().sum().add(factors.residualSumOfSquares);
      const logScale = sigma.log().add(0.5 * Math.log(2 * Math.PI));
      return logScale.mul(-Y.length).sub(squares.div(sigma.square()).mul(0.5));
    },
  };
};

/**
 * The same posterior as a declared hierarchy. Student's t of the intercept is a scale mixture of normals: one group that holds every
 * row, around 8, whose variance is inverse gamma(3/2, 3·10²/2). Covariate 0 keeps the population's mean out of it.
 */
export const diamondsDeclared = ({ Y, X }: Diamonds): Model => {
  const rows = Y.length;
  const x = centredPredictors(X);
  const dense = x[0].map((_, k) => Float64Array.from(x, (row) => row[k]));
  const model = modelOf({
    rows,
    y: Float64Array.from(Y, (y) => y - 8),
    terms: [
      {
        columns: [new Float64Array(rows).fill(1)],
        rowStart: Int32Array.of(0, rows),
        levels: [
          {
            groups: 1,
            size: 1,
            parent: null,
            covariates: Float64Array.of(0),
            covariateCount: 1,
            covariance: {
              sds: 'scale',
              cholesky: undefined,
              prior: { kind: 'inverseWishart', df: 3, scale: 3 * 10 ** 2 },
            },
            coefficients: 'intercept',
            centring: [1],
          },
        ],
        population: { name: 'unused', prior: { kind: 'normal', means: [0], sds: [1] } },
      },
    ],
    fixed: { name: 'b', dense, categories: [], prior: { kind: 'normal', sds: dense.map(() => 1) } },
    errors: { sigma: 'sigma', prior: { family: 'halfStudentT', parameters: [3, 10] } },
  });
  return {
    ...model,
    report: (p, d) => {
      const sites = model.report(p, d);
      return { ...sites, intercept: sites.intercept.add(8) };
    },
  };
};

/** All columns but the constant, less their means. */
function centredPredictors(X: readonly (readonly number[])[]): number[][] {
  const means = X[0].map((_, k) => X.reduce((sum, row) => sum + row[k] / X.length, 0));
  return X.map((row) => row.map((value, k) => value - means[k]).slice(1));
}
