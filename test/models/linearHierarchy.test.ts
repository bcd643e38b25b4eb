// Models made of a declared linear hierarchy: their density written out in loops, and positions there and back.
import { describe, expect, it } from 'vitest';
import { HierarchyPositions } from '../../src/inference/linearHierarchy/positions.js';
import { groupOfRow } from '../../src/models/linearHierarchy/hierarchyModel.js';
import { deviatingOf, outerPlaces } from '../../src/models/linearHierarchy/links.js';
import {
  type CoefficientPrior,
  hasFactors,
  type Horseshoe,
  type LinearHierarchy,
} from '../../src/models/linearHierarchy/structure.js';
import type { HierarchyValues, HorseshoeValues, ShrinkageValues } from '../../src/models/linearHierarchy/values.js';
import type { Model } from '../../src/models/model.js';
import { logGamma } from '../../src/kernels/math/specialFunctions.js';
import { densityOf, gradientError, quantityOf } from './evaluateModel.js';
import { declaredModel } from '../../src/models/linearHierarchy/declaredModel.js';
import { type HierarchyShape, hierarchyExample, partialTerm, stackedTerm } from './hierarchyExample.js';
import { randomNumbers } from './random.js';
import { normalLog } from './threeLevelReference.js';
import { positionBlocks } from '../../src/inference/compiledModel.js';

const shapes: Record<string, HierarchyShape> = {
  'one level': { terms: [{ levels: [{ groups: 5 }] }] },
  'two levels, full, partly centred': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 8, full: true, centring: [0.4, 1], covariates: 1 },
          { groups: 3, centring: 0.7 },
        ],
      },
    ],
  },
  'three levels with covariates at each': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 12, covariates: 1, full: true, centring: [0, 1] },
          { groups: 6, covariates: 1, centring: 0.5 },
          { groups: 2, covariates: 2, centring: 1 },
        ],
      },
    ],
  },
  crossed: {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 6, full: true },
          { groups: 2, centring: 1 },
        ],
      },
      { levels: [{ groups: 4, covariates: 1, centring: 1 }] },
    ],
  },
  'fixed columns and categories': {
    terms: [{ levels: [{ groups: 6, centring: 1 }] }],
    fixed: { dense: 2, categories: [3, 4] },
  },
  'horseshoe, multiplied categories, Student-t errors': {
    terms: [{ levels: [{ groups: 6 }] }],
    fixed: { dense: 1, categories: [3], multiplier: true, horseshoe: 'plain' },
    df: 4,
  },
  'regularised horseshoes of regressions and fixed columns': {
    terms: [{ slopes: 1, levels: [{ groups: 7, covariates: 2, full: true }], horseshoe: 'slab' }],
    fixed: { dense: 4, categories: [3], horseshoe: 'relative slab' },
  },
  'pooled categories': {
    terms: [{ slopes: 1, levels: [{ groups: 7 }] }],
    fixed: { dense: 2, categories: [4, 3], multiplier: true, pooled: true },
  },
  'factors of four coefficients, partly centred': {
    terms: [{ slopes: 3, levels: [{ groups: 9, factors: 1, centring: [0.4, 1, 0, 0.5], covariates: 1 }] }],
  },
  'factors of the outer level': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 9, covariates: 2 },
          { groups: 4, factors: 2, centring: 0.5 },
        ],
      },
    ],
  },
  'coefficients that do not deviate, and regressions on part of the covariates': { terms: [partialTerm] },
  'the same with groups given twice': {
    terms: [{ ...stackedTerm, levels: [...stackedTerm.levels.slice(0, 2), { ...stackedTerm.levels[2], full: false }] }],
  },
  'a relative horseshoe of the outermost regressions': {
    terms: [{ slopes: 1, levels: [{ groups: 9 }, { groups: 4, covariates: 1 }], horseshoe: 'relative slab' }],
  },
};

