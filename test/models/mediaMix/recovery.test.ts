// Simulated media: the truth under the names of the fit, and recovered by NUTS from the defaults.
import { describe, expect, it } from 'vitest';
import { rhat } from '../../../src/diagnostics/index.js';
import { fit } from '../../../src/inference/fit.js';
import { scalarNames } from '../../../src/data/run/names.js';
import { adstock } from '../../../src/models/mediaMix/adstock.js';
import { mediaMixModel } from '../../../src/models/mediaMix/mediaMix.js';
import type { MediaMixOptions } from '../../../src/models/mediaMix/options.js';
import { type MediaMixSimulation, simulateMediaMix } from '../../../src/models/mediaMix/simulate.js';
import { isFixedElement } from '../../../src/models/model.js';
import { randomNumbers } from '../random.js';

const options: MediaMixOptions = {
  adstock: adstock('geometric', { lags: 6 }),
  seasonality: 1,
  scale: { by: 'all', response: 1000 },
};
const simulation: MediaMixSimulation = {
  columns: { response: 'sales', time: 'week', geo: 'place' },
  geos: ['a', 'b', 'c'],
  weeks: 80,
  firstWeek: '2022-01-03',
  channels: [
    { name: 'tv', spend: 100, shareOn: 0.6 },
    { name: 'search', spend: 50, shareOn: 1 },
  ],
  controls: [{ name: 'holiday', shareOfOnes: 0.1 }],
  options,
  truth: {
    intercept_mean: 0.4,
    intercept_sd: 0.15,
    adstock_alpha: [0.6, 0.3],
    saturation_lam: [3, 4],
    saturation_beta_mean: [-1, -1.5],
    saturation_beta_sd: 0.3,
    gamma_fourier: [0.05, -0.03],
    gamma_control: [0.1],
    sigma: 0.04,
  },
};

describe('simulateMediaMix', () => {
  it('draws rows from the model: residuals about the true expectation have sd sigma', () => {
    const { data, truth, model } = simulateMediaMix({ ...simulation, weeks: 400 }, randomNumbers('rows'));
    const value = new Map(truth.map((entry) => [entry.name, entry.value]));
    expect([...value.keys()]).toEqual(
      model.sites.flatMap((site) => [...scalarNames(site, model.coords)].filter((_, i) => !isFixedElement(site, i))),
    );
    let squares = 0;
    for (const [t, week] of data.weeks.names.entries()) {
      const expected = model.coords.component.reduce(
        (sum, name) => sum + value.get(`weekly[week=${week},${name}]`)!,
        0,
      );
      const total = [0, 1, 2].reduce((sum, g) => sum + data.y[g * 400 + t], 0);
      squares += (total - expected) ** 2;
    }
    // Three places a week; mean of 400 squares: 1 ± √(2 / 400).
    expect(Math.abs(squares / 400 / (3 * 40 ** 2) - 1)).toBeLessThan(4 * Math.sqrt(2 / 400));
    expect(value.get('roi[tv]')! * data.channels[0].media.reduce((a, b) => a + b)).toBeCloseTo(
      value.get('contribution[tv]')!,
      6,
    );
  });

  it.each(['studentT', 'truncatedGaussian'] as const)('draws %s responses', (family) => {
    const own: MediaMixSimulation = {
      ...simulation,
      weeks: 1000,
      options: { ...options, family },
      truth: {
        ...simulation.truth,
        sigma: family === 'studentT' ? 0.04 : 0.5,
        ...(family === 'studentT' && { nu: 5 }),
      },
    };
    const { data, truth, model } = simulateMediaMix(own, randomNumbers('family'));
    const value = new Map(truth.map((entry) => [entry.name, entry.value]));
    if (family === 'truncatedGaussian') expect(Math.min(...data.y)).toBeGreaterThanOrEqual(0);
    else {
      // Variance ν / (ν − 2) σ² of weekly sums.
      const squares = data.weeks.names.map((week, t) => {
        const mean = model.coords.component.reduce((sum, name) => sum + value.get(`weekly[week=${week},${name}]`)!, 0);
        return (data.y[t] + data.y[1000 + t] + data.y[2000 + t] - mean) ** 2;
      });
      const ratio = squares.reduce((a, b) => a + b) / 1000 / (3 * 40 ** 2 * (5 / 3));
      expect(ratio).toBeGreaterThan(0.75);
      expect(ratio).toBeLessThan(1.3);
    }
  });

  it('refuses a truth that the model has not, or lacks', () => {
    const lacking = Object.fromEntries(Object.entries(simulation.truth).filter(([name]) => name !== 'sigma'));
    expect(() => simulateMediaMix({ ...simulation, truth: lacking }, randomNumbers('x'))).toThrow(
      'truth of sigma is missing',
    );
    const stray = { ...simulation, truth: { ...simulation.truth, nu: 3 } };
    expect(() => simulateMediaMix(stray, randomNumbers('x'))).toThrow('truth of nu: the model has no such parameter');
  });
});

describe('recovery', () => {
  it('standardised errors are those of a calibrated posterior', { timeout: 400_000 }, async () => {
    const squares = new Map<string, number[]>();
    for (const seed of [1, 2, 3]) {
      const { data, truth } = simulateMediaMix(simulation, randomNumbers(`recovery ${seed}`));
      const model = mediaMixModel(data, options);
      const posterior = await fit(model, {
        seed,
        method: 'nuts',
        chains: 2,
        warmup: 400,
        draws: 300,
        targetAcceptance: 0.9,
      });
      const value = new Map(truth.map((entry) => [entry.name, entry.value]));
      const divergent = posterior.info.flat().filter((info) => 'isDivergent' in info && info.isDivergent).length;
      expect(divergent).toBeLessThan(12);
      for (const site of model.sites.filter(({ level }) => level === 'population')) {
        for (const [i, name] of [...scalarNames(site, model.coords)].entries()) {
          if (isFixedElement(site, i)) continue;
          const chains = posterior.element(site.name, i);
          expect(rhat(chains), name).toBeLessThan(1.06);
          const draws = chains.flatMap((chain) => [...chain]);
          const mean = draws.reduce((a, b) => a + b) / draws.length;
          const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
          const own = squares.get(site.name) ?? [];
          own.push((value.get(name)! - mean) ** 2 / variance);
          squares.set(site.name, own);
        }
      }
    }
    for (const [site, z] of squares) {
      expect(Math.sqrt(Math.max(...z)), site).toBeLessThan(4);
      // As in the three-level model's test: fourfold, with half of n for the dependence within a fit.
      expect(z.reduce((a, b) => a + b) / z.length, site).toBeLessThan(1 + 4 * Math.sqrt(4 / z.length));
    }
  });
});
