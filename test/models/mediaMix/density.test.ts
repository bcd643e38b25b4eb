// The media-mix model: its density against its definition written out, gradients, and what is reported against its definitions.
import { describe, expect, it } from 'vitest';
import { adstock } from '../../../src/models/mediaMix/adstock.js';
import { mediaMixModel } from '../../../src/models/mediaMix/mediaMix.js';
import type { MediaMixOptions } from '../../../src/models/mediaMix/options.js';
import { positionBlocks } from '../../../src/inference/compiledModel.js';
import { literal, normalLogCdf } from '../../../src/kernels/ops/index.js';
import { replicate } from '../../../src/models/mediaMix/likelihood.js';
import { evaluate, gradientProgram, largestError } from '../../kernels/support.js';
import { densityOf, gradientError } from '../evaluateModel.js';
import { randomNumbers } from '../random.js';
import { columns, evaluateAt, priorsOf, smallData, somePoint } from './support.js';

const logNormalDensity = (x: number, mean: number, sd: number): number =>
  -0.5 * ((x - mean) / sd) ** 2 - Math.log(sd) - 0.5 * Math.log(2 * Math.PI);

describe('density', () => {
  it('is its definition, written out for two places', () => {
    const data = smallData();
    const model = mediaMixModel(data, {
      adstock: adstock('geometric', { lags: 3 }),
      seasonality: 1,
      parametrisation: 'plain',
      pooling: { intercept: 'independent', adstock: 'independent', effect: 'partial' },
      priors: priorsOf({ sigma: 'halfNormal(0.5)', gamma_fourier: 'normal(0, 0.3)' }),
    });
    const point = somePoint(model, 'definition');
    const [G, T, C] = [2, 12, 2];
    const {
      intercept,
      adstock_alpha,
      saturation_lam,
      saturation_beta_mean,
      saturation_beta_sd,
      saturation_beta_z,
      gamma_fourier,
      gamma_control,
    } = point;
    const [sigma] = point.sigma;
    const expected = new Float64Array(G * T);
    const location = new Float64Array(G * T);
    const most = (values: Float64Array, g: number) => Math.max(...values.subarray(g * T, (g + 1) * T));
    for (let g = 0; g < G; g++) {
      const scale = most(data.y, g);
      for (let t = 0; t < T; t++) {
        let mean = intercept[g];
        const angle = 2 * Math.PI * data.weeks.yearShare[t];
        mean += gamma_fourier[0] * Math.sin(angle) + gamma_fourier[1] * Math.cos(angle);
        data.controls.forEach(({ values }, k) => (mean += gamma_control[k] * values[g * T + t]));
        for (let c = 0; c < C; c++) {
          const { media } = data.channels[c];
          const alpha = adstock_alpha[g * C + c];
          const weights = [1, alpha, alpha * alpha].map((weight) => weight / (1 + alpha + alpha * alpha));
          let stock = 0;
          weights.forEach((weight, lag) => (stock += t < lag ? 0 : (weight * media[g * T + t - lag]) / most(media, g)));
          const decay = Math.exp(-saturation_lam[c] * stock);
          mean +=
            (Math.exp(saturation_beta_mean[c] + saturation_beta_sd[c] * saturation_beta_z[g * C + c]) * (1 - decay)) /
            (1 + decay);
        }
        location[g * T + t] = mean * scale;
        expected[g * T + t] = logNormalDensity(data.y[g * T + t], mean * scale, sigma * scale);
      }
    }
    const found = evaluateAt(model, point);
    expect(largestError(found.logLikelihood, expected)).toBeLessThan(1e-12);
    expect(largestError(found.predict, location)).toBeLessThan(1e-12);
    const sum = (values: Float64Array, density: (x: number) => number) =>
      values.reduce((total, x) => total + density(x), 0);
    const prior =
      sum(intercept, (x) => logNormalDensity(x, 0, 2)) +
      sum(adstock_alpha, (x) => Math.log(3 * (1 - x) ** 2)) +
      sum(saturation_lam, (x) => 2 * Math.log(x) - x - Math.log(2)) +
      sum(saturation_beta_mean, (x) => logNormalDensity(x, -1.5, 1)) +
      sum(saturation_beta_sd, (x) => Math.LN2 + logNormalDensity(x, 0, 0.5)) +
      sum(saturation_beta_z, (x) => logNormalDensity(x, 0, 1)) +
      sum(gamma_fourier, (x) => logNormalDensity(x, 0, 0.3)) +
      sum(gamma_control, (x) => logNormalDensity(x, 0, 2)) +
      Math.LN2 +
      logNormalDensity(sigma, 0, 0.5);
    expect(found.logPrior).toBeCloseTo(prior, 9);
  });

  const variants: Readonly<Record<string, MediaMixOptions>> = {
    'everything by place, smooth in time': {
      adstock: adstock('weibullCdf'),
      saturation: 'hill',
      first: 'saturation',
      seasonality: 2,
      trend: { changepoints: 2 },
      timeVarying: { intercept: 'gp', effects: { knots: 4 } },
      family: 'studentT',
      pooling: {
        adstock: 'partial',
        saturation: 'partial',
        controls: 'partial',
        seasonality: 'partial',
        trend: 'independent',
        sigma: 'partial',
      },
    },
    'returns, lift tests, cut off at 0': {
      adstock: adstock('geometric', { convention: 'lightweight-mmm' }),
      saturation: 'michaelisMenten',
      timeVarying: { effects: 'gp' },
      family: 'truncatedGaussian',
      effectPrior: 'roi',
      liftTests: [{ channel: 'tv', geo: 'north', media: 50, change: 20, lift: 3, sd: 1 }],
    },
    'delayed, tanh, one scale': {
      adstock: adstock('delayed'),
      saturation: 'tanh',
      scale: { by: 'all' },
      trend: { changepoints: 0 },
    },
    'binomial, root, hierarchical seasons': {
      adstock: adstock('binomial', { convention: 'meridian' }),
      saturation: 'root',
      seasonality: 1,
      priors: priorsOf({ sigma_fourier: 'halfNormal(0.2)' }),
    },
  };
  it.each(Object.entries(variants))('has the gradient of its differences: %s', async (_, options) => {
    const model = mediaMixModel(smallData(), options);
    const size = positionBlocks(model).reduce((sum, block) => sum + block.size, 0);
    const random = randomNumbers('position');
    const density = await densityOf(model);
    expect(await gradientError(density, random.normals(size, 0.3))).toBeLessThan(1e-7);
    // The start, too: what chains begin with must be finite.
    const start = positionBlocks(model).flatMap(({ name }) => Array.from(model.start![name].centre));
    expect(start.length).toBe(size);
    expect(Number.isFinite((await density.at(start)).value)).toBe(true);
  });
});

