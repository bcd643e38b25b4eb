// The contract of registered models: what is simulated loads, its truth has the names of the sites, gradients are right, every method agrees.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FitJob, loadJob } from '../../src/cli/fit/job.js';
import { portableRandom } from '../../src/cli/simulation/portableRandom.js';
import { loadConfig } from '../../src/data/config.js';
import { scalarNames } from '../../src/data/run/names.js';
import { writeTableBlocks } from '../../src/data/writeTable.js';
import { mcseMean, mcseSd } from '../../src/diagnostics/index.js';
import {
  compileQuantity,
  compileReplicator,
  type Method,
  methods,
  positionBlocks,
  predictiveStream,
} from '../../src/inference/index.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import { webgpuDevice } from '../../src/kernels/webgpu/webgpuDevice.js';
import { isFixedElement } from '../../src/models/model.js';
import { models } from '../../src/models/registry.js';
import { atObservations } from '../../src/models/someObservations.js';
import { temporaryFolder } from '../data/inputFiles.js';
import { testGpu } from '../kernels/webgpu/testGpu.js';
import { isThorough } from '../thorough.js';
import { densityOf, gradientError, quantityOf } from './evaluateModel.js';
import { randomNumbers } from './random.js';

const { folder } = temporaryFolder();
const gpu = await testGpu();
afterAll(() => gpu?.dispose());
const panel = { consumers: 80, markets: 10, months: 8, channels: 2, controls: 1, traits: 1 };
const sales = { rows: 400, products: 3, markets: 10, x: 1 };

/** Options that make a model's simulation small; every registered model that can be simulated has an entry, some with a variant after a comma. */
const small: Readonly<Record<string, Readonly<Record<string, number | string>>>> = {
  'three-level': sales,
  'three-level, studentT': { ...sales, family: 'studentT' },
  'three-level, bernoulli': { ...sales, family: 'bernoulli' },
  'three-level, binomial': { ...sales, family: 'binomial' },
  'three-level, poisson': { ...sales, family: 'poisson' },
  'three-level, negativeBinomial': { ...sales, family: 'negativeBinomial' },
  hbmmm: panel,
  'hbmmm, full': { ...panel, covariance: 'full' },
  'hbmmm, negativeBinomial': { ...panel, family: 'negativeBinomial' },
  'three-level, factors': { rows: 1500, products: 60, markets: 0, x: 3, z: 0, w: 0, factors: 1 },
  'three-level, shrinkage': { ...sales, products: 8, shrinkage: 'regularisedHorseshoe' },
  'media-mix': { weeks: 80, channels: 2 },
  experiments: {
    customers: 40,
    weeks: 6,
    campaigns: 2,
    interventions: 5,
    covariates: 1,
    sigma: 4,
    unobserved: 8,
    observed: 8,
    time: 5,
    campaign: 5,
  },
  regression: { rows: 150, columns: 6, relevant: 2 },
};

const modelOf = (variant: string): string => variant.split(',')[0];

/** Exact methods: those whose draws converge to the posterior, without ChEES, which is for many chains, and HMC, whose length is set by hand. */
const exact = [methods.nuts, methods.marginal, methods.gibbs];

it('every registered model that can be simulated is tried here', () => {
  const simulated = Object.keys(models).filter((name) => models[name].simulator !== undefined);
  expect([...new Set(Object.keys(small).map(modelOf))].sort()).toEqual(simulated.sort());
});

