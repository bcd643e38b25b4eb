// Reported sites of the three-level model: their names and axes, and that they are exact in the data's units.
import { describe, expect, it } from 'vitest';
import { checkSites, siteSize } from '../../src/data/run/siteDescription.js';
import type { ThreeLevelData } from '../../src/data/threeLevelData.js';
import type { Model } from '../../src/models/model.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { quantityOf } from './evaluateModel.js';
import { randomNumbers } from './random.js';
import { type Example, type ExampleShape, threeLevelExample } from './threeLevelExample.js';
import { blocksOf, positionOf, randomPosition } from './threeLevelPoints.js';
import { sizesOf } from './threeLevelReference.js';

const full = { product: 'full', market: 'full' } as const;
const shapes: Record<string, ExampleShape> = {
  'two levels': { markets: null, products: 6, x: 2, z: 1 },
  'two levels without z': { markets: null, products: 6, x: 1 },
  'three levels': { markets: 5, products: 3, x: 2, z: 1, w: 2 },
  'three levels without z and w': { markets: 4, products: 3, x: 1 },
  'three levels of intercepts': { markets: 4, products: 3, z: 1, w: 1 },
  'three levels in data units': { markets: 4, products: 3, x: 1, z: 1, w: 1, standardise: false },
};

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0);

/** `[1, predictors]` in the data's units: by sorted row, unit and market. */
function rawDesign({ data, column }: Example) {
  const at = (predictors: readonly { readonly name: string }[], row: number): number[] => [
    1,
    ...predictors.map(({ name }) => column(name)[data.originalRow[row]]),
  ];
  const firstRowOfMarket = (market: number): number => data.units.rowStart[data.markets!.unitStart[market]];
  return {
    x: (row: number) => at(data.x, row),
    z: (unit: number) => at(data.z, data.units.rowStart[unit]),
    w: (market: number) => at(data.markets!.w, firstRowOfMarket(market)),
  };
}

const expectClose = (actual: number, expected: number): void =>
  expect(Math.abs(actual - expected)).toBeLessThan(1e-10 * Math.max(1, Math.abs(expected)));

/** A position with every deviation of units (and markets) at 0 except one group's, non-centred. */
function deviationPosition(model: Model, base: Float64Array, name: 'beta' | 'gamma', at: number | undefined) {
  const blocks = Object.fromEntries(blocksOf(model, base));
  const zero = (block: readonly number[]): number[] => block.map(() => 0);
  const moved = zero(blocks[name]);
  if (at !== undefined) moved[at] = 1;
  return positionOf(model, { ...blocks, beta: zero(blocks.beta), [name]: moved });
}

