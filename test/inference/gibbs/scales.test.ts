// Draws of scales: their priors against the model's, and each update against what it must leave invariant.
import { describe, expect, it } from 'vitest';
import type { PriorSpec } from '../../../src/data/prior.js';
import { inverseCorrelationDiagonal } from '../../../src/inference/gibbs/correlations.js';
import { updateFullCovariance } from '../../../src/inference/gibbs/covarianceUpdates.js';
import { logCovariancePrior, logPrior, logSdPrior } from '../../../src/inference/gibbs/priorDensity.js';
import { updateDiagonalSd, updateSd } from '../../../src/inference/gibbs/sdUpdates.js';
import { updateSignedScales } from '../../../src/inference/gibbs/signedScales.js';
import { sliceSample } from '../../../src/inference/gibbs/slice.js';
import { drawNormal } from '../../../src/inference/random/distributions.js';
import { PhiloxStream, randomKey } from '../../../src/inference/random/streams.js';
import { type CovariancePrior, covarianceLogDensity } from '../../../src/models/covariancePriors.js';
import { priorLogDensity } from '../../../src/models/priors.js';
import { batchedFunction } from '../../models/batchedFunction.js';
import { drawCovariance, drawPrior } from './simulate.js';

const univariate: Readonly<Record<string, PriorSpec>> = {
  halfNormal: { family: 'halfNormal', parameters: [1.5] },
  halfStudentT: { family: 'halfStudentT', parameters: [3, 0.7] },
  halfCauchy: { family: 'halfCauchy', parameters: [0.5] },
  exponential: { family: 'exponential', parameters: [2] },
  gamma: { family: 'gamma', parameters: [2, 3] },
  inverseGamma: { family: 'inverseGamma', parameters: [3, 2] },
  precisionGamma: { family: 'precisionGamma', parameters: [3, 2] },
};

const k = 3;
const covariances: Readonly<Record<string, CovariancePrior>> = {
  huangWand: { kind: 'huangWand', df: 2, scales: [1, 0.5, 2] },
  inverseWishart: { kind: 'inverseWishart', df: 6, scale: 2 },
  'separate, LKJ': { kind: 'separate', sd: { family: 'halfNormal', parameters: [1.5] }, eta: 2 },
  'separate, half-t': { kind: 'separate', sd: { family: 'halfStudentT', parameters: [3, 0.7] }, eta: 0.8 },
};

const seeds = [1, 2, 3];
const streamOf = (seed: number): PhiloxStream => new PhiloxStream(randomKey(seed), 0, 0, 77);

/** Largest |mean| of the columns, in standard errors. */
function largestError(rows: readonly (readonly number[])[]): number {
  const errors = rows[0].map((_, column) => {
    const mean = rows.reduce((sum, row) => sum + row[column], 0) / rows.length;
    const variance = rows.reduce((sum, row) => sum + (row[column] - mean) ** 2, 0) / (rows.length - 1);
    return variance === 0 ? 0 : Math.abs(mean) / Math.sqrt(variance / rows.length);
  });
  return Math.max(...errors);
}

/** Statistics of a covariance that an update must leave as they are on average. */
const statistics = (sds: Float64Array, lower?: Float64Array): number[] => [
  ...Array.from(sds, (s) => Math.log(s)),
  ...Array.from(sds, (s) => Math.log(s) ** 2),
  ...(lower ? Array.from({ length: k * k }, (_, at) => lower[at]) : []),
  ...(lower ? [lower[k] * Math.log(sds[0]), lower[k] ** 2] : []),
];

const difference = (after: readonly number[], before: readonly number[]): number[] =>
  after.map((value, i) => value - before[i]);