describe.each(Object.keys(small))('%s', (name) => {
  let job: FitJob;
  let truth: ReadonlyMap<string, number>;

  beforeAll(async () => {
    const { simulator } = models[modelOf(name)];
    const usual = Object.entries(simulator!.options).map(([option, own]): [string, number | string | undefined] => [
      option,
      own.default,
    ]);
    const simulated = simulator!.plan({ ...Object.fromEntries(usual), ...small[name] })(portableRandom(11));
    const dir = join(folder, name);
    mkdirSync(dir);
    await writeTableBlocks(join(dir, 'data.csv'), simulated.blocks);
    writeFileSync(join(dir, 'config.yaml'), simulated.config('data.csv', 1));
    truth = new Map(simulated.truth.map((entry) => [entry.name, entry.value]));
    job = await loadJob(loadConfig(join(dir, 'config.yaml'), models));
  });

  const sitesOf = ({ model }: FitJob): string[] =>
    model.sites.flatMap((site) =>
      [...scalarNames(site, model.coords)].filter((_, element) => !isFixedElement(site, element)),
    );

  it('knows its data, and says something of itself', () => {
    const { model, prepared } = job;
    expect(prepared.summary.rows).toBe(model.observed.values.length);
    expect(prepared.summary.columns.every(({ mean, sd }) => Number.isFinite(mean) && sd >= 0)).toBe(true);
    expect(prepared.checks.length).toBeGreaterThan(0);
    expect(model.description.words.join(' ').length).toBeGreaterThan(40);
    const sites = model.sites.map(({ name: site }) => site);
    expect(new Set(sites).size).toBe(sites.length);
  });

  it('names true values as it reports them', () => {
    const names = new Set(sitesOf(job));
    expect(truth.size).toBeGreaterThan(2);
    for (const own of truth.keys()) expect(names.has(own), own).toBe(true);
  });

  it('has the gradient of its density', async () => {
    const density = await densityOf(job.model);
    const start = startOf(job);
    for (const seed of ['a', 'b']) {
      const noise = randomNumbers(`${name} ${seed}`).normals(density.dimension, 0.3);
      const position = start.map((centre, i) => centre + noise[i]);
      expect(await gradientError(density, position, 1e-4)).toBeLessThan(2e-5);
    }
  });

  it.skipIf(gpu === undefined)(
    'has the density, gradient and reported sites of the processor on a GPU',
    { timeout: 180_000 },
    async () => {
      const devices = [cpuDevice(), webgpuDevice(gpu!)];
      const start = startOf(job);
      const noise = randomNumbers(`${name} on a GPU`).normals(start.length, 0.3);
      const position = start.map((centre, i) => Math.fround(centre + noise[i]));
      const [expected, actual] = await Promise.all(
        devices.map(async (device) => (await densityOf(job.model, { device })).at(position)),
      );
      expect(Math.abs(actual.value / expected.value - 1)).toBeLessThan(1e-5);
      expect(largestOff(actual.gradient, expected.gradient)).toBeLessThan(1e-4);
      const [sites, onGpu] = await Promise.all(
        devices.map(async (device) => (await quantityOf(job.model, 'sites', device))(position)),
      );
      for (const [site, values] of sites) expect(largestOff(onGpu.get(site)!, values), site).toBeLessThan(1e-4);
    },
  );

  it('predicts, and replicates where it can', async () => {
    const { model } = job;
    const position = startOf(job);
    const predicted = (await (await quantityOf(model, 'predict'))(position)).values().next().value!;
    expect(predicted.length).toBe(model.observed.values.length);
    expect(predicted.every(Number.isFinite)).toBe(true);
    if (model.replicate === undefined) return;
    const replicated = new Float64Array(predicted.length);
    const replicator = await compileReplicator(model, cpuDevice());
    replicator.replicate(position, predictiveStream(1, 0, 0), replicated);
    expect(replicated.every(Number.isFinite)).toBe(true);
    expect(replicated).not.toEqual(predicted);
  });

  it('predicts some observations as it does all', async () => {
    const { model } = job;
    if (model.byObservation === undefined) return;
    const position = startOf(job).map((centre, i) => centre + 0.2 * Math.sin(i));
    const all = (await (await quantityOf(model, 'predict'))(position)).values().next().value!;
    const rows = Int32Array.from(all.keys()).filter((row) => row % 7 === 2 || row === 0);
    const some = atObservations(model, rows);
    expect(Array.from(some.observed!.values)).toEqual(Array.from(rows, (row) => model.observed.values[row]));
    const predicted = (await (await quantityOf(some, 'predict'))(position)).values().next().value!;
    expect(predicted.length).toBe(rows.length);
    for (const [i, row] of rows.entries()) expect(predicted[i]).toBeCloseTo(all[row], 10);
  });

  it(
    'has one posterior by every exact method that takes it, and the truth is in it',
    { timeout: 300_000 },
    async () => {
      const suited = exact.filter((method) => method.refusal(job.model) === undefined);
      expect(suited).toContain(methods.nuts);
      const [first, ...others] = await Promise.all(suited.map((method) => populationDraws(job, method)));
      for (const draws of others) {
        for (const [site, chains] of draws) {
          const peer = first.get(site)!;
          for (const [of, mcse] of [
            [mean, mcseMean],
            [sd, mcseSd],
          ] as const) {
            const error = Math.hypot(mcse(chains), mcse(peer));
            expect(Math.abs(of(chains) - of(peer)), site).toBeLessThan(5 * error + 1e-9);
          }
        }
      }
      const known = [...first].filter(([site]) => truth.has(site));
      expect(known.length).toBeGreaterThan(2);
      for (const [site, chains] of known)
        expect(Math.abs(mean(chains) - truth.get(site)!), site).toBeLessThan(5 * sd(chains) + 1e-9);
    },
  );
});

