// Coefficients drawn back given the scales: mean and covariance equal those of the dense Gaussian posterior, exactly.
import { describe, expect, it } from 'vitest';
import { CoefficientDraws } from '../../../src/inference/marginal/coefficientDraws.js';
import { normalBlocks } from '../../../src/inference/marginal/drawProgram.js';
import { identityMap, marginalOf } from '../../../src/inference/marginal/marginalDensity.js';
import { HierarchyPositions } from '../../../src/inference/linearHierarchy/positions.js';
import type { RandomStream } from '../../../src/inference/random/streams.js';
import { groupOfRow } from '../../../src/models/linearHierarchy/hierarchyModel.js';
import type { LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import type { HierarchyValues } from '../../../src/models/linearHierarchy/values.js';
import { invert, matrixOf } from '../../models/denseMatrices.js';
import { densityOf } from '../../models/evaluateModel.js';
import { type HierarchyShape, partialTerm, stackedTerm } from '../../models/hierarchyExample.js';
import { linearStructure } from '../../../src/models/linearHierarchy/structure.js';
import { randomNumbers } from '../../models/random.js';
import { simulatedHierarchy } from './example.js';

const shapes: Record<string, HierarchyShape> = {
  'two levels, full covariance, covariates': {
    terms: [{ slopes: 1, levels: [{ groups: 5, full: true, covariates: 1, centring: [0.5, 1] }] }],
  },
  'three levels, full covariances': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 6, full: true, centring: 1 },
          { groups: 3, full: true, covariates: 1 },
        ],
      },
    ],
  },
  'four levels, singular units': {
    terms: [
      {
        slopes: 1,
        levels: [{ groups: 6 }, { groups: 4, full: true }, { groups: 2 }],
        rowsOf: (group) => 1 + (group % 3),
        isEmpty: (group) => group === 2,
      },
    ],
  },
  'three levels, fixed columns and categories': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 6, full: true, covariates: 1 },
          { groups: 3, covariates: 1 },
        ],
      },
    ],
    fixed: { dense: 1, categories: [3, 4], multiplier: true },
  },
};

/** A stream whose normals are all 0 but one. */
const unitStream = (place: number): RandomStream => ({
  uniform: () => NaN,
  bernoulli: () => false,
  fillNormal: (target) => {
    target.fill(0);
    if (place >= 0) target[place] = 1;
  },
});

/** All coefficients in one vector: levels from the innermost outwards, then the population, then those of the fixed block. */
const flat = ({ terms: [{ levels, population }], fixed }: HierarchyValues): number[] => [
  ...levels.flatMap(({ coefficients }) => [...coefficients]),
  ...population,
  ...(fixed?.coefficients ?? []),
];

/** Mean and covariance of all coefficients given the scales: precision and score of every row, group and prior added up. */
function densePosterior({ y, terms: [term], fixed }: LinearHierarchy, { sigma, terms: [values] }: HierarchyValues) {
  const offsets = [0];
  for (const { groups, size } of term.levels) offsets.push(offsets[offsets.length - 1] + groups * size);
  const populationAt = offsets[term.levels.length];
  const fixedAt = populationAt + values.population.length;
  const sds = fixed?.prior.kind === 'normal' ? fixed.prior.sds : [];
  const total = fixedAt + sds.length;
  const precision = matrixOf(total, total, () => 0);
  const score = Array<number>(total).fill(0);
  /** Adds an observation of the given value with unit variance of a linear combination. */
  const observe = (weights: ReadonlyMap<number, number>, value: number): void => {
    for (const [i, a] of weights) {
      score[i] += a * value;
      for (const [j, b] of weights) precision[i][j] += a * b;
    }
  };
  const groups = groupOfRow(term);
  const p = term.columns.length;
  for (const [row, value] of y.entries()) {
    const weights = new Map(term.columns.map((x, k) => [groups[row] * p + k, x[row] / sigma]));
    let next = fixedAt;
    for (const column of fixed?.dense ?? []) weights.set(next++, column[row] / sigma);
    for (const { levels, levelOfRow, multiplier } of fixed?.categories ?? []) {
      for (let level = 0; level < levels - 1; level++) {
        const own = levelOfRow[row] === levels - 1 ? -1 : Number(levelOfRow[row] === level);
        weights.set(next++, (own * (multiplier?.[row] ?? 1)) / sigma);
      }
    }
    observe(weights, value / sigma);
  }
  for (const [i, sd] of sds.entries()) observe(new Map([[fixedAt + i, 1 / sd]]), 0);
  for (const [l, { groups: count, size, covariates, covariateCount: q, parent }] of term.levels.entries()) {
    const { sds, lower } = values.levels[l];
    const factor = matrixOf(size, size, (i, j) => sds[i] * (lower?.[i * size + j] ?? Number(i === j)));
    const whiten = invert(factor).inverse;
    for (let g = 0; g < count; g++) {
      for (const row of whiten) {
        const weights = new Map<number, number>();
        for (let i = 0; i < size; i++) {
          weights.set(offsets[l] + g * size + i, row[i]);
          const outer = parent === null ? populationAt : offsets[l + 1] + parent[g] * size * q;
          for (let j = 0; j < q; j++) weights.set(outer + i * q + j, -row[i] * covariates[g * q + j]);
        }
        observe(weights, 0);
      }
    }
  }
  const { prior } = term.population;
  if (prior.kind !== 'normal') throw new Error('not here');
  for (const [i, sd] of prior.sds.entries()) observe(new Map([[populationAt + i, 1 / sd]]), prior.means[i] / sd);
  const covariance = invert(precision).inverse;
  return { mean: covariance.map((row) => row.reduce((sum, x, j) => sum + x * score[j], 0)), covariance };
}