describe('densities of the priors', () => {
  it.each(Object.keys(univariate))('%s is the model’s up to a constant', async (name) => {
    const prior = univariate[name];
    const density = await batchedFunction(({ x }) => priorLogDensity(prior, x), { x: [] });
    const points = [0.1, 0.5, 1, 3, 10];
    const values = density(points.length, (i) => [points[i]]);
    points.forEach((x, i) =>
      expect(logPrior(prior, x) - logPrior(prior, points[0])).toBeCloseTo(values[i] - values[0], 8),
    );
  });

  it.each(Object.keys(covariances))('%s: of one standard deviation given all else', async (name) => {
    const prior = covariances[name];
    const { lower, sds } = drawCovariance(streamOf(5), prior, k, true);
    const full = await batchedFunction((p) => covarianceLogDensity(prior, p.s, p.lower), { s: [k], lower: [k, k] });
    const diagonal = await batchedFunction((p) => covarianceLogDensity(prior, p.s, undefined), { s: [k] });
    const inverse = inverseCorrelationDiagonal(lower!, k);
    for (let i = 0; i < k; i++) {
      const moved = [0.2, 0.9, 4].map((s) => sds.with(i, s));
      const values = full(3, (n) => [...moved[n], ...lower!]);
      const ofDiagonal = diagonal(3, (n) => moved[n]);
      for (const n of [1, 2]) {
        const own = (from: Float64Array | undefined, m: number): number => logSdPrior(prior, i, k, from, moved[m][i]);
        expect(own(inverse, n) - own(inverse, 0)).toBeCloseTo(values[n] - values[0], 8);
        expect(own(undefined, n) - own(undefined, 0)).toBeCloseTo(ofDiagonal[n] - ofDiagonal[0], 8);
      }
    }
  });
});

describe('the density of a covariance', () => {
  it.each(Object.keys(covariances))('%s is the model’s up to a constant', async (name) => {
    const prior = covariances[name];
    const stream = streamOf(6);
    const points = Array.from({ length: 5 }, () => drawCovariance(stream, prior, k, true));
    const full = await batchedFunction((p) => covarianceLogDensity(prior, p.s, p.lower), { s: [k], lower: [k, k] });
    const diagonal = await batchedFunction((p) => covarianceLogDensity(prior, p.s, undefined), { s: [k] });
    const values = full(5, (n) => [...points[n].sds, ...points[n].lower!]);
    const ofDiagonal = diagonal(5, (n) => points[n].sds);
    const own = points.map(({ sds, lower }) => logCovariancePrior(prior, sds, lower));
    const ownDiagonal = points.map(({ sds }) => logCovariancePrior(prior, sds, undefined));
    for (let n = 1; n < 5; n++) {
      expect(own[n] - own[0]).toBeCloseTo(values[n] - values[0], 8);
      expect(ownDiagonal[n] - ownDiagonal[0]).toBeCloseTo(ofDiagonal[n] - ofDiagonal[0], 8);
    }
  });
});

/** Paired changes of statistics over replications: values from the prior, deviations given them, one update. */
function replicate(count: number, seed: number, once: (stream: PhiloxStream) => number[]): number {
  const stream = streamOf(seed);
  return largestError(Array.from({ length: count }, () => once(stream)));
}

const deviations = (stream: PhiloxStream, groups: number, sds: Float64Array, lower?: Float64Array): Float64Array => {
  const values = new Float64Array(groups * k);
  for (let g = 0; g < groups; g++) {
    const z = Array.from({ length: k }, () => drawNormal(stream));
    for (let i = 0; i < k; i++) {
      const own = lower === undefined ? z[i] : z.reduce((sum, zj, j) => sum + lower[i * k + j] * zj, 0);
      values[g * k + i] = sds[i] * own;
    }
  }
  return values;
};

const productsOf = (values: Float64Array): Float64Array => {
  const products = new Float64Array(k * k);
  for (let at = 0; at < values.length; at += k)
    for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) products[i * k + j] += values[at + i] * values[at + j];
  return products;
};

describe.each(seeds)('updates leave the joint distribution as it is, seed %i', (seed) => {
  it.each(Object.keys(univariate))('σ under %s', (name) => {
    const prior = univariate[name];
    for (const count of [1, 6]) {
      const off = replicate(3000, seed, (stream) => {
        const sd = drawPrior(stream, prior);
        let sum = 0;
        for (let n = 0; n < count; n++) sum += (sd * drawNormal(stream)) ** 2;
        const after = updateSd(stream, prior, { count, sum }, sd);
        return difference([Math.log(after), Math.log(after) ** 2], [Math.log(sd), Math.log(sd) ** 2]);
      });
      expect(off).toBeLessThan(4);
    }
  });

  it.each(Object.keys(covariances))('diagonal under %s', (name) => {
    const prior = covariances[name];
    const off = replicate(2000, seed, (stream) => {
      const { sds } = drawCovariance(stream, prior, k, false);
      const products = productsOf(deviations(stream, 5, sds));
      const after = sds.map((sd, i) =>
        updateDiagonalSd(stream, prior, i, k, { count: 5, sum: products[i * (k + 1)] }, sd),
      );
      return difference(statistics(after), statistics(sds));
    });
    expect(off).toBeLessThan(4.5);
  });

  it.each(Object.keys(covariances))('full under %s', (name) => {
    const prior = covariances[name];
    const off = replicate(2000, seed, (stream) => {
      const { sds, lower } = drawCovariance(stream, prior, k, true);
      const matrix = productsOf(deviations(stream, 5, sds, lower));
      const after = { sds: sds.slice(), lower: lower!.slice() };
      updateFullCovariance(stream, prior, { count: 5, matrix }, after);
      return difference(statistics(after.sds, after.lower), statistics(sds, lower));
    });
    expect(off).toBeLessThan(4.5);
  });

  it.each(Object.keys(covariances).flatMap((name) => [true, false].map((full) => [name, full] as const)))(
    'signed scales under %s, full %s',
    (name, full) => {
      const off = replicate(2000, seed, (stream) => signedUpdate(stream, covariances[name], covariances[name], full));
      expect(off).toBeLessThan(4.5);
    },
  );
});

