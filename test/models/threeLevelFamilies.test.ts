// The three-level model with responses that are not Gaussian: density, expectation, replications, methods, bad input, recovery.
import { describe, expect, it } from 'vitest';
import type { CountResponse, ResponseFamily } from '../../src/data/countResponse.js';
import { InputError } from '../../src/data/inputError.js';
import { tableOf } from '../../src/data/table.js';
import { type ThreeLevelData, threeLevelData } from '../../src/data/threeLevelData.js';
import { rhat } from '../../src/diagnostics/index.js';
import { fit } from '../../src/inference/fit.js';
import { predictiveStream } from '../../src/inference/random/streams.js';
import { compileReplicator } from '../../src/inference/replicator.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import { chooseMethod } from '../../src/inference/methods/chooseMethod.js';
import { logGamma } from '../../src/kernels/math/specialFunctions.js';
import type { Model } from '../../src/models/model.js';
import { salesScenario } from '../../src/models/threeLevel/scenario.js';
import { threeLevelRules } from '../../src/models/threeLevel/section.js';
import { simulateThreeLevel } from '../../src/models/threeLevel/simulate.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { densityOf, gradientError, quantityOf } from './evaluateModel.js';
import { interpreterDevice } from './interpreterDevice.js';
import { randomNumbers } from './random.js';
import { blocksOf, positionOf, randomPosition } from './threeLevelPoints.js';
import { tableOfBlocks } from './simulatedTable.js';

const families = ['studentT', 'bernoulli', 'binomial', 'poisson', 'negativeBinomial'] as const;

/** Products in markets with a covariate on every level. */
function simulated(family: ResponseFamily, seed: number, size: { rows: number; products: number; markets: number }) {
  const random = randomNumbers(`${family} ${seed}`);
  const simulation = salesScenario({ ...size, x: 2, z: 0, w: 1, covariance: 'diagonal', family });
  const { truth, blocks } = simulateThreeLevel(simulation, random);
  const { response, product, market, trials } = simulation.columns;
  const data = threeLevelData(tableOfBlocks(blocks), {
    response,
    family,
    product,
    market,
    ...(family === 'binomial' && { trials }),
    x: simulation.x.map(({ name }) => name),
    z: [],
    w: simulation.w.map(({ name }) => name),
    standardise: true,
  });
  const errors = family === 'studentT' ? family : 'gaussian';
  return { truth, data, model: threeLevelModel(data, { errors, df: 4 }) };
}

/** Log density of one response, written out. */
function logResponse(
  family: ResponseFamily,
  y: number,
  eta: number,
  row: number,
  scale: number,
  counts?: CountResponse,
): number {
  const logMean = eta + (counts?.logExposure?.[row] ?? 0);
  // Of success and failure, without the cancellation of 1 − p.
  const [logP, logQ] = [-Math.log1p(Math.exp(-eta)), -Math.log1p(Math.exp(eta))];
  switch (family) {
    case 'gaussian':
      return -0.5 * ((y - eta) / scale) ** 2 - Math.log(scale) - 0.5 * Math.log(2 * Math.PI);
    case 'studentT':
      return (
        logGamma(2.5) -
        logGamma(2) -
        0.5 * Math.log(4 * Math.PI) -
        Math.log(scale) -
        2.5 * Math.log(1 + ((y - eta) / scale) ** 2 / 4)
      );
    case 'bernoulli':
      return y === 1 ? logP : logQ;
    case 'binomial': {
      const n = counts!.trials![row];
      let ways = 1;
      for (let k = 1; k <= y; k++) ways *= (n - y + k) / k;
      return Math.log(ways) + y * logP + (n - y) * logQ;
    }
    case 'poisson': {
      let value = y * logMean - Math.exp(logMean);
      for (let k = 2; k <= y; k++) value -= Math.log(k);
      return value;
    }
    case 'negativeBinomial': {
      // Γ(y + φ) / (y! Γ(φ)) as a product.
      const mean = Math.exp(logMean);
      let value = scale * Math.log(scale / (scale + mean)) + y * Math.log(mean / (scale + mean));
      for (let k = 1; k <= y; k++) value += Math.log((k - 1 + scale) / k);
      return value;
    }
    default:
      throw new Error(family satisfies never);
  }
}