it.each([
  ['where some do not deviate', partialTerm],
  ['where groups are given twice', stackedTerm],
])('have the density of the model given the scales %s', async (_, term) => {
  const model = simulatedHierarchy({ terms: [term], seed: 'partial' });
  const marginal = marginalOf(linearStructure(model)!);
  const draws = await CoefficientDraws.compile(marginal, model);
  const { dimension } = marginal;
  const random = randomNumbers('partial');
  draws.setMap({ ...identityMap(dimension), units: random.normals(dimension).map((x) => 0.8 + 0.1 * x) });
  const xi = random.normals(dimension);
  const density = await densityOf(model);
  const position = new Float64Array(draws.dimension);
  const found: number[] = [];
  for (let n = 0; n < 5; n++) {
    let squares = 0;
    const fillNormal = (target: Float64Array): void => {
      target.set(random.normals(target.length));
      // Groups without data, after those that were declared, have normals too: 0 here.
      let next = 0;
      for (const [b, { size }] of normalBlocks(marginal).entries()) {
        const declared = b === 0 ? size : (size / marginal.term.levels[b - 1].groups) * marginal.groups[b - 1];
        target.fill(0, next + declared, next + size);
        next += size;
      }
      squares = target.reduce((sum, z) => sum + z * z, 0);
    };
    draws.set(0, xi, { ...unitStream(-1), fillNormal });
    draws.run();
    draws.read(0, position);
    found.push((await density.at(position)).value + 0.5 * squares);
  }
  for (const value of found) expect(value).toBeCloseTo(found[0], 8);
});

describe.each(Object.keys(shapes))('%s', (name) => {
  const model = simulatedHierarchy({ ...shapes[name], seed: name });

  it('have the mean and covariance of the posterior given the scales', async () => {
    const marginal = marginalOf(linearStructure(model)!);
    const draws = await CoefficientDraws.compile(marginal, model);
    const { dimension } = marginal;
    const random = randomNumbers(name);
    // A map that is no identity, and scales of both signs.
    const map = Float64Array.from({ length: dimension * dimension }, (_, at) =>
      at % (dimension + 1) === 0 ? 0.5 : 0.1,
    );
    const units = random.normals(dimension).map((x) => 0.8 + 0.1 * x);
    const bends = random.normals(dimension).map((x) => x * x);
    draws.setMap({ centre: random.normals(dimension, 0.5), map, units, bends });
    const xi = random.normals(dimension);
    const positions = new HierarchyPositions(model);
    const at = (place: number): HierarchyValues => {
      const target = new Float64Array(draws.dimension);
      for (let draw = 0; draw < draws.capacity; draw++) draws.set(draw, xi, unitStream(place));
      draws.run();
      draws.read(place < 0 ? 0 : place % draws.capacity, target);
      return positions.read(target);
    };
    const still = at(-1);
    const { mean, covariance } = densePosterior(linearStructure(model)!, still);
    const centre = flat(still);
    centre.forEach((value, i) => expect(value).toBeCloseTo(mean[i], 8));
    const normals = normalBlocks(marginal).reduce((sum, { size }) => sum + size, 0);
    const moves = Array.from({ length: normals }, (_, place) => flat(at(place)).map((value, i) => value - centre[i]));
    for (let i = 0; i < centre.length; i++) {
      for (let j = 0; j <= i; j++) {
        const sum = moves.reduce((total, move) => total + move[i] * move[j], 0);
        expect(sum).toBeCloseTo(covariance[i][j], 8);
      }
    }
  });
});
