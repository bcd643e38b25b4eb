// Latent factors and horseshoes in the HBMMM: exact in the data's units, the same by every method, recovered, refused where they cannot be.
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/data/config.js';
import { mcseMean, mcseSd, rhat } from '../../../src/diagnostics/index.js';
import { fit } from '../../../src/inference/fit.js';
import type { Table } from '../../../src/data/table.js';
import { models } from '../../../src/models/registry.js';
import { portableRandom } from '../../../src/cli/simulation/portableRandom.js';
import { inputError, temporaryFolder } from '../../data/inputFiles.js';
import { densityOf, quantityOf } from '../evaluateModel.js';
import { randomNumbers } from '../random.js';
import { tableOfBlocks } from '../simulatedTable.js';
import { blocksOf, positionOf, randomPosition } from '../threeLevelPoints.js';
import { firstOf, isThorough } from '../../thorough.js';

const entry = models.hbmmm;
const channels = ['tv', 'digital', 'email', 'social'];

function simulated(settings: Readonly<Record<string, number | string>>, seed: number) {
  const { options, plan } = entry.simulator!;
  const usual = Object.entries(options).map(([name, own]) => [name, own.default] as const);
  const { blocks, truth } = plan({ ...Object.fromEntries(usual), ...settings })(portableRandom(seed));
  return { table: tableOfBlocks(blocks), truth };
}

function prepared(table: Table, settings: object) {
  const section = entry.schema.parse({
    name: 'hbmmm',
    response: 'log_purchases',
    consumer: 'consumer',
    market: 'market',
    channels,
    controls: ['confidence', 'competition'],
    traits: ['age', 'income'],
    ...settings,
  });
  return entry.prepare(table, section).model;
}

const both = {
  covariance: { consumer: { factors: 1 } },
  shrinkage: 'regularisedHorseshoe',
  relevant: 5,
} as const;

describe('reported sites', () => {
  const { table } = simulated({ consumers: 40, markets: 5, months: 6, factors: 1 }, 1);
  const model = prepared(table, both);
  const position = randomPosition(model, randomNumbers('hbmmm factors'));
  const k = channels.length;

  it('have spreads and correlations that are those of loadings and what they leave', async () => {
    const values = (await (await quantityOf(model, 'sites'))(position)) as ReadonlyMap<string, Float64Array>;
    const [sigma, corr, psi, loadings] = ['sigma_eta', 'corr_eta', 'psi_eta', 'loadings_eta'].map((site) =>
      values.get(site)!,
    );
    for (let i = 0; i < k; i++) {
      for (let j = 0; j <= i; j++) {
        const own = loadings[i] * loadings[j] + (i === j ? psi[i] ** 2 : 0);
        expect((corr[i * k + j] * sigma[i] * sigma[j]) / own).toBeCloseTo(1, 8);
      }
    }
  });

  it('are the same when the factor changes its sign, and loadings and scores go with it', async () => {
    const sites = await quantityOf(model, 'sites');
    const density = await densityOf(model);
    const before = await sites(position);
    const parts = Object.fromEntries(blocksOf(model, position));
    const turned = positionOf(model, { ...parts, consumer_loadings_1: parts.consumer_loadings_1.map((x) => -x) });
    expect((await density.at(turned)).value).toBeCloseTo((await density.at(position)).value, 8);
    for (const [site, own] of await sites(turned)) {
      const sign = ['loadings_eta', 'scores_eta'].includes(site) ? -1 : 1;
      const peer = before.get(site)!;
      expect(Math.max(...own.map((x, i) => Math.abs(x - sign * peer[i]))), site).toBeLessThan(1e-8);
    }
  });

  it('say how far the horseshoe leaves each of the population’s effects alone', async () => {
    const values = (await (await quantityOf(model, 'sites'))(position)) as ReadonlyMap<string, Float64Array>;
    const own = ['inclusion_beta', 'inclusion_theta', 'inclusion_gamma'].flatMap((site) => [...values.get(site)!]);
    expect(own.length).toBe(4 + 8 + 2);
    for (const inclusion of own) expect(inclusion > 0 && inclusion < 1).toBe(true);
    expect(values.get('relevant')![0]).toBeCloseTo(
      own.reduce((sum, inclusion) => sum + inclusion),
      9,
    );
  });
});

const pooled = (chains: readonly Float64Array[]): number[] => chains.flatMap((chain) => [...chain]);
const meanOf = (values: readonly number[]): number => values.reduce((sum, x) => sum + x / values.length, 0);
const sdOf = (values: readonly number[]): number => {
  const mean = meanOf(values);
  return Math.sqrt(meanOf(values.map((x) => (x - mean) ** 2)));
};