const small = { rows: 120, products: 3, markets: 5 };

/** The same data with an exposure of each row, where the family takes one. */
function withExposure(data: ThreeLevelData): ThreeLevelData {
  const { counts } = data;
  if (counts?.family !== 'poisson' && counts?.family !== 'negativeBinomial') return data;
  return { ...data, counts: { ...counts, logExposure: data.y.map((_, row) => 0.3 * Math.sin(row)) } };
}

/** Linear predictor of each row at a position, from the reported coefficients in the data's units. */
async function predictors(model: Model, data: ThreeLevelData, position: Float64Array): Promise<Float64Array> {
  const beta = (await (await quantityOf(model, 'sites'))(position)).get('beta')!;
  const p = data.x.length + 1;
  const inData = data.x.map(({ values, standardisation: s }) =>
    s === null ? values : values.map((v) => s.mean + s.sd * v),
  );
  return data.y.map((_, row) => {
    const at = data.unitOfRow[row] * p;
    return inData.reduce((eta, x, k) => eta + beta[at + 1 + k] * x[row], beta[at]);
  });
}

describe.each(families)('%s', (family) => {
  const data = withExposure(simulated(family, 1, small).data);
  const model = threeLevelModel(data, { errors: family === 'studentT' ? family : 'gaussian' });
  const points = [0, 1].map((seed) => randomPosition(model, randomNumbers(`${family} ${seed}`)));
  const scaleAt = (position: Float64Array): number => {
    const name = family === 'studentT' ? 'sigma' : 'phi';
    return family === 'studentT' || family === 'negativeBinomial'
      ? Math.exp(blocksOf(model, position).get(name)![0])
      : 1;
  };

  it('has the likelihood written out', async () => {
    for (const position of points) {
      const eta = await predictors(model, data, position);
      const rows = (await (await quantityOf(model, 'logLikelihood'))(position)).values().next().value!;
      expect(rows).toHaveLength(data.rows);
      data.y.forEach((y, row) => {
        const expected = logResponse(family, y, eta[row], row, scaleAt(position), data.counts);
        // What f64 keeps of log densities of some -10⁶.
        expect(Math.abs(rows[row] - expected)).toBeLessThan(5e-9 + 1e-14 * Math.abs(expected));
      });
    }
  });

  it('expects the mean', async () => {
    const [position] = points;
    const eta = await predictors(model, data, position);
    const means = (await (await quantityOf(model, 'predict'))(position)).values().next().value!;
    eta.forEach((value, row) => {
      const logMean = value + (data.counts?.logExposure?.[row] ?? 0);
      const share = (data.counts?.trials?.[row] ?? 1) / (1 + Math.exp(-value));
      const expected = family === 'studentT' ? value : family.startsWith('b') ? share : Math.exp(logMean);
      expect(means[row] / expected).toBeCloseTo(1, 9);
    });
  });

  it('has the gradient of its differences, compiled as interpreted', async () => {
    const [compiled, interpreted] = [await densityOf(model), await densityOf(model, { device: interpreterDevice() })];
    for (const position of points) {
      expect(await gradientError(compiled, position)).toBeLessThan(1e-6);
      const [a, b] = [await compiled.at(position), await interpreted.at(position)];
      expect(a.value / b.value).toBeCloseTo(1, 12);
    }
  });

  it('starts where density and gradient are finite', async () => {
    const centre = Object.fromEntries(Object.entries(model.start!).map(([block, start]) => [block, start.centre]));
    const { value, gradient } = await (await densityOf(model)).at(positionOf(model, centre));
    expect([value, ...gradient].every(Number.isFinite)).toBe(true);
  });

  it('goes to a method that suits, with the reason in words', () => {
    const { method, why } = chooseMethod(model, 'auto', 'cpu');
    expect(method.name).toBe('gibbs');
    expect(chooseMethod(model, 'gibbs').why).toBeUndefined();
    if (family === 'studentT') return;
    expect(why).toContain(`with ${family} responses the coefficients cannot be integrated out`);
    expect(() => chooseMethod(model, 'marginal')).toThrow(`method marginal: with ${family} responses`);
  });

  it('recovers the truth by the method that auto takes', { timeout: 120_000 }, async () => {
    const errors = new Map<string, number[]>();
    // The spreads of Student-t errors have some eight sweeps to an effective draw.
    const draws = family === 'studentT' ? 1000 : 500;
    for (const seed of [1, 2, 3]) {
      const { truth, model: own } = simulated(family, seed, { rows: 1500, products: 8, markets: 10 });
      const posterior = await fit(own, { seed, chains: 2, warmup: 300, draws });
      let i = 0;
      for (const { name, level, shape } of own.sites) {
        const size = shape.reduce((product, extent) => product * extent, 1);
        for (let element = 0; element < size; element++, i++) {
          expect(truth[i].name.startsWith(name)).toBe(true);
          const chains = posterior.element(name, element);
          if (level === 'population') expect(rhat(chains), truth[i].name).toBeLessThan(1.08);
          const values = chains.flatMap((chain) => [...chain]);
          const mean = values.reduce((a, b) => a + b, 0) / values.length;
          const sd = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
          errors.set(name, [...(errors.get(name) ?? []), (truth[i].value - mean) / sd]);
        }
      }
      expect(i).toBe(truth.length);
    }
    for (const [site, z] of errors) {
      const meanSquare = z.reduce((sum, value) => sum + value * value, 0) / z.length;
      expect(Math.max(...z.map(Math.abs)), site).toBeLessThan(z.length > 100 ? 4.5 : 4);
      // Mean of n squares: 1 ± √(2/n); fourfold, with half of n for the dependence within a fit.
      const tolerance = 4 * Math.sqrt(4 / z.length);
      expect(meanSquare, site).toBeLessThan(1 + tolerance);
      if (z.length > 100) expect(meanSquare, site).toBeGreaterThan(1 - tolerance);
    }
  });
});

