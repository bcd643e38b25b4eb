// Runs of Gibbs sampling: known posteriors, agreement with NUTS, draws that depend on nothing but seed and chain, exact resumption.
import { describe, expect, it } from 'vitest';
import type { Draw } from '../../../src/inference/chain.js';
import { compileDensity, positionBlocks } from '../../../src/inference/compiledModel.js';
import { type ChainValues, packValues } from '../../../src/inference/gibbs/chainValues.js';
import { GibbsRun } from '../../../src/inference/gibbs/run.js';
import type { GibbsScheme, GibbsSettings } from '../../../src/inference/gibbs/settings.js';
import type { GibbsSnapshot } from '../../../src/inference/gibbs/snapshot.js';
import { HierarchyPositions } from '../../../src/inference/linearHierarchy/positions.js';
import { modelSettings } from '../../../src/inference/modelSettings.js';
import { sample } from '../../../src/inference/sample.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import type { Model } from '../../../src/models/model.js';
import { threeLevelModel } from '../../../src/models/threeLevel/threeLevel.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import { hierarchyExample, withPrior } from '../../models/hierarchyExample.js';
import { threeLevelExample } from '../../models/threeLevelExample.js';
import { effectiveSampleSize } from '../monteCarlo.js';
import { exampleOf } from './shapes.js';
import { isThorough, someOf } from '../../thorough.js';

/** Draws by chain, as copies of the positions. */
async function drawsOf(model: Model, settings: GibbsSettings, resume?: GibbsSnapshot): Promise<Float64Array[][]> {
  const draws = Array.from({ length: settings.chains ?? 4 }, (): Float64Array[] => []);
  const onDraw = ({ chain, phase, position }: Draw): void => {
    if (phase === 'sampling') draws[chain].push(position.slice());
  };
  const result = await new GibbsRun(model, settings, { onDraw }, { resume }).run();
  expect(result.isComplete).toBe(true);
  return draws;
}

/** Mean, standard deviation, and their Monte Carlo errors, of a function of the position. */
function estimate(draws: readonly (readonly Float64Array[])[], of: (position: Float64Array) => number) {
  const values = draws.map((chain) => chain.map(of));
  const all = values.flat();
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  const squares = values.map((chain) => chain.map((x) => (x - mean) ** 2));
  const variance = squares.flat().reduce((a, b) => a + b, 0) / all.length;
  const fourth = squares.flat().reduce((a, b) => a + (b - variance) ** 2, 0) / all.length;
  const sd = Math.sqrt(variance);
  return {
    mean,
    sd,
    meanError: sd / Math.sqrt(effectiveSampleSize(values)),
    sdError: Math.sqrt(fourth / effectiveSampleSize(squares)) / (2 * sd),
  };
}

const schemes: GibbsScheme[] = ['plain', 'interweaved', 'collapsed', 'collapsedInterweaved', 'integrated'];

/** Distances of means and standard deviations of every element that is not constant, in combined Monte Carlo errors. */
function distances(a: readonly (readonly Float64Array[])[], b: readonly (readonly Float64Array[])[]): number[] {
  return Array.from(a[0][0], (_, i) => {
    const [x, y] = [a, b].map((draws) => estimate(draws, (position) => position[i]));
    if (x.sd === 0 && y.sd === 0) return Math.abs(x.mean - y.mean) === 0 ? 0 : Infinity;
    const mean = Math.abs(x.mean - y.mean) / Math.hypot(x.meanError, y.meanError);
    return Math.max(mean, Math.abs(x.sd - y.sd) / Math.hypot(x.sdError, y.sdError));
  });
}

