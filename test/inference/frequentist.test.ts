// REML against its dense formula, closed forms and lme4; least squares against the normal equations.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadJob } from '../../src/cli/fit/job.js';
import { loadConfig } from '../../src/data/config.js';
import { fit } from '../../src/inference/fit.js';
import { chooseMethod } from '../../src/inference/methods/chooseMethod.js';
import { cholesky, solve } from '../../src/inference/linearAlgebra.js';
import { leastSquares } from '../../src/inference/frequentist/leastSquares.js';
import { residualSumOfSquares, rowsOf } from '../../src/inference/frequentist/normalEquations.js';
import { ridgePenalty } from '../../src/inference/frequentist/ridge.js';
import { Multilevel } from '../../src/inference/frequentist/multilevel.js';
import { declaredModel } from '../../src/models/linearHierarchy/declaredModel.js';
import { groupOfRow } from '../../src/models/linearHierarchy/hierarchyModel.js';
import { type LinearHierarchy, linearStructure } from '../../src/models/linearHierarchy/structure.js';
import type { Model } from '../../src/models/model.js';
import { models } from '../../src/models/registry.js';
import { hierarchyExample } from '../models/hierarchyExample.js';
import { randomNumbers } from '../models/random.js';
import { simulatedHierarchy } from './marginal/example.js';

async function estimateOf(model: Model) {
  const nest = await Multilevel.compile(model, linearStructure(model)!);
  const estimate = await nest.estimate(model.start);
  await nest.dispose();
  return estimate;
}

/** −2 log ∫ N(y; Xδ, V) dδ of one level around the population, with V and X written out (Harville 1974). */
function denseCriterion({ y, rows, terms: [term] }: LinearHierarchy, sigma: number, covariance: Float64Array): number {
  const { columns, levels } = term;
  const [{ size: k, covariates, covariateCount: q }] = levels;
  const group = groupOfRow(term);
  const variance = new Float64Array(rows * rows);
  const design = Array.from({ length: k * q }, (_, c) =>
    columns[Math.floor(c / q)].map((x, row) => x * covariates[group[row] * q + (c % q)]),
  );
  for (let a = 0; a < rows; a++) {
    for (let b = 0; b < rows; b++) {
      let sum = a === b ? sigma ** 2 : 0;
      if (group[a] === group[b])
        for (let i = 0; i < k; i++)
          for (let j = 0; j < k; j++) sum += columns[i][a] * covariance[i * k + j] * columns[j][b];
      variance[a * rows + b] = sum;
    }
  }
  const factor = cholesky(variance, rows)!;
  const whitened = [...design, y].map((column) => {
    const copy = Float64Array.from(column);
    solve(factor, copy);
    return copy;
  });
  const [r] = whitened.splice(-1);
  const p = whitened.length;
  const dot = (u: Float64Array, v: Float64Array): number => u.reduce((sum, value, i) => sum + value * v[i], 0);
  const information = Float64Array.from({ length: p * p }, (_, at) =>
    dot(whitened[Math.floor(at / p)], whitened[at % p]),
  );
  const root = cholesky(information, p)!;
  const projected = Float64Array.from(whitened, (x) => dot(x, r));
  solve(root, projected);
  const logDeterminant = (lower: Float64Array, size: number): number =>
    Array.from({ length: size }, (_, i) => 2 * Math.log(lower[i * (size + 1)])).reduce((a, b) => a + b, 0);
  return (
    (rows - p) * Math.log(2 * Math.PI) +
    logDeterminant(factor, rows) +
    logDeterminant(root, p) +
    dot(r, r) -
    dot(projected, projected)
  );
}