describe.each(Object.keys(shapes))('%s', (name) => {
  const example = threeLevelExample({ ...shapes[name], seed: name });
  const { data } = example;
  const raw = rawDesign(example);
  const { p, q, r, units, markets } = sizesOf(data);
  const isThreeLevel = markets > 0;

  it.each(['centred', 'noncentred', 'auto'] as const)(
    '%s: beta on the raw predictors is the prediction',
    async (parametrisation) => {
      const model = threeLevelModel(data, { covariance: full, parametrisation });
      const [sites, predict] = [await quantityOf(model, 'sites'), await quantityOf(model, 'predict')];
      for (const seed of ['a', 'b']) {
        const position = randomPosition(model, randomNumbers(seed));
        const beta = (await sites(position)).get('beta')!;
        const predicted = (await predict(position)).get('predict')!;
        for (let row = 0; row < data.rows; row++) {
          const unit = data.unitOfRow[row];
          expectClose(predicted[row], dot(beta.subarray(unit * p, (unit + 1) * p), raw.x(row)));
        }
      }
    },
  );

  it('replicates are predictions plus sigma times noise; the log likelihood is their normal density', async () => {
    const model = threeLevelModel(data, { covariance: full });
    const position = randomPosition(model, randomNumbers('replicates'));
    const noise = randomNumbers('noise').normals(data.rows);
    const predicted = (await (await quantityOf(model, 'predict'))(position)).get('predict')!;
    const replicate = await quantityOf(model, 'replicate');
    const replicated = (await replicate([...position, ...noise])).get('replicate')!;
    const logLikelihood = (await (await quantityOf(model, 'logLikelihood'))(position)).get('logLikelihood')!;
    const sigma = (await (await quantityOf(model, 'sites'))(position)).get('sigma')![0];
    expectClose(sigma, Math.exp(position[0]));
    for (let row = 0; row < data.rows; row++) {
      expectClose(replicated[row], predicted[row] + sigma * noise[row]);
      const z = (data.y[row] - predicted[row]) / sigma;
      expectClose(logLikelihood[row], -0.5 * z * z - Math.log(sigma) - 0.5 * Math.log(2 * Math.PI));
    }
  });

  it('groups without deviations have exactly the coefficients that the level above predicts', async () => {
    const model = threeLevelModel(data, { covariance: full, parametrisation: 'noncentred' });
    const base = randomPosition(model, randomNumbers('means'));
    const sites = await (await quantityOf(model, 'sites'))(deviationPosition(model, base, 'beta', undefined));
    const [beta, gamma] = [sites.get('beta')!, sites.get('gamma')!];
    for (let unit = 0; unit < units; unit++) {
      const own = isThreeLevel ? data.units.market![unit] : 0;
      for (let k = 0; k < p; k++) {
        const first = (own * p + k) * q;
        expectClose(beta[unit * p + k], dot(gamma.subarray(first, first + q), raw.z(unit)));
      }
    }
    if (!isThreeLevel) return;
    const still = await (await quantityOf(model, 'sites'))(deviationPosition(model, base, 'gamma', undefined));
    const [means, delta] = [still.get('gamma')!, still.get('delta')!];
    for (let market = 0; market < markets; market++) {
      for (let k = 0; k < p * q; k++) {
        expectClose(means[market * p * q + k], dot(delta.subarray(k * r, (k + 1) * r), raw.w(market)));
      }
    }
  });

  it.each(isThreeLevel ? (['u', 'v'] as const) : (['u'] as const))(
    'sigma_%s and its correlations are those of the deviations',
    async (level) => {
      const model = threeLevelModel(data, { covariance: full, parametrisation: 'noncentred' });
      const evaluate = await quantityOf(model, 'sites');
      const base = randomPosition(model, randomNumbers('spread'));
      const site = level === 'u' ? 'beta' : 'gamma';
      const k = level === 'u' ? p : p * q;
      const still = (await evaluate(deviationPosition(model, base, site, undefined))).get(site)!;
      // Columns of a square root of the covariance: a unit standardised deviation of the first group in each direction.
      const columns: number[][] = [];
      for (let direction = 0; direction < k; direction++) {
        const moved = (await evaluate(deviationPosition(model, base, site, direction))).get(site)!;
        columns.push(Array.from({ length: k }, (_, i) => moved[i] - still[i]));
      }
      const covariance = (i: number, j: number): number => columns.reduce((sum, c) => sum + c[i] * c[j], 0);
      const sites = await evaluate(base);
      const [sds, correlations] = [sites.get(`sigma_${level}`)!, sites.get(`corr_${level}`)!];
      for (let i = 0; i < k; i++) {
        expect(sds[i] / Math.sqrt(covariance(i, i))).toBeCloseTo(1, 9);
        for (let j = 0; j < k; j++) {
          const expected = covariance(i, j) / Math.sqrt(covariance(i, i) * covariance(j, j));
          expect(correlations[i * k + j]).toBeCloseTo(expected, 9);
        }
      }
    },
  );

  it('standard deviations of diagonal covariances are in data units too', async () => {
    const model = threeLevelModel(data, { parametrisation: 'noncentred' });
    const evaluate = await quantityOf(model, 'sites');
    const base = randomPosition(model, randomNumbers('diagonal'));
    const still = (await evaluate(deviationPosition(model, base, 'beta', undefined))).get('beta')!;
    const squares = new Float64Array(p);
    for (let direction = 0; direction < p; direction++) {
      const moved = (await evaluate(deviationPosition(model, base, 'beta', direction))).get('beta')!;
      for (let i = 0; i < p; i++) squares[i] += (moved[i] - still[i]) ** 2;
    }
    const sds = (await evaluate(base)).get('sigma_u')!;
    squares.forEach((square, i) => expect(sds[i] / Math.sqrt(square)).toBeCloseTo(1, 9));
  });

  it('sites have the sizes they announce', async () => {
    const model = threeLevelModel(data, { covariance: full });
    const sites = await (await quantityOf(model, 'sites'))(randomPosition(model, randomNumbers('sizes')));
    for (const site of model.sites) {
      expect(sites.get(site.name)!.length, site.name).toBe(siteSize(site));
      expect(site.dims.length).toBe(site.shape.length);
      site.dims.forEach((dim, axis) => expect(model.coords[dim]?.length, dim).toBe(site.shape[axis]));
    }
    expect(() => checkSites(model.sites, model.coords)).not.toThrow();
  });
});

describe('names', () => {
  const listed = (data: ThreeLevelData, covariance: typeof full | undefined): Record<string, readonly string[]> =>
    Object.fromEntries(threeLevelModel(data, { covariance }).sites.map(({ name, dims }) => [name, dims]));

  it('three levels', () => {
    const { data } = threeLevelExample({ markets: 4, products: 3, x: 1, z: 1, w: 1 });
    expect(listed(data, full)).toEqual({
      delta: ['coefficient', 'coefficient_z', 'coefficient_w'],
      sigma: [],
      sigma_u: ['coefficient'],
      corr_u: ['coefficient', 'coefficient_column'],
      sigma_v: ['coefficient', 'coefficient_z'],
      corr_v: ['market_coefficient', 'market_coefficient_column'],
      gamma: ['market', 'coefficient', 'coefficient_z'],
      beta: ['unit', 'coefficient'],
    });
    const { coords } = threeLevelModel(data, { covariance: full });
    expect(coords).toMatchObject({
      coefficient: ['Intercept', 'x1'],
      coefficient_z: ['Intercept', 'z1'],
      coefficient_w: ['Intercept', 'w1'],
      market: ['m10', 'm11', 'm12', 'm13'],
      market_coefficient: ['Intercept:Intercept', 'Intercept:z1', 'x1:Intercept', 'x1:z1'],
    });
    expect(coords.unit.slice(0, 2)).toEqual(['product=p10,market=m10', 'product=p11,market=m10']);
  });

  it('two levels, diagonal', () => {
    const { data } = threeLevelExample({ markets: null, products: 3, x: 1 });
    expect(listed(data, undefined)).toEqual({
      gamma: ['coefficient'],
      sigma: [],
      sigma_u: ['coefficient'],
      beta: ['product', 'coefficient'],
    });
  });

  it('the population is judged strictly, groups are not; the fixed part of correlations is left out', () => {
    const { data } = threeLevelExample({ markets: 4, products: 3, x: 1 });
    const { sites } = threeLevelModel(data, { covariance: full });
    const groups = sites.filter(({ level }) => level === 'group').map(({ name }) => name);
    expect(groups).toEqual(['gamma', 'beta']);
    const { isFixed } = sites.find(({ name }) => name === 'corr_u')!;
    expect([isFixed!([0, 0]), isFixed!([0, 1]), isFixed!([1, 0])]).toEqual([true, true, false]);
  });
});
