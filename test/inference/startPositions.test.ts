// Starts of chains: modes, draws of the prior, draws of Pathfinder; and fits that begin there.
import { describe, expect, it } from 'vitest';
import { summarise } from '../../src/diagnostics/index.js';
import { priorPosition } from '../../src/inference/calibration/priorPosition.js';
import { fit, InitialisationError, StartError } from '../../src/inference/index.js';
import { startPositions } from '../../src/inference/startPositions.js';
import { defineModel } from '../../src/models/model.js';
import { normal } from '../../src/models/distributions/index.js';
import { real } from '../../src/models/parameters.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { threeLevelExample } from '../models/threeLevelExample.js';
import { batched, eightSchools, independentNormal, type PlainDensity } from './densities.js';

const { data } = threeLevelExample({ markets: null, products: 12, x: 1, rowsOf: () => 6 });
const sales = threeLevelModel(data, { covariance: { product: 'diagonal', market: 'diagonal' } });
const positionsOf = async (...given: Parameters<typeof startPositions>): Promise<readonly ArrayLike<number>[]> =>
  (await startPositions(...given)).initial!.positions!;

describe('at modes', () => {
  const { dimension, density } = independentNormal;
  const task = { model: sales, chains: 3, seed: 5 };

  it.each([1, 4])('are where the slope is 0, by %i lanes', async (lanes) => {
    const found = await positionsOf('map', { ...task, density: batched(dimension, density, lanes) });
    expect(found).toHaveLength(3);
    for (const position of found)
      for (const [i, sd] of [0.1, 1, 10].entries())
        expect(Math.abs(position[i] - independentNormal.expectations[i * 5].value)).toBeLessThan(1e-3 * sd);
  });

  it('are refused where the climb has no end', async () => {
    const slope: PlainDensity = ([x], gradient) => {
      gradient[0] = 3;
      return 3 * x;
    };
    const climbing = startPositions('map', { ...task, density: batched(1, slope) });
    await expect(climbing).rejects.toThrow(StartError);
    await expect(climbing).rejects.toThrow(/chain 0: the climb found no mode.*choose initialisation: pathfinder or/);
  });
});

describe('at draws of the prior', () => {
  const task = { model: sales, chains: 4, seed: 2 };
  const finiteWhere = (isFinite: (q: Float64Array) => boolean): PlainDensity => {
    return (q, gradient) => {
      gradient.fill(0);
      return isFinite(q) ? 0 : -Infinity;
    };
  };

  it('are those of the prior, another for each chain', async () => {
    const own = await priorPosition(sales, '2, start of chain 1, attempt 0');
    const found = await positionsOf('prior', {
      ...task,
      density: batched(
        own.length,
        finiteWhere(() => true),
      ),
    });
    expect(found[1]).toEqual(own);
    expect(new Set(found.map((position) => position[0])).size).toBe(4);
  });

  it('have a finite density', async () => {
    const { length } = await priorPosition(sales, 'any');
    const half = await positionsOf('prior', {
      ...task,
      density: batched(
        length,
        finiteWhere(([x]) => x > 0),
      ),
    });
    for (const position of half) expect(position[0]).toBeGreaterThan(0);
    const none = startPositions('prior', {
      ...task,
      density: batched(
        length,
        finiteWhere(() => false),
      ),
    });
    await expect(none).rejects.toThrow(InitialisationError);
    await expect(none).rejects.toThrow(/after 20 attempts the log density is not finite/);
  });
});

it.each([1, 8])('are distinct draws of %i paths, with their variances', async (paths) => {
  const known = eightSchools();
  const density = batched(known.dimension, known.density);
  const task = { model: sales, density, chains: 4, seed: 3, pathfinder: { paths } };
  const { initial, inverseMass } = await startPositions('pathfinder', task);
  expect(new Set(initial!.positions).size).toBe(4);
  expect(inverseMass).toHaveLength(known.dimension);
  for (let i = 0; i < known.dimension; i++) expect(inverseMass![i]).toBeGreaterThan(0);
});

describe('fits that begin', () => {
  const y = [1.2, -0.4, 2.1, 0.8, 1.9];
  const model = defineModel({
    name: 'a mean',
    data: { y },
    parameters: { mu: real() },
    logPrior: ({ mu }) => normal.logDensity(mu, 0, 50),
    logLikelihood: ({ mu }, { y: observed }) => normal.logDensity(observed, mu, 1),
  });
  const sum = y.reduce((a, b) => a + b, 0);
  const kinds = ['jitter', 'prior', 'pathfinder', 'map'] as const;

  it.each(kinds.flatMap((kind) => (['nuts', 'hmc', 'chees'] as const).map((method) => ({ kind, method }))))(
    'by $kind draw from the posterior, by $method',
    async ({ kind, method }) => {
      const posterior = await fit(model, {
        method,
        initialisation: kind,
        chains: 4,
        warmup: 200,
        draws: 1000,
        seed: 4,
      });
      const { mean, sd, mcseMean, rhat } = summarise(posterior.element('mu'));
      const exact = { mean: sum / (y.length + 1 / 2500), sd: Math.sqrt(1 / (y.length + 1 / 2500)) };
      expect(Math.abs(mean - exact.mean)).toBeLessThan(4 * mcseMean);
      expect(Math.abs(sd / exact.sd - 1)).toBeLessThan(0.1);
      expect(rhat).toBeLessThan(1.02);
    },
  );

  it('somewhere draw otherwise than from elsewhere, and the same for a seed', async () => {
    const first = async (initialisation: (typeof kinds)[number]): Promise<number> =>
      (await fit(sales, { method: 'nuts', initialisation, chains: 2, warmup: 50, draws: 5, seed: 9 })).element(
        'gamma',
      )[0][0];
    const found = await Promise.all(kinds.map(first));
    expect(new Set(found).size).toBe(kinds.length);
    expect(await first('pathfinder')).toBe(found[2]);
  });
});