/** One ancillary update where each group's deviations are seen through a design, with errors of variance 1. */
function signedUpdate(stream: PhiloxStream, truth: CovariancePrior, prior: CovariancePrior, full: boolean): number[] {
  const { sds, lower } = drawCovariance(stream, truth, k, full);
  const groups = 4;
  const values = deviations(stream, groups, sds, lower);
  const [slopes, curvature] = [new Float64Array(k), new Float64Array(k * k)];
  for (let g = 0; g < groups; g++) {
    for (let row = 0; row < 2; row++) {
      const x = Array.from({ length: k }, (_, i) => (i === 0 ? 1 : drawNormal(stream)));
      const parts = x.map((own, i) => own * values[g * k + i]);
      // The residual at the present scales is the error itself.
      const error = drawNormal(stream);
      for (let i = 0; i < k; i++) {
        slopes[i] += parts[i] * error;
        for (let j = 0; j < k; j++) curvature[i * k + j] += parts[i] * parts[j];
      }
    }
  }
  const after = { sds: sds.slice(), lower: lower?.slice() };
  const inverse = after.lower && inverseCorrelationDiagonal(after.lower, k);
  const logDensity = (i: number, sd: number): number => logSdPrior(prior, i, k, inverse, sd);
  const rho = updateSignedScales(stream, { slopes, curvature }, { logDensity, ...after });
  rho.forEach((own, i) => expect(Math.abs(own) * sds[i]).toBeCloseTo(after.sds[i], 10));
  return difference(statistics(after.sds, after.lower), statistics(sds, lower));
}

describe('broken updates are noticed', () => {
  it('one degree of freedom too many', () => {
    const prior = univariate.halfStudentT;
    const off = replicate(3000, 1, (stream) => {
      const sd = drawPrior(stream, prior);
      let sum = 0;
      for (let n = 0; n < 6; n++) sum += (sd * drawNormal(stream)) ** 2;
      return [Math.log(updateSd(stream, prior, { count: 7, sum }, sd)) - Math.log(sd)];
    });
    expect(off).toBeGreaterThan(6);
  });

  it('another prior in the ancillary update', () => {
    const wrong: CovariancePrior = { kind: 'separate', sd: { family: 'halfNormal', parameters: [1] }, eta: 2 };
    const off = replicate(5000, 1, (stream) => signedUpdate(stream, covariances['separate, LKJ'], wrong, false));
    expect(off).toBeGreaterThan(6);
  });
});

describe('slice sampling', () => {
  it.each(seeds)('finds both modes of a mixture, seed %i', (seed) => {
    const stream = streamOf(seed);
    const density = (x: number): number =>
      Math.log(0.3 * Math.exp(-0.5 * (x + 2) ** 2) + 0.7 * Math.exp(-0.5 * (x - 2) ** 2));
    let x = 0;
    const draws = Array.from({ length: 20_000 }, () => (x = sliceSample(stream, x, 2, density)));
    // E x = 0.8, Var x = 1 + 4 − 0.64; means over batches of 200 are nearly independent.
    const batches = Array.from({ length: 100 }, (_, b) => draws.slice(200 * b, 200 * (b + 1)));
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(largestError(batches.map((own) => [mean(own) - 0.8, mean(own.map((v) => v * v)) - 5]))).toBeLessThan(4);
  });
});