describe('replications', () => {
  it.each(['gaussian', ...families] as const)('%s: have the mean and spread of the response', async (family) => {
    const { model, data } = simulated(family, 2, small);
    const position = randomPosition(model, randomNumbers(family));
    const replicator = await compileReplicator(model, cpuDevice());
    const means = (await (await quantityOf(model, 'predict'))(position)).values().next().value!;
    const scale = (name: string): number => Math.exp(blocksOf(model, position).get(name)?.[0] ?? NaN);
    const variance = means.map((mean, row) => {
      switch (family) {
        case 'gaussian':
          return scale('sigma') ** 2;
        case 'studentT':
          return scale('sigma') ** 2 * 2;
        case 'poisson':
          return mean;
        case 'negativeBinomial':
          return mean + mean ** 2 / scale('phi');
        default:
          return mean * (1 - mean / (data.counts?.trials?.[row] ?? 1));
      }
    });
    // Rows of rare events are far from normal in any number of draws: they are looked at together.
    const draws = 400;
    const isOften = (row: number): boolean => draws * variance[row] > 20;
    const often = [...variance.keys()].filter(isOften);
    const y = new Float64Array(data.rows);
    const sum = new Float64Array(data.rows);
    let absolute = 0;
    const squares = new Float64Array(data.rows);
    for (let draw = 0; draw < draws; draw++) {
      replicator.replicate(position, predictiveStream(family, 0, draw), y);
      y.forEach((value, row) => {
        const deviation = value - means[row];
        sum[row] += deviation;
        squares[row] += deviation ** 2 / draws;
        absolute += Math.abs(deviation) / Math.sqrt(variance[row]) / (draws * data.rows);
        if (family === 'bernoulli') expect([0, 1]).toContain(value);
        if (data.counts !== undefined) expect(Number.isInteger(value) && value >= 0).toBe(true);
      });
    }
    // Mean of n squares of standardised means: 1 ± √(2/n).
    const meanSquare = often.reduce((total, row) => total + sum[row] ** 2 / (draws * variance[row] * often.length), 0);
    expect(Math.abs(meanSquare - 1)).toBeLessThan(5 * Math.sqrt(2.5 / often.length));
    const total = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);
    expect(Math.abs(total(sum))).toBeLessThan(5 * Math.sqrt(draws * total(variance)));
    // The square of t(4) has no variance; the mean of its absolute value is 1, of which a standard deviation is √2.
    if (family === 'studentT') {
      expect(Math.abs(absolute * Math.SQRT2 - 1)).toBeLessThan(5 / Math.sqrt(draws * data.rows));
    } else {
      // Excess kurtosis, at most: 6/φ + 1/variance of the counts, with φ = mean² / (variance − mean).
      const excess = often.map((row) => {
        if (family === 'gaussian') return 0;
        return 1 / variance[row] + (family === 'negativeBinomial' ? 6 / scale('phi') : 0);
      });
      const z = often.map((row, i) => (squares[row] / variance[row] - 1) / Math.sqrt((2 + excess[i]) / draws));
      expect(Math.abs(total(Float64Array.from(z)))).toBeLessThan(5 * Math.sqrt(often.length));
    }
  });
});