describe('the criterion', () => {
  it.each([
    [
      'diagonal, with a covariate',
      { slopes: 1, levels: [{ groups: 24, covariates: 1 }], rowsOf: (g: number) => 3 + (g % 4) },
    ],
    ['full', { slopes: 1, levels: [{ groups: 14, full: true }], rowsOf: (g: number) => 4 + (g % 3) }],
  ])('is that of the dense formula, and lowest at the estimate: %s', async (seed, term) => {
    const model = simulatedHierarchy({ terms: [term], seed });
    const structure = linearStructure(model)!;
    const { criterion, scales } = await estimateOf(model);
    const { sds, lower } = scales.levels[0];
    const k = sds.length;
    const covarianceOf = (spreads: ArrayLike<number>): Float64Array =>
      Float64Array.from({ length: k * k }, (_, at) => {
        const [i, j] = [Math.floor(at / k), at % k];
        let correlation = i === j ? 1 : 0;
        if (lower !== undefined) {
          correlation = 0;
          for (let m = 0; m < k; m++) correlation += lower[i * k + m] * lower[j * k + m];
        }
        return spreads[i] * spreads[j] * correlation;
      });
    const own = denseCriterion(structure, scales.sigma, covarianceOf(sds));
    expect(Math.abs(criterion - own)).toBeLessThan(1e-6);
    for (const factor of [0.97, 1.03]) {
      expect(denseCriterion(structure, scales.sigma * factor, covarianceOf(sds))).toBeGreaterThan(own);
      for (let i = 0; i < k; i++) {
        const moved = sds.map((sd, j) => (i === j ? sd * factor : sd));
        expect(denseCriterion(structure, scales.sigma, covarianceOf(moved))).toBeGreaterThan(own);
      }
    }
  });

  it.each(['a', 'b', 'c'])(
    'gives the estimates of an analysis of variance of balanced groups, data %s',
    async (seed) => {
      const [groups, n] = [9, 7];
      const model = simulatedHierarchy({ terms: [{ levels: [{ groups }], rowsOf: () => n }], seed });
      const { y } = linearStructure(model)!;
      const means = Array.from({ length: groups }, (_, g) =>
        y.subarray(g * n, (g + 1) * n).reduce((sum, value) => sum + value / n, 0),
      );
      const mean = means.reduce((a, b) => a + b / groups, 0);
      const within =
        y.reduce((sum, value, row) => sum + (value - means[Math.floor(row / n)]) ** 2, 0) / (groups * (n - 1));
      const between = (n * means.reduce((sum, m) => sum + (m - mean) ** 2, 0)) / (groups - 1);
      const { scales } = await estimateOf(model);
      expect(scales.sigma ** 2 / within).toBeCloseTo(1, 5);
      expect((n * scales.levels[0].sds[0] ** 2) / (between - within)).toBeCloseTo(1, 4);
    },
  );
});

it('a fit has the fixed effects and their standard errors around the estimate, and says the criterion', async () => {
  const [groups, n] = [60, 7];
  const model = simulatedHierarchy({ terms: [{ levels: [{ groups }], rowsOf: () => n }], seed: 'fit' });
  const { y } = linearStructure(model)!;
  const { scales, criterion } = await estimateOf(model);
  const posterior = await fit(model, { method: 'reml', seed: 3, draws: 2000 });
  const draws = posterior.element('population_0').flatMap((chain) => [...chain]);
  const mean = draws.reduce((a, b) => a + b / draws.length, 0);
  const sd = Math.sqrt(draws.reduce((sum, x) => sum + (x - mean) ** 2 / draws.length, 0));
  const expected = y.reduce((a, b) => a + b / y.length, 0);
  const error = Math.sqrt(scales.levels[0].sds[0] ** 2 / groups + scales.sigma ** 2 / (groups * n));
  expect(Math.abs(mean - expected)).toBeLessThan((4 * error) / Math.sqrt(draws.length));
  // Scales vary too, by a tenth: that widens it by about a hundredth.
  expect(sd / error).toBeGreaterThan(1 - 4 / Math.sqrt(2 * draws.length));
  expect(sd / error).toBeLessThan(1.05);
  expect(posterior.findings).toEqual([
    { name: 'REML', status: 'pass', detail: expect.stringContaining(criterion.toFixed(3)) as string },
  ]);
});

it('groups that do not differ make a singular fit, which is said', async () => {
  const random = randomNumbers('no groups');
  const structure = hierarchyExample({ terms: [{ levels: [{ groups: 8 }], rowsOf: () => 5 }] });
  // Each group has the same values: less variation between groups than chance would make.
  const values = random.normals(5);
  const model = declaredModel({ ...structure, y: structure.y.map((_, row) => values[row % 5]) });
  const posterior = await fit(model, { method: 'reml', seed: 1, draws: 20 });
  expect(posterior.findings[0].status).toBe('review');
  expect(posterior.findings[0].detail).toContain('singular: standard deviation 1 is 0 of sds_0_0');
});

