// Fits of simulated data recover the truth: standardised errors of every parameter, pooled over seeds.
import { describe, expect, it } from 'vitest';
import { fit } from '../../src/inference/fit.js';
import { rhat } from '../../src/diagnostics/index.js';
import { threeLevelData } from '../../src/data/threeLevelData.js';
import { simulateThreeLevel } from '../../src/models/threeLevel/simulate.js';
import { threeLevelModel } from '../../src/models/threeLevel/threeLevel.js';
import { randomNumbers } from './random.js';
import { tableOfBlocks } from './simulatedTable.js';

/** Twelve products in fifteen markets, full covariances, a covariate on every level. */
function simulated(seed: number) {
  const random = randomNumbers(`recovery ${seed}`);
  const [products, markets] = [12, 15].map((n) => Array.from({ length: n }, (_, i) => `${i + 1}`));
  const { truth, blocks } = simulateThreeLevel(
    {
      rows: 2500,
      columns: { response: 'y', product: 'product', market: 'market', time: 'week' },
      products,
      markets,
      x: [{ name: 'price' }],
      z: [],
      w: [{ name: 'income' }],
      sigma: 0.7,
      delta: [
        [3, 0.5],
        [-1, 0.3],
      ],
      product: { sds: [0.8, 0.4], loadings: [[0.6], [-0.6]] },
      market: { sds: [0.5, 0.5], loadings: [[0.7], [0.7]] },
    },
    random,
  );
  const data = threeLevelData(tableOfBlocks(blocks), {
    response: 'y',
    product: 'product',
    market: 'market',
    x: ['price'],
    z: [],
    w: ['income'],
    standardise: true,
  });
  return { data, truth };
}

describe('recovery', () => {
  it('standardised errors are those of a calibrated posterior', { timeout: 120_000 }, async () => {
    const errors = new Map<string, number[]>();
    for (const seed of [1, 2, 3, 4]) {
      const { data, truth } = simulated(seed);
      const model = threeLevelModel(data, { covariance: { product: 'full', market: 'full' } });
      const posterior = await fit(model, { seed, chains: 2, warmup: 300, draws: 250 });
      // `summary.json` names scalars in the order of the sites, fixed elements left out; truth has the same order.
      const entries = model.sites.flatMap((site) => {
        const size = site.shape.reduce((product, extent) => product * extent, 1);
        return Array.from({ length: size }, (_, position) => ({ site, position })).filter(
          ({ position }) => !site.isFixed?.(indexOf(position, site.shape)),
        );
      });
      expect(entries.length).toBe(truth.length);
      for (const [i, { site, position }] of entries.entries()) {
        expect(truth[i].name.startsWith(site.name)).toBe(true);
        const chains = posterior.element(site.name, position);
        if (site.level === 'population') expect(rhat(chains), truth[i].name).toBeLessThan(1.06);
        const values = chains.flatMap((chain) => [...chain]);
        const mean = values.reduce((a, b) => a + b, 0) / values.length;
        const sd = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
        const known = errors.get(site.name) ?? [];
        known.push((truth[i].value - mean) / sd);
        errors.set(site.name, known);
      }
    }
    for (const [site, z] of errors) {
      const meanSquare = z.reduce((sum, value) => sum + value * value, 0) / z.length;
      // Scalars of a site are nearly independent a posteriori for beta; population sites have 4 to 16 entries in all.
      expect(Math.max(...z.map(Math.abs)), site).toBeLessThan(z.length > 100 ? 4.5 : 4);
      // Mean of n squares: 1 ± √(2/n); fourfold, with half of n for the dependence within a fit.
      const tolerance = 4 * Math.sqrt(4 / z.length);
      expect(meanSquare, site).toBeLessThan(1 + tolerance);
      if (z.length > 100) expect(meanSquare, site).toBeGreaterThan(1 - tolerance);
    }
  });
});

function indexOf(position: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = position;
  for (const extent of [...shape].reverse()) {
    index.unshift(rest % extent);
    rest = Math.floor(rest / extent);
  }
  return index;
}