describe('sampling effects at typical media', () => {
  it('is the same density, for one place and for many', () => {
    for (const places of [['one'], Array.from({ length: 9 }, (_, g) => `place ${g}`)]) {
      // Steady sales, so that the weeks say much of the effects.
      const data = {
        ...smallData(places, 60),
        y: Float64Array.from({ length: 60 * places.length }, (_, i) => 50 + 0.01 * (i % 60)),
      };
      const [plain, auto] = (['plain', 'auto'] as const).map((parametrisation) =>
        mediaMixModel(data, { parametrisation }),
      );
      const several = places.length > 1;
      const names = auto.parameters.map(({ name }) => name);
      expect(names).toContain(several ? 'saturation_beta_mean_level' : 'saturation_beta_level');
      const at = somePoint(auto, 'level');
      // log f at typical media: the curve's value when the coefficient is 1.
      const sites = evaluateAt(auto, at).sites;
      const beta = sites.get('saturation_beta')!;
      const point = several
        ? {
            ...at,
            saturation_beta_mean: sites.get('saturation_beta_mean')!,
            saturation_beta_own: Float64Array.from(beta, Math.log),
          }
        : { ...at, saturation_beta: beta };
      const own = Object.fromEntries(plain.parameters.map(({ name }) => [name, point[name as keyof typeof point]]));
      const [a, b] = [evaluateAt(auto, at), evaluateAt(plain, own)];
      expect(largestError(a.logLikelihood, b.logLikelihood)).toBeLessThan(1e-11);
      // d log β = d log level: densities of level and β differ by β / level, of their means by nothing.
      const jacobian = several ? 0 : beta.reduce((sum, x, c) => sum + Math.log(x / at.saturation_beta_level[c]), 0);
      expect(a.logPrior).toBeCloseTo(b.logPrior + jacobian, 8);
    }
  });
});