describe('least squares', () => {
  const structure = {
    ...hierarchyExample({
      terms: [{ levels: [{ groups: 30 }] }],
      fixed: { dense: 3, categories: [4], multiplier: true },
    }),
    terms: [],
  };

  it('solves the normal equations: residuals are orthogonal to every column', () => {
    const { estimate, degrees, residualSumOfSquares: squares } = leastSquares(structure);
    const { dense, categories } = structure.fixed!;
    const [{ levels, levelOfRow, multiplier }] = categories;
    const effects = [...estimate.slice(dense.length)];
    effects.push(-effects.reduce((a, b) => a + b, 0));
    const residuals = structure.y.map(
      (y, row) =>
        y - dense.reduce((sum, x, d) => sum + x[row] * estimate[d], 0) - multiplier![row] * effects[levelOfRow[row]],
    );
    const columns = [
      ...dense,
      ...Array.from({ length: levels - 1 }, (_, l) =>
        levelOfRow.length === 0
          ? new Float64Array(0)
          : Float64Array.from(
              levelOfRow,
              (own, row) => multiplier![row] * (own === l ? 1 : own === levels - 1 ? -1 : 0),
            ),
      ),
    ];
    for (const column of columns)
      expect(Math.abs(column.reduce((sum, x, row) => sum + x * residuals[row], 0))).toBeLessThan(1e-9 * structure.rows);
    expect(degrees).toBe(structure.rows - 6);
    expect(squares).toBeCloseTo(
      residuals.reduce((sum, r) => sum + r * r, 0),
      8,
    );
  });

  it('draws are around the estimates, as wide as the classical standard errors say', async () => {
    const model = declaredModel(structure);
    expect(chooseMethod(model, 'ols').method.name).toBe('ols');
    const posterior = await fit(model, { method: 'ols', seed: 2, draws: 2000 });
    const { estimate, degrees, residualSumOfSquares: squares } = leastSquares(structure);
    const { dense } = structure.fixed!;
    // The first column's standard error: residual standard error over the norm of what the others leave of it.
    const others = { ...structure, y: dense[0], fixed: { ...structure.fixed!, dense: dense.slice(1) } };
    const error = Math.sqrt(squares / degrees / leastSquares(others).residualSumOfSquares);
    const draws = posterior.element('theta', 0).flatMap((chain) => [...chain]);
    const inError = draws.map((value) => (value - estimate[0]) / error);
    const mean = inError.reduce((a, b) => a + b / draws.length, 0);
    const variance = inError.reduce((sum, t) => sum + (t * t) / draws.length, 0);
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(draws.length));
    expect(Math.abs(variance * (1 - 2 / degrees) - 1)).toBeLessThan(4 * Math.sqrt(2.3 / draws.length));
    expect(posterior.findings[0].detail).toContain(`on ${degrees} degrees of freedom`);
  });

  it('refuses columns that depend on each other', () => {
    const [first] = structure.fixed!.dense;
    const fixed = { ...structure.fixed!, dense: [first, first.map((x) => 2 * x)] };
    expect(() => leastSquares({ ...structure, fixed })).toThrow('the columns depend on each other');
  });
});

