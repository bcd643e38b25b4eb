// Latent factors in the three-level model: exact in the data's units, the same when rotated, refused where they cannot be told apart, recovered.
import { describe, expect, it } from 'vitest';
import { AlignedDraws } from '../../src/cli/fit/alignedDraws.js';
import { loadConfig } from '../../src/data/config.js';
import { threeLevelData } from '../../src/data/threeLevelData.js';
import { fit } from '../../src/inference/fit.js';
import { mostFactors } from '../../src/models/linearHierarchy/levelCovariance.js';
import { models } from '../../src/models/registry.js';
import { salesScenario } from '../../src/models/threeLevel/scenario.js';
import { simulateThreeLevel } from '../../src/models/threeLevel/simulate.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { inputError, temporaryFolder } from '../data/inputFiles.js';
import { densityOf, quantityOf } from './evaluateModel.js';
import { randomNumbers } from './random.js';
import { tableOfBlocks } from './simulatedTable.js';
import { threeLevelExample } from './threeLevelExample.js';
import { blocksOf, positionOf, randomPosition } from './threeLevelPoints.js';

const two = { product: { factors: 2 }, market: { factors: 1 } } as const;
const [p, factors] = [5, 2];

/** An orthogonal matrix, `[2][2]`. */
const rotation = (angle: number, sign: 1 | -1): number[] => [
  Math.cos(angle),
  -sign * Math.sin(angle),
  Math.sin(angle),
  sign * Math.cos(angle),
];

const times = (rows: ArrayLike<number>, q: readonly number[]): number[] =>
  Array.from(rows, (_, at) => {
    const [row, column] = [Math.floor(at / 2), at % 2];
    return rows[row * 2] * q[column] + rows[row * 2 + 1] * q[2 + column];
  });

describe('reported sites', () => {
  const { data } = threeLevelExample({ markets: 6, products: 4, x: p - 1, z: 0, seed: 'factors' });
  const model = threeLevelModel(data, { covariance: two });
  const position = randomPosition(model, randomNumbers('factors'));

  it('have spreads and correlations that are those of loadings and what they leave', async () => {
    const values = (await (await quantityOf(model, 'sites'))(position)) as ReadonlyMap<string, Float64Array>;
    for (const [u, k, m] of [
      ['u', p, 2],
      ['v', p, 1],
    ] as const) {
      const [sigma, corr, psi, loadings] = ['sigma', 'corr', 'psi', 'loadings'].map((site) =>
        values.get(`${site}_${u}`)!,
      );
      for (let i = 0; i < k; i++) {
        for (let j = 0; j <= i; j++) {
          let common = 0;
          for (let f = 0; f < m; f++) common += loadings[i * m + f] * loadings[j * m + f];
          // Standardised predictors are centred, so what factors leave of the constant goes with what they leave of slopes.
          if (j === 0 && i > 0) continue;
          const covariance = corr[i * k + j] * sigma[i] * sigma[j];
          expect(covariance).toBeCloseTo(common + (i === j ? psi[i] ** 2 : 0), 8);
        }
      }
    }
  });

  it('are the same when the factors are rotated, and loadings and scores go with them', async () => {
    const sites = await quantityOf(model, 'sites');
    const density = await densityOf(model);
    const [before, value] = [await sites(position), (await density.at(position)).value];
    for (const [angle, sign] of [
      [0.7, 1],
      [2.9, -1],
    ] as const) {
      const q = rotation(angle, sign);
      const blocks = Object.fromEntries(blocksOf(model, position));
      const turned = positionOf(model, { ...blocks, loadings_u: times(blocks.loadings_u, q) });
      expect((await density.at(turned)).value).toBeCloseTo(value, 8);
      for (const [site, own] of await sites(turned)) {
        const peer = before.get(site)!;
        const expected = ['loadings_u', 'scores_u'].includes(site) ? times(peer, q) : peer;
        expect(Math.max(...own.map((x, i) => Math.abs(x - expected[i]))), site).toBeLessThan(1e-8);
      }
    }
  });
});

it('turns draws alike, whatever their rotations', async () => {
  const random = randomNumbers('turned');
  const [chains, draws, units] = [3, 40, 6];
  const numbers = (size: number) =>
    Array.from({ length: chains }, () => Array.from({ length: draws }, () => random.normals(size)));
  const [noise, scores] = [numbers(p * factors), numbers(units * factors)];
  // Coefficients of very different units.
  const loadings = noise.map((chain) =>
    chain.map((own) => own.map((x, at) => 10 ** Math.floor(at / 2) * (1 + (at % 3) + 0.2 * x))),
  );
  const read = async (turn: (x: Float64Array, q: readonly number[]) => ArrayLike<number>, rows = Infinity) => {
    const rotations = numbers(2).map((chain) => chain.map(([a, s]) => rotation(a, s > 0 ? 1 : -1)));
    const of: Record<string, readonly (readonly ArrayLike<number>[])[]> = {
      loadings: loadings.map((chain, c) => chain.map((own, d) => turn(own, rotations[c][d]))),
      scores: scores.map((chain, c) => chain.map((own, d) => turn(own, rotations[c][d]))),
    };
    const sites = [
      { name: 'loadings', shape: [p, factors], dims: ['coefficient', 'factor'] },
      { name: 'scores', shape: [units, factors], dims: ['unit', 'factor'] },
    ];
    const readBlock = (name: string, start: number, count: number) =>
      Promise.resolve({
        start,
        draws: Array.from({ length: count }, (_, i) =>
          of[name].map((chain) => Float64Array.from(chain, (own) => own[start + i])),
        ),
      });
    const aligned = new AlignedDraws({ chains, draws, sites, readBlock });
    const values: number[] = [];
    for (const site of sites) {
      const own = { ...site, rotation: { loadings: 'loadings' } };
      const [size] = site.shape;
      for (let row = 0; row < size; row += rows) {
        const block = await aligned.readBlock(own, row * factors, Math.min(rows, size - row) * factors);
        values.push(...block.draws.flat().flatMap((x) => [...x]));
      }
    }
    return values;
  };
  const plain = await read((own) => own);
  // In blocks of one row each, too.
  for (const turned of [await read(times), await read(times, 1)]) {
    expect(turned.length).toBe(plain.length);
    expect(Math.max(...turned.map((x, i) => Math.abs(x - plain[i]) / (1 + Math.abs(x))))).toBeLessThan(1e-9);
  }
});

