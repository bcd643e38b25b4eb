// Weeks and campaigns drawn from a common spread: the same by every method, shares of the spread that hold the truth, what is said, and refusals.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { simulatedTable } from '../../bench/simulatedTable.js';
import { portableRandom } from '../../src/cli/simulation/portableRandom.js';
import { loadConfig } from '../../src/data/config.js';
import { scalarNames } from '../../src/data/run/names.js';
import { mcseMean, mcseSd, quantile, rhat } from '../../src/diagnostics/index.js';
import { fit } from '../../src/inference/fit.js';
import { chooseMethod } from '../../src/inference/index.js';
import { experimentsEntry } from '../../src/models/experiments/entry.js';
import type { ObservedModel } from '../../src/models/modelEntry.js';
import { models } from '../../src/models/registry.js';
import { inputError, temporaryFolder } from '../data/inputFiles.js';
import { quantityOf } from './evaluateModel.js';
import { randomNumbers } from './random.js';

const { simulator } = experimentsEntry;
const usual = Object.fromEntries(Object.entries(simulator!.options).map(([name, own]) => [name, own.default]));

/** A simulated data set as its own configuration fits it, with other keys, and its true values. */
function simulated(
  size: Readonly<Record<string, number>>,
  keys: Readonly<Record<string, unknown>>,
  seed: number,
): { model: ObservedModel; truth: ReadonlyMap<string, number> } {
  const drawn = simulator!.plan({ ...usual, ...size })(portableRandom(seed));
  const written = parse(drawn.config('simulated', 1)) as { readonly model: object };
  const section = experimentsEntry.schema.parse({ ...written.model, ...keys });
  const table = simulatedTable(drawn.blocks, experimentsEntry.columns(section));
  return {
    model: experimentsEntry.prepare(table, section).model,
    truth: new Map(drawn.truth.map(({ name, value }) => [name, value])),
  };
}

const all = ['week', 'campaign', 'activity', 'exposure'];

const momentsOf = (chains: readonly Float64Array[]): { mean: number; sd: number } => {
  const pooled = chains.flatMap((chain) => [...chain]);
  const mean = pooled.reduce((sum, x) => sum + x / pooled.length, 0);
  return { mean, sd: Math.sqrt(pooled.reduce((sum, x) => sum + (x - mean) ** 2 / pooled.length, 0)) };
};

describe('is the same by every method', () => {
  const size = {
    customers: 60,
    weeks: 8,
    campaigns: 5,
    interventions: 6,
    covariates: 1,
    sigma: 4,
    time: 2,
    campaign: 3,
  };
  // Half-normal spreads, as few levels and customers leave heavier tails to chance.
  const spread = 'halfNormal(4)';
  const priors = { sigma_week: spread, sigma_campaign: spread };
  it.each([
    ['with effects of customers', { priors: { ...priors, sigma_u: spread } }],
    ['without', { customerEffects: false, priors }],
  ])('%s', { timeout: 300_000 }, async (_, keys) => {
    const { model } = simulated(
      size,
      { ...keys, pooling: ['week', 'campaign'], exposure: false, activity: undefined },
      3,
    );
    const hasCustomers = model.structure!.terms.length > 0;
    const chains = 2;
    const nuts = await fit(model, {
      method: 'nuts',
      warmup: 800,
      draws: 1500,
      seed: 1,
      chains,
      targetAcceptance: 0.95,
    });
    const gibbs = await fit(model, { method: 'gibbs', warmup: 500, draws: 5000, seed: 2, chains });
    // Without customers there is nothing to integrate out.
    const marginal = hasCustomers
      ? [await fit(model, { method: 'marginal', draws: 1500, seed: 3, chains, targetAcceptance: 0.95 })]
      : [];
    for (const { info } of [nuts, ...marginal])
      expect(info.flat().filter(({ isDivergent }) => isDivergent).length).toBeLessThan(2);
    const sites = ['effect', 'average_effect', 'intercept', 'sigma', 'sigma_week', 'sigma_campaign', 'spread'];
    const compared = [...sites, 'share_of_spread', 'effect_week', 'baseline_week', 'effect_campaign'];
    for (const site of model.sites.filter(({ name }) => compared.includes(name))) {
      for (const [at, name] of [...scalarNames(site, model.coords)].entries()) {
        const draws = [nuts, gibbs, ...marginal].map((own) => own.element(site.name, at));
        for (const [m, own] of draws.entries()) expect(rhat(own), `${name} ${m}`).toBeLessThan(1.03);
        const [first, ...others] = draws;
        for (const other of others) {
          const [a, b] = [first, other].map(momentsOf);
          const errors = [mcseMean, mcseSd].map((mcse) => Math.hypot(mcse(first), mcse(other)));
          expect(Math.abs(a.mean - b.mean), name).toBeLessThan(4.5 * errors[0]);
          expect(Math.abs(a.sd - b.sd), name).toBeLessThan(4.5 * errors[1]);
        }
      }
    }
  });
});

