// Simulation-based calibration (Talts et al. 2018) of the two-level model: ranks of the truth among draws are uniform.
import { describe, expect, it } from 'vitest';
import { parsePrior } from '../../src/data/prior.js';
import { factorFromLabels, tableOf } from '../../src/data/table.js';
import { type ThreeLevelData, threeLevelData } from '../../src/data/threeLevelData.js';
import { fit } from '../../src/inference/fit.js';
import type { Model } from '../../src/models/model.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { randomNumbers } from './random.js';

const simulations = 100;
const units = 8;
const sites = ['sigma', 'sigma_u', 'gamma'] as const;
type Truth = Readonly<Record<(typeof sites)[number], number>>;

const priors = {
  sigma: parsePrior('halfNormal(1)'),
  sigma_u: parsePrior('halfNormal(1)'),
  gamma: parsePrior('normal(0, 1)'),
};

/** One truth from the prior, and data from that truth: three to six rows in each unit. */
function simulate(seed: number): { truth: Truth; data: ThreeLevelData } {
  const random = randomNumbers(`calibration ${seed}`);
  const truth = { sigma: Math.abs(random.normal()), sigma_u: Math.abs(random.normal()), gamma: random.normal() };
  const [labels, y]: [string[], number[]] = [[], []];
  for (let unit = 0; unit < units; unit++) {
    const mean = truth.gamma + truth.sigma_u * random.normal();
    for (let row = 0; row < 3 + (unit % 4); row++) {
      labels.push(`${unit}`);
      y.push(mean + truth.sigma * random.normal());
    }
  }
  const table = tableOf('simulated', [
    { kind: 'number', name: 'y', values: Float64Array.from(y) },
    factorFromLabels('unit', labels),
  ]);
  return {
    truth,
    data: threeLevelData(table, { response: 'y', unit: 'unit', x: [], z: [], w: [], standardise: false }),
  };
}

/** Ranks of the truth among 99 draws thinned to near independence, by site. */
async function ranks(change: (model: Model) => Model): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>(sites.map((site) => [site, []]));
  for (let seed = 0; seed < simulations; seed++) {
    const { truth, data } = simulate(seed);
    const model = change(threeLevelModel(data, { priors }));
    const posterior = await fit(model, { seed, chains: 4, warmup: 250, draws: 250, targetAcceptance: 0.9 });
    for (const site of sites) {
      const draws = posterior.element(site).flatMap((chain) => [...chain.filter((_, i) => i % 10 === 9)]);
      found.get(site)!.push(draws.slice(0, 99).filter((draw) => draw < truth[site]).length);
    }
  }
  return found;
}

/** Chi-square of ten equal bins: 9 degrees of freedom. */
function chiSquare(values: readonly number[]): number {
  const counts = new Array<number>(10).fill(0);
  for (const rank of values) counts[Math.floor(rank / 10)]++;
  const expected = values.length / 10;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Exceeded by chance once in a thousand. */
const limit = 27.88;

describe('simulation-based calibration', () => {
  it('the two-level model is calibrated', { timeout: 120_000 }, async () => {
    for (const [site, values] of await ranks((model) => model)) expect(chiSquare(values), site).toBeLessThan(limit);
  });

  it('a likelihood with too wide an error is caught', { timeout: 120_000 }, async () => {
    const wrong = await ranks((model) => ({
      ...model,
      totalLogLikelihood: undefined,
      logLikelihood: (p, d) => model.logLikelihood({ ...p, sigma: p.sigma.mul(1.3) }, d),
    }));
    expect(chiSquare(wrong.get('sigma')!)).toBeGreaterThan(limit);
  });
});
