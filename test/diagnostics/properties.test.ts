// What must hold for any draws: invariances of R-hat and ESS, agreement of summary and functions, and the undefined cases.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { argsort } from '../../src/diagnostics/argsort.js';
import { autocovariance, autocovarianceByLag, meanAutocovariance } from '../../src/diagnostics/autocovariance.js';
import { meanOf } from '../../src/diagnostics/draws.js';
import { essBulk, essMean, essQuantile, essSd, essTail } from '../../src/diagnostics/ess.js';
import { mcseMean, mcseQuantile, mcseSd } from '../../src/diagnostics/mcse.js';
import { poolDraws } from '../../src/diagnostics/pooledDraws.js';
import { quantile } from '../../src/diagnostics/quantile.js';
import { rhat, rhatBasic } from '../../src/diagnostics/rhat.js';
import { summarise } from '../../src/diagnostics/summarise.js';
import { autoregressiveChains } from './simulate.js';

/** Chains of any shape, smooth or tied. */
const anyChains = fc
  .record({
    seed: fc.nat(1_000_000),
    chains: fc.integer({ min: 1, max: 6 }),
    draws: fc.integer({ min: 4, max: 120 }),
    rho: fc.double({ min: -0.9, max: 0.95, noNaN: true }),
    rounding: fc.constantFrom(0, 0, 2),
  })
  .map(({ seed, chains, draws, rho, rounding }) =>
    autoregressiveChains(seed, chains, draws, rho).map((chain) =>
      rounding === 0 ? chain : chain.map((x) => Math.round(x * rounding) + 0),
    ),
  );
const RUNS = { numRuns: 60, seed: 7 };

function expectEqual(a: number, b: number, what: string): void {
  if (Number.isNaN(a) || Number.isNaN(b)) expect([a, b], what).toEqual([NaN, NaN]);
  else expect(Math.abs(a - b), `${what}: ${a} vs ${b}`).toBeLessThanOrEqual(1e-9 * Math.abs(b));
}

describe('invariance', () => {
  it('R-hat and ESS do not depend on the order of the chains', () => {
    fc.assert(
      fc.property(anyChains, (chains) => {
        const reversed = chains.slice().reverse();
        for (const f of [rhat, rhatBasic, essBulk, essTail, essMean, essSd, mcseMean, mcseSd]) {
          expectEqual(f(reversed), f(chains), f.name);
        }
      }),
      RUNS,
    );
  });

  it('R-hat and ESS do not change with origin and unit; standard errors take the unit', () => {
    fc.assert(
      fc.property(anyChains, fc.constantFrom(-8, -0.5, 2, 1024), fc.integer({ min: -3, max: 3 }), (chains, a, b) => {
        // Powers of two scale exactly and so keep every order; the shift is applied to draws cut to 30 bits for the same reason.
        const exact = chains.map((chain) => chain.map((x) => Math.round(x * 2 ** 26) / 2 ** 26));
        const moved = exact.map((chain) => chain.map((x) => a * x + b));
        for (const f of [rhat, rhatBasic, essBulk, essTail, essMean, essSd]) {
          // Turning the sign moves ties to the other side of a quantile, so tail ESS is compared for positive units only.
          if (f === essTail && a < 0) continue;
          expectEqual(f(moved), f(exact), f.name);
        }
        expectEqual(mcseMean(moved), Math.abs(a) * mcseMean(exact), 'mcseMean');
        expectEqual(mcseSd(moved), Math.abs(a) * mcseSd(exact), 'mcseSd');
      }),
      RUNS,
    );
  });

  it('R-hat and bulk ESS of ranks do not change under monotone maps about the median', () => {
    const chains = autoregressiveChains(3, 4, 100, 0.5);
    expectEqual(essBulk(chains.map((chain) => chain.map(Math.exp))), essBulk(chains), 'essBulk');
    const cubed = chains.map((chain) => chain.map((x) => x ** 3));
    expectEqual(essTail(cubed), essTail(chains), 'essTail');
  });
});