it(
  'gives shares of the spread that hold the truth where free effects overstate them',
  { timeout: 600_000 },
  async () => {
    // A week's effect of 2 · 0.6 has a standard error of 2 · 20 / √180 = 3.
    const size = { customers: 300, weeks: 20, campaigns: 15, interventions: 12, covariates: 1 };
    const truths = { sigma: 20, unobserved: 5, observed: 3, time: 0.6, campaign: 1 };
    let inside = 0;
    const seeds = [1, 2, 3];
    for (const seed of seeds) {
      const [pooled, free] = [all, []].map((pooling) => simulated({ ...size, ...truths }, { pooling }, seed));
      const options = { method: 'gibbs', chains: 2, warmup: 400, draws: 1500, seed } as const;
      const [ofPooled, ofFree] = [await fit(pooled.model, options), await fit(free.model, options)];
      const within = (of: typeof ofPooled, place: number): number[] => {
        const chains = of.element('share_of_spread', place);
        return [0.05, 0.95].map((p) => quantile(Float64Array.from(chains.flatMap((chain) => [...chain])), p));
      };
      for (const [place, name] of ['unobserved', 'observed', 'week', 'campaign'].entries()) {
        const truth = pooled.truth.get(`share_of_spread[${name}]`)!;
        const [low, high] = within(ofPooled, place);
        expect(rhat(ofPooled.element('share_of_spread', place)), name).toBeLessThan(1.03);
        if (truth >= low && truth <= high) inside++;
        if (name === 'week') expect(within(ofFree, place)[0]).toBeGreaterThan(truth);
      }
    }
    expect(inside).toBeGreaterThanOrEqual(0.75 * 4 * seeds.length);
  },
);

describe('a model that is pooled', () => {
  const small = { customers: 40, weeks: 6, campaigns: 4, interventions: 5, covariates: 1 };
  const pooled = simulated(small, { pooling: ['week', 'campaign'] }, 1).model;

  it('reports effects about the average of their levels, and spreads in units of the outcome', async () => {
    const names = pooled.parameters.map(({ name }) => name);
    const dimension = pooled.parameters.reduce(
      (sum, { shape, constraint }) =>
        sum +
        (constraint.kind === 'choleskyCorrelation'
          ? (shape[0] * (shape[0] - 1)) / 2
          : shape.reduce((a, b) => a * b, 1)),
      0,
    );
    expect(names).toContain('sigma_pooled');
    const sites = await (await quantityOf(pooled, 'sites'))(randomNumbers('pooled').normals(dimension, 0.5));
    for (const set of ['week', 'campaign', 'activity']) {
      const effects = sites.get(`effect_${set}`)!;
      const mean = effects.reduce((sum, effect) => sum + effect / effects.length, 0);
      expect(mean).toBeCloseTo(sites.get('effect')![0], 9);
      expect(sites.get(`baseline_${set}`)!.reduce((sum, effect) => sum + effect, 0)).toBeCloseTo(0, 9);
    }
    expect(sites.get('sigma_week')!.length).toBe(2);
  });

  it('says what is pooled; one that is not, what its shares hold besides', () => {
    const { words, priors, cautions } = pooled.description;
    expect(words.join(' ')).toContain(
      'those of pooled ones (week, campaign) are drawn from a normal distribution about 0',
    );
    expect(priors.map(({ site }) => site)).toEqual(expect.arrayContaining(['sigma_week', 'sigma_campaign']));
    expect(cautions).toEqual([expect.stringMatching(/^spread .* effects of exposure, activity differ by/)]);
    expect(simulated(small, { pooling: all }, 1).model.description.cautions).toBeUndefined();
    const free = simulated(small, { pooling: [] }, 1).model.description;
    expect(free.cautions).toEqual([expect.stringContaining('model.pooling: [week, campaign, exposure, activity]')]);
    expect(free.priors.map(({ site }) => site)).toEqual(['sigma', 'theta', 'sigma_u']);
  });

  it('is refused where effects would be free', () => {
    const crossed = simulated(small, { customerEffects: false }, 1).model;
    for (const method of ['ols', 'ridge'] as const)
      expect(() => chooseMethod(crossed, method)).toThrow('some of them are pooled by a spread that is estimated');
  });
});

describe('refusals', () => {
  const { write } = temporaryFolder();
  const load = async (...keys: string[]): Promise<string> => {
    const text = `data: { file: a.csv }\nmodel:\n  name: experiments\n  response: y\n  treatment: t\n  week: w\n${keys.map((key) => `  ${key}\n`).join('')}`;
    return (await inputError(() => loadConfig(write('config.yaml', text), models))).message;
  };

  it('name file and line', async () => {
    expect(await load('pooling: [weak]')).toMatch(
      /config\.yaml:7: model\.pooling\.0 cannot be 'weak'; did you mean 'week'\?$/,
    );
    expect(await load('pooling: [week, campaign]')).toMatch(
      /config\.yaml:7: model\.pooling names campaign: it needs model\.campaign$/,
    );
    expect(await load('pooling: [week, exposure]')).toMatch(/names exposure: it needs model\.exposure$/);
    expect(await load('pooling: [week, week]')).toMatch(/model\.pooling names week twice$/);
    expect(await load('pooling: [week]', 'shrinkage: horseshoe')).toMatch(
      /model\.pooling and model\.shrinkage are both priors of the effects of levels; keep one of them$/,
    );
    expect(await load('pooling: [campaign]', 'campaign: c', 'campaignAttributes: [goal]')).toMatch(
      /names campaign, whose effects are drawn around model\.campaignAttributes already; leave it out$/,
    );
  });

  it('priors of sets that are not pooled', async () => {
    const refused = async (keys: Record<string, unknown>): Promise<string> =>
      (await inputError(() => simulated({ customers: 40, weeks: 6, campaigns: 4 }, keys, 1))).message;
    expect(await refused({ pooling: [], priors: { sigma_week: 'halfNormal(1)' } })).toBe(
      'model.priors.sigma_week: needs model.pooling: [week]; leave it out',
    );
    expect(await refused({ pooling: [], priors: { sigma_campaign: 'halfNormal(1)' } })).toBe(
      'model.priors.sigma_campaign: needs model.pooling: [campaign] or model.campaignAttributes; leave it out',
    );
    expect(await refused({ priors: { sigma_week: 'normal(0, 1)' } })).toMatch(/^model\.priors\.sigma_week: normal/);
  });
});
