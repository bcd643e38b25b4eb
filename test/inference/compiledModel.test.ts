// Binding models to devices: chains do not touch each other, quantities follow their outputs, and odd sizes work.
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { compileDensity, compileQuantity, positionBlocks } from '../../src/inference/compiledModel.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import { normal } from '../../src/models/distributions/index.js';
import { defineModel, type Model } from '../../src/models/model.js';
import { choleskyCorrelation, positive, real, simplex } from '../../src/models/parameters.js';
import { densityOf, quantityOf } from '../models/evaluateModel.js';
import { interpreterDevice } from '../models/interpreterDevice.js';
import { randomNumbers } from '../models/random.js';

const rows = 500;
const random = randomNumbers('compiled model');
const x = Float64Array.from({ length: rows * 3 }, () => random.normal());
const y = random.normals(rows);

const regression = (): Model =>
  defineModel({
    name: 'regression',
    data: { y, x: { shape: [rows, 3], values: x } },
    parameters: { weights: simplex(3), beta: real(3), sigma: positive() },
    logPrior: ({ beta, sigma, weights }) => tf.addN([normal.logDensity(beta).sum(), sigma.neg(), weights.log().sum()]),
    logLikelihood: ({ beta, sigma, weights }, d) => normal.logDensity(d.y, d.x.mul(beta.mul(weights)).sum(1), sigma),
    predict: ({ beta, weights }, d) => d.x.mul(beta.mul(weights)).sum(1),
  });

describe('density', () => {
  it('has one block after another', () => {
    expect(positionBlocks(regression())).toEqual([
      { name: 'weights', offset: 0, size: 2 },
      { name: 'beta', offset: 2, size: 3 },
      { name: 'sigma', offset: 5, size: 1 },
    ]);
  });

  it.each([1, 2, 3, 4, 7])('%i chains: each lane is the density at its own position, bit for bit', async (chains) => {
    const positions = Array.from({ length: chains }, (_, chain) => randomNumbers(`lane ${chain}`).normals(6));
    const evaluateAll = async (order: readonly number[]): Promise<{ values: number[]; gradients: number[][] }> => {
      const density = await compileDensity(regression(), cpuDevice(), chains);
      const { lanes, dimension } = density;
      expect(lanes).toBeGreaterThanOrEqual(chains);
      for (let lane = 0; lane < lanes; lane++) {
        const position = positions[order[lane % chains]];
        for (let i = 0; i < dimension; i++) density.positions[i * lanes + lane] = position[i];
      }
      await density.evaluate();
      const gradientOf = (lane: number): number[] =>
        Array.from({ length: dimension }, (_, i) => density.gradients[i * lanes + lane]);
      const result = {
        values: order.map((_, lane) => density.logDensities[lane]),
        gradients: order.map((_, lane) => gradientOf(lane)),
      };
      await density.dispose();
      return result;
    };
    const order = positions.map((_, chain) => chain);
    const forwards = await evaluateAll(order);
    const backwards = await evaluateAll(order.toReversed());
    expect(backwards.values.toReversed()).toEqual(forwards.values);
    expect(backwards.gradients.toReversed()).toEqual(forwards.gradients);
    const plain = await densityOf(regression(), { device: interpreterDevice() });
    for (const [chain, position] of positions.entries()) {
      const expected = await plain.at(position);
      expect(Math.abs(forwards.values[chain] / expected.value - 1)).toBeLessThan(1e-12);
      const size = Math.max(...expected.gradient.map(Math.abs));
      forwards.gradients[chain].forEach((g, i) =>
        expect(Math.abs(g - expected.gradient[i]) / size).toBeLessThan(1e-12),
      );
    }
  });

  it('a bad lane reports its own trouble only', async () => {
    const density = await compileDensity(regression(), cpuDevice(), 2);
    const { lanes, positions } = density;
    positions.fill(0.1);
    await density.evaluate();
    const good = density.logDensities[1];
    // exp(-800) is 0: the residuals divided by it are infinite.
    positions[5 * lanes] = -800;
    await density.evaluate();
    expect(Number.isFinite(density.logDensities[0])).toBe(false);
    expect(density.logDensities[1]).toBe(good);
    await density.dispose();
  });

  it('single precision of the data changes the value by single rounding only', async () => {
    const position = randomNumbers('single').normals(6);
    const double = await (await densityOf(regression())).at(position);
    const single = await (await densityOf(regression(), { device: cpuDevice({ precision: 'single' }) })).at(position);
    expect(single.value).not.toBe(double.value);
    expect(Math.abs(single.value / double.value - 1)).toBeLessThan(1e-6);
  });

  it('the pointwise way is taken where a model knows no other, and where it is asked for', async () => {
    const marked: Model = { ...regression(), totalLogLikelihood: () => tf.scalar(123) };
    const position = randomNumbers('pointwise').normals(6);
    const value = async (model: Model, likelihood?: 'rows' | 'shortest') =>
      (await (await densityOf(model, { likelihood })).at(position)).value;
    expect(await value(marked, 'rows')).toBe(await value(regression()));
    const pointwise = (await (await quantityOf(regression(), 'logLikelihood'))(position)).get('logLikelihood')!;
    const total = pointwise.reduce((a, b) => a + b, 0);
    expect((await value(marked)) - 123).toBeCloseTo((await value(regression())) - total, 8);
  });

  it('parameters without free elements are no obstacle', async () => {
    const model = defineModel({
      name: 'one correlation',
      data: { y: [1, 2, 3] },
      parameters: { factor: choleskyCorrelation(1, 1), mu: real() },
      logPrior: ({ mu }) => normal.logDensity(mu),
      logLikelihood: ({ mu, factor }, d) => normal.logDensity(d.y, mu, factor.reshape([])),
    });
    const { value, gradient } = await (await densityOf(model)).at([0.5]);
    const normalLog = (residual: number): number => -0.5 * residual ** 2 - 0.5 * Math.log(2 * Math.PI);
    expect(value).toBeCloseTo(
      [0.5, 0.5, 1.5, 2.5].reduce((sum, r) => sum + normalLog(r), 0),
      12,
    );
    expect(gradient[0]).toBeCloseTo(-0.5 + 0.5 + 1.5 + 2.5, 12);
    const sites = await (await quantityOf(model, 'sites'))([0.5]);
    expect([...sites.get('factor')!]).toEqual([1]);
  });
});

describe('quantities', () => {
  it('write every output in order', async () => {
    const evaluator = await compileQuantity(regression(), cpuDevice(), 'sites');
    expect(evaluator.outputs).toEqual([
      { name: 'weights', size: 3 },
      { name: 'beta', size: 3 },
      { name: 'sigma', size: 1 },
    ]);
    const target = new Float64Array(7);
    await evaluator.evaluate([0, 0, 1, 2, 3, 0], target);
    [1 / 3, 1 / 3, 1 / 3, 1, 2, 3, 1].forEach((value, i) => expect(target[i]).toBeCloseTo(value, 14));
    await evaluator.dispose();
  });

  it('are the same interpreted', async () => {
    const position = randomNumbers('quantity').normals(6);
    for (const quantity of ['sites', 'predict', 'logLikelihood'] as const) {
      const compiled = await (await quantityOf(regression(), quantity))(position);
      const plain = await (await quantityOf(regression(), quantity, interpreterDevice()))(position);
      for (const [name, values] of plain) {
        values.forEach((value, i) => expect(compiled.get(name)![i]).toBeCloseTo(value, 11));
      }
    }
  });
});