const halfNormalLog = (x: number, sd: number): number => Math.LN2 + normalLog(x, 0, sd);
const halfCauchyLog = (x: number, scale: number): number =>
  Math.log(2 / Math.PI / scale) - Math.log1p((x / scale) ** 2);
const tLog = (x: number, df: number, scale: number): number =>
  logGamma((df + 1) / 2) -
  logGamma(df / 2) -
  0.5 * Math.log(df * Math.PI) -
  Math.log(scale) -
  ((df + 1) / 2) * Math.log1p((x / scale) ** 2 / df);

/** Log density of the logs of spreads of pooled coefficients, and of what is sampled of these. */
function pooledLog(theta: Float64Array, { sds, pooling }: CoefficientPrior, spreads: Float64Array): number {
  const { places, sets, priors, errorSds } = pooling!;
  let sum = 0;
  for (const [k, { family, parameters }] of priors.entries()) {
    const log =
      family === 'halfNormal'
        ? halfNormalLog(spreads[k], parameters[0])
        : Math.LN2 + tLog(spreads[k], parameters[0], parameters[1]);
    sum += log + Math.log(spreads[k]);
  }
  for (const [i, x] of theta.entries()) {
    const j = places.indexOf(i);
    const sd = j < 0 ? sds[i] : spreads[sets[j]];
    sum += normalLog(x, 0, sd) + (j < 0 ? 0 : Math.log(1 / Math.hypot(1 / sd, 1 / errorSds[j])));
  }
  return sum;
}

/** Log density of the logs of a horseshoe's scales, and of what is sampled of coefficients. */
function coefficientsLog(
  theta: Float64Array,
  means: readonly number[],
  sds: readonly number[],
  horseshoe: Horseshoe | undefined,
  shrinkage: ShrinkageValues | undefined,
  sigma: number,
): number {
  let sum = 0;
  for (const [i, x] of theta.entries()) {
    const mean = means[i] ?? 0;
    const j = horseshoe?.places.indexOf(i) ?? -1;
    if (j < 0) {
      sum += normalLog(x, mean, sds[i]);
      continue;
    }
    const { local, global, slab } = shrinkage as HorseshoeValues;
    const wide = (local[j] * global) ** 2;
    const sd = Number.isFinite(slab) ? Math.sqrt((slab ** 2 * wide) / (slab ** 2 + wide)) : Math.sqrt(wide);
    const unit = 1 / Math.sqrt(1 / sd ** 2 + 1 / (horseshoe!.errorSds?.[j] ?? Infinity) ** 2);
    sum += normalLog(x, mean, sd) + Math.log(unit) + halfCauchyLog(local[j], 1) + Math.log(local[j]);
  }
  if (horseshoe === undefined) return sum;
  const { global, slab } = shrinkage as HorseshoeValues;
  sum += halfCauchyLog(global, horseshoe.globalScale * (horseshoe.isRelative ? sigma : 1)) + Math.log(global);
  if (horseshoe.slab === undefined) return sum;
  // c² ~ inverse gamma(a, b), and d c² / d log c = 2 c².
  const { df, scale } = horseshoe.slab;
  const [a, b] = [df / 2, (df * scale ** 2) / 2];
  return sum + a * Math.log(b) - logGamma(a) - (a + 1) * Math.log(slab ** 2) - b / slab ** 2 + Math.log(2 * slab ** 2);
}

