// Adstock and saturation: equal to the tools they are named after, to closed forms, and differentiable.
import { existsSync, readFileSync } from 'node:fs';
import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  type Adstock,
  adstock,
  type AdstockForm,
  adstockForms,
  adstockWeights,
  carryOver,
  type Convention,
  conventions,
  conventionsOf,
  isRecursive,
  weightCount,
} from '../../../src/models/mediaMix/adstock.js';
import {
  saturate,
  type SaturationForm,
  saturationForms,
  saturationParameters,
} from '../../../src/models/mediaMix/saturation.js';
import { literal } from '../../../src/kernels/ops/index.js';
import { evaluate, finiteDifferences, gradientProgram, largestError } from '../../kernels/support.js';

const file = new URL('../../../../shared/golden/posteriors.json', import.meta.url);
const series = new URL('../../../../shared/data/robyn/dt_simulated_weekly.csv', import.meta.url);
const hasGolden = existsSync(file) && existsSync(series);
if (!hasGolden && process.env.HIERAX_REQUIRE_SHARED === '1')
  throw new Error('HIERAX_REQUIRE_SHARED is set, but ../shared/golden or ../shared/data/robyn is absent');

/** A function of `x` and numbers, each traced, compiled to a program and evaluated in f64. */
function run(
  fn: (x: tf.Tensor, parameters: Record<string, tf.Tensor>) => tf.Tensor,
  x: ArrayLike<number>,
  parameters: Readonly<Record<string, number>>,
): Float64Array {
  const { program } = gradientProgram(({ x: media, ...rest }) => fn(media, rest), {
    parameters: { x: [x.length], ...Object.fromEntries(Object.keys(parameters).map((name) => [name, [1]])) },
  });
  const arrays = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]]));
  return evaluate(program, { x, ...arrays }).get('value')!;
}

const adstocked = (own: Adstock, x: ArrayLike<number>, parameters: Readonly<Record<string, number>>): Float64Array =>
  run((media, given) => carryOver(media, own, given, 0), x, parameters);
const saturated = (form: SaturationForm, x: ArrayLike<number>, parameters: Readonly<Record<string, number>>) =>
  run((media, { beta, ...shape }) => saturate(form, media, beta, shape), x, parameters);

const media = [3, 0, 0, 1, 2, 0, 0, 0, 0, 4, 0, 0, 1];
/** Parameters that suit every form. */
const usual: Readonly<Record<AdstockForm, Readonly<Record<string, number>>>> = {
  none: {},
  geometric: { alpha: 0.6 },
  delayed: { alpha: 0.6, theta: 1.7 },
  weibullPdf: { lam: 2.3, k: 1.6 },
  weibullCdf: { lam: 2.3, k: 1.6 },
  binomial: { alpha: 0.4 },
};
const shapes: Readonly<Record<SaturationForm, Readonly<Record<string, number>>>> = {
  none: { beta: 1.4 },
  logistic: { beta: 1.4, lam: 3 },
  hill: { beta: 1.4, slope: 1.5, kappa: 0.4 },
  michaelisMenten: { beta: 1.4, lam: 0.3 },
  tanh: { beta: 1.4, c: 0.5 },
  root: { beta: 1.4, alpha: 0.6 },
};
const everyAdstock = adstockForms.flatMap((form) =>
  conventionsOf(form).map((convention) => adstock(form, { convention })),
);