describe('a posterior in closed form', () => {
  // Scales pinned by their priors, so that mean and coefficients are normal: y_gn ~ N(b_g, σ²), b_g ~ N(μ, s²), μ ~ N(0, 2²).
  it.each([1, 2, 3])('seed %i', async (seed) => {
    const base = hierarchyExample({ terms: [{ levels: [{ groups: 5, centring: 1 }], rowsOf: (g) => 2 + g }] });
    const pinned = (sd: number) => ({ family: 'gamma' as const, parameters: [1e8, 1e8 / sd] });
    const [sigma, s] = [1.5, 0.8];
    const [term] = base.terms;
    const structure = {
      ...base,
      errors: { ...base.errors, prior: pinned(sigma) },
      terms: [
        {
          ...term,
          levels: [
            {
              ...term.levels[0],
              covariance: withPrior(term.levels[0].covariance, { kind: 'separate', sd: pinned(s), eta: 1 }),
            },
          ],
        },
      ],
    };
    const model = declaredModel(structure);
    const start = Object.fromEntries(
      model.parameters.map(({ name, shape }) => {
        const size = shape.reduce((a, b) => a * b, 1);
        const centre = name === 'sigma' ? Math.log(sigma) : name.startsWith('sds') ? Math.log(s) : 0;
        return [name, { centre: new Float64Array(size).fill(centre), sd: new Float64Array(size).fill(1e-6) }];
      }),
    );
    const draws = await drawsOf({ ...model, start }, { chains: 2, warmup: 50, draws: 4000, seed });
    const { offset } = positionBlocks(model).find(({ name }) => name === 'population_0')!;
    const found = estimate(draws, (position) => position[offset]);
    const means = base.terms[0].rowStart.subarray(0, 5).map((_, g) => g);
    let [precision, weighted] = [1 / 4, 0];
    for (const g of means) {
      const own = structure.y.subarray(term.rowStart[g], term.rowStart[g + 1]);
      const variance = s * s + (sigma * sigma) / own.length;
      precision += 1 / variance;
      weighted += own.reduce((a, b) => a + b, 0) / own.length / variance;
    }
    expect(Math.abs(found.mean - weighted / precision) / found.meanError).toBeLessThan(4);
    expect(Math.abs(found.sd - 1 / Math.sqrt(precision)) / found.sdError).toBeLessThan(4);
  });
});

/** Draws of everything on its own scale. */
function naturalDraws(model: Model, draws: readonly (readonly Float64Array[])[]): Float64Array[][] {
  const positions = new HierarchyPositions(model);
  return draws.map((chain) => chain.map((position) => packValues(positions.read(position) as ChainValues)));
}

/** The same hierarchy with every coefficient sampled as its standardised deviation, which NUTS mixes well on. */
function nonCentred(structure: LinearHierarchy): LinearHierarchy {
  const terms = structure.terms.map((term) => ({
    ...term,
    levels: term.levels.map((level) => ({ ...level, centring: level.centring.map(() => 0) })),
  }));
  return { ...structure, terms };
}

async function nutsDraws(model: Model, draws: number, seed: number): Promise<Float64Array[][]> {
  const found: Float64Array[][] = [[], [], [], []];
  const density = await compileDensity(model, cpuDevice(), 4);
  const settings = modelSettings(model, { warmup: 600, draws, seed, targetAcceptance: 0.97 });
  await sample(density, settings, {
    onDraw: ({ chain, phase, position }) => {
      if (phase === 'sampling') found[chain].push(position.slice());
    },
  });
  return found;
}

const lkj = { family: 'lkj' as const, parameters: [2] };

describe('agreement with NUTS on the joint density', () => {
  const example = threeLevelExample({
    markets: 5,
    products: 6,
    x: 1,
    z: 1,
    w: 1,
    spread: 3,
    rowsOf: (u) => 4 + (u % 7),
  });
  it.each([['diagonal', 1], ['full', 1], ...(isThorough ? [['diagonal', 2] as const] : [])] as const)(
    'three levels, %s covariances, seed %i',
    { timeout: 120_000 },
    async (kind, seed) => {
      const covariance = { product: kind, market: kind };
      // Under the default half-t with two degrees of freedom, five markets leave no variance to compare.
      const light = (sd: number) => ({ family: 'halfNormal' as const, parameters: [sd] });
      const priors = { sigma_u: light(2), sigma_v: light(2), corr_u: lkj, corr_v: lkj };
      const model = threeLevelModel(example.data, {
        covariance,
        parametrisation: 'noncentred',
        ...(kind === 'full' && { priors }),
      });
      const nuts = naturalDraws(model, await nutsDraws(model, isThorough ? 1500 : 800, seed));
      for (const scheme of ['interweaved', 'integrated'] as GibbsScheme[]) {
        const gibbs = naturalDraws(
          model,
          await drawsOf(model, { scheme, warmup: someOf(1500), draws: someOf(6000), thin: 2, seed }),
        );
        expect(Math.max(...distances(nuts, gibbs))).toBeLessThan(4.5);
      }
    },
  );

  it.each(['crossed', 'fixed columns and categories', 'horseshoe and Student-t errors'])(
    '%s',
    { timeout: 120_000 },
    async (name) => {
      const model = declaredModel(nonCentred(exampleOf(name)));
      const nuts = naturalDraws(model, await nutsDraws(model, isThorough ? 2000 : 1000, 1));
      const gibbs = await drawsOf(model, { warmup: someOf(1500), draws: someOf(9000), thin: 2, scan: 'random' });
      expect(Math.max(...distances(nuts, naturalDraws(model, gibbs)))).toBeLessThan(4.5);
    },
  );
});

