// The three-level model's density: equal to the joint density written out, however it is parametrised and summed.
import { describe, expect, it } from 'vitest';
import type { ThreeLevelData } from '../../src/data/threeLevelData.js';
import type { Model } from '../../src/models/model.js';
import { threeLevelModel, type ThreeLevelOptions } from '../../src/models/threeLevel/threeLevel.js';
import { densityOf, gradientError } from './evaluateModel.js';
import { interpreterDevice } from './interpreterDevice.js';
import { randomNumbers } from './random.js';
import { type ExampleShape, threeLevelExample } from './threeLevelExample.js';
import { blocksOf, centringOf, positionOf, randomPosition } from './threeLevelPoints.js';
import { logJoint, naturalAt, type ReferenceCentring, sizesOf } from './threeLevelReference.js';

const shapes: Record<string, ExampleShape> = {
  'two levels, intercepts only': { markets: null, products: 6 },
  'two levels, x': { markets: null, products: 5, x: 2 },
  'two levels, x and z': { markets: null, products: 7, x: 1, z: 2 },
  'three levels, intercepts only': { markets: 4, products: 3 },
  'three levels, x': { markets: 4, products: 3, x: 2 },
  'three levels, x, z and w': { markets: 5, products: 3, x: 1, z: 1, w: 1 },
  'three levels, w only': { markets: 5, products: 2, w: 2 },
  'data units': { markets: 4, products: 3, x: 1, z: 1, w: 1, standardise: false },
  'one row in every unit': { markets: 3, products: 4, x: 1, rowsOf: () => 1 },
  'markets with one unit': { markets: 4, products: 3, x: 1, sells: (product, market) => market === 0 || product === 0 },
  'units whose x does not vary': {
    markets: 3,
    products: 3,
    x: 2,
    rowsOf: () => 5,
    isConstantX: (unit) => unit % 2 === 0,
  },
};
const covariances = { product: 'full', market: 'full' } as const;
const diagonal = { product: 'diagonal', market: 'diagonal' } as const;
const parametrisations = ['centred', 'noncentred', 'auto'] as const;

const everywhere = (data: ThreeLevelData, share: number): ReferenceCentring => ({
  unit: Array<number>(sizesOf(data).p).fill(share),
  market: Array<number>(sizesOf(data).p * sizesOf(data).q).fill(share),
});

/** The density written out, at a position of the model. */
function reference(data: ThreeLevelData, model: Model, centring: ReferenceCentring, position: Float64Array): number {
  const { natural, logVolume } = naturalAt(data, blocksOf(model, position), centring);
  return logJoint(data, natural) + logVolume;
}

describe.each(Object.keys(shapes))('%s', (name) => {
  const { data } = threeLevelExample({ ...shapes[name], seed: name });
  const points = (model: Model): Float64Array[] =>
    [0, 1].map((seed) => randomPosition(model, randomNumbers(`${name} ${seed}`)));

  for (const [kind, covariance] of Object.entries({ diagonal, full: covariances })) {
    it.each(parametrisations)(`${kind}, %s: equals the joint density`, async (parametrisation) => {
      const model = threeLevelModel(data, { covariance, parametrisation });
      const centring =
        parametrisation === 'auto'
          ? await rawCentring(shapes[name], name, covariance)
          : everywhere(data, parametrisation === 'centred' ? 1 : 0);
      const density = await densityOf(model);
      for (const position of points(model)) {
        const expected = reference(data, model, centring, position);
        const { value } = await density.at(position);
        // Quadratures and differences in the reference of a full covariance are good to eight digits.
        expect(value / expected).toBeCloseTo(1, kind === 'full' ? 8 : 12);
      }
    });
  }

  it('rows and the short way agree, compiled and interpreted', async () => {
    const model = threeLevelModel(data, { covariance: covariances });
    const [short, rows, plain] = await Promise.all([
      densityOf(model),
      densityOf(model, { likelihood: 'rows' }),
      densityOf(model, { likelihood: 'rows', device: interpreterDevice() }),
    ]);
    for (const position of points(model)) {
      const expected = await plain.at(position);
      for (const density of [short, rows]) {
        const { value, gradient } = await density.at(position);
        expect(Math.abs(value / expected.value - 1)).toBeLessThan(1e-10);
        const size = Math.max(...expected.gradient.map(Math.abs));
        gradient.forEach((g, i) => expect(Math.abs(g - expected.gradient[i]) / size).toBeLessThan(1e-10));
      }
    }
  });

  it.each(parametrisations)('%s: the gradient is that of differences', async (parametrisation) => {
    const model = threeLevelModel(data, { covariance: covariances, parametrisation });
    const density = await densityOf(model);
    for (const position of points(model)) expect(await gradientError(density, position)).toBeLessThan(1e-6);
  });

  it('starts where density and gradient are finite', async () => {
    const model = threeLevelModel(data, { covariance: covariances });
    const centre = Object.fromEntries(Object.entries(model.start!).map(([block, start]) => [block, start.centre]));
    const { value, gradient } = await (await densityOf(model)).at(positionOf(model, centre));
    expect([value, ...gradient].every(Number.isFinite)).toBe(true);
  });
});

