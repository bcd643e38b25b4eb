// Marginal NUTS with five markets and eight correlated coefficients in each: fewer groups than a covariance has rows. The posterior of Gibbs sampling, and no divergences.
import { describe, expect, it } from 'vitest';
import { essBulk, mcseMean, rhat } from '../../../src/diagnostics/index.js';
import { fit } from '../../../src/inference/fit.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import { linearStructure } from '../../../src/models/linearHierarchy/structure.js';
import type { Model } from '../../../src/models/model.js';
import { type HierarchyShape, withPrior } from '../../models/hierarchyExample.js';
import { simulatedHierarchy } from './example.js';
import { firstOf } from '../../thorough.js';

const shape: HierarchyShape = {
  terms: [
    {
      slopes: 3,
      levels: [
        { groups: 40, full: true, covariates: 1 },
        { groups: 5, full: true },
      ],
      rowsOf: () => 12,
    },
  ],
};

/** Under Huang–Wand priors, as declared models have by default. */
function fiveMarkets(seed: number): Model {
  const structure = linearStructure(simulatedHierarchy({ ...shape, seed: `five markets ${seed}` }))!;
  const [term] = structure.terms;
  const levels = term.levels.map((level) => {
    const scales = Array<number>(level.size).fill(1.5);
    return { ...level, covariance: withPrior(level.covariance, { kind: 'huangWand', df: 2, scales }) };
  });
  return declaredModel({ ...structure, terms: [{ ...term, levels }] });
}

const sites: readonly (readonly [name: string, elements: readonly number[], of: (x: number) => number])[] = [
  ['sigma', [0], Math.log],
  // Heavy tails: on the scale of logarithms.
  ['sds_0_0', [0, 1, 2, 3], Math.log],
  ['sds_0_1', [0, 1, 2, 3, 4, 5, 6, 7], Math.log],
  // Correlations with the first coefficient.
  ['cholesky_0_0', [4, 8, 12], (x) => x],
  ['cholesky_0_1', [8, 16, 24, 32, 40, 48, 56], (x) => x],
  ['population_0', [0, 1, 2, 3, 4, 5, 6, 7], (x) => x],
];

const meanOf = (chains: readonly Float64Array[]): number =>
  chains.reduce((sum, chain) => sum + chain.reduce((a, b) => a + b, 0), 0) / (chains.length * chains[0].length);

describe('five markets, eight correlated coefficients', () => {
  it.each(firstOf([1, 2, 3]))('agree with Gibbs sampling, data set %i', { timeout: 120_000 }, async (seed) => {
    const model = fiveMarkets(seed);
    const own = await fit(model, { method: 'marginal', draws: 400, seed });
    const gibbs = await fit(model, { method: 'gibbs', warmup: 300, draws: 1500, seed });
    expect(own.info.flat().filter(({ isDivergent }) => isDivergent).length).toBe(0);
    for (const [site, elements, of] of sites) {
      for (const i of elements) {
        const [a, b] = [own, gibbs].map((posterior) => posterior.element(site, i).map((chain) => chain.map(of)));
        expect(rhat(a), `${site} ${i}`).toBeLessThan(1.03);
        expect(essBulk(a), `${site} ${i}`).toBeGreaterThan(200);
        const apart = (meanOf(a) - meanOf(b)) / Math.hypot(mcseMean(a), mcseMean(b));
        expect(Math.abs(apart), `mean of ${site} ${i}`).toBeLessThan(4);
        // Shares below Gibbs sampling's quartiles.
        const sorted = b.flatMap((chain) => [...chain]).sort((x, y) => x - y);
        for (const share of [0.1, 0.5, 0.9]) {
          const limit = sorted[Math.floor(share * sorted.length)];
          const [below, theirs] = [a, b].map((chains) => chains.map((chain) => chain.map((x) => Number(x < limit))));
          const error = Math.hypot(mcseMean(below), mcseMean(theirs));
          expect(Math.abs(meanOf(below) - share), `${site} ${i} at ${share}`).toBeLessThan(4 * error);
        }
      }
    }
  });
});
