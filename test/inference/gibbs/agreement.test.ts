// Horseshoes and factors by NUTS, Gibbs and marginal NUTS: the same posterior of what is identified, and no divergences.
import { describe, expect, it } from 'vitest';
import { mcseMean, mcseSd, rhat } from '../../../src/diagnostics/index.js';
import { fit } from '../../../src/inference/fit.js';
import { sizeOf } from '../../../src/kernels/program/tensorProgram.js';
import { globalScaleOf } from '../../../src/models/linearHierarchy/horseshoe.js';
import type { CoefficientPrior, LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import type { Model } from '../../../src/models/model.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import { hierarchyExample } from '../../models/hierarchyExample.js';
import { randomNumbers } from '../../models/random.js';
import { simulatedHierarchy } from '../marginal/example.js';
import { firstOf, isThorough } from '../../thorough.js';

type Fitted = Awaited<ReturnType<typeof fit>>;

const meanOf = (chains: readonly Float64Array[]): number => {
  const all = chains.flatMap((chain) => [...chain]);
  return all.reduce((sum, x) => sum + x, 0) / all.length;
};
const sdOf = (chains: readonly Float64Array[]): number => {
  const mean = meanOf(chains);
  return Math.sqrt(meanOf(chains.map((chain) => chain.map((x) => (x - mean) ** 2))));
};

/** Draws: half of them, or all. */
const halfOf = (draws: number): number => (isThorough ? draws : draws / 2);

/** Largest distance of a mean or a standard deviation in combined Monte Carlo errors, over sites by whose names `isCompared`. */
function distance(model: Model, a: Fitted, b: Fitted, isCompared: (site: string) => boolean): number {
  let most = 0;
  for (const { name, shape } of model.sites.filter((site) => isCompared(site.name))) {
    for (let i = 0; i < sizeOf(shape); i++) {
      // Scales of horseshoes have no moments worth comparing on their own scale.
      const [x, y] = [a, b].map((own) =>
        own.element(name, i).map((chain) => (/^(lambda|tau|slab)/.test(name) ? chain.map(Math.log) : chain)),
      );
      expect(
        [rhat(x), rhat(y)].map((r) => r < 1.02),
        `${name} ${i}: ${rhat(x)}, ${rhat(y)}`,
      ).toEqual([true, true]);
      const mean = Math.abs(meanOf(x) - meanOf(y)) / Math.hypot(mcseMean(x), mcseMean(y));
      const sd = Math.abs(sdOf(x) - sdOf(y)) / Math.hypot(mcseSd(x), mcseSd(y));
      most = Math.max(most, mean, sd);
    }
  }
  return most;
}

const divergences = ({ info }: Fitted): number => info.flat().filter(({ isDivergent }) => isDivergent).length;

describe('factors of four coefficients', () => {
  it.each(firstOf([1, 2]))('are the same by every method, data set %i', { timeout: 240_000 }, async (seed) => {
    const model = simulatedHierarchy({
      terms: [{ slopes: 3, levels: [{ groups: 80, factors: 1, centring: 0.5 }], rowsOf: (g) => 8 + (g % 5) }],
      seed: `factors ${seed}`,
    });
    const nuts = await fit(model, { method: 'nuts', warmup: 1000, draws: halfOf(1500), seed, targetAcceptance: 0.9 });
    const gibbs = await fit(model, { method: 'gibbs', warmup: 1000, draws: halfOf(10_000), seed });
    const marginal = await fit(model, { method: 'marginal', draws: halfOf(2000), seed, targetAcceptance: 0.9 });
    expect([divergences(nuts), divergences(marginal)]).toEqual([0, 0]);
    // Loadings have two signs; the groups' coefficients are many.
    const isCompared = (site: string): boolean => !/^(loadings|coefficients)/.test(site);
    expect(distance(model, nuts, gibbs, isCompared)).toBeLessThan(4.5);
    expect(distance(model, nuts, marginal, isCompared)).toBeLessThan(4.5);
  });
});

/** Twelve columns of which three matter, and regressions of groups' coefficients on three covariates of which one does. */
function sparseExample(seed: string): LinearHierarchy {
  const groups = 30;
  const base = hierarchyExample({
    terms: [{ levels: [{ groups, covariates: 3 }], horseshoe: 'slab', rowsOf: () => 6 }],
    fixed: { dense: 12, horseshoe: 'relative slab' },
    seed,
  });
  const random = randomNumbers(`response ${seed}`);
  const [{ levels, rowStart }] = base.terms;
  const fixed = base.fixed!;
  const y = new Float64Array(base.rows);
  for (let g = 0; g < groups; g++) {
    const own = 1 + 0.8 * levels[0].covariates[g * 4 + 1] + 0.5 * random.normal();
    for (let row = rowStart[g]; row < rowStart[g + 1]; row++) {
      y[row] = own + random.normal();
      for (const [j, effect] of [0.6, -0.4, 1].entries()) y[row] += effect * fixed.dense[j + 1][row];
    }
  }
  const { places } = fixed.prior.horseshoe!;
  const globalScale = globalScaleOf(3, places.length, base.rows);
  const [term] = base.terms;
  const { prior } = term.population;
  if (prior.kind !== 'normal') throw new Error('not here');
  const withErrors = <T extends CoefficientPrior>(own: T, errorSd: number): T => ({
    ...own,
    horseshoe: { ...own.horseshoe!, globalScale, errorSds: own.horseshoe!.places.map(() => errorSd) },
  });
  return {
    ...base,
    y,
    terms: [{ ...term, population: { ...term.population, prior: withErrors(prior, 0.7 / Math.sqrt(groups)) } }],
    fixed: { ...fixed, prior: withErrors(fixed.prior, 1 / Math.sqrt(base.rows)) },
  };
}

describe('regularised horseshoes of fixed columns and of regressions', () => {
  it.each(firstOf([1, 2, 3]))(
    'are the same by every method, without divergences, data set %i',
    { timeout: 240_000 },
    async (seed) => {
      const model = declaredModel(sparseExample(`sparse ${seed}`));
      const nuts = await fit(model, {
        method: 'nuts',
        warmup: 1000,
        draws: halfOf(1500),
        seed,
        targetAcceptance: 0.95,
      });
      const gibbs = await fit(model, { method: 'gibbs', warmup: 1000, draws: halfOf(6000), seed });
      const marginal = await fit(model, {
        method: 'marginal',
        warmup: 500,
        draws: halfOf(2000),
        seed,
        targetAcceptance: 0.9,
      });
      expect([divergences(nuts), divergences(marginal)]).toEqual([0, 0]);
      expect(distance(model, nuts, gibbs, () => true)).toBeLessThan(4.5);
      expect(distance(model, marginal, gibbs, () => true)).toBeLessThan(4.5);
    },
  );
});
