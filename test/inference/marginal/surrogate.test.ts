// The surrogate of many units: polynomials, a density near the exact one, proposals that leave the exact posterior as it is, resumed runs.
import { describe, expect, it } from 'vitest';
import { nodeStarters } from '../../../src/cli/fit/threadStarters.js';
import { mcseMean, mcseSd, rhat } from '../../../src/diagnostics/index.js';
import { CoefficientDraws } from '../../../src/inference/marginal/coefficientDraws.js';
import { type Marginal, marginalOf, setMap, traceMarginal } from '../../../src/inference/marginal/marginalDensity.js';
import { findMode } from '../../../src/inference/marginal/mode.js';
import { Proposals } from '../../../src/inference/marginal/proposals.js';
import { learnSurrogate, suitsSurrogate, surrogateAt } from '../../../src/inference/marginal/surrogate.js';
import { placesOf, unitDesign, unitPolynomials } from '../../../src/inference/marginal/unitPolynomials.js';
import { marginal } from '../../../src/inference/methods/marginal.js';
import type { MethodOptions, MethodSnapshot } from '../../../src/inference/methods/method.js';
import { randomKey } from '../../../src/inference/random/streams.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { Model } from '../../../src/models/model.js';
import { linearStructure } from '../../../src/models/linearHierarchy/structure.js';
import type { HierarchyShape } from '../../models/hierarchyExample.js';
import { randomNumbers } from '../../models/random.js';
import { simulatedHierarchy } from './example.js';

const rowsOf = (group: number): number => 4 + (group % 3);
const shapes: Record<string, HierarchyShape> = {
  'one level': { terms: [{ slopes: 1, levels: [{ groups: 5000, covariates: 1 }], rowsOf }] },
  'two levels': { terms: [{ slopes: 1, levels: [{ groups: 5000 }, { groups: 12, covariates: 1 }], rowsOf }] },
  'two levels, full covariances': {
    terms: [
      {
        slopes: 1,
        levels: [
          { groups: 5000, full: true },
          { groups: 40, full: true },
        ],
        rowsOf,
      },
    ],
  },
};

const problemOf = (model: Model): Marginal => marginalOf(linearStructure(model)!);

it('has polynomials that are exact for functions of the second degree', () => {
  const random = randomNumbers('polynomials');
  const map = random.normals(9, 0.3).map((x, at) => x + Number(at % 4 === 0));
  const design = unitDesign({ centre: random.normals(3), map }, 3)!;
  const [a, b] = [random.normals(3), random.normals(9)];
  const f = (theta: Float64Array): number =>
    theta.reduce((sum, t, i) => sum + a[i] * t + theta.reduce((own, u, j) => own + b[3 * i + j] * t * u, 0), 1.5);
  const values = placesOf(design).map((place) => ({ sums: [Float64Array.of(f(place), 1)], rest: f(place) }));
  const { sums, rest } = unitPolynomials(design, values);
  const x = random.normals(3);
  const theta = design.centre.map((c, i) => c + x.reduce((sum, value, j) => sum + design.factor[3 * i + j] * value, 0));
  const terms = [1, ...x, x[0] * x[0], x[1] * x[0], x[1] * x[1], x[2] * x[0], x[2] * x[1], x[2] * x[2]];
  const evaluated = (coefficients: Float64Array, width: number): number =>
    terms.reduce((sum, term, t) => sum + term * coefficients[t * width], 0);
  expect(evaluated(rest, 1)).toBeCloseTo(f(theta), 10);
  expect(evaluated(sums[0], 2)).toBeCloseTo(f(theta), 10);
});

it.each(Object.keys(shapes))('is near the exact density around the mode, with its own gradient: %s', async (name) => {
  const model = simulatedHierarchy({ ...shapes[name], seed: name });
  const problem = problemOf(model);
  expect(suitsSurrogate(problem)).toBe(true);
  const coefficients = await CoefficientDraws.compile(problem, model, cpuDevice(), true);
  const { density, map } = (await learnSurrogate(problem, coefficients, 4, model.start))!;
  const exact = await traceMarginal(problem).compile(cpuDevice(), 4);
  const { dimension } = problem;
  for (const own of [density, exact]) setMap(own, map);
  const random = randomNumbers(name);
  const at = Array.from({ length: 4 }, () => random.normals(dimension));
  const evaluate = (own: typeof density, positions: readonly Float64Array[]) => {
    for (const [lane, position] of positions.entries())
      for (let i = 0; i < dimension; i++) own.positions[i * own.lanes + lane] = position[i];
    expect(own.evaluate()).toBeUndefined();
    const { lanes } = own;
    return {
      values: own.logDensities.slice(),
      gradient: Float64Array.from({ length: dimension }, (_, i) => own.gradients[i * lanes]),
    };
  };
  const [near, there] = [evaluate(density, at), evaluate(exact, at)];
  for (let lane = 0; lane < 4; lane++) {
    const difference = near.values[lane] - there.values[lane];
    const away = Math.hypot(...at[lane]);
    // Terms x³ of the third degree, of about 5000^(−½), which the polynomials have as 3x.
    expect(Math.abs(difference)).toBeLessThan((0.5 * (away ** 3 + 3 * away)) / Math.sqrt(5000));
  }
  for (let i = 0; i < dimension; i++) {
    const moved = (step: number): Float64Array => at[0].map((x, j) => x + (i === j ? step : 0));
    const { values } = evaluate(density, [moved(0.01), moved(-0.01), moved(0.02), moved(-0.02)]);
    const slope = (8 * (values[0] - values[1]) - (values[2] - values[3])) / 0.12;
    expect(Math.abs(slope - near.gradient[i])).toBeLessThan(1e-7 * (1 + Math.abs(slope)));
  }
  for (const own of [density, exact, coefficients]) await own.dispose();
});

