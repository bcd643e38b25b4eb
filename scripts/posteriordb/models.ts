// Models of posteriordb, as a user of the library would write them.
import * as tf from '@tensorflow/tfjs-core';
import { gatherRows } from '../../src/kernels/ops/index.js';
import { halfCauchy, halfStudentT, normal, studentT } from '../../src/models/distributions/index.js';
import { unitFactors } from '../../src/models/linearHierarchy/crossproducts.js';
import { defineModel, type Model, type Tensors } from '../../src/models/model.js';
import { interval, positive, real } from '../../src/models/parameters.js';
import { declaredModel } from '../../src/models/linearHierarchy/declaredModel.js';

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
  const model = declaredModel({
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

export interface Rats {
  readonly N: number;
  /** Rat of each weight, from 1. */
  readonly rat: number[];
  readonly x: number[];
  readonly y: number[];
  readonly xbar: number;
}

export const rats = ({ N, rat, x, y, xbar }: Rats): Model =>
  defineModel({
    name: 'rats',
    data: { y, age: x.map((day) => day - xbar), rat: Int32Array.from(rat, (number) => number - 1) },
    parameters: {
      alpha: real(N),
      beta: real(N),
      mu_alpha: real(),
      mu_beta: real(),
      sigma_y: positive(),
      sigma_alpha: positive(),
      sigma_beta: positive(),
    },
    logPrior: ({ alpha, beta, mu_alpha, mu_beta, sigma_alpha, sigma_beta }) =>
      tf.addN([
        normal.logDensity(mu_alpha, 0, 100),
        normal.logDensity(mu_beta, 0, 100),
        normal.logDensity(alpha, mu_alpha, sigma_alpha).sum(),
        normal.logDensity(beta, mu_beta, sigma_beta).sum(),
      ]),
    logLikelihood: ({ alpha, beta, sigma_y }, data) =>
      normal.logDensity(data.y, gatherRows(alpha, data.rat).add(gatherRows(beta, data.rat).mul(data.age)), sigma_y),
  });

export interface Pilots {
  readonly n_groups: number;
  readonly n_scenarios: number;
  /** From 1, as the scenarios. */
  readonly group_id: number[];
  readonly scenario_id: number[];
  readonly y: number[];
}

export const pilots = ({ n_groups, n_scenarios, group_id, scenario_id, y }: Pilots): Model =>
  defineModel({
    name: 'pilots',
    data: {
      y,
      group: Int32Array.from(group_id, (number) => number - 1),
      scenario: Int32Array.from(scenario_id, (number) => number - 1),
    },
    parameters: {
      // Standardised: eight and five groups say little of their spreads.
      za: real(n_groups),
      zb: real(n_scenarios),
      mu_a: real(),
      mu_b: real(),
      sigma_a: interval(0, 100),
      sigma_b: interval(0, 100),
      sigma_y: interval(0, 100),
    },
    logPrior: ({ za, zb, mu_a, mu_b }) =>
      tf.addN([
        normal.logDensity(mu_a),
        normal.logDensity(mu_b),
        normal.logDensity(za).sum(),
        normal.logDensity(zb).sum(),
      ]),
    logLikelihood: (p, data) =>
      normal.logDensity(
        data.y,
        gatherRows(pilotGroups(p).a, data.group).add(gatherRows(pilotGroups(p).b, data.scenario)),
        p.sigma_y,
      ),
    derived: { sites: { a: [n_groups], b: [n_scenarios] }, compute: pilotGroups },
  });

const pilotGroups = ({ za, zb, mu_a, mu_b, sigma_a, sigma_b }: Tensors): Record<'a' | 'b', tf.Tensor> => ({
  a: mu_a.mul(10).add(sigma_a.mul(za)),
  b: mu_b.mul(10).add(sigma_b.mul(zb)),
});
