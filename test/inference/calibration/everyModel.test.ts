// Simulation-based calibration of every registered model by every exact method that takes it, and of every way in which Gibbs sampling goes about a
// response: mixed sweeps, Pólya-Gamma precisions, weights of Student-t errors.
import { expect, it } from 'vitest';
import { type CoverageProblem, linked } from '../../../bench/coverage/problems.js';
import { simulatedModel as simulated } from '../../../bench/simulatedModel.js';
import { rankClasses } from '../../../src/cli/calibration/rankClasses.js';
import { calibrationFigures } from '../../../src/diagnostics/index.js';
import { methods, RANKED_DRAWS, type Simulation, simulateAndFit } from '../../../src/inference/index.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import { models } from '../../../src/models/registry.js';
import { everyOther, someOf } from '../../thorough.js';

/** Fits of a method, unless a case says otherwise. */
const usual = someOf(40);
const units = { rows: 160, products: 10, markets: 0, x: 1, z: 0 };
const sales = (family: string, size: typeof units = units) =>
  simulated('three-level', { ...size, family }, { section: family === 'studentT' ? {} : { priors: linked } });

interface Case {
  readonly build: () => CoverageProblem;
  readonly simulations?: number;
  /** With the burn-in and the draws of a chain. */
  readonly methods: Readonly<Partial<Record<'nuts' | 'marginal' | 'gibbs', readonly [warmup: number, draws: number]>>>;
}

/** By registered model and what is special. */
const cases: Readonly<Record<string, Case>> = {
  'three-level, Student-t': {
    build: () => sales('studentT'),
    methods: { nuts: [400, 600], gibbs: [300, 1000] },
  },
  'three-level, Poisson': { build: () => sales('poisson'), methods: { nuts: [400, 600], gibbs: [300, 600] } },
  'three-level, negative binomial': { build: () => sales('negativeBinomial'), methods: { gibbs: [300, 1000] } },
  'three-level, 0/1 in groups of few rows': {
    build: () => sales('bernoulli', { ...units, products: 20 }),
    methods: { nuts: [400, 600], gibbs: [300, 600] },
  },
  hbmmm: {
    build: () =>
      simulated('hbmmm', {
        consumers: 30,
        markets: 8,
        months: 5,
        channels: 1,
        controls: 1,
        traits: 1,
        covariance: 'diagonal',
      }),
    methods: { nuts: [400, 600], marginal: [200, 400], gibbs: [300, 1000] },
  },
  'media-mix': {
    build: () => simulated('media-mix', { weeks: 60, geos: 0, channels: 1 }),
    methods: { nuts: [400, 600] },
  },
  experiments: {
    build: () => simulated('experiments', { customers: 30, weeks: 6, campaigns: 4, interventions: 5 }),
    // Marginal NUTS takes ten seconds a fit: the coverage benchmark's.
    methods: { gibbs: [200, 400] },
  },
  regression: {
    build: () => simulated('regression', { rows: 60, columns: 8, relevant: 2 }),
    methods: { nuts: [400, 600], gibbs: [300, 600] },
  },
};

it('has every registered model', () => {
  const tried = new Set(Object.keys(cases).map((name) => name.split(',')[0]));
  expect(new Set(Object.keys(models))).toEqual(tried);
});

const tried = Object.entries(cases).flatMap(([name, { methods: own, ...problem }]) =>
  Object.entries(own).map(([method, [warmup, draws]]) => ({ ...problem, name, method, warmup, draws })),
);

it.each(everyOther(tried))(
  '$name by $method is calibrated',
  { timeout: 900_000 },
  async ({ build, simulations = usual, method: own, warmup, draws }) => {
    const { model, rebuild } = build();
    const method = methods[own as keyof typeof methods];
    const threads = { count: 1, starters: undefined };
    const task = {
      model,
      rebuild,
      method,
      settings: { chains: 2, warmup, draws },
      seed: 1,
      device: cpuDevice(),
      threads,
    };
    const all: Simulation[] = [];
    for (let index = 0; index < simulations; index++)
      all.push(await simulateAndFit(task, index, new AbortController().signal));
    expect(all.filter(({ failure }) => failure !== undefined)).toEqual([]);
    const { checks, classes } = calibrationFigures(rankClasses(model, all), RANKED_DRAWS + 1);
    for (const { status, detail } of checks) expect(status, detail).not.toBe('fail');
    // As if the parameters of a class were one: their intervals hold or miss together at worst.
    const error = Math.sqrt((0.9 * 0.1) / simulations);
    for (const { site, coverage90 } of classes) expect(Math.abs(coverage90 - 0.9), site).toBeLessThan(4 * error);
  },
);
