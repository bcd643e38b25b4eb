// The arrays behind the report's figures: histograms, rank histograms, kernel densities, autocorrelations.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { autocorrelation } from '../../src/diagnostics/autocovariance.js';
import { bandwidthSheatherJones, bandwidthSilverman } from '../../src/diagnostics/bandwidth.js';
import { histogram, rankHistogram } from '../../src/diagnostics/histogram.js';
import { kernelDensity } from '../../src/diagnostics/kernelDensity.js';
import { autoregressiveChains, normals } from './simulate.js';

const sumOf = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
const integral = ({ x, density }: { x: Float64Array; density: Float64Array }) =>
  (sumOf(density) - (density[0] + density[density.length - 1]) / 2) * (x[1] - x[0]);
const normalDraws = (seed: number, n: number) => Float64Array.from({ length: n }, normals(seed));

describe('histogram', () => {
  it('counts every finite value once, in the bar whose edges hold it', () => {
    const doubles = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(doubles, fc.option(fc.integer({ min: 1, max: 40 })), (list, bins) => {
        const values = Float64Array.from(list);
        const { edges, counts } = histogram(values, bins ?? undefined);
        const last = counts.length - 1;
        counts.forEach((count, k) => {
          const inside = values.filter((v) => v >= edges[k] && (v < edges[k + 1] || (k === last && v <= edges[k + 1])));
          // Constant values have one bar without width.
          expect(count).toBe(edges[0] === edges[counts.length] ? values.length : inside.length);
        });
        expect(sumOf(counts)).toBe(values.length);
      }),
      { numRuns: 100, seed: 3 },
    );
  });

  it('follows the rule of Freedman and Diaconis and leaves out what is not finite', () => {
    const values = Float64Array.from({ length: 1001 }, (_, i) => i);
    // 2 · 500 / 10.0033 = 99.97 wide over a range of 1000.
    expect(histogram(values).counts.length).toBe(11);
    expect(sumOf(histogram(Float64Array.of(1, NaN, 2, Infinity)).counts)).toBe(2);
    expect(histogram(Float64Array.of(NaN)).counts.length).toBe(0);
    expect(() => histogram(values, 0)).toThrow(RangeError);
  });
});

describe('rank histogram', () => {
  it('has every draw in one bin and every bin full', () => {
    const chains = autoregressiveChains(1, 4, 500, 0);
    const { counts, edges, expected } = rankHistogram(chains, 20)!;
    expect(counts.map(sumOf)).toEqual([500, 500, 500, 500]);
    for (let k = 0; k < 20; k++) expect(sumOf(counts.map((chain) => chain[k]))).toBe(100);
    expect([edges[0], edges[20], expected]).toEqual([0, 2000, 25]);
    // Chi-square of 4 × 20 cells with 3 · 19 degrees of freedom for independent draws: mean 57, sd √114.
    const chiSquare = sumOf(counts.flatMap((chain) => Array.from(chain, (n) => (n - 25) ** 2 / 25)));
    expect(Math.abs(chiSquare - 57)).toBeLessThan(4 * Math.sqrt(114));
  });

  it('shows a shifted chain at the end it moved to', () => {
    const chains = autoregressiveChains(1, 4, 500, 0);
    chains[0] = chains[0].map((x) => x + 3);
    const { counts } = rankHistogram(chains, 10)!;
    expect(counts[0][9]).toBeGreaterThan(150);
    expect(counts[0][0]).toBe(0);
  });

  it('deals ties to all chains alike', () => {
    const chains = Array.from({ length: 4 }, () => new Float64Array(100).fill(1));
    for (const chain of rankHistogram(chains, 10)!.counts) expect([...chain]).toEqual(Array(10).fill(10));
  });

  it('has no answer for draws that are not finite', () => {
    expect(rankHistogram([Float64Array.of(1, NaN)])).toBeNull();
  });
});

