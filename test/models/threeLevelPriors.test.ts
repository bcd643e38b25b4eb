// Priors of the three-level model: defaults on the data's scale, what users set, what is refused, and how it is told.
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/data/inputError.js';
import { parsePrior } from '../../src/data/prior.js';
import { threeLevelModel, type ThreeLevelOptions } from '../../src/models/threeLevel/threeLevel.js';
import {
  covarianceOf,
  factorOf,
  inverseWishartLogDensity,
  lkjKernel,
  logVolumeOfCorrelation,
  logVolumeOfCovariance,
} from './covarianceReference.js';
import { densityOf } from './evaluateModel.js';
import { randomNumbers } from './random.js';
import { threeLevelExample } from './threeLevelExample.js';
import { blocksOf, randomPosition } from './threeLevelPoints.js';
import {
  defaultPriors,
  halfTLog,
  logJoint,
  naturalAt,
  normalLog,
  type ReferencePriors,
} from './threeLevelReference.js';

const { data } = threeLevelExample({ markets: 4, products: 3, x: 1, w: 1, seed: 'priors' });
const twoLevels = threeLevelExample({ markets: null, products: 5, x: 1, seed: 'priors' }).data;
const full = { product: 'full', market: 'full' } as const;
const centred = { unit: [1, 1], market: [1, 1] };

const withPriors = (written: Record<string, string>, options: ThreeLevelOptions = {}, on = data) =>
  threeLevelModel(on, {
    parametrisation: 'centred',
    ...options,
    priors: Object.fromEntries(Object.entries(written).map(([site, prior]) => [site, parsePrior(prior)])),
  });

/** Density of a model against the joint with these priors; the difference must be the same constant everywhere. */
async function differences(model: ReturnType<typeof withPriors>, priors: Partial<ReferencePriors>, on = data) {
  const density = await densityOf(model);
  const found: number[] = [];
  for (const seed of ['a', 'b', 'c']) {
    const position = randomPosition(model, randomNumbers(seed));
    const { natural, logVolume } = naturalAt(on, blocksOf(model, position), centred);
    const expected = logJoint(on, natural, { ...defaultPriors(on), ...priors }) + logVolume;
    found.push((await density.at(position)).value - expected);
  }
  return found;
}

const gammaOf2 = 1; // Γ(2)
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

describe('priors that are set', () => {
  const cases: {
    name: string;
    written: Record<string, string>;
    options?: ThreeLevelOptions;
    priors: Partial<ReferencePriors>;
  }[] = [
    {
      name: 'residual',
      written: { sigma: 'gamma(2, 3)' },
      priors: { sigma: (s) => 2 * Math.log(3) - Math.log(gammaOf2) + Math.log(s) - 3 * s },
    },
    { name: 'flat residual', written: { sigma: 'flat' }, priors: { sigma: () => 0 } },
    {
      name: 'population',
      written: { delta: 'normal(1, 2)' },
      priors: { population: (x) => normalLog(x, 1, 2) },
    },
    {
      name: 'spreads',
      written: { sigma_u: 'exponential(2)', sigma_v: 'halfStudentT(3, 0.5)' },
      priors: {
        unit: ({ sds }) => sum(sds.map((s) => Math.log(2) - 2 * s)),
        market: ({ sds }) => sum(sds.map((s) => halfTLog(s, 3, 0.5))),
      },
    },
    {
      name: 'inverse Wishart',
      written: { sigma_u: 'inverseWishart(5, 2)' },
      options: { covariance: full },
      priors: {
        unit: ({ sds, below }) =>
          inverseWishartLogDensity(covarianceOf(sds, factorOf(2, below)), 5, [2, 2]) +
          logVolumeOfCovariance(sds, below),
      },
    },
    {
      name: 'LKJ',
      written: { sigma_u: 'halfStudentT(3, 1)', corr_u: 'lkj(3)' },
      options: { covariance: full },
      priors: {
        // ∫ (1 − ρ²)² dρ = 16/15.
        unit: ({ sds, below }) =>
          sum(sds.map((s) => halfTLog(s, 3, 1))) +
          lkjKernel(2, below, 3) +
          logVolumeOfCorrelation(2, below) -
          Math.log(16 / 15),
      },
    },
  ];
  it.each(cases)('$name', async ({ written, options, priors }) => {
    for (const difference of await differences(withPriors(written, options), priors)) {
      expect(difference).toBeCloseTo(0, 6);
    }
  });

  it('population of two levels is gamma', async () => {
    const model = withPriors({ gamma: 'studentT(3, 1, 2)' }, {}, twoLevels);
    const studentT = (x: number): number => halfTLog(Math.abs(x - 1), 3, 2) - Math.LN2;
    for (const difference of await differences(model, { population: studentT }, twoLevels)) {
      expect(difference).toBeCloseTo(0, 9);
    }
  });

  it('a flat population prior gives a finite density', async () => {
    const model = withPriors({ delta: 'flat' });
    const { value, gradient } = await (await densityOf(model)).at(randomPosition(model, randomNumbers('flat')));
    expect([value, ...gradient].every(Number.isFinite)).toBe(true);
  });
});

