// Horseshoes on the population of the three-level model: the same by every method, large effects left alone and absent ones shrunk, refusals.
import { describe, expect, it } from 'vitest';
import { simulatedModel } from '../../bench/simulatedModel.js';
import { loadConfig } from '../../src/data/config.js';
import { threeLevelData } from '../../src/data/threeLevelData.js';
import { mcseMean, rhat } from '../../src/diagnostics/index.js';
import { fit } from '../../src/inference/fit.js';
import type { Model } from '../../src/models/model.js';
import { models } from '../../src/models/registry.js';
import { simulateThreeLevel } from '../../src/models/threeLevel/simulate.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { inputError, temporaryFolder } from '../data/inputFiles.js';
import { randomNumbers } from './random.js';
import { tableOfBlocks } from './simulatedTable.js';

const effects = [0.6, 0, 0, -0.4, 0, 0, 0, 0];
const names = effects.map((_, k) => `x${k + 1}`);

/** Sixty products of 25 rows, eight predictors of which two matter. */
function sparse(seed: string) {
  const { blocks } = simulateThreeLevel(
    {
      rows: 1500,
      columns: { response: 'y', product: 'product', market: 'market', time: 'week' },
      products: Array.from({ length: 60 }, (_, i) => `p${i + 10}`),
      markets: null,
      x: names.map((name) => ({ name })),
      z: [],
      w: [],
      sigma: 1,
      delta: [[2], ...effects.map((effect) => [effect])],
      product: { sds: [0.5, ...effects.map(() => 0.1)] },
      market: { sds: [] },
    },
    randomNumbers(seed),
  );
  const columns = { response: 'y', product: 'product', x: names, z: [], w: [], standardise: true };
  return threeLevelData(tableOfBlocks(blocks), columns);
}

const meanOf = (chains: readonly Float64Array[]): number =>
  chains.reduce((sum, chain) => sum + chain.reduce((own, x) => own + x / chain.length, 0) / chains.length, 0);

it.each([1, 2])(
  'tells effects from none, the same by every method, data set %i',
  { timeout: 300_000 },
  async (seed) => {
    const model = threeLevelModel(sparse(`sparse ${seed}`), { shrinkage: 'regularisedHorseshoe', relevant: 2 });
    const nuts = await fit(model, { method: 'nuts', warmup: 800, draws: 800, seed, chains: 2, targetAcceptance: 0.99 });
    const gibbs = await fit(model, { method: 'gibbs', warmup: 500, draws: 3000, seed, chains: 2 });
    const marginal = await fit(model, { method: 'marginal', draws: 1000, seed, chains: 2, targetAcceptance: 0.9 });
    for (const { info } of [nuts, marginal])
      expect(info.flat().filter(({ isDivergent }) => isDivergent).length).toBe(0);
    const places: [string, number][] = [
      ['relevant', 0],
      ...names.flatMap((_, k): [string, number][] => [
        ['gamma', k + 1],
        ['inclusion', k + 1],
      ]),
    ];
    for (const [site, at] of places) {
      const all = [nuts, gibbs, marginal].map((own) => own.element(site, at));
      for (const chains of all) expect(rhat(chains), `${site} ${at}`).toBeLessThan(1.03);
      const [first, ...others] = all;
      for (const other of others)
        expect(Math.abs(meanOf(first) - meanOf(other)), `${site} ${at}`).toBeLessThan(
          4.5 * Math.hypot(mcseMean(first), mcseMean(other)),
        );
    }
    const absent: number[] = [];
    for (const [k, effect] of effects.entries()) {
      const inclusion = meanOf(gibbs.element('inclusion', k + 1));
      if (effect === 0) absent.push(inclusion);
      else {
        expect(inclusion).toBeGreaterThan(0.9);
        expect(Math.abs(meanOf(gibbs.element('gamma', k + 1)) - effect)).toBeLessThan(0.15);
      }
    }
    // One of six estimates may lie two standard errors from 0.
    expect(Math.max(...absent)).toBeLessThan(0.9);
    expect(absent.reduce((sum, x) => sum + x / absent.length, 0)).toBeLessThan(0.5);
    // The Intercept is not among them.
    expect(meanOf(gibbs.element('inclusion', 0))).toBeCloseTo(1, 9);
  },
);

describe('refusals', () => {
  const { write } = temporaryFolder();
  const load = async (keys: string) => {
    const text = `data: { file: a.csv }
model:
  name: three-level
  response: y
  unit: a
  ${keys}
`;
    return (await inputError(() => loadConfig(write('config.yaml', text), models))).message.replace(
      /^.*config/,
      'config',
    );
  };

  it('say what would be right', async () => {
    expect(await load('shrinkage: horseshoe\n  x: [b]')).toBe(
      "config.yaml:6: model.shrinkage needs at least two population coefficients beside the Intercept's, not 1",
    );
    expect(await load('relevant: 2\n  x: [b, c, d]')).toMatch(/model.relevant is for shrinkage/);
    expect(await load('shrinkage: horseshoe\n  relevant: 3\n  x: [b, c, d]')).toMatch(
      /model.relevant must be below the 3 population coefficients/,
    );
    const priors = { gamma: { family: 'normal', parameters: [0, 1] } } as const;
    const options = { shrinkage: 'horseshoe', priors } as const;
    expect((await inputError(() => threeLevelModel(sparse('refused'), options))).message).toBe(
      'model.priors.gamma: shrinkage is the prior of the coefficients; keep one of them',
    );
  });
});

it.each([
  ['three-level', { rows: 480, products: 20, markets: 0, x: 3 }],
  ['hbmmm', { consumers: 60, markets: 12, months: 24 }],
] as const)('other responses of %s are fitted under the same priors', (name, size) => {
  const { model, rebuild } = simulatedModel(name, size, { section: { shrinkage: 'regularisedHorseshoe' } });
  const horseshoeOf = ({ structure }: Pick<Model, 'structure'>) => {
    const { prior } = structure!.terms[0].population;
    return prior.kind === 'normal' ? prior.horseshoe : undefined;
  };
  const others = model.observed.values.map((y, row) => 3 * y + (row % 6) ** 2 * Math.sin(Math.floor(row / 6)));
  expect(horseshoeOf(model)).toMatchObject({ local: 'local', global: 'tau' });
  expect(horseshoeOf(rebuild(others))).toEqual(horseshoeOf(model));
});