describe('kernel density', () => {
  it.each(['silverman', 'sheatherJones'] as const)('equals the sum of kernels (%s)', (rule) => {
    const draws = normalDraws(2, 400);
    const { x, density, bandwidth } = kernelDensity(draws, { bandwidth: rule })!;
    expect(bandwidth).toBe(
      rule === 'silverman' ? bandwidthSilverman(draws.slice().sort()) : bandwidthSheatherJones(draws),
    );
    const peak = Math.max(...density);
    for (let i = 0; i < x.length; i += 37) {
      const direct =
        sumOf(draws.map((draw) => Math.exp(-(((x[i] - draw) / bandwidth) ** 2) / 2))) /
        (400 * bandwidth * Math.sqrt(2 * Math.PI));
      // Linear binning with steps of δ errs by up to (δ/h)² / 8 of a kernel's curvature; δ/h is at most 1/4.
      expect(Math.abs(density[i] - direct)).toBeLessThan((peak * (1 / 4) ** 2) / 8);
    }
    expect(integral({ x, density })).toBeCloseTo(1, 2);
  });

  it('comes close to the true density', () => {
    const { x, density } = kernelDensity(normalDraws(4, 4000))!;
    x.forEach((at, i) => {
      const truth = Math.exp(-(at * at) / 2) / Math.sqrt(2 * Math.PI);
      // Pointwise sd √(f / (2 √π n h)) ≤ 0.012 and bias h² f″ / 2 ≤ 0.01 at n = 4000, h ≈ 0.2.
      expect(Math.abs(density[i] - truth)).toBeLessThan(4 * 0.012 + 0.01);
    });
  });

  it('keeps two modes apart where Silverman’s rule blurs them', () => {
    const draws = normalDraws(5, 2000).map((x, i) => 0.3 * x + (i % 2 === 0 ? -2 : 2));
    expect(bandwidthSheatherJones(draws)).toBeLessThan(bandwidthSilverman(draws) / 3);
  });

  it('reflects at a bound: no mass is lost and none is put beyond', () => {
    const draws = normalDraws(6, 2000).map(Math.abs);
    const bounded = kernelDensity(draws, { lower: 0 })!;
    expect(bounded.x[0]).toBe(0);
    expect(integral(bounded)).toBeCloseTo(1, 2);
    // Reflection is twice the plain estimate of the draws together with their mirror images.
    for (let i = 0; i < bounded.x.length; i += 41) {
      const kernels = (sign: number) =>
        sumOf(draws.map((draw) => Math.exp(-(((bounded.x[i] - sign * draw) / bounded.bandwidth) ** 2) / 2)));
      const direct = (kernels(1) + kernels(-1)) / (2000 * bounded.bandwidth * Math.sqrt(2 * Math.PI));
      expect(Math.abs(bounded.density[i] - direct)).toBeLessThan((Math.max(...bounded.density) * (1 / 4) ** 2) / 8);
    }
    expect(() => kernelDensity(normalDraws(6, 50), { lower: 0 })).toThrow(/leave the support/);
  });

  it('has no density for constants, and one for ties and heavy tails', () => {
    expect(kernelDensity(new Float64Array(10).fill(3))).toBeNull();
    expect(kernelDensity(Float64Array.of(1))).toBeNull();
    const counts = normalDraws(7, 300).map(Math.round);
    expect(integral(kernelDensity(counts)!)).toBeCloseTo(1, 2);
    const normal = normals(8);
    const cauchy = Float64Array.from({ length: 1000 }, () => normal() / normal());
    expect(kernelDensity(cauchy)!.density.every((value) => value >= 0 && Number.isFinite(value))).toBe(true);
  });
});

describe('autocorrelation', () => {
  it('falls as ρ^lag for AR(1) and stops at the lag asked for', () => {
    const [chain] = autoregressiveChains(12, 1, 40_000, 0.7);
    const actual = autocorrelation(chain, 5);
    expect(actual.length).toBe(6);
    // Bartlett's standard error for AR(1) is below √((1 + ρ²) / (1 − ρ²) / n) = 0.0086 at every lag.
    actual.forEach((value, lag) => expect(Math.abs(value - 0.7 ** lag)).toBeLessThan(4 * 0.0086));
    expect(autocorrelation(Float64Array.of(1, 2), 10).length).toBe(2);
    expect(autocorrelation(new Float64Array(5).fill(2))[0]).toBeNaN();
  });
});
