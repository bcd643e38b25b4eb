// Marginal NUTS: the posterior of NUTS on all parameters; the same draws for any number of threads and after a resume; refusals.
import { describe, expect, it } from 'vitest';
import { nodeStarters } from '../../../src/cli/fit/threadStarters.js';
import { mcseMean, mcseSd, rhat } from '../../../src/diagnostics/index.js';
import { fit } from '../../../src/inference/fit.js';
import { crossedProducts } from '../../../src/inference/marginal/refusal.js';
import { marginal } from '../../../src/inference/methods/marginal.js';
import type { MethodOptions, MethodSettings, MethodSnapshot } from '../../../src/inference/methods/method.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { Model } from '../../../src/models/model.js';
import { sizeOf } from '../../../src/kernels/program/tensorProgram.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import { type HierarchyShape, hierarchyExample } from '../../models/hierarchyExample.js';
import { simulatedHierarchy } from './example.js';
import { firstOf } from '../../thorough.js';

const rowsOf = (group: number): number => 4 + (group % 5);
const shapes: Record<string, HierarchyShape> = {
  'two levels': { terms: [{ slopes: 1, levels: [{ groups: 20 }], rowsOf }] },
  'two levels, full covariance, covariates': {
    terms: [{ slopes: 1, levels: [{ groups: 24, full: true, covariates: 1 }], rowsOf }],
  },
  'three levels': { terms: [{ slopes: 1, levels: [{ groups: 24 }, { groups: 8 }], rowsOf }] },
  'three levels, full covariances': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 24, full: true },
          { groups: 8, full: true, covariates: 1 },
        ],
        rowsOf,
      },
    ],
  },
  'two levels, fixed columns and categories': {
    terms: [{ slopes: 1, levels: [{ groups: 20 }], rowsOf }],
    fixed: { dense: 1, categories: [3, 4] },
  },
};

const meanOf = (chains: readonly Float64Array[]): number =>
  chains.reduce((sum, chain) => sum + chain.reduce((a, b) => a + b, 0), 0) /
  chains.reduce((sum, { length }) => sum + length, 0);
const sdOf = (chains: readonly Float64Array[]): number => {
  const mean = meanOf(chains);
  return Math.sqrt(meanOf(chains.map((chain) => chain.map((x) => (x - mean) ** 2))));
};

describe.each(Object.keys(shapes))('%s', (name) => {
  it.each(firstOf([1, 2]))('agrees with NUTS on all parameters, data set %i', { timeout: 120_000 }, async (seed) => {
    const model = simulatedHierarchy({ ...shapes[name], seed: `${name} ${seed}` });
    const [own, joint] = [
      await fit(model, { method: 'marginal', draws: 4000, seed }),
      await fit(model, { method: 'nuts', warmup: 500, draws: 2000, seed }),
    ];
    expect(own.info.flat().filter(({ isDivergent }) => isDivergent).length).toBe(0);
    for (const { name: site, shape } of model.sites) {
      for (let i = 0; i < sizeOf(shape); i++) {
        const [a, b] = [own.element(site, i), joint.element(site, i)];
        // Constants of a factor of correlations.
        if (sdOf(a) < 1e-12) continue;
        expect(rhat(a), `${site} ${i}`).toBeLessThan(1.02);
        const means = (meanOf(a) - meanOf(b)) / Math.hypot(mcseMean(a), mcseMean(b));
        const sds = (sdOf(a) - sdOf(b)) / Math.hypot(mcseSd(a), mcseSd(b));
        expect(Math.abs(means), `mean of ${site} ${i}`).toBeLessThan(4);
        expect(Math.abs(sds), `sd of ${site} ${i}`).toBeLessThan(4);
      }
    }
  });
});

/** Every draw handed out, as text; and the snapshot. */
async function record(
  model: Model,
  threads: number,
  settings: MethodSettings,
  options: MethodOptions & { stopAfter?: number } = {},
): Promise<{ draws: Map<string, string>; snapshot: MethodSnapshot; isComplete: boolean }> {
  const starters = threads > 1 ? nodeStarters : undefined;
  const prepared = await marginal.prepare(model, cpuDevice(), { chains: settings.chains!, threads }, starters);
  const draws = new Map<string, string>();
  const stop = new AbortController();
  try {
    const { snapshot, isComplete } = await prepared.run(
      settings,
      {
        wantsDraw: (_, phase, index) => phase === 'sampling' && index % 3 !== 1,
        onDraw: ({ chain, phase, index, position, info }) => {
          draws.set(`${chain} ${phase} ${index}`, `${info.logDensity} ${[...position].join(' ')}`);
          if (draws.size === options.stopAfter) stop.abort();
        },
      },
      { ...options, signal: stop.signal },
    );
    return { draws, snapshot, isComplete };
  } finally {
    await prepared.dispose();
  }
}