describe('summarise', () => {
  it('equals the separate functions', () => {
    fc.assert(
      fc.property(anyChains, (chains) => {
        const summary = summarise(chains);
        const pooled = Float64Array.from(chains.flatMap((chain) => [...chain]));
        const separate = { rhat, essBulk, essTail, mcseMean };
        for (const [name, f] of Object.entries(separate)) {
          expect(summary[name as keyof typeof separate], name).toBe(f(chains));
        }
        expect([summary.q5, summary.q50, summary.q95]).toEqual([0.05, 0.5, 0.95].map((p) => quantile(pooled, p)));
      }),
      RUNS,
    );
  });

  it('keeps moments and quantiles of constant draws and leaves the rest undefined', () => {
    for (const value of [0, 0.1, -3e17]) {
      const chains = Array.from({ length: 3 }, () => new Float64Array(37).fill(value));
      expect(summarise(chains)).toEqual({
        ...{ mean: value, sd: 0, mcseMean: NaN, q5: value, q50: value, q95: value },
        ...{ essBulk: NaN, essTail: NaN, rhat: NaN, rhatNested: NaN },
      });
    }
  });

  it('takes 0 and −0 for one value', () => {
    const chains = autoregressiveChains(6, 4, 60, 0.3).map((chain) => chain.map((x) => Math.round(x) + 0));
    const signed = chains.map((chain, c) => chain.map((x) => (x === 0 && c % 2 === 0 ? -0 : x)));
    expect(signed.some((chain) => chain.some((x) => Object.is(x, -0)))).toBe(true);
    // As JSON, which writes a quantile of −0 as 0.
    expect(JSON.stringify(summarise(signed))).toBe(JSON.stringify(summarise(chains)));
  });

  it('answers NaN throughout for any draw that is not finite', () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const chains = autoregressiveChains(5, 4, 50, 0);
      chains[2][17] = bad;
      for (const [name, value] of Object.entries(summarise(chains))) expect(value, `${name} with ${bad}`).toBeNaN();
      for (const f of [rhat, rhatBasic, essBulk, essTail, essMean, essSd, mcseMean, mcseSd]) {
        expect(f(chains), `${f.name} with ${bad}`).toBeNaN();
      }
      expect(mcseQuantile(chains, 0.5)).toBeNaN();
    }
  });

  it('answers NaN for chains too short to judge, and does not throw', () => {
    for (const draws of [0, 1, 2, 3]) {
      const summary = summarise(autoregressiveChains(5, 4, draws, 0));
      for (const name of ['rhat', 'essBulk', 'essTail', 'mcseMean'] as const) expect(summary[name], name).toBeNaN();
      for (const f of [rhat, essBulk, essTail, essMean, essSd, mcseMean, mcseSd]) {
        expect(f(autoregressiveChains(5, 4, draws, 0)), `${f.name} of ${draws}`).toBeNaN();
      }
    }
    expect(summarise([Float64Array.of(1, 2, 6)])).toMatchObject({ mean: 3, q50: 2, sd: Math.sqrt(7) });
  });

  it('has an infinite R-hat for chains that stand still apart from each other', () => {
    const chains = [1, 2, 3, 4].map((value) => new Float64Array(40).fill(value));
    expect(rhatBasic(chains)).toBe(Infinity);
    expect(rhat(chains)).toBeGreaterThan(1e6);
  });

  it('refuses no chains, chains of different lengths and impossible probabilities', () => {
    expect(() => summarise([])).toThrow(RangeError);
    expect(() => summarise([new Float64Array(5), new Float64Array(6)])).toThrow(/chain 0 has 5 draws, chain 1 has 6/);
    expect(() => essQuantile([new Float64Array(5)], 1.2)).toThrow(/\[0, 1\], got 1.2/);
    expect(() => quantile(new Float64Array(5), -0.1)).toThrow(RangeError);
  });
});

describe('known effective sample sizes', () => {
  // ESS of the mean of AR(1) is n (1 − ρ) / (1 + ρ); the estimate's own error is some percent at these sizes, taken from the
  // spread of ten seeds.
  it.each([-0.5, 0, 0.5, 0.9])('AR(1) with ρ = %s', (rho) => {
    const exact = (4000 * (1 - rho)) / (1 + rho);
    const ratios = Array.from({ length: 10 }, (_, k) => essMean(autoregressiveChains(100 + k, 4, 1000, rho)) / exact);
    const mean = ratios.reduce((a, b) => a + b, 0) / ratios.length;
    const sd = Math.sqrt(ratios.reduce((a, b) => a + (b - mean) ** 2, 0) / 9);
    expect(Math.abs(mean - 1)).toBeLessThan((4 * sd) / Math.sqrt(10));
    expect(sd).toBeLessThan(0.25);
  });

  it('the standard error of the mean is the spread of means over replications', () => {
    const replications = Array.from({ length: 200 }, (_, k) => summarise(autoregressiveChains(500 + k, 4, 250, 0.6)));
    const spread = Math.sqrt(replications.reduce((total, { mean }) => total + mean * mean, 0) / 200);
    const claimed = replications.reduce((total, { mcseMean: error }) => total + error, 0) / 200;
    // The spread of 200 replications is known to 1 / √400 = 5 %.
    expect(Math.abs(claimed / spread - 1)).toBeLessThan(4 * 0.05);
  });
});

describe('building blocks', () => {
  it('argsort sorts any finite doubles and keeps ties in place', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 300 }), (list) => {
        const values = Float64Array.from(list, (x) => x + 0);
        const expected = [...values.keys()].sort((a, b) => values[a] - values[b] || a - b);
        expect([...argsort(values)]).toEqual(expected);
      }),
      RUNS,
    );
  });

  it.each([2, 20, 33, 34, 300])('argsort sorts %i doubles that share their upper bits', (count) => {
    for (const sign of [1, -1]) {
      const close = Float64Array.from(
        { length: 2 * count },
        (_, i) => sign * (1 + ((i * 7919) % count) * Number.EPSILON),
      );
      const expected = [...close.keys()].sort((a, b) => close[a] - close[b] || a - b);
      expect([...argsort(close)]).toEqual(expected);
    }
  });

  it('autocovariances by lag are those of the transform, in whatever order they are asked for', () => {
    for (const draws of [6, 15, 16, 17, 200]) {
      const { values, halves } = poolDraws(autoregressiveChains(draws, 3, draws, 0.8));
      const means = Float64Array.from(halves.starts, (start) => meanOf(values, start, start + halves.length));
      const expected = meanAutocovariance(values, halves, means);
      const lags = [...expected.keys()];
      for (const asked of [lags, lags.toReversed()]) {
        const at = autocovarianceByLag(values, halves, means);
        for (const lag of asked) expect(at(lag)).toBeCloseTo(expected[lag], 13);
      }
    }
  });

  it.each([1, 2, 3, 4, 5, 16, 31, 64, 100, 257])('autocovariance of %i draws equals the sum it stands for', (draws) => {
    const [series] = autoregressiveChains(draws, 1, draws, 0.4);
    const mean = series.reduce((a, b) => a + b, 0) / draws;
    const actual = autocovariance(series);
    for (let lag = 0; lag < draws; lag++) {
      let sum = 0;
      for (let i = 0; i + lag < draws; i++) sum += (series[i] - mean) * (series[i + lag] - mean);
      expect(actual[lag]).toBeCloseTo(sum / draws, 13);
    }
  });
});
