// Running moments give what the kept draws give, and their ESS finds known autocorrelation times.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { varianceOf } from '../../src/diagnostics/draws.js';
import { essMean } from '../../src/diagnostics/ess.js';
import { rhatBasic } from '../../src/diagnostics/rhat.js';
import { RunningMoments } from '../../src/diagnostics/runningMoments.js';
import { autoregressiveChains } from './simulate.js';

function momentsOf(chains: readonly Float64Array[], planned = chains[0].length): RunningMoments {
  const moments = new RunningMoments({ chains: chains.length, dimension: 1, drawsPerChain: planned });
  chains.forEach((chain, c) => chain.forEach((value) => moments.push(c, [value])));
  return moments;
}

const pooledOf = (chains: readonly Float64Array[]) => Float64Array.from(chains.flatMap((chain) => [...chain]));
const meanOf = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;

describe('moments', () => {
  it('equal mean, sd and split R-hat of the kept draws, posterior’s own included', () => {
    const golden = JSON.parse(readFileSync(new URL('../golden/diagnostics.json', import.meta.url), 'utf8')) as {
      cases: Record<string, { chains: number[][]; figures: Record<string, number> }>;
    };
    for (const name of [
      'iid',
      'slowAutoregressive',
      'shiftedChain',
      'scaledChain',
      'largeOffset',
      'poisson',
      'oneStuckChain',
    ]) {
      const { chains, figures } = golden.cases[name];
      const summary = momentsOf(chains.map((chain) => Float64Array.from(chain))).summary(0);
      expect(Math.abs(summary.mean - figures.mean), name).toBeLessThan(1e-12 * (figures.sd + Math.abs(figures.mean)));
      expect(Math.abs(summary.sd / figures.sd - 1), name).toBeLessThan(1e-9);
      expect(Math.abs(summary.splitRhatMoments - figures.rhatBasic), name).toBeLessThan(1e-9);
      expect([summary.q5, summary.q50, summary.q95]).toEqual([null, null, null]);
    }
  });

  it('keep components and interleaved chains apart', () => {
    const first = autoregressiveChains(1, 3, 40, 0.2);
    const second = autoregressiveChains(2, 3, 40, 0.8);
    const moments = new RunningMoments({ chains: 3, dimension: 2, drawsPerChain: 40 });
    for (let i = 0; i < 40; i++) for (const c of [2, 0, 1]) moments.push(c, [first[c][i], second[c][i]]);
    const columns = moments.columns();
    [first, second].forEach((chains, d) => {
      const alone = momentsOf(chains).summary(0);
      expect(moments.summary(d)).toEqual(alone);
      for (const [name, column] of Object.entries(columns)) {
        expect((column as Float64Array)[d], name).toBe(alone[name as keyof typeof alone]);
      }
    });
    expect(moments.draws).toBe(120);
  });

  it('of odd chains take all draws, and the two R-hats differ by the middle draw only', () => {
    const chains = autoregressiveChains(9, 4, 501, 0.5);
    const summary = momentsOf(chains).summary(0);
    expect(summary.mean).toBeCloseTo(meanOf(pooledOf(chains)), 13);
    expect(summary.sd).toBeCloseTo(Math.sqrt(varianceOf(pooledOf(chains))), 12);
    expect(Math.abs(summary.splitRhatMoments - rhatBasic(chains))).toBeLessThan(2 / 250);
  });

  it('of a run that was stopped use what there is', () => {
    for (const kept of [1, 3, 50, 73, 99]) {
      const chains = autoregressiveChains(11, 4, kept, 0.3);
      const summary = momentsOf(chains, 100).summary(0);
      expect(summary.mean).toBeCloseTo(meanOf(pooledOf(chains)), 13);
      expect(summary.sd).toBeCloseTo(Math.sqrt(varianceOf(pooledOf(chains))), 12);
      if (kept < 52) expect(summary.splitRhatMoments).toBeNaN();
      else expect(summary.splitRhatMoments).toBeGreaterThan(0.97);
    }
    expect(new RunningMoments({ chains: 2, dimension: 1, drawsPerChain: 10 }).summary(0).mean).toBeNaN();
  });

  it('of constants are exact, with convergence undefined', () => {
    const summary = momentsOf(Array.from({ length: 3 }, () => new Float64Array(30).fill(0.1))).summary(0);
    expect(summary).toMatchObject({ mean: 0.1, sd: 0, splitRhatMoments: NaN, essBatchMeans: NaN });
  });

  it('refuse impossible sizes, draws of another length and more draws than planned', () => {
    expect(() => new RunningMoments({ chains: 0, dimension: 1, drawsPerChain: 10 })).toThrow(/chains must be/);
    const moments = new RunningMoments({ chains: 1, dimension: 2, drawsPerChain: 1 });
    expect(() => moments.push(0, [1])).toThrow(/must have 2 components, got 1/);
    moments.push(0, [1, 2]);
    expect(() => moments.push(0, [1, 2])).toThrow(/already holds its 1 planned draws/);
  });
});

describe('batch-means ESS', () => {
  // Batch of b draws of AR(1): long-run variance σ² (1 + ρ)/(1 − ρ) is under-estimated by the factor 1 − 2ρ/(b (1 − ρ²)).
  it.each([0, 0.5, 0.8])('is n (1 − ρ)/(1 + ρ) for AR(1) with ρ = %s, up to its known bias', (rho) => {
    const draws = 1600;
    const bias = 1 - (2 * rho) / (40 * (1 - rho * rho));
    const exact = (4 * draws * (1 - rho)) / (1 + rho) / bias;
    const ratios = Array.from({ length: 20 }, (_, k) => {
      const chains = autoregressiveChains(700 + k, 4, draws, rho);
      return momentsOf(chains).summary(0).essBatchMeans / exact;
    });
    const mean = ratios.reduce((a, b) => a + b, 0) / 20;
    const sd = Math.sqrt(ratios.reduce((a, b) => a + (b - mean) ** 2, 0) / 19);
    expect(Math.abs(mean - 1)).toBeLessThan((4 * sd) / Math.sqrt(20));
    // √(2 / 159) = 11 % is the error to expect of one estimate with 160 batches; 20 seeds know it to 16 %.
    expect(sd).toBeLessThan(0.112 * (1 + 4 * 0.16));
  });

  it('collapses when chains disagree, as the ESS of kept draws does', () => {
    const chains = autoregressiveChains(21, 4, 900, 0);
    chains[3] = chains[3].map((x) => x + 2);
    const { essBatchMeans, splitRhatMoments } = momentsOf(chains).summary(0);
    expect(essBatchMeans).toBeLessThan(300);
    expect(essMean(chains)).toBeLessThan(300);
    expect(splitRhatMoments).toBeGreaterThan(1.2);
  });
});
