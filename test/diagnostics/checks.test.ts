// The checks catch what they are for, name the worst scalars, and stay quiet about good runs.
import { describe, expect, it } from 'vitest';
import { GROUP_LIMITS, POPULATION_LIMITS } from '../../src/diagnostics/checkLimits.js';
import { checkMoments, runChecks } from '../../src/diagnostics/checks.js';
import { worstStatus } from '../../src/diagnostics/figureCheck.js';
import type { CheckResult } from '../../src/diagnostics/figureCheck.js';
import { summariseNamed } from '../../src/diagnostics/namedSummary.js';
import type { NamedSummary } from '../../src/diagnostics/namedSummary.js';
import { ebfmi, samplerStatistics } from '../../src/diagnostics/samplerStatistics.js';
import type { SamplerStatistics } from '../../src/diagnostics/samplerStatistics.js';
import { autoregressiveChains, normals } from './simulate.js';

const good = (name: string, seed = 1) => summariseNamed(name, autoregressiveChains(seed, 4, 500, 0));
const population = (...scalars: NamedSummary[]) => [{ label: 'population', limits: POPULATION_LIMITS, scalars }];
const named = (results: readonly CheckResult[], name: string) => results.find((result) => result.name === name)!;
const healthy: SamplerStatistics = {
  drawsPerChain: 500,
  divergences: [0, 0, 0, 0],
  maxTreeDepthHits: [0, 0, 0, 0],
  maxTreeDepth: 10,
  ebfmi: [0.9, 1.1, 1, 0.8],
};
const check = (name: string, changes: Partial<SamplerStatistics>) =>
  named(runChecks(population(good('sigma')), { ...healthy, ...changes }), name);