describe('ridge', () => {
  /** Many columns of which few matter, in few rows. */
  function manyColumns(seed: string, columns: number): LinearHierarchy {
    const random = randomNumbers(`ridge ${seed}`);
    const rows = 120;
    const dense = [new Float64Array(rows).fill(1), ...Array.from({ length: columns }, () => random.normals(rows, 3))];
    const y = random.normals(rows).map((e, row) => 5 + e + dense.slice(1).reduce((sum, x) => sum + 0.05 * x[row], 0));
    const prior = { kind: 'normal', sds: dense.map(() => 10) } as const;
    return {
      rows,
      y,
      terms: [],
      fixed: { name: 'theta', dense, categories: [], prior },
      errors: { sigma: 'sigma', prior: { family: 'halfNormal', parameters: [5] } },
    };
  }

  it.each(['a', 'b', 'c'])('has the smallest error of rows held out, refitted fold by fold, data %s', (seed) => {
    const structure = manyColumns(seed, 40);
    const { lambda, penalties, rmse } = ridgePenalty(structure);
    expect(penalties[0]).toBe(0);
    const [first] = structure.fixed!.dense.slice(1);
    const mean = first.reduce((sum, x) => sum + x / first.length, 0);
    const variance = first.reduce((sum, x) => sum + (x - mean) ** 2 / first.length, 0);
    expect(penalties[1] / (lambda * variance)).toBeCloseTo(1, 12);
    // Written out: every tenth of the golden sequence is held out, the others are fitted.
    const golden = (Math.sqrt(5) - 1) / 2;
    const foldOf = (row: number): number => Math.floor(10 * ((row * golden) % 1));
    const errorAt = (p: Float64Array): number => {
      let squares = 0;
      for (let fold = 0; fold < 10; fold++) {
        const rows = Int32Array.from({ length: structure.rows }, (_, row) => row);
        const inside = rowsOf(
          structure,
          rows.filter((row) => foldOf(row) !== fold),
        );
        const outside = rowsOf(
          structure,
          rows.filter((row) => foldOf(row) === fold),
        );
        squares += residualSumOfSquares(outside, leastSquares(inside, p).estimate);
      }
      return Math.sqrt(squares / structure.rows);
    };
    expect(rmse).toBeCloseTo(errorAt(penalties), 9);
    for (const factor of [0.1, 0.5, 2, 10])
      expect(errorAt(penalties.map((p) => p * factor))).toBeGreaterThanOrEqual(rmse - 1e-6);
  });

  it('predicts better than least squares where columns are many, and fits where these cannot', async () => {
    const { rmse, rmseUnpenalised } = ridgePenalty(manyColumns('a', 80));
    expect(rmse).toBeLessThan(0.95 * rmseUnpenalised);
    const model = declaredModel(manyColumns('a', 200));
    const posterior = await fit(model, { method: 'ridge', seed: 1, draws: 50 });
    expect(posterior.findings[0].detail).toMatch(/^ridge penalty .* without a penalty no solution/);
    await expect(fit(model, { method: 'ols', seed: 1 })).rejects.toThrow('the columns depend on each other');
  });

  it('a penalised estimate is the posterior mean under normal priors of variance σ² over the penalty', () => {
    const structure = manyColumns('b', 5);
    const penalties = Float64Array.of(0, 3, 3, 3, 3, 3);
    const { estimate } = leastSquares(structure, penalties);
    // (F'F + P) θ = F'y.
    const { dense } = structure.fixed!;
    for (const [i, column] of dense.entries()) {
      const left = dense.reduce(
        (sum, other, j) => sum + estimate[j] * column.reduce((total, x, row) => total + x * other[row], 0),
        penalties[i] * estimate[i],
      );
      const right = column.reduce((total, x, row) => total + x * structure.y[row], 0);
      expect(Math.abs(left - right)).toBeLessThan(1e-8 * Math.abs(right));
    }
  });
});

it.each([
  [{ terms: [{ slopes: 1, levels: [{ groups: 5 }], horseshoe: 'plain' as const }] }, 'a horseshoe is a prior'],
  [{ terms: [{ slopes: 3, levels: [{ groups: 5, factors: 1 }] }] }, 'loadings of common factors can be rotated'],
  [{ terms: [{ levels: [{ groups: 5 }] }], df: 4 }, 'with Student-t errors'],
])('refuses in one line what it cannot fit: %j', (shape, words) => {
  expect(() => chooseMethod(declaredModel(hierarchyExample(shape)), 'reml')).toThrow(words);
});

const data = fileURLToPath(new URL('../../../shared/data/bayesm/orangeJuice_yx.csv.gz', import.meta.url));
const hasData = existsSync(data);
if (!hasData && process.env.HIERAX_REQUIRE_SHARED === '1')
  throw new Error('HIERAX_REQUIRE_SHARED is set, but ../shared/data/bayesm is absent');

describe.skipIf(!hasData)('orange juice', { timeout: 120_000 }, () => {
  const golden = JSON.parse(readFileSync(new URL('../golden/reml.json', import.meta.url), 'utf8')) as Record<
    'diagonal' | 'full',
    { criterion: number; sigma: number; sds: { unit: number[]; store: number[] } }
  >;
  const config = fileURLToPath(new URL('../../examples/orange-juice/config.yaml', import.meta.url));

  it.each(['diagonal', 'full'] as const)('%s covariances: the criterion is lme4’s within 0.001', async (covariance) => {
    const given = loadConfig(config, models);
    const section = { ...given.model, covariance: { product: covariance, market: covariance } };
    const job = await loadJob({ ...given, model: section });
    const { criterion, scales } = await estimateOf(job.model);
    const { criterion: theirs, sigma, sds } = golden[covariance];
    expect(Math.abs(criterion - theirs)).toBeLessThan(1e-3);
    expect(scales.sigma / sigma).toBeCloseTo(1, 4);
    for (const [l, block] of [sds.unit, sds.store].entries())
      for (const [i, sd] of block.entries()) expect(Math.abs(scales.levels[l].sds[i] - sd)).toBeLessThan(2e-3);
  });
});