describe('replicated responses', () => {
  it('of Student-t follow its distribution', () => {
    const noise = randomNumbers('t').normals(20_000, 1);
    const { program } = gradientProgram((p) => replicate('studentT', literal(1), literal(2), literal(2), p.noise), {
      parameters: { noise: [noise.length] },
    });
    const sorted = evaluate(program, { noise }).get('value')!.sort();
    // Two degrees of freedom: F(t) = 1/2 + t / (2 √(2 + t²)).
    const distance = sorted.reduce((most, y, i) => {
      const t = (y - 1) / 2;
      return Math.max(most, Math.abs(0.5 + t / (2 * Math.sqrt(2 + t * t)) - (i + 0.5) / sorted.length));
    }, 0);
    expect(distance).toBeLessThan(1.95 / Math.sqrt(sorted.length));
  });

  it('cut off at 0 are the upper quantile', () => {
    const z = [-3, -1, 0, 0.5, 2, 4];
    const cases = [-0.5, 0.2, 3].flatMap((mean) => z.map((noise) => ({ mean, noise })));
    const { program } = gradientProgram(
      ({ mean, noise }) => {
        const y = replicate('truncatedGaussian', mean, literal(0.7), undefined, noise);
        // P(Y > y) = Φ((m − y) / σ) / Φ(m / σ), which must be Φ(−noise).
        return normalLogCdf(mean.sub(y).div(0.7))
          .sub(normalLogCdf(mean.div(0.7)))
          .sub(normalLogCdf(noise.neg()));
      },
      { parameters: { mean: [cases.length], noise: [cases.length] } },
    );
    const arrays = { mean: cases.map(({ mean }) => mean), noise: cases.map(({ noise }) => noise) };
    const value = evaluate(program, arrays).get('value')!;
    expect(largestError(value, new Float64Array(cases.length))).toBeLessThan(1e-8);
  });
});

