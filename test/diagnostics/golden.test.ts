// Every figure equals the R package posterior on the draws of test/golden/diagnostics.json (scripts/golden/diagnostics.R).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { autocorrelation } from '../../src/diagnostics/autocovariance.js';
import { bandwidthSheatherJones, bandwidthSilverman } from '../../src/diagnostics/bandwidth.js';
import { essBulk, essMean, essQuantile, essSd, essTail } from '../../src/diagnostics/ess.js';
import { mcseMean, mcseQuantile, mcseSd } from '../../src/diagnostics/mcse.js';
import { rhat, rhatBasic } from '../../src/diagnostics/rhat.js';
import { betaQuantile, incompleteBeta, logGamma, normalQuantile } from '../../src/diagnostics/specialFunctions.js';
import { summarise } from '../../src/diagnostics/summarise.js';
import type { Summary } from '../../src/diagnostics/summarise.js';

type Figure = number | null;
interface GoldenCase {
  readonly chains: readonly number[][];
  readonly figures: Readonly<Record<string, Figure>>;
  readonly essQuantile: readonly Figure[];
  readonly mcseQuantile: readonly Figure[];
}
interface Golden {
  readonly probabilities: readonly number[];
  readonly cases: Readonly<Record<string, GoldenCase>>;
  readonly autocorrelation: readonly number[];
  readonly bandwidths: Readonly<Record<'silverman' | 'sheatherJones', Readonly<Record<string, number>>>>;
  readonly normalQuantile: { readonly p: readonly number[]; readonly value: readonly number[] };
  readonly betaQuantile: { readonly p: number[]; readonly a: number[]; readonly b: number[]; readonly value: number[] };
}
const golden = JSON.parse(readFileSync(new URL('../golden/diagnostics.json', import.meta.url), 'utf8')) as Golden;

const FUNCTIONS = { rhat, rhatBasic, essBulk, essTail, essMean, essSd, mcseMean, mcseSd };
const SUMMARY = ['mean', 'sd', 'mcseMean', 'q5', 'q50', 'q95', 'essBulk', 'essTail', 'rhat'] as const;

/** Two correct implementations differ by rounding only; the figures are ratios of sums of at most 800 terms. */
const RELATIVE = 1e-10;

function expectFigure(actual: number, expected: Figure, what: string, scale = 0): void {
  if (expected === null) expect(actual, what).toBeNaN();
  else
    expect(Math.abs(actual - expected), `${what}: ${actual} vs ${expected}`).toBeLessThanOrEqual(
      RELATIVE * Math.max(Math.abs(expected), scale),
    );
}

describe('posterior', () => {
  for (const [name, { chains: lists, figures, ...quantiles }] of Object.entries(golden.cases)) {
    const chains = lists.map((list) => Float64Array.from(list));
    // Chains that are each constant have no variance within: R-hat is rounding noise over rounding noise there.
    const undefinedRhat = name === 'allStuckChains';

    it(`agrees on ${name}`, () => {
      for (const [figure, compute] of Object.entries(FUNCTIONS)) {
        if (!(undefinedRhat && figure.startsWith('rhat'))) expectFigure(compute(chains), figures[figure], figure);
      }
      golden.probabilities.forEach((p, i) => {
        expectFigure(essQuantile(chains, p), quantiles.essQuantile[i], `essQuantile(${p})`);
        expectFigure(mcseQuantile(chains, p), quantiles.mcseQuantile[i], `mcseQuantile(${p})`);
      });
      const summary: Summary = summarise(chains);
      for (const figure of SUMMARY) {
        // A mean near zero is a cancelling sum: its rounding is relative to the spread of the draws.
        const scale = figure === 'mean' ? (figures.sd ?? 0) : 0;
        if (!(undefinedRhat && figure === 'rhat')) {
          expectFigure(summary[figure], figures[figure], `summarise ${figure}`, scale);
        }
      }
    });
  }

  it('agrees on the autocorrelation function', () => {
    const series = Float64Array.from(golden.cases.slowAutoregressive.chains[0]);
    const actual = autocorrelation(series);
    expect(actual.length).toBe(golden.autocorrelation.length);
    golden.autocorrelation.forEach((expected, lag) => {
      expect(Math.abs(actual[lag] - expected), `lag ${lag}`).toBeLessThanOrEqual(1e-12);
    });
  });
});

describe('base R', () => {
  it.each(['logNormal', 'slowAutoregressive', 'iid'])('agrees on the bandwidths of %s', (name) => {
    const { chains } = golden.cases[name];
    const draws = Float64Array.from(name === 'slowAutoregressive' ? chains[0] : chains.flat());
    expectFigure(bandwidthSilverman(draws), golden.bandwidths.silverman[name], 'bw.nrd0');
    const min = Math.min(...draws);
    const shifted = draws.map((x) => x - min);
    expectFigure(bandwidthSheatherJones(shifted), golden.bandwidths.sheatherJones[name], 'bw.SJ');
  });

  it('agrees on normal and beta quantiles', () => {
    const { p, value } = golden.normalQuantile;
    p.forEach((probability, i) => expectFigure(normalQuantile(probability), value[i], `qnorm(${probability})`));
    const beta = golden.betaQuantile;
    beta.p.forEach((probability, i) => {
      const { a, b } = { a: beta.a[i], b: beta.b[i] };
      expectFigure(betaQuantile(probability, a, b), beta.value[i], `qbeta(${probability}, ${a}, ${b})`);
    });
  });
});

describe('special functions', () => {
  it('logGamma gives factorials and Γ(1/2)', () => {
    let logFactorial = 0;
    for (let n = 1; n <= 60; n++) {
      expect(logGamma(n)).toBeCloseTo(logFactorial, 12);
      logFactorial += Math.log(n);
    }
    expect(logGamma(0.5)).toBeCloseTo(0.5 * Math.log(Math.PI), 14);
  });

  it('incompleteBeta has its closed forms and its symmetry', () => {
    for (const x of [0, 0.1, 0.37, 0.5, 0.8, 1]) {
      expect(incompleteBeta(x, 1, 4)).toBeCloseTo(1 - (1 - x) ** 4, 14);
      expect(incompleteBeta(x, 3, 1)).toBeCloseTo(x ** 3, 14);
      expect(incompleteBeta(x, 2.5, 7) + incompleteBeta(1 - x, 7, 2.5)).toBeCloseTo(1, 13);
    }
  });

  it('normalQuantile answers its edges', () => {
    expect(normalQuantile(0)).toBe(-Infinity);
    expect(normalQuantile(1)).toBe(Infinity);
    expect(normalQuantile(-0.1)).toBeNaN();
    expect(normalQuantile(NaN)).toBeNaN();
  });
});
