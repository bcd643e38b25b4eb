// The models behind posteriordb's reference draws, as a user of the library would write them.
import * as tf from '@tensorflow/tfjs-core';
import { halfCauchy, halfStudentT, normal, studentT } from '../../src/models/distributions/index.js';
import { defineModel } from '../../src/models/model.js';
import { positive, real } from '../../src/models/parameters.js';

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

export const diamonds = ({ Y, X }: Diamonds) => {
  const means = X[0].map((_, k) => X.reduce((sum, row) => sum + row[k] / X.length, 0));
  return defineModel({
    name: 'diamonds',
    data: { y: Y, x: X.map((row) => row.map((value, k) => value - means[k]).slice(1)) },
    parameters: { b: real(X[0].length - 1), intercept: real(), sigma: positive() },
    logPrior: ({ b, intercept, sigma }) =>
      tf.addN([
        normal.logDensity(b).sum(),
        studentT.logDensity(intercept, 3, 8, 10),
        halfStudentT.logDensity(sigma, 3, 10),
      ]),
    logLikelihood: ({ b, intercept, sigma }, { x, y }) => normal.logDensity(y, x.mul(b).sum(1).add(intercept), sigma),
  });
};
