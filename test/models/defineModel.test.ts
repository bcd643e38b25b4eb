// Models of one's own: data in every form, names of axes, derived sites, prediction, replicates, starts, and what is refused.
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { compileQuantity, dimensionName, positionBlocks } from '../../src/inference/compiledModel.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import { checkSites } from '../../src/data/run/siteDescription.js';
import { gatherRows } from '../../src/kernels/ops/index.js';
import { normal } from '../../src/models/distributions/index.js';
import { defineModel } from '../../src/models/model.js';
import {
  choleskyCorrelation,
  interval,
  ordered,
  positive,
  real,
  simplex,
  sumToZero,
} from '../../src/models/parameters.js';
import { densityOf, gradientError, quantityOf } from './evaluateModel.js';
import { interpreterDevice } from './interpreterDevice.js';
import { randomNumbers } from './random.js';

/** A model with every kind of parameter and of data. */
const everything = () =>
  defineModel({
    name: 'everything',
    data: {
      y: [1, 2.5, -0.5, 3],
      x: [
        [1, 0.5],
        [0.2, -1],
        [1, 1],
        [0, 2],
      ],
      group: Int32Array.from([0, 2, 1, 2]),
      scale: 2,
      column: { shape: [4, 1], values: [1, 2, 3, 4] },
    },
    coords: { group: ['a', 'b', 'c'], slope: ['price', 'deal'] },
    parameters: {
      intercepts: real('group'),
      slopes: real('slope'),
      sigma: positive(),
      share: interval(-1, 1),
      weights: simplex('group'),
      cuts: ordered(2),
      effects: sumToZero('group'),
      factor: choleskyCorrelation('slope', 'slope'),
    },
    logPrior: (p, { scale }) =>
      tf.addN([
        normal.logDensity(p.intercepts, 0, scale).sum(),
        normal.logDensity(p.slopes).sum(),
        p.sigma.neg(),
        normal.logDensity(p.share, 0.2, 0.5),
        p.weights.log().sum(),
        normal.logDensity(p.cuts).sum(),
        normal.logDensity(p.effects).sum(),
        normal.logDensity(p.factor).sum(),
      ]),
    logLikelihood: (p, d) => normal.logDensity(d.y, means(p, d), p.sigma),
    derived: {
      sites: { total: [], squares: ['slope'] },
      compute: (p) => ({ total: p.slopes.sum(), squares: p.slopes.square() }),
    },
    predict: means,
    replicate: (p, d, noise) => means(p, d).add(noise.mul(p.sigma)),
    observed: 'y',
    start: { slopes: { centre: [0.5, -0.5], sd: [0.1, 0.1] } },
  });

function means(p: Record<string, tf.Tensor>, d: Record<string, tf.Tensor>): tf.Tensor {
  const weighted = p.intercepts.add(p.effects).add(p.weights.mul(p.share));
  const bent = d.column.mul(p.cuts).sum(1).mul(0.1);
  return gatherRows(weighted, d.group).add(d.x.mul(p.slopes).sum(1)).add(bent);
}