/** The log density of the unconstrained position that stands for `values`. Full covariances with free correlations are 2 × 2 here. */
function logDensity({ terms, fixed, errors, rows, y }: LinearHierarchy, values: HierarchyValues): number {
  const { sigma } = values;
  let sum = halfNormalLog(sigma, 2) + Math.log(sigma);
  const means = new Float64Array(rows);
  for (const [t, { levels, population, columns, ...term }] of terms.entries()) {
    const own = values.terms[t];
    if (population.prior.kind !== 'normal') throw new Error('not here');
    const { means: centres, sds } = population.prior;
    sum += coefficientsLog(own.population, centres, sds, population.prior.horseshoe, own.shrinkage, sigma);
    for (const [l, level] of levels.entries()) {
      const { groups, covariates, covariateCount: q, parent, centring, covariance } = level;
      const [deviating, places] = [deviatingOf(level), outerPlaces(level)];
      const size = deviating.length;
      const { coefficients, sds: s, lower, factors } = own.levels[l];
      const root = Array.from({ length: size }, (_, i) =>
        Array.from({ length: size }, (__, j) => s[i] * (lower?.[i * size + j] ?? Number(i === j))),
      );
      for (const sd of factors?.uniques ?? s) sum += halfNormalLog(sd, 1.5) + Math.log(sd);
      if (hasFactors(covariance)) {
        const { loadings, uniques } = factors!;
        const { loadingSds } = covariance.prior;
        const m = covariance.factors;
        for (const [at, x] of loadings.entries()) sum += normalLog(x, 0, loadingSds[Math.floor(at / m)]);
        for (let i = 0; i < size; i++) {
          for (let j = 0; j < size; j++) {
            let own = i === j ? uniques[i] ** 2 : 0;
            for (let f = 0; f < m; f++) own += loadings[i * m + f] * loadings[j * m + f];
            expect(root[i].reduce((dot, x, c) => dot + x * root[j][c], 0)).toBeCloseTo(own, 12);
          }
        }
      } else if (lower !== undefined) {
        // Uniform on (−1, 1), ρ = tanh(x).
        sum += Math.log(0.5) + Math.log(1 - lower[2] ** 2);
      }
      for (let g = 0; g < groups; g++) {
        const outer = parent === null ? own.population : own.levels[l + 1].coefficients;
        const from = parent === null ? 0 : parent[g] * places.length;
        const meanOf = (i: number): number =>
          places.reduce(
            (sum, place, a) =>
              sum + (place.coefficient === i ? outer[from + a] * covariates[g * q + place.covariate] : 0),
            0,
          );
        for (let i = 0; i < level.size; i++)
          if (!deviating.includes(i)) expect(coefficients[g * level.size + i]).toBeCloseTo(meanOf(i), 12);
        const zeta: number[] = [];
        for (let i = 0; i < size; i++) {
          let mean = meanOf(deviating[i]);
          for (let j = 0; j < i; j++) mean += root[i][j] * zeta[j];
          const b = coefficients[g * level.size + deviating[i]];
          zeta.push((b - mean) / root[i][i]);
          sum += normalLog(b, mean, root[i][i]) + (1 - centring[i]) * Math.log(root[i][i]);
        }
      }
    }
    const { levels: natural } = own;
    for (const [row, group] of groupOfRow({ levels, population, columns, ...term }).entries())
      for (const [k, x] of columns.entries())
        means[row] += x[row] * natural[0].coefficients[group * columns.length + k];
  }
  if (fixed !== undefined) {
    const { coefficients: theta, shrinkage } = values.fixed!;
    sum +=
      shrinkage !== undefined && 'sds' in shrinkage
        ? pooledLog(theta, fixed.prior, shrinkage.sds)
        : coefficientsLog(theta, [], fixed.prior.sds, fixed.prior.horseshoe, shrinkage, sigma);
    for (let row = 0; row < rows; row++) {
      let next = 0;
      for (const column of fixed.dense) means[row] += theta[next++] * column[row];
      for (const { levels, levelOfRow, multiplier } of fixed.categories) {
        const free = theta.slice(next, (next += levels - 1));
        const effect = levelOfRow[row] < levels - 1 ? free[levelOfRow[row]] : -free.reduce((a, b) => a + b, 0);
        means[row] += effect * (multiplier?.[row] ?? 1);
      }
    }
  }
  for (let row = 0; row < rows; row++) {
    const error = y[row] - means[row];
    sum += errors.df === undefined ? normalLog(error, 0, sigma) : tLog(error, errors.df, sigma);
  }
  return sum;
}

