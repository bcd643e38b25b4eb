// Positions drawn from the prior of a model without a declared hierarchy: each parameter follows the prior written of it.
import { describe, expect, it } from 'vitest';
import { problems } from '../../../bench/coverage/problems.js';
import { calibrationRefusal, compileQuantity, methods, simulateAndFit } from '../../../src/inference/index.js';
import { drawPrior } from '../../../src/inference/calibration/drawPrior.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { ModelDescription } from '../../../src/models/model.js';
import { someOf } from '../../thorough.js';

const { model, rebuild } = problems['media-mix, national']();
const draws = someOf(150);
/** Of √n D (Kolmogorov and Smirnov); a sample of the right distribution exceeds it once in about 50,000. */
const limit = 2.33;

describe('prior of media-mix', () => {
  it('is drawn: shares of carry-over are beta(1, 3), saturations gamma(3, 1)', { timeout: 120_000 }, async () => {
    const sites = await compileQuantity(model, cpuDevice(), 'sites');
    const values = new Float64Array(sites.outputs.reduce((sum, { size }) => sum + size, 0));
    const offsets = new Map<string, number>();
    let offset = 0;
    for (const { name, size } of sites.outputs) {
      offsets.set(name, offset);
      offset += size;
    }
    const drawn = { adstock_alpha: [] as number[], saturation_lam: [] as number[] };
    for (let i = 0; i < draws; i++) {
      await sites.evaluate(await drawPrior(model, `draw ${i}`), values);
      for (const [name, sample] of Object.entries(drawn)) sample.push(values[offsets.get(name)!]);
    }
    await sites.dispose();
    const distributions = {
      adstock_alpha: (x: number) => 1 - (1 - x) ** 3,
      saturation_lam: (x: number) => 1 - Math.exp(-x) * (1 + x + x ** 2 / 2),
    };
    for (const name of ['adstock_alpha', 'saturation_lam'] as const) {
      const sorted = drawn[name].toSorted((a, b) => a - b);
      const distances = sorted.map((x, i) => {
        const f = distributions[name](x);
        return Math.max(Math.abs(f - i / draws), Math.abs(f - (i + 1) / draws));
      });
      expect(Math.max(...distances) * Math.sqrt(draws), name).toBeLessThan(limit);
    }
  });

  it('is the same again for a seed', async () => {
    expect(await drawPrior(model, 'one')).toEqual(await drawPrior(model, 'one'));
    expect(await drawPrior(model, 'one')).not.toEqual(await drawPrior(model, 'two'));
  });

  it('serves a calibration; a flat one does not', async () => {
    const task = {
      model,
      rebuild,
      method: methods.nuts,
      settings: { chains: 2, warmup: 100, draws: 60 },
      seed: 1,
      device: cpuDevice(),
      threads: { count: 1, starters: undefined },
    };
    const { ranks, failure } = await simulateAndFit(task, 0, new AbortController().signal);
    expect(failure).toBeUndefined();
    // Weeks before the first campaign have a contribution of 0, in truth and in every draw: any rank.
    expect(ranks.filter((rank) => rank === 0).length).toBeLessThan(0.04 * ranks.length);
    expect(calibrationRefusal(model)).toBeUndefined();
    const description: ModelDescription = {
      ...model.description,
      priors: [{ site: 'sigma', prior: 'flat()', source: 'set' }],
    };
    expect(calibrationRefusal({ ...model, description })).toMatch(/the prior flat of sigma is improper/);
  });
});