describe.skipIf(!hasGolden)('equal to the tools on Robyn’s series', () => {
  const golden = hasGolden
    ? (JSON.parse(readFileSync(file, 'utf8')) as { transforms: Record<string, readonly number[]> }).transforms
    : {};
  const x = hasGolden ? scaledTv() : [];

  const cases: readonly (readonly [string, AdstockForm, Convention, number, Record<string, number>, number])[] = [
    ['pymc_geometric_lmax8_norm', 'geometric', 'pymc-marketing', 8, { alpha: 0.6 }, 1e-11],
    ['meridian_geometric_maxlag8', 'geometric', 'meridian', 8, { alpha: 0.6 }, 1e-11],
    ['pymc_delayed_theta2_lmax8', 'delayed', 'pymc-marketing', 8, { alpha: 0.6, theta: 2 }, 1e-11],
    ['meridian_binomial_maxlag8', 'binomial', 'meridian', 8, { alpha: 0.6 }, 1e-11],
    // LightweightMMM computes in single precision.
    ['lmmm_adstock_normalised', 'geometric', 'lightweight-mmm', 0, { alpha: 0.6 }, 1e-7],
    ['lmmm_carryover_peak2_lags13', 'delayed', 'lightweight-mmm', 13, { alpha: 0.6, theta: 2 }, 1e-7],
  ];
  it.each(cases)('%s', (name, form, convention, lags, parameters, tolerance) => {
    const own = adstock(form, { convention, lags });
    expect(largestError(adstocked(own, x, parameters), golden[name])).toBeLessThan(tolerance);
  });

  it.each([
    ['logistic_lam3', 'logistic', { beta: 1, lam: 3 }],
    ['hill_ec_.4_slope1.5', 'hill', { beta: 1, kappa: 0.4, slope: 1.5 }],
    ['michaelis_alpha2_lam.3', 'michaelisMenten', { beta: 2, lam: 0.3 }],
  ] as const)('%s', (name, form, parameters) => {
    expect(largestError(saturated(form, x, parameters), golden[name])).toBeLessThan(1e-11);
  });
});

/** The first 30 weeks of television spend over the largest of all weeks. */
function scaledTv(): number[] {
  const [header, ...rows] = readFileSync(series, 'utf8').trim().split('\n');
  const column = header.split(',').indexOf('"tv_S"');
  const values = rows.map((row) => Number(row.split(',')[column]));
  const most = Math.max(...values);
  return values.slice(0, 30).map((value) => value / most);
}

describe('adstock', () => {
  it.each(everyAdstock)('$form of $convention is a convolution with its weights', (own) => {
    const answer = adstocked(own, media, usual[own.form]);
    const impulse = adstocked(own, [1, ...Array<number>(media.length - 1).fill(0)], usual[own.form]);
    const expected = media.map((_, t) => media.slice(0, t + 1).reduce((sum, x, s) => sum + x * impulse[t - s], 0));
    expect(largestError(answer, expected)).toBeLessThan(1e-13);
    if (isRecursive(own)) {
      const share = own.normalised ? 0.4 : 1;
      expect(
        largestError(
          impulse,
          impulse.map((_, lag) => share * 0.6 ** lag),
        ),
      ).toBeLessThan(1e-13);
      return;
    }
    const count = weightCount(own);
    expect(impulse.slice(count).every((weight) => weight === 0)).toBe(true);
    const total = impulse.reduce((a, b) => a + b);
    if (own.normalised) expect(total).toBeCloseTo(1, 12);
  });

  it('counts lags as each tool does', () => {
    const counts = (form: AdstockForm) =>
      Object.fromEntries(
        conventionsOf(form).map((convention) => [convention, weightCount(adstock(form, { convention, lags: 5 }))]),
      );
    expect(counts('binomial')).toEqual({ 'pymc-marketing': 5, meridian: 6 });
    expect(counts('weibullCdf')).toEqual({ 'pymc-marketing': 6, robyn: 5 });
    expect(counts('delayed')).toEqual({ 'pymc-marketing': 5, 'lightweight-mmm': 5 });
  });

  it('has the weights of the definitions', () => {
    const weights = (form: AdstockForm, given: Partial<Adstock>, parameters: Record<string, number>) =>
      run(
        (_, rest) =>
          adstockWeights(adstock(form, { lags: 4, normalised: false, ...given }), rest).reduce((all, weight) =>
            all.concat(weight),
          ),
        [0],
        parameters,
      );
    expect([...weights('binomial', {}, { alpha: 0.5 })]).toEqual(
      [1, 0.8, 0.6, 0.4].map((x) => expect.closeTo(x, 12) as number),
    );
    const survival = (t: number) => Math.exp(-((t / 2) ** 1.5));
    const expected = [1, survival(1), survival(1) * survival(2), survival(1) * survival(2) * survival(3)];
    const cdf = weights('weibullCdf', { convention: 'robyn' }, { lam: 2, k: 1.5 });
    expect(largestError(cdf, expected)).toBeLessThan(1e-13);
    const density = [1, 2, 3, 4].map((t) => 0.75 * (t / 2) ** 0.5 * survival(t));
    const [least, most] = [Math.min(...density), Math.max(...density)];
    const pdf = weights('weibullPdf', {}, { lam: 2, k: 1.5 });
    expect(
      largestError(
        pdf,
        density.map((d) => (d - least) / (most - least)),
      ),
    ).toBeLessThan(1e-12);
  });

  it.each(everyAdstock)('$form of $convention has the gradient of its differences', (own) => {
    const parameters = usual[own.form];
    const { program } = gradientProgram(
      ({ x, ...rest }) => carryOver(x, own, rest, 0).mul(literal(media.map((_, t) => Math.sin(t + 1)))),
      { parameters: { x: [media.length], ...Object.fromEntries(Object.keys(parameters).map((name) => [name, [1]])) } },
    );
    const arrays = {
      x: media,
      ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]])),
    };
    const outputs = evaluate(program, arrays);
    for (const name of Object.keys(arrays)) {
      const error = largestError(outputs.get(`gradient of ${name}`)!, finiteDifferences(program, arrays, name));
      expect(error, name).toBeLessThan(1e-8);
    }
  });

  it('refuses a form that the convention does not have', () => {
    expect(() => adstock('binomial', { convention: 'robyn' })).toThrow(
      'robyn has no binomial adstock; pymc-marketing or meridian has',
    );
    expect(conventions).toContain('robyn');
  });

  it('carries nothing over between places', () => {
    const own = adstock('geometric', { lags: 3, normalised: false });
    const { program } = gradientProgram(({ x, alpha }) => carryOver(x, own, { alpha }, 1), {
      parameters: { x: [2, 4, 1], alpha: [2, 1, 1] },
    });
    const value = evaluate(program, { x: [1, 0, 0, 0, 0, 1, 0, 0], alpha: [0.5, 0.1] }).get('value')!;
    expect(largestError(value, [1, 0.5, 0.25, 0, 0, 1, 0.1, 0.01])).toBeLessThan(1e-14);
  });
});

