// Updates of a horseshoe's scales leave the joint distribution of scales, coefficients and data as it is.
import { describe, expect, it } from 'vitest';
import type { HorseshoeState } from '../../../src/inference/gibbs/chainValues.js';
import { updateShrinkage } from '../../../src/inference/gibbs/shrinkage.js';
import { drawInverseGamma, drawNormal } from '../../../src/inference/random/distributions.js';
import { PhiloxStream, randomKey } from '../../../src/inference/random/streams.js';
import { globalScaleOf, shrunkSd } from '../../../src/models/linearHierarchy/horseshoe.js';
import type { CoefficientPrior } from '../../../src/models/linearHierarchy/structure.js';
import { drawPrior } from './simulate.js';

const sigma = 0.5;
const priors: Readonly<Record<string, CoefficientPrior>> = {
  plain: horseshoePrior({}),
  regularised: horseshoePrior({ slab: { name: 'c', scale: 1, df: 4 } }),
  'regularised, relative to σ': horseshoePrior({ isRelative: true, slab: { name: 'c', scale: 0.4, df: 8 } }),
};

function horseshoePrior(own: Partial<NonNullable<CoefficientPrior['horseshoe']>>): CoefficientPrior {
  // The second of four coefficients is not shrunk; the last is shrunk towards 0.5.
  const horseshoe = { places: [0, 2, 3], local: 'lambda', global: 'tau', globalScale: 0.7, ...own };
  return { means: [0, 1, 0, 0.5], sds: [1, 2, 1, 1], horseshoe };
}

function draw(stream: PhiloxStream, { means, sds, horseshoe }: CoefficientPrior) {
  const { places, globalScale, isRelative, slab } = horseshoe!;
  const halfCauchy = (a: number): number => drawPrior(stream, { family: 'halfCauchy', parameters: [a] });
  const shrinkage: HorseshoeState = {
    global: halfCauchy(isRelative ? globalScale * sigma : globalScale),
    local: Float64Array.from(places, () => halfCauchy(1)),
    slab: slab ? Math.sqrt(drawInverseGamma(stream, slab.df / 2, (slab.df * slab.scale ** 2) / 2)) : Infinity,
  };
  const coefficients = Float64Array.from(sds, (sd, i) => {
    const j = places.indexOf(i);
    const own = j < 0 ? sd : shrunkSd(shrinkage.local[j], shrinkage.global, shrinkage.slab);
    return means![i] + own * drawNormal(stream);
  });
  return { shrinkage, coefficients };
}

const squash = (x: number): number => x / (1 + Math.abs(x));

function statistics({ local, global, slab }: HorseshoeState, coefficients: Float64Array): number[] {
  const logs = [...local, global, ...(Number.isFinite(slab) ? [slab] : [])].map(Math.log);
  const thetas = [...coefficients].map(squash);
  return [...logs, ...logs.map((x) => x * x), ...thetas, ...thetas.map((x) => x * x), logs[0] * logs[3]];
}

/** Largest change by one update in standard errors, over replications from the joint distribution. */
function largestChange(generated: CoefficientPrior, believed: CoefficientPrior, seed: number): number {
  const size = 4;
  const rows = Array.from({ length: 4000 }, (_, r) => {
    const stream = new PhiloxStream(randomKey(seed), 0, r, 55);
    const { shrinkage, coefficients } = draw(stream, generated);
    const before = statistics(shrinkage, coefficients);
    const [, untouched] = coefficients;
    const gram = new Float64Array(size * size);
    const slopes = new Float64Array(size);
    // Eight rows, the residual at the coefficients is the error itself.
    for (let n = 0; n < 8; n++) {
      const x = Array.from({ length: size }, () => drawNormal(stream));
      x[2] = 0.8 * x[0] + 0.6 * x[2];
      const error = sigma * drawNormal(stream);
      for (let i = 0; i < size; i++) {
        slopes[i] += (x[i] * error) / sigma ** 2;
        for (let j = 0; j < size; j++) gram[i * size + j] += (x[i] * x[j]) / sigma ** 2;
      }
    }
    updateShrinkage(stream, believed, sigma, { gram, slopes }, coefficients, shrinkage);
    expect(coefficients[1]).toBe(untouched);
    return statistics(shrinkage, coefficients).map((value, i) => value - before[i]);
  });
  const errors = rows[0].map((_, i) => {
    const mean = rows.reduce((sum, row) => sum + row[i], 0) / rows.length;
    const variance = rows.reduce((sum, row) => sum + (row[i] - mean) ** 2, 0) / (rows.length - 1);
    return variance === 0 ? 0 : Math.abs(mean) / Math.sqrt(variance / rows.length);
  });
  return Math.max(...errors);
}

describe.each(Object.keys(priors))('%s', (name) => {
  it.each([1, 2, 3])('leaves the joint distribution as it is, seed %i', (seed) => {
    expect(largestChange(priors[name], priors[name], seed)).toBeLessThan(4.2);
  });
});

it('notices an update for another slab', () => {
  const other = horseshoePrior({ slab: { name: 'c', scale: 0.5, df: 4 } });
  expect(largestChange(priors.regularised, other, 1)).toBeGreaterThan(6);
});

it('the expected number of relevant variables is that under the global scale', () => {
  // With orthogonal columns E Σ (1 − κ_j) at τ = σ τ₀ is p₀, κ = 1 / (1 + n λ² τ²/σ²).
  const [relevant, count, rows] = [5, 100, 400];
  const stream = new PhiloxStream(randomKey(9), 0, 0, 3);
  const tau = globalScaleOf(relevant, count, rows);
  const shares = Array.from({ length: 20_000 }, () => {
    const lambda = drawPrior(stream, { family: 'halfCauchy', parameters: [1] });
    return 1 - 1 / (1 + rows * (lambda * tau) ** 2);
  });
  const mean = shares.reduce((sum, x) => sum + x, 0) / shares.length;
  const sd = Math.sqrt(shares.reduce((sum, x) => sum + (x - mean) ** 2, 0) / shares.length);
  expect(Math.abs(mean - relevant / count) / (sd / Math.sqrt(shares.length))).toBeLessThan(4);
  expect(() => globalScaleOf(0, 10, 100)).toThrow('0 of 10 coefficients');
});