/** Largest difference of two arrays, relative to the largest number. */
function largestOff(actual: Float64Array, expected: Float64Array): number {
  const size = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return expected.reduce((largest, value, i) => Math.max(largest, Math.abs(actual[i] - value)), 0) / size;
}

/** Where the model would have a chain start, on the unconstrained scale. */
function startOf({ model }: FitJob): Float64Array {
  return Float64Array.from(
    positionBlocks(model).flatMap(({ name, size }) => {
      const centre = model.start?.[name]?.centre;
      return Array.from({ length: size }, (_, i) => centre?.[i] ?? 0);
    }),
  );
}

/** Draws of every scalar of the population's sites that varies, by chain. */
async function populationDraws(job: FitJob, method: Method): Promise<Map<string, Float64Array[]>> {
  const { model } = job;
  const [chains, warmup, draws] = isThorough ? [2, 800, 1500] : [2, 500, 800];
  const sites = await compileQuantity(model, cpuDevice(), 'sites');
  const values = new Float64Array(sites.outputs.reduce((sum, { size }) => sum + size, 0));
  let offset = 0;
  const places = model.sites.flatMap((site) => {
    const first = offset;
    const names = [...scalarNames(site, model.coords)];
    offset += names.length;
    const wanted =
      site.level === 'population' && site.rotation === undefined ? names.map((scalar, i) => ({ scalar, i })) : [];
    return wanted.filter(({ i }) => !isFixedElement(site, i)).map(({ scalar, i }) => ({ scalar, at: first + i }));
  });
  const kept = places.map(() => Array.from({ length: chains }, () => new Float64Array(draws)));
  const prepared = await method.prepare(model, cpuDevice(), { chains, threads: 1 });
  try {
    await prepared.run(
      { chains, warmup, draws, seed: 5, targetAcceptance: 0.9 },
      {
        wantsDraw: (_, phase) => phase === 'sampling',
        onDraw: ({ chain, phase, index, position }) => {
          if (phase !== 'sampling') return;
          void sites.evaluate(position, values);
          for (const [i, { at }] of places.entries()) kept[i][chain][index] = values[at];
        },
      },
      {},
    );
  } finally {
    await prepared.dispose();
    await sites.dispose();
  }
  return new Map(places.map(({ scalar }, i) => [scalar, kept[i]]));
}

function mean(chains: readonly Float64Array[]): number {
  return chains.reduce((sum, chain) => sum + chain.reduce((own, x) => own + x, 0) / chain.length, 0) / chains.length;
}

function sd(chains: readonly Float64Array[]): number {
  const centre = mean(chains);
  const all = chains.flatMap((chain) => [...chain]);
  return Math.sqrt(all.reduce((sum, x) => sum + (x - centre) ** 2, 0) / (all.length - 1));
}