describe('saturation', () => {
  const points = [0, 0.05, 0.3, 1, 2.5];

  it.each(saturationForms)('%s starts at 0, grows, and has the gradient of its differences', (form) => {
    const parameters = shapes[form];
    expect(Object.keys(parameters).sort()).toEqual(['beta', ...saturationParameters[form]].sort());
    const values = saturated(form, points, parameters);
    expect(values[0]).toBe(0);
    for (let i = 1; i < points.length; i++) expect(values[i]).toBeGreaterThan(values[i - 1]);
    const inside = points.slice(1);
    const { program } = gradientProgram(({ x, beta, ...shape }) => saturate(form, x, beta, shape), {
      parameters: { x: [inside.length], ...Object.fromEntries(Object.keys(parameters).map((name) => [name, [1]])) },
    });
    const arrays = {
      x: inside,
      ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]])),
    };
    const outputs = evaluate(program, arrays);
    for (const name of Object.keys(arrays)) {
      const error = largestError(
        outputs.get(`gradient of ${name}`)!,
        finiteDifferences(program, arrays, name, 'value', 1e-4),
      );
      expect(error, name).toBeLessThan(1e-8);
    }
  });

  it.each(saturationForms)('%s has finite gradients where nothing was spent', (form) => {
    const parameters = shapes[form];
    const { program } = gradientProgram(({ x, beta, ...shape }) => saturate(form, x, beta, shape), {
      parameters: { x: [1], ...Object.fromEntries(Object.keys(parameters).map((name) => [name, [1]])) },
    });
    const arrays = {
      x: [0],
      ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]])),
    };
    for (const [name, value] of evaluate(program, arrays)) expect(value.every(Number.isFinite), name).toBe(true);
  });

  it('is half of its limit at the half-saturation', () => {
    expect(saturated('hill', [0.4], shapes.hill)[0]).toBeCloseTo(0.7, 12);
    expect(saturated('michaelisMenten', [0.3], shapes.michaelisMenten)[0]).toBeCloseTo(0.7, 12);
    expect(saturated('logistic', [1], { beta: 1, lam: Math.log(3) })[0]).toBeCloseTo(0.5, 12);
    expect(saturated('root', [4], { beta: 2, alpha: 0.5 })[0]).toBeCloseTo(4, 12);
    expect(saturated('tanh', [0.7], { beta: 2, c: 0.5 })[0]).toBeCloseTo(2 * Math.tanh(0.7), 12);
  });
});