describe('bad input', () => {
  const table = (columns: Record<string, number[]>) =>
    tableOf('sales.csv', [
      ...Object.entries(columns).map(([name, values]) => ({
        kind: 'number' as const,
        name,
        values: Float64Array.from(values),
      })),
      { kind: 'factor' as const, name: 'unit', levels: ['a', 'b'], codes: Int32Array.of(0, 0, 1, 1) },
    ]);
  const read = (family: ResponseFamily, columns: Record<string, number[]>) => () =>
    threeLevelData(table(columns), {
      response: 'y',
      family,
      unit: 'unit',
      ...('n' in columns && { trials: 'n' }),
      ...('e' in columns && { exposure: 'e' }),
      x: [],
      z: [],
      w: [],
      standardise: true,
    });

  it.each([
    ['bernoulli', { y: [0, 1, 2, 0] }, "sales.csv: column 'y' (response), row 3: is 2; family bernoulli needs 0 or 1"],
    ['poisson', { y: [0, -1, 2, 0] }, "column 'y' (response), row 2: is -1; family poisson needs whole numbers from 0"],
    ['negativeBinomial', { y: [0, 1, 2, 0.5] }, 'row 4: is 0.5; family negativeBinomial needs whole numbers from 0'],
    [
      'poisson',
      { y: [0, 1, 2, 3], e: [1, 0, 1, 1] },
      "column 'e' (model.exposure), row 2: is 0; family poisson needs exposures greater than 0",
    ],
    [
      'binomial',
      { y: [0, 1, 2, 3], n: [4, 4, 1, 4] },
      "column 'n' (model.trials), row 3: is 1; family binomial needs at least as many as the 2 of 'y'",
    ],
    [
      'binomial',
      { y: [0, 1, 2, 3], n: [4, 1.5, 4, 4] },
      "column 'n' (model.trials), row 2: is 1.5; family binomial needs whole numbers from 1",
    ],
    ['poisson', { y: [2, 2, 2, 2] }, "column 'y' (response) is 2 in all 4 rows; it must vary"],
  ] as const)('%s %#', (family, columns, message) => {
    const columnsOf = columns as unknown as Record<string, number[]>;
    expect(read(family, columnsOf)).toThrow(InputError);
    expect(read(family, columnsOf)).toThrow(message);
  });

  it.each([
    [{ family: 'binomial' }, 'trials', ' is missing: name the column with the trials of each row'],
    [{ family: 'poisson', trials: 'n' }, 'trials', ' is of family binomial; leave it out'],
    [{ family: 'bernoulli', exposure: 'e' }, 'exposure', ' is of families poisson and negativeBinomial; leave it out'],
    [{ exposure: 'e' }, 'exposure', ' is of families poisson and negativeBinomial; leave it out'],
    [{ family: 'poisson', df: 4 }, 'df', ' is of family studentT; leave it out'],
  ])('keys that the family does not have: %j', (keys, key, message) => {
    const section = { name: 'three-level', response: 'y', unit: 'unit', ...keys };
    const { error } = threeLevelRules.schema.safeParse(section);
    expect(error!.issues.map(({ path, message: said }) => [...path, said])).toEqual([[key, message]]);
  });

  it('priors of parameters that the family does not have', () => {
    const { data } = simulated('poisson', 1, small);
    const prior = { family: 'exponential', parameters: [1] } as const;
    expect(() => threeLevelModel(data, { priors: { sigma: prior } })).toThrow(
      'model.priors.sigma: family poisson has no such parameter; leave it out',
    );
  });
});
