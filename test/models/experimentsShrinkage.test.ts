// Horseshoes on levels and moderators of many experiments: the same by every method, no level unlike the others, few effects found among many, refusals.
import { describe, expect, it } from 'vitest';
import { factorFromLabels, type Table, tableOf } from '../../src/data/table.js';
import { mcseMean, rhat } from '../../src/diagnostics/index.js';
import { fit } from '../../src/inference/fit.js';
import { loadConfig } from '../../src/data/config.js';
import { type ExperimentColumns, experimentsData } from '../../src/models/experiments/data.js';
import { experimentsModel, type ExperimentsOptions } from '../../src/models/experiments/model.js';
import { models } from '../../src/models/registry.js';
import { inputError, temporaryFolder } from '../data/inputFiles.js';
import { densityOf, quantityOf } from './evaluateModel.js';
import { randomNumbers } from './random.js';

const plain: ExperimentColumns = {
  response: 'y',
  treatment: 'treated',
  customer: 'who',
  campaign: 'campaign',
  x: ['use'],
  moderators: ['age'],
  segments: [],
  activityClasses: 7,
  exposure: false,
  share: false,
};

interface Truth {
  readonly rows: number;
  readonly customers: number;
  /** Half the effect of treatment in each campaign, besides that in all. */
  readonly campaigns: readonly number[];
  readonly nameOf?: (campaign: number) => string;
}

/** Errors of 1, a baseline that depends on use, customers who differ by 0.3, and effects of 0.4 ± campaigns. */
function simulated(seed: string, { rows, customers, campaigns, nameOf = (c) => `c${10 + c}` }: Truth): Table {
  const random = randomNumbers(seed);
  const own = Array.from({ length: customers }, () => 0.3 * random.normal());
  const drawn = Array.from({ length: rows }, (_, row) => {
    const campaign = Math.floor(campaigns.length * random.uniform());
    const [treated, use, age] = [Number(random.uniform() < 0.6), random.normal(), 40 + 12 * random.normal()];
    const effect = 0.2 + campaigns[campaign] + own[row % customers];
    const y = 5 + 0.8 * use + (treated === 1 ? effect : -effect) + random.normal();
    return { y, treated, use, age, who: `p${row % customers}`, campaign: nameOf(campaign) };
  });
  const number = (name: 'y' | 'treated' | 'use' | 'age') => ({
    kind: 'number' as const,
    name,
    values: Float64Array.from(drawn, (row) => row[name]),
  });
  const label = (name: 'who' | 'campaign') =>
    factorFromLabels(
      name,
      drawn.map((row) => row[name]),
    );
  return tableOf('rows', [
    number('y'),
    number('treated'),
    number('use'),
    number('age'),
    label('who'),
    label('campaign'),
  ]);
}

const meanOf = (chains: readonly Float64Array[]): number =>
  chains.reduce((sum, chain) => sum + chain.reduce((own, x) => own + x / chain.length, 0) / chains.length, 0);

const small: Truth = { rows: 300, customers: 20, campaigns: [0.8, 0, 0, 0, 0] };

it.each([
  ['horseshoe without effects of customers', { customerEffects: false }, 'horseshoe'],
  ['regularised horseshoe, with effects of customers', {}, 'regularisedHorseshoe'],
] as const)('%s is the same by every method', { timeout: 300_000 }, async (name, more, shrinkage) => {
  const data = experimentsData(simulated(name, small), { ...plain, ...more });
  // A half-normal spread, as few customers leave an inverse Wishart's tail to chance.
  const priors: ExperimentsOptions['priors'] =
    data.customers === null ? {} : { sigma_u: { family: 'halfNormal', parameters: [0.5] } };
  const model = experimentsModel(data, { shrinkage, relevant: 2, priors });
  const chains = 2;
  const nuts = await fit(model, { method: 'nuts', warmup: 800, draws: 1500, seed: 1, chains, targetAcceptance: 0.99 });
  const gibbs = await fit(model, { method: 'gibbs', warmup: 500, draws: 4000, seed: 2, chains });
  // Without customers there is nothing to integrate out.
  const marginal =
    data.customers === null
      ? []
      : [await fit(model, { method: 'marginal', draws: 1500, seed: 3, chains, targetAcceptance: 0.95 })];
  for (const { info } of [nuts, ...marginal]) {
    const divergent = info.flat().filter(({ isDivergent }) => isDivergent).length;
    expect(divergent).toBeLessThan(shrinkage === 'horseshoe' ? 15 : 1);
  }
  const places: [string, number][] = [
    ['effect', 0],
    ['intercept', 0],
    ['beta', 0],
    ['sigma', 0],
    ['relevant', 0],
    ['effect_slope', 0],
    ['inclusion_baseline_slope', 0],
    ...[0, 1, 4].flatMap((level): [string, number][] =>
      ['effect', 'baseline', 'inclusion_effect', 'inclusion_baseline'].map((part) => [`${part}_campaign`, level]),
    ),
  ];
  for (const [site, at] of places) {
    const all = [nuts, gibbs, ...marginal].map((own) => own.element(site, at));
    for (const [m, own] of all.entries()) expect(rhat(own), `${site} ${at} ${m}`).toBeLessThan(1.03);
    const [first, ...others] = all;
    for (const other of others)
      expect(Math.abs(meanOf(first) - meanOf(other)), `${site} ${at}`).toBeLessThan(
        4.5 * Math.hypot(mcseMean(first), mcseMean(other)),
      );
  }
});