/** What `auto` chose, read off the model of the same data without standardisation: the choice is made in model units. */
async function rawCentring(
  shape: ExampleShape,
  seed: string,
  covariance: ThreeLevelOptions['covariance'],
): Promise<ReferenceCentring> {
  const { data } = threeLevelExample({ ...shape, seed });
  const unstandardised = (predictors: ThreeLevelData['x']) => predictors.map((x) => ({ ...x, standardisation: null }));
  const asIs: ThreeLevelData = {
    ...data,
    x: unstandardised(data.x),
    z: unstandardised(data.z),
    markets: data.markets && { ...data.markets, w: unstandardised(data.markets.w) },
  };
  return centringOf(threeLevelModel(asIs, { covariance, parametrisation: 'auto' }));
}

describe('parametrisations', () => {
  const { data } = threeLevelExample({ markets: 4, products: 3, x: 1, z: 1, w: 1, seed: 'maps' });

  it.each(['noncentred', 'auto'] as const)(
    '%s is the centred density at the same coefficients',
    async (parametrisation) => {
      const centred = threeLevelModel(data, { covariance: covariances, parametrisation: 'centred' });
      const other = threeLevelModel(data, { covariance: covariances, parametrisation });
      const centring =
        parametrisation === 'auto'
          ? await rawCentring({ markets: 4, products: 3, x: 1, z: 1, w: 1 }, 'maps', covariances)
          : everywhere(data, 0);
      const [densityCentred, densityOther] = [await densityOf(centred), await densityOf(other)];
      for (const seed of ['a', 'b', 'c']) {
        const position = randomPosition(other, randomNumbers(seed));
        const blocks = blocksOf(other, position);
        const { natural, logVolume } = naturalAt(data, blocks, centring);
        const mapped = positionOf(centred, {
          ...Object.fromEntries(blocks),
          gamma: natural.gamma.flat(),
          beta: natural.beta.flat(),
        });
        const own = naturalAt(data, blocksOf(centred, mapped), everywhere(data, 1));
        const difference = (await densityOther.at(position)).value - (await densityCentred.at(mapped)).value;
        expect(difference).toBeCloseTo(logVolume - own.logVolume, 8);
      }
    },
  );

  it('auto centres coefficients that the units know and no others', async () => {
    const choose = async (rows: number, spread: number) =>
      centringOf(
        threeLevelModel(
          threeLevelExample({ markets: 9, products: 5, rowsOf: () => rows, standardise: false, spread }).data,
          { parametrisation: 'auto' },
        ),
      );
    expect((await choose(40, 4)).unit).toEqual([1]);
    expect((await choose(2, 0.5)).unit).toEqual([0]);
    const [between] = (await choose(12, 1.5)).unit;
    expect(between).toBeGreaterThan(0.6);
    expect(between).toBeLessThan(0.95);
  });
});
