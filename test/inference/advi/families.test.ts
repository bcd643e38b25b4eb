// Families: derivatives against finite differences with fixed draws, entropies and scores against dense normals, covariances.
import { describe, expect, it } from 'vitest';
import { ConditionalFamily } from '../../../src/inference/advi/conditionalFamily.js';
import type { Family } from '../../../src/inference/advi/family.js';
import { LowRankFamily } from '../../../src/inference/advi/lowRankFamily.js';
import { fixedNoise } from '../../../src/inference/advi/noise.js';
import { ElboObjective } from '../../../src/inference/advi/objective.js';
import { fullyDependent, independent, nestedPattern } from '../../../src/inference/advi/pattern.js';
import { cholesky, solve } from '../../../src/inference/linearAlgebra.js';
import { randomKey } from '../../../src/inference/random/streams.js';
import { randomNumbers } from '../../models/random.js';
import { batched, eightSchools } from '../densities.js';

const dimension = 10;
/** Two global elements, two groups of an outer level, three of an inner one, one coefficient in each outer group and two in each inner one. */
const nested = nestedPattern(dimension, [
  [
    { offset: 4, groups: 3, size: 2, parent: [0, 0, 1] },
    { offset: 2, groups: 2, size: 1, parent: null },
  ],
]);
/** The same with the outer groups sampled as deviations. */
const deviations = nestedPattern(dimension, [
  [
    { offset: 4, groups: 3, size: 2, parent: [0, 0, 1] },
    { offset: 2, groups: 2, size: 1, parent: null, isCentred: false },
  ],
]);
const families: Family[] = [
  new ConditionalFamily('mean-field', independent(dimension)),
  new ConditionalFamily('full-rank', fullyDependent(dimension)),
  new ConditionalFamily('structured', nested),
  new ConditionalFamily('structured', deviations),
  new LowRankFamily(dimension, 3, randomKey(1)),
];
const all = Int32Array.from({ length: dimension }, (_, i) => i);

describe.each(families)('$name', (family) => {
  const random = randomNumbers(`family ${family.name}`);
  const draws = 6;
  const phi = random.normals(family.parameterCount, 0.3);
  const noise = random.normals(family.noiseCount * draws);
  const standardisation = { centre: random.normals(dimension), scale: new Float64Array(dimension).fill(0.7) };
  const { density } = eightSchools();
  const objective = new ElboObjective(batched(dimension, density, 4), family, standardisation, draws);

  it('gradient of the ELBO is that of finite differences over the same draws', async () => {
    const gradient = new Float64Array(phi.length);
    const scratch = new Float64Array(phi.length);
    await objective.closedForm(phi, [noise], gradient);
    const step = 1e-5;
    for (let i = 0; i < phi.length; i++) {
      const at = (by: number): Promise<number> =>
        objective.closedForm(
          phi.map((value, k) => (k === i ? value + by : value)),
          [noise],
          scratch,
        );
      const difference = ((await at(step)) - (await at(-step))) / (2 * step);
      expect(Math.abs(difference - gradient[i])).toBeLessThan(1e-6 * (1 + Math.abs(gradient[i])));
    }
  });

  it('entropy, log density and score are those of the normal with its mean and covariance', () => {
    const covariance = family.covariance(phi, all);
    const factor = cholesky(covariance, dimension)!;
    let logDeterminant = 0;
    for (let i = 0; i < dimension; i++) logDeterminant += Math.log(factor[i * (dimension + 1)]);
    expect(family.entropy(phi)).toBeCloseTo(logDeterminant + 0.5 * dimension * (1 + Math.log(2 * Math.PI)), 9);
    const positions = new Float64Array(dimension * draws);
    family.transform(phi, noise, draws, positions);
    const slopes = new Float64Array(dimension * draws);
    const logDensities = new Float64Array(draws);
    family.subtractScore(phi, noise, draws, positions, slopes, logDensities);
    const logDensityAt = (u: Float64Array): number => {
      const white = u.map((value, i) => value - phi[i]);
      solve(factor, white);
      const square = white.reduce((sum, z) => sum + z * z, 0);
      return -logDeterminant - 0.5 * (square + dimension * Math.log(2 * Math.PI));
    };
    for (let m = 0; m < draws; m++) {
      const u = Float64Array.from({ length: dimension }, (_, i) => positions[i * draws + m]);
      // The low-rank family's log density is of u, not of the noise, of which there is more.
      expect(logDensities[m]).toBeCloseTo(logDensityAt(u), 8);
      for (let i = 0; i < dimension; i++) {
        const at = (by: number): number => logDensityAt(u.map((value, k) => (k === i ? value + by : value)));
        expect(slopes[i * draws + m]).toBeCloseTo((at(-1e-5) - at(1e-5)) / 2e-5, 5);
      }
    }
  });

  it('covariance is that of its draws', () => {
    const count = 40_000;
    const many = randomNumbers('many').normals(family.noiseCount * count);
    const positions = new Float64Array(dimension * count);
    family.transform(phi, many, count, positions);
    const covariance = family.covariance(phi, all);
    for (let i = 0; i < dimension; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        for (let m = 0; m < count; m++)
          sum += (positions[i * count + m] - phi[i]) * (positions[j * count + m] - phi[j]);
        const size = Math.sqrt(covariance[i * (dimension + 1)] * covariance[j * (dimension + 1)]);
        // Standard error of a correlation: at most √2/√40,000.
        expect(Math.abs(sum / count - covariance[i * dimension + j]) / size).toBeLessThan(5 * 0.0071);
      }
    }
  });

  it('fixed draws are antithetic, of unit variance, and uncorrelated with what precedes them', () => {
    const count = 32;
    const [fixed] = fixedNoise(family, count, randomKey(4));
    const rowOf = (i: number): Float64Array => fixed.subarray(i * count, (i + 1) * count);
    for (let i = 0; i < family.noiseCount; i++) {
      const own = rowOf(i);
      for (let m = 0; m < count / 2; m++) expect(own[m]).toBe(-own[count / 2 + m]);
      expect(own.reduce((sum, z) => sum + z * z, 0)).toBeCloseTo(count, 9);
      for (const j of Array.from(family.noisePredecessors(i))) {
        const other = rowOf(j);
        expect(Math.abs(own.reduce((sum, z, m) => sum + z * other[m], 0))).toBeLessThan(1e-9);
      }
    }
    expect(fixedNoise(family, count, randomKey(4))).toEqual([fixed]);
    expect(fixedNoise(family, count, randomKey(5))).not.toEqual([fixed]);
  });
});

it('the pattern of a nested hierarchy', () => {
  const parentsOf = (i: number): number[] => Array.from(nested.parents.subarray(nested.start[i], nested.start[i + 1]));
  expect(parentsOf(0)).toEqual([]);
  expect(parentsOf(1)).toEqual([0]);
  expect(parentsOf(3)).toEqual([0, 1]);
  // The second coefficient of the third inner group: the second outer group, and the coefficient before it.
  expect(parentsOf(8)).toEqual([3]);
  expect(parentsOf(9)).toEqual([3, 8]);
  expect([...nested.order]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  // Sums 10 and 11 stand for the outer groups, each with the global elements.
  expect([...deviations.sums]).toEqual([2, 3]);
  expect(Array.from(deviations.parents.subarray(deviations.start[9], deviations.start[10]))).toEqual([11, 8]);
  expect(Array.from(deviations.parents.subarray(deviations.start[11], deviations.start[12]))).toEqual([0, 1]);
});
