// Nested R-hat equals ArviZ (and so posterior), sees chains that remember their start, and judges many short chains fairly.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { POPULATION_LIMITS } from '../../src/diagnostics/checkLimits.js';
import { checkMoments, runChecks } from '../../src/diagnostics/checks.js';
import type { ManyChains } from '../../src/diagnostics/checks.js';
import { summariseNamed } from '../../src/diagnostics/namedSummary.js';
import { rhat } from '../../src/diagnostics/rhat.js';
import { rhatNested, rhatNestedBasic } from '../../src/diagnostics/rhatNested.js';
import { RunningMoments } from '../../src/diagnostics/runningMoments.js';
import { ebfmi } from '../../src/diagnostics/samplerStatistics.js';
import type { SamplerStatistics } from '../../src/diagnostics/samplerStatistics.js';
import { summarise } from '../../src/diagnostics/summarise.js';
import { autoregressiveChains, normals } from './simulate.js';

interface GoldenCase {
  readonly superchains: number;
  readonly chains: readonly number[][];
  readonly identity: number;
  readonly rank: number | null;
}
const golden = JSON.parse(readFileSync(new URL('../golden/nested-rhat.json', import.meta.url), 'utf8')) as {
  readonly cases: Readonly<Record<string, GoldenCase>>;
};

/** Two correct implementations differ by rounding only; a mean of 1e6 with unit spread loses six of sixteen digits. */
const RELATIVE = 1e-9;
const close = (actual: number, expected: number, what: string): void =>
  expect(Math.abs(actual / expected - 1), `${what}: ${actual} vs ${expected}`).toBeLessThan(RELATIVE);

describe('ArviZ', () => {
  it.each(Object.entries(golden.cases))('agrees on %s', (_, { superchains, chains: lists, identity, rank }) => {
    const chains = lists.map((list) => Float64Array.from(list));
    close(rhatNestedBasic(chains, superchains), identity, 'identity');
    // Of an odd number of draws ArviZ folds about the median without the middle one; we fold as posterior's R-hat does.
    if (rank !== null && chains[0].length % 2 === 0) close(rhatNested(chains, superchains), rank, 'rank');
    expect(summarise(chains, superchains).rhatNested).toBe(rhatNested(chains, superchains));
  });
});

/** One AR(1) step after another from a start of their own for each superchain, `[chain][draw]`. */
function fromStarts(seed: number, starts: readonly number[], perStart: number, warmup: number, draws: number) {
  const normal = normals(seed);
  const rho = 0.7;
  return starts.flatMap((start) =>
    Array.from({ length: perStart }, () => {
      let x = start;
      const step = (): number => (x = rho * x + Math.sqrt(1 - rho * rho) * normal());
      for (let i = 0; i < warmup; i++) step();
      return Float64Array.from({ length: draws }, step);
    }),
  );
}
const starts = [-6, -4, -2, -1, 1, 2, 4, 6];

describe('nested R-hat', () => {
  it('falls to its limit as chains of one draw forget where they started', () => {
    const perStart = 400;
    const after = (warmup: number): number => rhatNestedBasic(fromStarts(7, starts, perStart, warmup, 1), 8);
    // The superchains' means are the starts times 0.7^(warm-up + 1); the variance within is 1 − 0.7^(2 (warm-up + 1)).
    for (const warmup of [0, 3, 7]) {
      const memory = 0.7 ** (warmup + 1);
      const between = (starts.reduce((sum, x) => sum + x * x, 0) / 7) * memory ** 2;
      const expected = Math.sqrt(1 + between / (1 - memory ** 2));
      // Noise: each mean has a standard error of about 1/√400 beside a spread of 4.8 · 0.7^(warm-up + 1) over eight means.
      expect(Math.abs(after(warmup) / expected - 1), `after ${warmup}`).toBeLessThan(0.03);
    }
    expect(after(40)).toBeLessThan(1.01);
    expect(after(3)).toBeGreaterThan(1.1);
  });

  it('of stationary chains is √(1 + 1/draws of a superchain) on average', () => {
    const squares = Array.from({ length: 200 }, (_, seed) => {
      const chains = autoregressiveChains(seed + 1, 32, 1, 0);
      return rhatNestedBasic(chains, 4) ** 2 - 1;
    });
    // B/W with 8 draws a superchain: mean 1/8 · 28/26, relative sd √(2/3 + 2/28) for one run, over √200.
    const mean = squares.reduce((a, b) => a + b, 0) / squares.length;
    expect(Math.abs(mean / ((1 / 8) * (28 / 26)) - 1)).toBeLessThan(4 * Math.sqrt((2 / 3 + 2 / 28) / 200));
  });

  it('does not fault chains for being short, where R-hat does', () => {
    const chains = autoregressiveChains(3, 256, 8, 0.6);
    expect(rhat(chains)).toBeGreaterThan(1.1);
    expect(rhatNested(chains, 8)).toBeLessThan(1.02);
  });

  it('sees superchains that differ in scale only, when folded', () => {
    const chains = autoregressiveChains(5, 32, 10, 0).map((chain, c) => (c < 8 ? chain.map((x) => 5 * x) : chain));
    expect(rhatNested(chains, 4)).toBeGreaterThan(1.1);
    expect(rhatNestedBasic(chains, 4)).toBeLessThan(1.03);
  });

  it('answers what is undefined with NaN and misuse with a RangeError', () => {
    const chains = autoregressiveChains(1, 8, 10, 0);
    expect(rhatNested(chains, 1)).toBeNaN();
    expect(rhatNested(autoregressiveChains(1, 8, 1, 0), 8)).toBeNaN();
    expect(rhatNestedBasic(autoregressiveChains(1, 8, 1, 0), 8)).toBeNaN();
    expect(rhatNested([...chains.slice(1), new Float64Array(10).fill(NaN)], 4)).toBeNaN();
    expect(
      rhatNested(
        chains.map(() => new Float64Array(10).fill(2)),
        4,
      ),
    ).toBeNaN();
    // Each superchain stands still at a place of its own.
    const stuck = Array.from({ length: 8 }, (_, c) => new Float64Array(10).fill(c >> 1));
    expect(rhatNestedBasic(stuck, 4)).toBe(Infinity);
    expect(() => rhatNested(chains, 3)).toThrow(/8 chains cannot be divided into 3 superchains/);
    expect(summarise(chains).rhatNested).toBeNaN();
  });

  it.each([1, 2, 3, 10, 11])('from running moments is that of the half-chains of %i draws', (draws) => {
    const chains = autoregressiveChains(9, 24, draws, 0.4);
    const moments = new RunningMoments({ chains: 24, dimension: 2, drawsPerChain: draws });
    chains.forEach((chain, c) => chain.forEach((x) => moments.push(c, [x, 5])));
    const [actual, constant] = moments.rhatNested(6);
    expect(constant).toBeNaN();
    const half = Math.floor(draws / 2);
    const halves = chains.flatMap((chain) => (half === 0 ? [chain] : [chain.slice(0, half), chain.slice(half)]));
    if (draws % 2 === 0 || draws === 1) close(actual, rhatNestedBasic(halves, 6), 'moments');
    else expect(Math.abs(actual - rhatNestedBasic(chains, 6))).toBeLessThan(0.05);
  });
});