const randomPosition = (model: Model, seed: string): Float64Array => {
  const random = randomNumbers(seed);
  return Float64Array.from(positionBlocks(model).flatMap(({ size }) => [...random.normals(size, 0.7)]));
};

describe.each(Object.keys(shapes))('%s', (name) => {
  const structure = hierarchyExample({ ...shapes[name], seed: name });
  const model = declaredModel(structure);
  const positions = new HierarchyPositions(model);

  it('has the density written out', async () => {
    const density = await densityOf(model);
    for (const seed of ['a', 'b', 'c']) {
      const position = randomPosition(model, name + seed);
      const { value } = await density.at(position);
      expect(value / logDensity(structure, positions.read(position))).toBeCloseTo(1, 12);
    }
  });

  it('has a gradient, and sums rows as it sums groups', async () => {
    const density = await densityOf(model);
    const rows = await densityOf(model, { likelihood: 'rows' });
    const position = randomPosition(model, name);
    expect(await gradientError(density, position)).toBeLessThan(1e-6);
    expect((await rows.at(position)).value).toBeCloseTo((await density.at(position)).value, 9);
  });

  it('turns positions into the values of the model, and back', async () => {
    const sites = await quantityOf(model, 'sites');
    for (const seed of ['a', 'b']) {
      const position = randomPosition(model, name + seed);
      const values = positions.read(position);
      const reported = await sites(position);
      for (const [t, { levels, population }] of structure.terms.entries()) {
        closeTo(values.terms[t].population, reported.get(population.name)!);
        for (const [l, { coefficients, covariance }] of levels.entries()) {
          const own = values.terms[t].levels[l];
          closeTo(own.coefficients, reported.get(coefficients)!);
          closeTo(own.factors?.uniques ?? own.sds, reported.get(covariance.sds)!);
          if (hasFactors(covariance)) closeTo(own.factors!.loadings, reported.get(covariance.loadings)!);
          else if (covariance.cholesky !== undefined) closeTo(own.lower!, reported.get(covariance.cholesky)!);
        }
      }
      if (structure.fixed) closeTo(values.fixed!.coefficients, reported.get(structure.fixed.name)!);
      const again = new Float64Array(positions.dimension).fill(NaN);
      positions.write(values, again);
      closeTo(again, position);
    }
  });
});

it('refuses more factors than a covariance can tell apart', () => {
  const shape = { terms: [{ slopes: 2, levels: [{ groups: 5, factors: 2 }] }] };
  expect(() => declaredModel(hierarchyExample(shape))).toThrow('loadings_0_0: 2 factors of 3 coefficients');
});

describe('positions', () => {
  it('keep correlations near 1 and scales near 0', () => {
    const model = declaredModel(
      hierarchyExample({ terms: [{ slopes: 2, levels: [{ groups: 4, full: true, centring: [0, 0.5, 1] }] }] }),
    );
    const positions = new HierarchyPositions(model);
    const position = randomPosition(model, 'extremes');
    const blocks = new Map(positionBlocks(model).map(({ name, offset }) => [name, offset]));
    position.set([9, -12, 7], blocks.get('cholesky_0_0'));
    position.set([-20, -3, 4], blocks.get('sds_0_0'));
    const again = new Float64Array(positions.dimension);
    positions.write(positions.read(position), again);
    // The coefficients' deviations of the order of the smallest scale are lost beside their means.
    const offset = blocks.get('coefficients_0_0')!;
    closeTo(again.subarray(0, offset), position.subarray(0, offset), 1e-9);
  });

  it('are refused for a model without structure', () => {
    const { structure, ...model } = declaredModel(hierarchyExample({ terms: [{ levels: [{ groups: 3 }] }] }));
    expect(structure).toBeDefined();
    expect(() => new HierarchyPositions(model)).toThrow('declares no linear hierarchy');
  });
});

function closeTo(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-11): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    expect(Math.abs(actual[i] - expected[i])).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(expected[i])));
  }
}