it.each(firstOf([2, 1]))(
  'are the same by marginal NUTS and Gibbs, and with all data sets by NUTS, data set %i',
  { timeout: 500_000 },
  async (seed) => {
    const { table, truth } = simulated({ consumers: 240, markets: 8, months: 120, factors: 1 }, seed);
    const model = prepared(table, both);
    const marginal = await fit(model, {
      method: 'marginal',
      seed,
      chains: 2,
      warmup: 500,
      draws: 1000,
      targetAcceptance: 0.9,
    });
    const gibbs = await fit(model, { method: 'gibbs', seed, chains: 2, warmup: 500, draws: 4000 });
    // Takes a minute.
    const byNuts = { method: 'nuts', seed, chains: 2, warmup: 800, draws: 800, targetAcceptance: 0.99 } as const;
    const peers = [marginal, ...(isThorough ? [await fit(model, byNuts)] : [])];
    const known = new Map(truth.map(({ name, value }) => [name, value]));
    const counts: Record<string, number> = { mu_beta: 4, theta: 8, mu_gamma: 2, sigma_eta: 4, relevant: 1, sigma: 1 };
    const errors: number[] = [];
    for (const [site, count] of Object.entries(counts)) {
      for (let at = 0; at < count; at++) {
        const [first, ...others] = [gibbs, ...peers].map((own) => own.element(site, at));
        for (const other of [first, ...others]) expect(rhat(other), `${site} ${at}`).toBeLessThan(1.04);
        for (const other of others) {
          const [a, b] = [pooled(first), pooled(other)];
          errors.push(
            (meanOf(a) - meanOf(b)) / Math.hypot(mcseMean(first), mcseMean(other)),
            (sdOf(a) - sdOf(b)) / Math.hypot(mcseSd(first), mcseSd(other)),
          );
        }
      }
    }
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(4.5);
    expect(meanOf(errors.map((z) => z ** 2))).toBeLessThan(1.8);
    for (const [i, channel] of channels.entries()) {
      const draws = pooled(gibbs.element('sigma_eta', i));
      expect(Math.abs(meanOf(draws) - known.get(`sigma_eta[${channel}]`)!) / sdOf(draws)).toBeLessThan(4);
    }
  },
);

describe('refusals', () => {
  const { write } = temporaryFolder();
  const load = async (keys: string) => {
    const text = `data: { file: a.csv }
model:
  name: hbmmm
  response: y
  consumer: a
  market: b
  ${keys}
`;
    const { message } = await inputError(() => loadConfig(write('config.yaml', text), models));
    return message.replace(/^.*config/, 'config');
  };

  it('say what would be right', async () => {
    expect(await load('channels: [c, d]\n  covariance: {consumer: {factors: 1}}')).toBe(
      'config.yaml:8: model.covariance.consumer.factors: 1 factors of 2 coefficients cannot be told apart; at least three coefficients are needed for one',
    );
    expect(await load('channels: [c]\n  shrinkage: horseshoe')).toBe(
      'config.yaml:8: model.shrinkage needs at least two population coefficients beside mu_alpha, not 1',
    );
    expect(await load('channels: [c, d]\n  relevant: 1')).toMatch(/model.relevant is for shrinkage/);
  });

  it('of priors that are not there', async () => {
    const { table } = simulated({ consumers: 40, markets: 5, months: 6 }, 1);
    const refused = async (priors: object, settings: object = both) =>
      (await inputError(() => prepared(table, { ...settings, priors }))).message;
    expect(await refused({ theta: 'normal(0, 1)' })).toBe(
      'model.priors.theta: shrinkage is the prior of the coefficients; keep one of them',
    );
    expect(await refused({ sigma_eta: 'halfNormal(1)' })).toBe(
      'model.priors.sigma_eta: follows from the factors; set loadings_eta and psi_eta',
    );
    expect(await refused({ psi_beta: 'halfNormal(1)' })).toBe(
      'model.priors.psi_beta: needs factors, like model.covariance.market: {factors: 1}',
    );
    expect(await refused({ corr_beta: 'lkj(1)' })).toBe('model.priors.corr_beta: needs model.covariance.market: full');
    expect(await refused({ psi_gamma: 'halfNormal(1)' }, { controls: [] })).toBe(
      'model.priors.psi_gamma: the model has no controls; name model.controls or leave it out',
    );
  });
});