describe('draws', () => {
  const model = declaredModel(exampleOf('horseshoe and Student-t errors'));
  const settings: GibbsSettings = { chains: 3, warmup: 60, draws: 6, thin: 2, seed: 'draws', scan: 'random' };

  it.each(schemes)('depend on seed and chain, not on what else is drawn: %s', async (scheme) => {
    const all = await drawsOf(model, { ...settings, scheme });
    for (const first of [0, 1, 2]) {
      const part = await drawsOf(model, { ...settings, scheme, part: { first, count: 1 } });
      expect(part[first]).toEqual(all[first]);
    }
    expect(all.map((chain) => chain.length)).toEqual([6, 6, 6]);
    expect(all[0]).not.toEqual(all[1]);
    expect(await drawsOf(model, { ...settings, scheme, seed: 'other' })).not.toEqual(all);
  });

  it.each(['horseshoe and Student-t errors', 'three levels, a group without information', 'crossed'])(
    'of a resumed run are those of an unbroken one: %s',
    async (name) => {
      const own = declaredModel(exampleOf(name));
      for (const scheme of schemes) {
        const whole = await drawsOf(own, { ...settings, scheme });
        const stop = new AbortController();
        const draws: Float64Array[][] = [[], [], []];
        const onDraw = ({ chain, phase, index, position }: Draw): void => {
          if (phase === 'sampling') draws[chain].push(position.slice());
          if (phase === 'sampling' && index === 2) stop.abort();
        };
        const broken = await new GibbsRun(own, { ...settings, scheme }, { onDraw }, { signal: stop.signal }).run();
        expect(broken.isComplete).toBe(false);
        const saved = JSON.parse(JSON.stringify(broken.snapshot)) as GibbsSnapshot;
        const rest = await drawsOf(own, { ...settings, scheme }, saved);
        expect(draws.map((chain, c) => [...chain, ...rest[c]])).toEqual(whole);
      }
    },
  );

  it('go on from a checkpoint taken on the way', async () => {
    const snapshots: GibbsSnapshot[] = [];
    const onCheckpoint = (snapshot: GibbsSnapshot): void => void snapshots.push(snapshot);
    await new GibbsRun(model, settings, { onCheckpoint }, { checkpointInterval: 0 }).run();
    const whole = await drawsOf(model, settings);
    const middle = snapshots.find(({ chains }) => chains[0]!.sweeps === 66)!;
    const rest = await drawsOf(model, settings, middle);
    expect(rest.map((chain) => chain.map((draw) => [...draw]))).toEqual(
      whole.map((chain) => chain.slice(3).map((draw) => [...draw])),
    );
  });

  it('of other settings are refused', async () => {
    const { snapshot } = await new GibbsRun(model, { ...settings, draws: 1 }).run();
    expect(() => new GibbsRun(model, { ...settings, seed: 2 }, {}, { resume: snapshot })).toThrow(
      /seed draws, this one 2/,
    );
    expect(() => new GibbsRun(model, { ...settings, thin: 0 })).toThrow(/thin: 0/);
    const { structure, ...plain } = model;
    expect(structure).toBeDefined();
    expect(() => new GibbsRun(plain)).toThrow(/declares its linear Gaussian structure/);
  });
});