describe('what is reported', () => {
  const options: MediaMixOptions = {
    seasonality: 1,
    trend: { changepoints: 1 },
    timeVarying: { intercept: 'gp', effects: 'gp' },
    pooling: { effect: 'partial' },
  };

  it('adds up: components to the expectation, weeks and places to totals', () => {
    const data = smallData();
    const model = mediaMixModel(data, options);
    const { sites, predict } = evaluateAt(model, somePoint(model, 'sums'));
    const total = (x: ArrayLike<number>): number => Array.from(x).reduce((a, b) => a + b, 0);
    const contribution = sites.get('contribution')!;
    expect(total(contribution)).toBeCloseTo(total(predict), 8);
    expect(total(sites.get('contribution_share')!)).toBeCloseTo(1, 12);
    const weekly = sites.get('weekly')!;
    contribution.forEach((value, k) =>
      expect(total(weekly.filter((_, i) => i % contribution.length === k))).toBeCloseTo(value, 8),
    );
    const byGeo = sites.get('contribution_geo')!;
    const media = contribution.slice(-2);
    media.forEach((value, c) => expect(byGeo[c] + byGeo[2 + c]).toBeCloseTo(value, 8));
    const curve = sites.get('response_curve')!;
    media.forEach((value, c) => {
      expect(curve[c]).toBe(0);
      expect(curve[4 * 2 + c]).toBeCloseTo(value, 8);
    });
  });

  it('returns are worth of the contribution over spend, and what a hundredth more would add over its cost', () => {
    const data = smallData();
    const model = mediaMixModel(data, options);
    const point = somePoint(model, 'returns');
    const { sites } = evaluateAt(model, point);
    const more = {
      ...data,
      channels: data.channels.map((channel) => ({ ...channel, media: channel.media.map((x) => 1.01 * x) })),
    };
    // The same scales, so that parameters mean the same.
    const grown = mediaMixModel(more, options);
    const scaled = {
      ...grown,
      data: {
        ...grown.data,
        media: { ...grown.data.media, values: Float64Array.from(model.data.media.values, (x) => 1.01 * x) },
      },
    };
    const after = evaluateAt(scaled, point).sites.get('contribution')!;
    data.channels.forEach(({ spend }, c) => {
      const paid = spend!.reduce((a, b) => a + b);
      const own = sites.get('contribution')!.at(-2 + c)!;
      expect(sites.get('roi')![c]).toBeCloseTo((2 * own) / paid, 9);
      expect(sites.get('marginal_roi')![c] / ((2 * (after.at(-2 + c)! - own)) / (0.01 * paid))).toBeCloseTo(1, 6);
    });
  });

  it.each(['shared', 'partial', 'independent'] as const)(
    'returns as parameters come back as returns, %s',
    (pooling) => {
      const data = smallData();
      const model = mediaMixModel(data, { ...options, effectPrior: 'roi', pooling: { effect: pooling } });
      const { sites } = evaluateAt(model, somePoint(model, 'returns'));
      const [roi, total, byGeo] = ['roi', 'total_roi', 'contribution_geo'].map((name) => sites.get(name)!);
      const spend = (c: number, g?: number): number =>
        data.channels[c].spend!.reduce((sum, x, i) => sum + (g === undefined || Math.floor(i / 12) === g ? x : 0), 0);
      for (const c of [0, 1]) {
        if (pooling === 'shared') expect(total[c]).toBeCloseTo(roi[c], 10);
        else for (const g of [0, 1]) expect((2 * byGeo[g * 2 + c]) / spend(c, g)).toBeCloseTo(roi[g * 2 + c], 9);
      }
    },
  );

  it('lift tests weigh in with the saturation curve, without carry-over', () => {
    const data = smallData(['one'], 12);
    const test = { channel: 'tv', media: 80, change: -30, lift: -2, sd: 0.7 };
    const [plain, calibrated] = [[], [test]].map((liftTests) => mediaMixModel(data, { liftTests }));
    const point = somePoint(plain, 'lift');
    const [most, scale] = [Math.max(...data.channels[0].media), Math.max(...data.y)];
    const level = (media: number) => point.saturation_beta[0] * Math.tanh((point.saturation_lam[0] * media) / most / 2);
    const mean = (level(80) - level(50)) * scale;
    const [shape, rate] = [(mean / 0.7) ** 2, mean / 0.7 ** 2];
    const logGamma = (a: number) => {
      // Stirling's series after a shift.
      let shift = 0;
      for (; a < 12; a++) shift += Math.log(a);
      return (a - 0.5) * Math.log(a) - a + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * a) - 1 / (360 * a ** 3) - shift;
    };
    const density = shape * Math.log(rate) - logGamma(shape) + (shape - 1) * Math.log(2) - rate * 2;
    const difference = evaluateAt(calibrated, point).logPrior - evaluateAt(plain, point).logPrior;
    // The density is that of the lift on the model's scale.
    expect(difference).toBeCloseTo(density + Math.log(scale), 6);
  });

  it('names sites by place and channel', () => {
    const model = mediaMixModel(smallData(), options);
    expect(model.coords.paid_channel).toEqual(['tv', 'search']);
    expect(model.coords.component).toEqual(['intercept', 'trend', 'seasonality', 'controls', 'tv', 'search']);
    const free = mediaMixModel(
      smallData(undefined, undefined, {
        channels: [columns.channels[0], { name: 'search', media: 'clicks', spend: null }],
      }),
      options,
    );
    expect(free.coords.paid_channel).toEqual(['tv']);
  });
});

describe('refused in one line', () => {
  const refuse = (options: MediaMixOptions) => () => mediaMixModel(smallData(), options);
  it.each([
    [{ priors: priorsOf({ roi: 'logNormal(0, 1)' }) }, 'model.priors.roi: this model has no such site'],
    [
      { priors: priorsOf({ adstock_alpha: 'normal(0, 1)' }) },
      'model.priors.adstock_alpha: normal(0, 1) does not suit adstock_alpha; use one of beta',
    ],
    [{ effectPrior: 'roi', saturation: 'tanh' }, 'not tanh'],
    [{ scale: { by: 'geo', response: 3 } }, 'model.scale: response is one number for all places'],
    [
      { liftTests: [{ channel: 'tv', media: 1, change: 1, lift: 1, sd: 1 }] },
      'name the geo of the test, one of north, south',
    ],
    [{ liftTests: [{ channel: 'tvv', media: 1, change: 1, lift: 1, sd: 1 }] }, "no channel 'tvv'; did you mean 'tv'?"],
    [
      { liftTests: [{ channel: 'tv', geo: 'nort', media: 1, change: 1, lift: 1, sd: 1 }] },
      "no rows of 'nort'; did you mean 'north'?",
    ],
    [{ liftTests: [{ channel: 'tv', geo: 'north', media: 1, change: 1, lift: -1, sd: 1 }] }, 'give them one sign'],
  ] as [MediaMixOptions, string][])('%j', (options, message) => {
    expect(refuse(options)).toThrow(message);
  });
});