/** Draws by chain of chosen dimensions. */
type Traces = Float64Array[][];

const meanOf = (chains: readonly Float64Array[]): number =>
  chains.reduce((sum, chain) => sum + chain.reduce((a, b) => a + b, 0), 0) /
  chains.reduce((sum, { length }) => sum + length, 0);
const sdOf = (chains: readonly Float64Array[]): number => {
  const mean = meanOf(chains);
  return Math.sqrt(meanOf(chains.map((chain) => chain.map((x) => (x - mean) ** 2))));
};

it('proposes where units are few, and the posterior stays that of NUTS', { timeout: 180_000 }, async () => {
  // So few units that polynomials are poor, and many proposals rejected.
  const model = simulatedHierarchy({
    terms: [{ slopes: 1, levels: [{ groups: 120, full: true }, { groups: 10 }], rowsOf }],
    seed: 'few',
  });
  const [chains, draws] = [4, 2500];
  const prepared = await marginal.prepare(model, cpuDevice(), { chains, threads: 1 });
  const { dimension } = prepared;
  const empty = (): Traces =>
    Array.from({ length: dimension }, () => Array.from({ length: chains }, () => new Float64Array(draws)));
  const take = (traces: Traces, chain: number, index: number, position: Float64Array): void => {
    for (let i = 0; i < dimension; i++) traces[i][chain][index] = position[i];
  };
  const byNuts = empty();
  await prepared.run(
    { chains, warmup: 200, draws, seed: 3 },
    {
      wantsDraw: (_, phase) => phase === 'sampling',
      onDraw: ({ chain, phase, index, position }) => {
        if (phase === 'sampling') take(byNuts, chain, index, position);
      },
    },
    {},
  );
  await prepared.dispose();
  const problem = problemOf(model);
  const exact = await traceMarginal(problem).compile(cpuDevice(), 4);
  const map = await findMode(problem, model.start, exact);
  await exact.dispose();
  const coefficients = await CoefficientDraws.compile(problem, model, cpuDevice(), true);
  // σ, two spreads and their correlation.
  const density = (await surrogateAt(problem, coefficients, unitDesign(map, 4)!, map, chains))!;
  setMap(density, map);
  const settings = { key: randomKey(5), maxTreeDepth: 10, stepSizes: [0.5, 0.5, 0.5, 0.5], firstStep: 0 };
  const starts = Array.from({ length: chains }, () => new Float64Array(problem.dimension));
  const proposals = Proposals.begin(density, coefficients, settings, starts);
  const bySurrogate = empty();
  let accepted = 0;
  for (let index = -50; index < draws; index++) {
    const listener = {
      index,
      isWanted: () => true,
      onDraw: (draw: { chain: number; position: Float64Array }) => take(bySurrogate, draw.chain, index, draw.position),
    };
    const probabilities = await proposals.step(index < 0 ? undefined : listener);
    accepted += probabilities.reduce((a, b) => a + b, 0) / (chains * (draws + 50));
  }
  await coefficients.dispose();
  await density.dispose();
  expect(accepted).toBeGreaterThan(0.5);
  expect(accepted).toBeLessThan(0.97);
  for (let i = 0; i < dimension; i++) {
    const [a, b] = [bySurrogate[i], byNuts[i]];
    expect(rhat(a), `dimension ${i}`).toBeLessThan(1.02);
    const means = (meanOf(a) - meanOf(b)) / Math.hypot(mcseMean(a), mcseMean(b));
    const sds = (sdOf(a) - sdOf(b)) / Math.hypot(mcseSd(a), mcseSd(b));
    expect(Math.abs(means), `mean of dimension ${i}`).toBeLessThan(4.5);
    expect(Math.abs(sds), `sd of dimension ${i}`).toBeLessThan(4.5);
  }
});

describe('draws of many units', () => {
  const model = simulatedHierarchy({ ...shapes['two levels'], seed: 'draws' });
  const settings = { chains: 3, warmup: 20, draws: 12, seed: 7 };

  async function record(threads: number, options: MethodOptions & { stopAfter?: number } = {}) {
    const starters = threads > 1 ? nodeStarters : undefined;
    const prepared = await marginal.prepare(model, cpuDevice(), { chains: 3, threads }, starters);
    const draws = new Map<string, string>();
    const stop = new AbortController();
    try {
      expect(prepared.division).toContain('surrogate');
      const { snapshot, isComplete } = await prepared.run(
        settings,
        {
          wantsDraw: (_, phase, index) => phase === 'sampling' && index % 3 !== 1,
          onDraw: ({ chain, phase, index, position, info }) => {
            const sum = position.reduce((total, x, i) => total + x * Math.cos(i), 0);
            draws.set(`${chain} ${phase} ${index}`, `${info.logDensity} ${position.length} ${sum}`);
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

  it('are the same for one thread and two, and after a resume', { timeout: 120_000 }, async () => {
    const whole = await record(1);
    expect(whole.draws.size).toBe(3 * 32);
    expect([...(await record(2)).draws].sort()).toEqual([...whole.draws].sort());
    const first = await record(1, { stopAfter: 75 });
    expect(first.isComplete).toBe(false);
    const saved = JSON.parse(JSON.stringify(first.snapshot)) as MethodSnapshot;
    const rest = await record(1, { resume: saved });
    expect(rest.isComplete).toBe(true);
    expect(first.draws.size + rest.draws.size).toBe(whole.draws.size);
    expect([...new Map([...first.draws, ...rest.draws])].sort()).toEqual([...whole.draws].sort());
  });
});