describe('a good run', () => {
  it('passes every check, in the order of the flow', () => {
    const results = runChecks(population(good('sigma'), good('beta[Intercept]', 2)), healthy);
    expect(results.map(({ name }) => name)).toEqual([
      ...['nonFinite', 'stuckChains', 'rhat', 'essBulk', 'essTail', 'divergences', 'ebfmi', 'treeDepth'],
    ]);
    expect(results.filter(({ status }) => status !== 'pass')).toEqual([]);
    expect(named(results, 'rhat').detail).toMatch(
      /^population: all 2 are below 1.01 \(worst (sigma|beta\[Intercept\]) 1\.00/,
    );
  });

  it('has no sampler checks without a sampler and no tree check without trees', () => {
    expect(runChecks(population(good('sigma'))).map(({ name }) => name)).not.toContain('divergences');
    const withoutTrees = runChecks(population(good('sigma')), {
      ...healthy,
      maxTreeDepth: null,
      maxTreeDepthHits: null,
    });
    expect(withoutTrees.map(({ name }) => name)).not.toContain('treeDepth');
  });

  it('leaves constants out and says so', () => {
    const diagonal = summariseNamed(
      'corr_u[price,price]',
      Array.from({ length: 4 }, () => new Float64Array(500).fill(1)),
    );
    const results = runChecks(population(good('sigma'), diagonal));
    expect(worstStatus(results.map(({ status }) => status))).toBe('pass');
    expect(named(results, 'essBulk').detail).toContain('1 constant left out');
  });
});

describe('R-hat and ESS', () => {
  const shifted = (name: string, shift: number) => {
    const chains = autoregressiveChains(3, 4, 500, 0);
    chains[1] = chains[1].map((x) => x + shift);
    return summariseNamed(name, chains);
  };

  it('names the worst first and gives advice', () => {
    const results = runChecks(population(good('a'), shifted('b', 0.5), shifted('c', 3)));
    const rhat = named(results, 'rhat');
    expect(rhat.status).toBe('fail');
    expect(rhat.detail).toMatch(
      /2 of 3 are not below 1.01, of which \d not below 1.05; worst: c 1\.\d+, b 1\.\d+\. .*warm-up/,
    );
    expect(named(results, 'essBulk').detail).toContain('worst: c ');
  });

  it.each([
    [1.0099, 'pass', 'pass'],
    [1.01, 'review', 'pass'],
    [1.02, 'review', 'review'],
    [1.05, 'fail', 'fail'],
    [Infinity, 'fail', 'fail'],
    [NaN, 'review', 'review'],
  ] as const)('judges R-hat %s as %s in the population and %s in groups', (rhat, inPopulation, inGroups) => {
    const scalar = { ...good('a'), rhat };
    expect(named(runChecks(population(scalar)), 'rhat').status).toBe(inPopulation);
    const groups = [{ label: 'stores', limits: GROUP_LIMITS, scalars: [scalar] }];
    expect(named(runChecks(groups), 'rhat').status).toBe(inGroups);
  });

  it.each([
    [401, 'pass', 'pass'],
    [400, 'review', 'pass'],
    [100, 'fail', 'review'],
    [25, 'fail', 'fail'],
    [NaN, 'review', 'review'],
  ] as const)('judges ESS %s as %s in the population and %s in groups', (ess, inPopulation, inGroups) => {
    const scalar = { ...good('a'), essBulk: ess, essTail: ess };
    const groups = [{ label: 'stores', limits: GROUP_LIMITS, scalars: [scalar] }];
    for (const name of ['essBulk', 'essTail']) {
      expect(named(runChecks(population(scalar)), name).status).toBe(inPopulation);
      expect(named(runChecks(groups), name).status).toBe(inGroups);
    }
  });

  it('takes the worst of the classes and describes each', () => {
    const classes = [
      ...population(good('sigma')),
      { label: 'stores', limits: GROUP_LIMITS, scalars: [good('x'), { ...good('y'), rhat: 1.03 }] },
    ];
    const { status, detail } = named(runChecks(classes), 'rhat');
    expect(status).toBe('review');
    expect(detail).toMatch(
      /^population: all 1 are below 1.01 .*\. stores: 1 of 2 are not below 1.02; worst: y 1\.0300\. /,
    );
  });

  it('names at most five, the five worst', () => {
    const scalars = Array.from({ length: 40 }, (_, k) => ({ ...good(`s${k}`), rhat: 1.02 + ((k * 17) % 40) / 1000 }));
    const { detail } = named(runChecks(population(...scalars)), 'rhat');
    const worst = [...scalars].sort((a, b) => b.rhat - a.rhat).slice(0, 5);
    expect(detail).toContain(`worst: ${worst.map(({ name, rhat }) => `${name} ${rhat.toFixed(4)}`).join(', ')}.`);
  });

  it('does not pass when there is nothing to judge', () => {
    expect(named(runChecks([]), 'rhat').status).toBe('review');
  });

  it('judges running moments under their own names', () => {
    const results = checkMoments([
      {
        label: 'customers',
        limits: GROUP_LIMITS,
        nameAt: (i) => `u[customer=${i}]`,
        splitRhatMoments: Float64Array.of(1.001, 1.2, NaN),
        essBatchMeans: Float64Array.of(900, 12, NaN),
        sd: Float64Array.of(1, 1, 0),
      },
    ]);
    expect(results.map(({ name, status }) => [name, status])).toEqual([
      ['splitRhatMoments', 'fail'],
      ['essBatchMeans', 'fail'],
    ]);
    expect(results[1].detail).toContain('u[customer=1] 12.0; 1 constant left out.');
  });
});

describe('draws', () => {
  it('that are not finite fail by name and number', () => {
    const chains = autoregressiveChains(3, 4, 100, 0);
    chains[0][3] = NaN;
    chains[2][5] = Infinity;
    const result = named(runChecks(population(good('a'), summariseNamed('tau', chains))), 'nonFinite');
    expect(result.status).toBe('fail');
    expect(result.detail).toContain('tau 2');
  });

  it('of a chain that never moved are found', () => {
    const chains = autoregressiveChains(3, 4, 100, 0);
    chains[2].fill(0.3);
    const stuck = summariseNamed('tau', chains);
    expect(stuck.stuckChains).toEqual([2]);
    const some = named(runChecks(population(stuck, good('a'), good('b', 2))), 'stuckChains');
    expect(some.status).toBe('review');
    expect(some.detail).toContain('chain 2 in 1 of 3 scalars (tau)');
    expect(named(runChecks(population(stuck, good('a'), stuck)), 'stuckChains').status).toBe('fail');
    const apart = summariseNamed(
      'rho',
      [1, 2].map((value) => new Float64Array(50).fill(value)),
    );
    expect(apart).toMatchObject({ stuckChains: [0, 1], isConstant: false });
  });
});

describe('sampler', () => {
  it('divergences: none, some, many', () => {
    expect(check('divergences', { divergences: [0, 1, 0, 0] }).status).toBe('review');
    expect(check('divergences', { divergences: [0, 20, 0, 0] }).status).toBe('review');
    const many = check('divergences', { divergences: [0, 21, 0, 0] });
    expect(many.status).toBe('fail');
    expect(many.detail).toContain('21 of 2000 draws diverged (per chain: 0, 21, 0, 0)');
  });

  it('E-BFMI: the limits, and undefined energies', () => {
    expect(check('ebfmi', { ebfmi: [0.9, 0.3, 1, 1] }).status).toBe('pass');
    expect(check('ebfmi', { ebfmi: [0.9, 0.29, 1, 1] }).status).toBe('review');
    expect(check('ebfmi', { ebfmi: [0.9, 0.19, 1, 1] }).status).toBe('fail');
    const undefinedOne = check('ebfmi', { ebfmi: [0.9, NaN, 1, 1] });
    expect(undefinedOne.status).toBe('review');
    expect(undefinedOne.detail).toContain('0.90, undefined, 1.00, 1.00');
  });

  it('tree depth: some hits and mostly hits', () => {
    expect(check('treeDepth', { maxTreeDepthHits: [0, 3, 0, 0] }).status).toBe('review');
    expect(check('treeDepth', { maxTreeDepthHits: [500, 501, 0, 0] }).status).toBe('fail');
  });

  it('statistics are counted from the records of the chains', () => {
    const trace = { energy: Float64Array.of(1, 3, 2, 6), divergent: [0, 1, 0, 1], treeDepth: [3, 10, 9, 11] };
    expect(samplerStatistics([trace, { ...trace, divergent: [0, 0, 0, 0] }], 10)).toEqual({
      drawsPerChain: 4,
      divergences: [2, 0],
      maxTreeDepthHits: [2, 2],
      maxTreeDepth: 10,
      // Steps 4 + 1 + 16 over squared deviations 4 + 0 + 1 + 9 about the mean 3.
      ebfmi: [1.5, 1.5],
    });
    expect(samplerStatistics([{ ...trace, treeDepth: null }], null).maxTreeDepthHits).toBeNull();
  });

  it('E-BFMI is 2 (1 − ρ) for energies with lag-1 autocorrelation ρ, and NaN where undefined', () => {
    const [slow] = autoregressiveChains(4, 1, 20_000, 0.9);
    // The estimate's standard error at this length is about 0.005 for ρ = 0.9.
    expect(Math.abs(ebfmi(slow) - 0.2)).toBeLessThan(4 * 0.005);
    const normal = normals(8);
    // Variance of Σ(difference)²/Σ(deviation)² for white noise: 4 / n, so a standard error of 0.014.
    expect(Math.abs(ebfmi(Float64Array.from({ length: 20_000 }, normal)) - 2)).toBeLessThan(4 * 0.0142);
    expect(ebfmi(Float64Array.of(1))).toBeNaN();
    expect(ebfmi(Float64Array.of(2, 2, 2))).toBeNaN();
    expect(ebfmi(Float64Array.of(2, NaN, 3))).toBeNaN();
  });
});