describe('checks of many short chains', () => {
  const draws = 10;
  const many: ManyChains = { superchains: 16, chains: 512, drawsPerChain: draws };
  /** Half of all transitions rejected: some chains never move. */
  const lazy = (seed: number, length: number): Float64Array[] => {
    const normal = normals(seed);
    return Array.from({ length: 512 }, () => {
      let x = normal();
      return Float64Array.from({ length }, (_, i) => (x = i > 0 && normal() < 0 ? x : normal()));
    });
  };
  const sampler = (length: number): SamplerStatistics => ({
    drawsPerChain: length,
    divergences: new Array<number>(512).fill(0),
    maxTreeDepthHits: null,
    maxTreeDepth: null,
    ebfmi: autoregressiveChains(4, 512, length, 0.6).map(ebfmi),
  });
  const classes = (length: number, scalars = ['a', 'b', 'c']) => [
    {
      label: 'population',
      limits: POPULATION_LIMITS,
      scalars: scalars.map((name, i) => summariseNamed(name, lazy(i + 1, length), 16)),
    },
  ];

  it.each([draws, 4, 1])('pass with chains of %i draws', (length) => {
    const results = runChecks(classes(length), sampler(length), { ...many, drawsPerChain: length });
    expect(results.map(({ name }) => name)).toEqual([
      ...['nonFinite', 'stuckChains', 'rhatNested', 'essBulk', 'essTail', 'divergences', 'ebfmi'],
    ]);
    const failing = results.filter(
      ({ status, name }) => status === 'fail' || (status === 'review' && name !== 'rhatNested'),
    );
    expect(failing).toEqual([]);
    for (const { detail } of results) expect(detail.length, detail).toBeLessThan(500);
  });

  it('fail without superchains, for their length alone', () => {
    const results = runChecks(classes(draws), sampler(draws));
    const statuses = Object.fromEntries(results.map(({ name, status }) => [name, status]));
    expect(statuses).toMatchObject({ rhat: 'fail', ebfmi: 'review' });
  });

  it('fail where starts are remembered', () => {
    const chains = fromStarts(2, starts, 64, 0, draws);
    const scalar = summariseNamed('tau', chains, 8);
    const results = runChecks([{ label: 'population', limits: POPULATION_LIMITS, scalars: [scalar] }], undefined, {
      ...many,
      superchains: 8,
    });
    const nested = results.find(({ name }) => name === 'rhatNested')!;
    expect(nested.status).toBe('fail');
    expect(nested.detail).toContain('have not forgotten where they started');
  });

  it('judge moments by nested R-hat where it is given', () => {
    const [result] = checkMoments([
      {
        label: 'groups',
        limits: POPULATION_LIMITS,
        nameAt: (i) => `u[${i}]`,
        splitRhatMoments: Float64Array.of(1.2),
        rhatNestedMoments: Float64Array.of(1.004),
        essBatchMeans: Float64Array.of(900),
        sd: Float64Array.of(1),
      },
    ]);
    expect([result.name, result.status]).toEqual(['rhatNestedMoments', 'pass']);
  });

  it('name the chains with most divergences, not all of them', () => {
    const divergences = new Array<number>(512).fill(0);
    divergences[17] = 4;
    divergences[300] = 9;
    const results = runChecks(classes(draws), { ...sampler(draws), divergences }, many);
    const { status, detail } = results.find(({ name }) => name === 'divergences')!;
    expect(status).toBe('review');
    expect(detail).toContain('13 of 5120 draws diverged (most in chain 300: 9, chain 17: 4)');
  });
});