describe('draws', () => {
  const model = simulatedHierarchy({ ...shapes['three levels, full covariances'], seed: 'draws' });
  const settings = { chains: 3, warmup: 60, draws: 90, seed: 7 };

  it('are the same for one thread and two', { timeout: 60_000 }, async () => {
    const [one, two] = [await record(model, 1, settings), await record(model, 2, settings)];
    expect(one.draws.size).toBe(3 * 150);
    expect([...two.draws].sort()).toEqual([...one.draws].sort());
  });

  it('are positions where somebody wants them', async () => {
    const { draws } = await record(model, 1, settings);
    const lengths = [...draws].map(([key, text]) => [key, text.split(' ').filter((x) => x !== '').length] as const);
    const dimension = model.parameters.reduce(
      (sum, { shape, constraint }) =>
        sum + (constraint.kind === 'choleskyCorrelation' ? (shape[0] * (shape[0] - 1)) / 2 : sizeOf(shape)),
      0,
    );
    for (const [key, length] of lengths) {
      const [, phase, index] = key.split(' ');
      expect(length).toBe(phase === 'sampling' && Number(index) % 3 !== 1 ? 1 + dimension : 1);
    }
  });

  it.each([40, 200, 333])('go on after %i of them as if never stopped', { timeout: 60_000 }, async (stopAfter) => {
    const whole = await record(model, 1, settings);
    const first = await record(model, 1, settings, { stopAfter });
    expect(first.isComplete).toBe(false);
    const saved = JSON.parse(JSON.stringify(first.snapshot)) as MethodSnapshot;
    const rest = await record(model, 1, settings, { resume: saved });
    expect(rest.isComplete).toBe(true);
    const joined = new Map([...first.draws, ...rest.draws]);
    expect(first.draws.size + rest.draws.size).toBe(whole.draws.size);
    expect([...joined].sort()).toEqual([...whole.draws].sort());
  });

  it('do not go on from the snapshot of another method', async () => {
    await expect(record(model, 1, settings, { resume: { version: 2 } })).rejects.toThrow('not one of marginal NUTS');
  });
});

describe('refusals', () => {
  const level = { groups: 4 };
  const refusalOf = (shape: HierarchyShape): string | undefined =>
    marginal.refusal(declaredModel(hierarchyExample(shape)));

  it('are none for a nest with normal priors', () => {
    expect(refusalOf({ terms: [{ levels: [level] }] })).toBeUndefined();
  });

  it('name what the model lacks, in one line', async () => {
    const shapesAndWords: [HierarchyShape, string][] = [
      [{ terms: [{ levels: [level] }, { levels: [level] }] }, '2 crossed groupings'],
      [{ terms: [{ levels: [level] }], df: 4 }, 'Student-t errors'],
      [{ terms: [{ levels: [level], rowsOf: () => 60 }], fixed: { categories: [200] } }, 'products a gradient'],
      [{ terms: [{ slopes: 9, levels: [{ groups: 8, covariates: 2 }, { groups: 4 }] }] }, '30 coefficients in a group'],
    ];
    for (const [shape, words] of shapesAndWords) {
      const refusal = refusalOf(shape)!;
      expect(refusal).toContain(words);
      expect(refusal).not.toContain('\n');
    }
    const { structure, ...plain } = declaredModel(hierarchyExample({ terms: [{ levels: [level] }] }));
    expect(structure).toBeDefined();
    await expect(fit(plain, { method: 'marginal' })).rejects.toThrow('declares no linear Gaussian hierarchy');
  });

  it('count the products of a fixed block', () => {
    // Two groups that touch both levels of a category and a dense column, 3² each; and 3³ / 6 of the factor, rounded.
    const structure = hierarchyExample({
      terms: [{ levels: [{ groups: 2 }], rowsOf: () => 40 }],
      fixed: { dense: 1, categories: [2] },
    });
    expect(crossedProducts(structure)).toBe(2 * 9 + 5);
  });

  it('are for population priors that are not normal', () => {
    const structure = hierarchyExample({ terms: [{ levels: [level] }] });
    const [term] = structure.terms;
    const withPrior = (family: 'cauchy' | 'normal') =>
      marginal.refusal(
        declaredModel({
          ...structure,
          terms: [
            {
              ...term,
              population: { ...term.population, prior: { kind: 'common', prior: { family, parameters: [0, 2] } } },
            },
          ],
        }),
      );
    expect(withPrior('cauchy')).toContain('is not normal');
    expect(withPrior('normal')).toBeUndefined();
  });
});