describe('refusals', () => {
  const { write } = temporaryFolder();
  const load = async (covariance: string, priors = '{}') => {
    const text = `data: { file: a.csv }
model:
  name: three-level
  response: y
  product: a
  market: b
  x: [c, d, e]
  covariance: ${covariance}
  priors: ${priors}
`;
    return (await inputError(() => loadConfig(write('config.yaml', text), models))).message.replace(
      /^.*config/,
      'config',
    );
  };

  it('name the most factors that are possible', async () => {
    expect([2, 3, 4, 5, 6, 10].map(mostFactors)).toEqual([0, 1, 1, 2, 3, 6]);
    expect(await load('{product: {factors: 2}}')).toBe(
      'config.yaml:8: model.covariance.product.factors: 2 factors of 4 coefficients cannot be told apart; at most 1',
    );
    expect(await load('{product: {factor: 2}}')).toMatch(/model.covariance.product.factors is missing/);
    expect(await load('{market: factors}')).toMatch(/^config.yaml:8: model.covariance.market /);
  });

  it('of priors that are not there, or depend on the rotation', async () => {
    const { data } = threeLevelExample({ markets: 6, products: 4, x: 4, seed: 'factors' });
    const prior = (family: string, ...parameters: number[]) => ({ family, parameters }) as never;
    const refused = async (priors: Record<string, never>, covariance: object = two) =>
      (await inputError(() => threeLevelModel(data, { covariance: covariance as typeof two, priors }))).message;
    expect(await refused({ loadings_u: prior('normal', 1, 1) })).toMatch(/loadings_u: must be normal\(0, sd\)/);
    expect(await refused({ corr_u: prior('lkj', 1) })).toMatch(
      /corr_u: follows from the factors; set loadings_u and psi_u/,
    );
    expect(await refused({ psi_u: prior('normal', 0, 1) })).toMatch(/psi_u/);
    expect(await refused({ psi_u: prior('halfNormal', 1) }, { product: 'full', market: 'full' })).toBe(
      'model.priors.psi_u: needs factors, like model.covariance.product: {factors: 1}',
    );
  });
});

it('recovers spreads and correlations', { timeout: 300_000 }, async () => {
  const errors: number[] = [];
  for (const seed of [1, 2, 3]) {
    const size = { rows: 3000, products: 120, markets: 0, x: p - 1, z: 0, w: 0 };
    const simulation = salesScenario({ ...size, covariance: 'diagonal', factors });
    const { truth, blocks } = simulateThreeLevel(simulation, randomNumbers(`factors ${seed}`));
    const x = simulation.x.map(({ name }) => name);
    const columns = { response: 'log_sales', product: 'product', x, z: [], w: [], standardise: false };
    const data = threeLevelData(tableOfBlocks(blocks), columns);
    const model = threeLevelModel(data, { covariance: { product: { factors }, market: 'diagonal' } });
    const posterior = await fit(model, { seed, chains: 2, draws: 250 });
    for (const [site, width] of [
      ['sigma_u', 1],
      ['corr_u', p],
    ] as const) {
      const known = truth.filter(({ name }) => name.startsWith(`${site}[`));
      const places =
        width === 1
          ? x.map((_, i) => i + 1)
          : Array.from({ length: p * p }, (_, at) => at).filter((at) => Math.floor(at / p) > at % p);
      const wanted = width === 1 ? [0, ...places] : places;
      expect(known.length).toBe(wanted.length);
      for (const [i, at] of wanted.entries()) {
        const values = posterior.element(site, at).flatMap((chain) => [...chain]);
        const mean = values.reduce((sum, value) => sum + value / values.length, 0);
        const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
        errors.push((known[i].value - mean) / sd);
      }
    }
  }
  const meanSquare = errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length;
  expect(Math.max(...errors.map(Math.abs))).toBeLessThan(4);
  // 45 of them, of which those of a seed go together: mean square 1 with standard error about 0.3.
  expect(meanSquare).toBeGreaterThan(0.3);
  expect(meanSquare).toBeLessThan(1.9);
});