it('treats all levels alike, whatever they are called', async () => {
  const section = { ...plain, customerEffects: false, moderators: [] };
  const names = ['a', 'b', 'c', 'd', 'e'];
  const [one, other] = [(c: number) => names[c], (c: number) => names[4 - c]].map((nameOf) =>
    experimentsModel(experimentsData(simulated('names', { ...small, nameOf }), section), { shrinkage: 'horseshoe' }),
  );
  const density = await Promise.all([one, other].map((model) => densityOf(model)));
  expect(density[0].dimension).toBe(density[1].dimension);
  // What is sampled of each level: λ and its coefficient, five on the baseline and five on the effect.
  const sizes = one.parameters.map(({ name, shape }) => [name, shape.reduce((a, b) => a * b, 1)] as const);
  expect(sizes).toEqual([
    ['sigma', 1],
    ['tau', 1],
    ['local', 10],
    ['theta', 13],
  ]);
  const position = randomNumbers('position').normals(25, 0.5);
  const turned = position.slice();
  for (const first of [2, 7, 15, 20]) for (let l = 0; l < 5; l++) turned[first + l] = position[first + 4 - l];
  const [before, after] = [await density[0].at(position), await density[1].at(turned)];
  expect(after.value).toBeCloseTo(before.value, 9);
  // Reported effects sum to zero about the average, and predictions do not change.
  const sites = await (await quantityOf(one, 'sites'))(position);
  const campaigns = sites.get('effect_campaign')!;
  expect(campaigns.reduce((sum, effect) => sum + effect / 5, 0)).toBeCloseTo(sites.get('effect')![0], 9);
  expect(sites.get('baseline_campaign')!.reduce((sum, effect) => sum + effect, 0)).toBeCloseTo(0, 9);
  const data = experimentsData(simulated('names', { ...small, nameOf: (c) => names[c] }), section);
  const predicted = (await (await quantityOf(one, 'predict'))(position)).get('predict')!;
  for (let row = 0; row < 20; row++) {
    const level = data.sets[0].codes[row];
    const base = sites.get('intercept')![0] + sites.get('baseline_campaign')![level];
    const expected = base + sites.get('beta')![0] * data.x[0].values[row] + (data.w[row] * campaigns[level]) / 2;
    expect(predicted[row]).toBeCloseTo(expected, 9);
  }
});

it('finds the few campaigns that differ among many', { timeout: 300_000 }, async () => {
  const campaigns = Array.from({ length: 30 }, (_, c) => (c === 4 ? 0.7 : c === 29 ? -0.7 : 0));
  const errors = { shrunk: 0, plain: 0 };
  for (const seed of [1, 2]) {
    const data = experimentsData(simulated(`many ${seed}`, { rows: 3000, customers: 100, campaigns }), plain);
    const options = { method: 'gibbs', warmup: 400, draws: 1000, chains: 2, seed } as const;
    const posterior = await fit(experimentsModel(data, { shrinkage: 'regularisedHorseshoe', relevant: 4 }), options);
    const unshrunk = await fit(experimentsModel(data), options);
    const included = campaigns.map((_, c) => meanOf(posterior.element('inclusion_effect_campaign', c)));
    expect(Math.min(included[4], included[29])).toBeGreaterThan(0.9);
    const others = included.filter((_, c) => campaigns[c] === 0);
    expect(others.reduce((sum, own) => sum + own / others.length, 0)).toBeLessThan(0.4);
    const average = campaigns.reduce<number>((sum, own) => sum + own / 30, 0);
    for (const [c, own] of campaigns.entries()) {
      const truth = 2 * (own - average);
      const estimate = (from: typeof posterior): number =>
        meanOf(from.element('effect_campaign', c)) - meanOf(from.element('effect', 0));
      errors.shrunk += (estimate(posterior) - truth) ** 2;
      errors.plain += (estimate(unshrunk) - truth) ** 2;
    }
    // The last level is found like any other.
    expect(Math.abs(meanOf(posterior.element('effect_campaign', 29)) - 2 * (0.2 - 0.7))).toBeLessThan(0.6);
  }
  expect(errors.shrunk).toBeLessThan(0.6 * errors.plain);
});

describe('refusals', () => {
  const data = experimentsData(simulated('refused', small), plain);
  const refused = async (options: ExperimentsOptions, of = data): Promise<string> =>
    (await inputError(() => experimentsModel(of, options))).message;

  it('say what would be right', async () => {
    const priors = { theta: { family: 'normal', parameters: [0, 1] } } as const;
    expect(await refused({ shrinkage: 'horseshoe', priors })).toBe(
      'model.priors.theta: shrinkage is the prior of the coefficients; keep one of them',
    );
    expect(await refused({ shrinkage: 'horseshoe', relevant: 12 })).toBe(
      'model.relevant: must be below the 12 coefficients of levels and moderators, not 12',
    );
    const none = experimentsData(simulated('refused', small), { ...plain, campaign: undefined, moderators: [] });
    expect(await refused({ shrinkage: 'horseshoe' }, none)).toBe(
      'model.shrinkage: needs at least two coefficients of levels and moderators, not 0',
    );
  });

  const { write } = temporaryFolder();
  it('of keys name file and line', async () => {
    const load = async (keys: string): Promise<string> => {
      const text = `data: { file: a.csv }\nmodel:\n  name: experiments\n  response: y\n  treatment: t\n  ${keys}\n`;
      return (await inputError(() => loadConfig(write('config.yaml', text), models))).message;
    };
    expect(await load('relevant: 2')).toMatch(/config\.yaml:6: model\.relevant is for shrinkage: horseshoe or/);
    expect(await load('shrinkage: horseshoo')).toMatch(/config\.yaml:6: model\.shrinkage/);
    expect(await load('slab: { scael: 2 }')).toContain("did you mean 'scale'?");
  });
});
