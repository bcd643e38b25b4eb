// Runs of mixed Gibbs sampling: the posterior of NUTS for every family, the contract of methods, threads, and what is refused.
import { describe, expect, it } from 'vitest';
import { startChainWorker } from '../../../../src/cli/fit/threadStarters.js';
import { mcseMean, mcseSd, rhat } from '../../../../src/diagnostics/index.js';
import type { Draw } from '../../../../src/inference/chain.js';
import { fit } from '../../../../src/inference/fit.js';
import { GibbsRun } from '../../../../src/inference/gibbs/run.js';
import type { GibbsSettings } from '../../../../src/inference/gibbs/settings.js';
import { chooseMethod, methods } from '../../../../src/inference/index.js';
import { HierarchyPositions } from '../../../../src/inference/linearHierarchy/positions.js';
import { ChainThreads } from '../../../../src/inference/threads/chainThreads.js';
import { sizeOf } from '../../../../src/kernels/program/tensorProgram.js';
import { declaredModel } from '../../../../src/models/linearHierarchy/declaredModel.js';
import type { HierarchyShape } from '../../../models/hierarchyExample.js';
import { methodContract } from '../../methods/contract.js';
import { firstOf, isThorough } from '../../../thorough.js';
import { type Family, generalisedExample } from './example.js';

type Fitted = Awaited<ReturnType<typeof fit>>;

const meanOf = (chains: readonly Float64Array[]): number => {
  const all = chains.flatMap((chain) => [...chain]);
  return all.reduce((sum, x) => sum + x, 0) / all.length;
};
const sdOf = (chains: readonly Float64Array[]): number => {
  const mean = meanOf(chains);
  return Math.sqrt(meanOf(chains.map((chain) => chain.map((x) => (x - mean) ** 2))));
};

/** Distances of means and standard deviations of all that is not constant, in combined Monte Carlo errors. */
function distances({ model }: { readonly model: ReturnType<typeof declaredModel> }, a: Fitted, b: Fitted): number[] {
  const found: number[] = [];
  for (const { name, shape } of model.sites.filter((site) => !site.name.startsWith('loadings'))) {
    for (let i = 0; i < sizeOf(shape); i++) {
      const [x, y] = [a, b].map((own) => own.element(name, i));
      if (sdOf(x) < 1e-9) continue;
      expect([rhat(x) < 1.02, rhat(y) < 1.02], `${name} ${i}: ${rhat(x)}, ${rhat(y)}`).toEqual([true, true]);
      found.push(Math.abs(meanOf(x) - meanOf(y)) / Math.hypot(mcseMean(x), mcseMean(y)));
      found.push(Math.abs(sdOf(x) - sdOf(y)) / Math.hypot(mcseSd(x), mcseSd(y)));
    }
  }
  return found;
}

/** With the data sets that are tried, those that take minutes only where all is. */
const shapes: readonly (readonly [Family, string, HierarchyShape, readonly number[]])[] = [
  ['bernoulli', 'one level', { terms: [{ levels: [{ groups: 20 }], rowsOf: () => 12 }] }, firstOf([1, 2])],
  [
    'poisson',
    'correlations and covariates',
    { terms: [{ slopes: 1, levels: [{ groups: 25, covariates: 1, full: true }], rowsOf: (g) => 5 + (g % 7) }] },
    firstOf([1, 2]),
  ],
  [
    'negativeBinomial',
    'three levels',
    { terms: [{ slopes: 1, levels: [{ groups: 32, full: true }, { groups: 8 }], rowsOf: (g) => 6 + (g % 7) }] },
    isThorough ? [1, 2] : [],
  ],
  [
    'binomial',
    'crossed, with a fixed block',
    {
      terms: [{ slopes: 1, levels: [{ groups: 20 }], rowsOf: () => 10 }, { levels: [{ groups: 8 }] }],
      fixed: { dense: 1, categories: [3] },
    },
    isThorough ? [1, 2] : [],
  ],
  [
    'bernoulli',
    'many coefficients',
    { terms: [{ slopes: 9, levels: [{ groups: 30 }], rowsOf: () => 20 }] },
    isThorough ? [1, 2] : [],
  ],
];

describe.each(shapes.filter(([, , , sets]) => sets.length > 0))('%s, %s', (family, _, shape, sets) => {
  it.each(sets)('is the posterior of NUTS, data set %i', { timeout: 300_000 }, async (seed) => {
    const model = declaredModel(generalisedExample(family, { ...shape, seed: `agreement ${seed}` }));
    const nuts = await fit(model, {
      method: 'nuts',
      warmup: 800,
      draws: 4000,
      seed: 100 + seed,
      targetAcceptance: 0.9,
    });
    const gibbs = await fit(model, { method: 'gibbs', warmup: 500, draws: 6000, seed });
    const found = distances({ model }, nuts, gibbs);
    // Of hundreds of distances one may be beyond 4.
    expect(Math.max(...found)).toBeLessThan(4.5);
    expect(found.reduce((sum, z) => sum + z * z, 0) / found.length).toBeLessThan(1.5);
  });
});

const small = (): ReturnType<typeof declaredModel> =>
  declaredModel(
    generalisedExample('negativeBinomial', {
      terms: [{ slopes: 1, levels: [{ groups: 6, full: true }, { groups: 2 }] }],
    }),
  );

const fewRows = (): ReturnType<typeof declaredModel> =>
  declaredModel(generalisedExample('bernoulli', { terms: [{ slopes: 1, levels: [{ groups: 8 }] }] }));

describe('counts', () => methodContract(methods.gibbs, small));

describe('few rows', () => methodContract(methods.gibbs, fewRows));

it.each([
  ['counts', small],
  ['few rows', fewRows],
])('draws on two threads what it draws on one: %s', { timeout: 60_000 }, async (_, modelOf) => {
  const model = modelOf();
  const settings: GibbsSettings = { chains: 3, warmup: 20, draws: 10, seed: 4 };
  const collect = () => {
    const draws: Float64Array[][] = [[], [], []];
    const onDraw = ({ chain, position }: Pick<Draw, 'chain' | 'position'>): void =>
      void draws[chain].push(position.slice());
    return { draws, onDraw };
  };
  const one = collect();
  await new GibbsRun(model, settings, one).run();
  const two = collect();
  const threads = new ChainThreads(3, 2, startChainWorker);
  try {
    await threads.runGibbs(model, new HierarchyPositions(model).dimension, settings, two, {});
  } finally {
    await threads.dispose();
  }
  expect(two.draws).toEqual(one.draws);
});

it('is what auto takes', () => {
  for (const model of [fewRows(), small()]) expect(chooseMethod(model, 'auto').method.name).toBe('gibbs');
});

it('refuses what it has no updates for, in a line', () => {
  const shrunk = declaredModel(
    generalisedExample('poisson', { terms: [{ levels: [{ groups: 5, covariates: 2 }], horseshoe: 'plain' }] }),
  );
  expect(() => chooseMethod(shrunk, 'gibbs')).toThrow('with poisson responses gibbs has no updates for horseshoes');
  const flat = declaredModel({ ...generalisedExample('poisson', { terms: [{ levels: [{ groups: 5 }] }] }), terms: [] });
  expect(() => chooseMethod(flat, 'gibbs')).toThrow('with poisson responses gibbs moves coefficients of groups');
  expect(() => new GibbsRun(small(), { scheme: 'plain' })).toThrow('scheme: ');
});