describe('a model with every kind of parameter', () => {
  const model = everything();
  const dimension = positionBlocks(model).reduce((sum, { size }) => sum + size, 0);
  const points = [0, 1, 2].map((seed) => randomNumbers(seed).normals(dimension));

  it('is the same compiled and interpreted, with the gradient of its differences', async () => {
    const [compiled, plain] = [await densityOf(model), await densityOf(model, { device: interpreterDevice() })];
    for (const point of points) {
      const [a, b] = [await compiled.at(point), await plain.at(point)];
      expect(a.value).toBeCloseTo(b.value, 11);
      a.gradient.forEach((g, i) => expect(g).toBeCloseTo(b.gradient[i], 10));
      expect(await gradientError(compiled, point)).toBeLessThan(1e-8);
    }
  });

  it('reports parameters on their sets, and derived sites', async () => {
    const sites = await (await quantityOf(model, 'sites'))(points[0]);
    expect([...sites.keys()]).toEqual(model.sites.map(({ name }) => name));
    const [a, b] = sites.get('slopes')!;
    expect(sites.get('total')![0]).toBeCloseTo(a + b, 14);
    expect(sites.get('squares')![1]).toBeCloseTo(b * b, 14);
    expect(sites.get('effects')!.reduce((x, y) => x + y, 0)).toBeCloseTo(0, 14);
  });

  it('predicts and replicates its observations', async () => {
    const predicted = (await (await quantityOf(model, 'predict'))(points[0])).get('predict')!;
    const noise = [1, -1, 0, 2];
    const replicated = (await (await quantityOf(model, 'replicate'))([...points[0], ...noise])).get('replicate')!;
    const sigma = (await (await quantityOf(model, 'sites'))(points[0])).get('sigma')![0];
    expect(model.observed).toEqual({ name: 'y', values: [1, 2.5, -0.5, 3] });
    predicted.forEach((mean, i) => expect(replicated[i]).toBeCloseTo(mean + sigma * noise[i], 12));
  });

  it('names axes distinctly and keeps their levels', () => {
    expect(() => checkSites(model.sites, model.coords)).not.toThrow();
    const dims = Object.fromEntries(model.sites.map(({ name, dims: own }) => [name, own]));
    expect(dims.factor).toEqual(['slope', 'slope_column']);
    expect(dims.cuts).toEqual(['cuts_dim_0']);
    expect(model.coords.slope_column).toEqual(['price', 'deal']);
    const { isFixed } = model.sites.find(({ name }) => name === 'factor')!;
    const entries = [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ];
    expect(entries.map((index) => isFixed!(index))).toEqual([true, true, false, false]);
  });

  it('names the dimensions of its unconstrained position', () => {
    const blocks = positionBlocks(model);
    const names = Array.from({ length: dimension }, (_, i) => dimensionName(blocks, i));
    expect(names.slice(0, 9)).toEqual([
      'intercepts[0]',
      'intercepts[1]',
      'intercepts[2]',
      'slopes[0]',
      'slopes[1]',
      'sigma',
      'share',
      'weights[0]',
      'weights[1]',
    ]);
    expect(names.at(-1)).toBe('factor');
  });

  it('keeps starts', () => {
    expect(model.start!.slopes).toEqual({ centre: [0.5, -0.5], sd: [0.1, 0.1] });
  });
});

describe('what is refused', () => {
  const small = {
    name: 'small',
    data: { y: [1, 2] },
    parameters: { mu: real() },
    logPrior: ({ mu }: { mu: tf.Tensor }) => mu.mul(0),
    logLikelihood: ({ mu }: { mu: tf.Tensor }, { y }: { y: tf.Tensor }) => normal.logDensity(y, mu),
  };

  it('a dimension without coordinates', () => {
    expect(() => defineModel({ ...small, parameters: { mu: real('school') } })).toThrow(
      /parameter mu: dimension 'school' has no coordinates/,
    );
  });

  it('ragged data', () => {
    expect(() => defineModel({ ...small, data: { y: [[1, 2], [3]] } })).toThrow(/data y: rows differ in length/);
  });

  it('bounds that do not increase', () => {
    expect(() => interval(1, 1)).toThrow(RangeError);
    expect(() => interval(0, Infinity)).toThrow(RangeError);
  });

  it('replicates of nothing', () => {
    expect(() => defineModel({ ...small, replicate: (_, { y }, noise) => y.add(noise) })).toThrow(
      /replicate needs `observed`/,
    );
  });

  it('one name for a parameter and for data', async () => {
    const clash = defineModel({
      name: 'clash',
      data: { mu: [1, 2] },
      parameters: { mu: real() },
      logPrior: ({ mu }) => mu.mul(0),
      logLikelihood: ({ mu }) => mu,
    });
    await expect(densityOf(clash)).rejects.toThrow(/'mu' is the name of a parameter and of data/);
  });

  it('a site that is listed and not computed, and a quantity that is not defined', async () => {
    const listed = defineModel({ ...small, derived: { sites: { total: [] }, compute: () => ({}) } });
    await expect(compileQuantity(listed, cpuDevice(), 'sites')).rejects.toThrow(
      /lists the site total but does not report it/,
    );
    await expect(compileQuantity(listed, cpuDevice(), 'predict')).rejects.toThrow(/does not define predict/);
  });
});