describe('priors that are refused', () => {
  const refused: { written: Record<string, string>; options?: ThreeLevelOptions; on?: typeof data; message: RegExp }[] =
    [
      {
        written: { sigma: 'normal(0, 1)' },
        message: /model\.priors\.sigma: normal\(0, 1\) does not suit sigma; use one of halfNormal/,
      },
      {
        written: { delta: 'halfNormal(1)' },
        message: /model\.priors\.delta: .*does not suit delta; use one of normal/,
      },
      { written: { sigma_u: 'lkj(2)' }, message: /does not suit sigma_u/ },
      { written: { sigma_v: 'cauchy(0, 1)' }, message: /does not suit sigma_v/ },
      {
        written: { corr_u: 'normal(0, 1)' },
        options: { covariance: full },
        message: /does not suit corr_u; use one of lkj/,
      },
      { written: { corr_u: 'lkj(2)' }, message: /corr_u: needs model\.covariance\.product: full/ },
      { written: { corr_v: 'lkj(2)' }, message: /corr_v: needs model\.covariance\.market: full/ },
      { written: { gamma: 'normal(0, 1)' }, message: /gamma: with a market level .* set those/ },
      { written: { delta: 'normal(0, 1)' }, on: twoLevels, message: /delta: the model has no market level/ },
      { written: { sigma_v: 'halfNormal(1)' }, on: twoLevels, message: /sigma_v: the model has no market level/ },
      { written: { beta: 'normal(0, 1)' }, message: /model\.priors\.beta: .*their prior through sigma_u/ },
      { written: { tau: 'halfNormal(1)' }, message: /model\.priors\.tau: the model has no such site; .*sigma_u/ },
      {
        written: { sigma_u: 'inverseWishart(1, 1)' },
        options: { covariance: full },
        message: /inverseWishart needs df above 1 for 2 coefficients, not 1/,
      },
      {
        written: { sigma_u: 'huangWand(2, 1)', corr_u: 'lkj(2)' },
        options: { covariance: full },
        message: /huangWand of sigma_u is a prior of the correlations too; keep one/,
      },
    ];
  it.each(refused)('$written', ({ written, options, on, message }) => {
    const attempt = () => withPriors(written, options, on);
    expect(attempt).toThrow(InputError);
    expect(attempt).toThrow(message);
    try {
      attempt();
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
    }
  });
});

describe('what the report is told', () => {
  it('defaults, with their scale', () => {
    const { priors, words, formulas, notes } = threeLevelModel(data, {
      covariance: { product: 'full', market: 'diagonal' },
    }).description;
    expect(priors.every(({ source }) => source === 'default')).toBe(true);
    const text = Object.fromEntries(priors.map(({ site, prior }) => [site, prior]));
    expect(Object.keys(text)).toEqual(['sigma', 'delta', 'sigma_u', 'sigma_v']);
    const sd = Number(data.response.sd.toPrecision(4));
    expect(text.sigma).toBe(`halfStudentT(3, ${sd})`);
    expect(text.delta).toContain(
      `normal(${Number(data.response.mean.toPrecision(4))}, ${Number((5 * data.response.sd).toPrecision(4))}) for the Intercept`,
    );
    // x1 is standardised: its coefficient has the response's own scale.
    expect(text.sigma_u).toBe(`huangWand(2, ${sd}), huangWand(2, ${sd})`);
    expect(text.sigma_v).toBe(`halfStudentT(2, ${sd}), halfStudentT(2, ${sd})`);
    expect(words.join(' ')).toMatch(/y of each row .*x1.*product within market.*12 of them.*market \(4 of them\).*w1/);
    expect(formulas.map(({ label }) => label)).toEqual(['Occasions', 'Units', 'Markets']);
    expect(notes[0]).toMatch(/standardised for sampling/);
  });

  it('what was set is marked', () => {
    const { priors } = withPriors({ sigma: 'halfNormal(2)', corr_u: 'lkj(4)' }, { covariance: full }).description;
    const marked = priors.filter(({ source }) => source === 'set').map(({ site, prior }) => `${site} ${prior}`);
    expect(marked).toEqual(['sigma halfNormal(2)', 'corr_u lkj(4)']);
  });
});
