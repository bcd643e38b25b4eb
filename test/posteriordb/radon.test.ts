// The radon models of posteriordb, which has no reference draws of them, against long runs of Stan: means and standard deviations within
// 4 combined MCSE, by every method that is exact.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { essBulk, mcseMean, mcseSd, rhat } from '../../src/diagnostics/index.js';
import { fit } from '../../src/inference/fit.js';
import type { MethodName } from '../../src/inference/methods/method.js';
import {
  type Column,
  type Radon,
  radonModel,
  type RadonName,
  radonShapes,
} from '../../scripts/posteriordb/radonModels.js';
import { moments } from '../../scripts/posteriordb/comparison.js';
import { collection, lacksPosteriordb } from './shared.js';
import { firstOf } from '../thorough.js';

/** A parameter in the long run, from scripts/golden/radon.R. */
interface Reference {
  readonly mean: number;
  readonly sd: number;
  readonly mcse_mean: number;
  readonly mcse_sd: number;
}

const golden = JSON.parse(readFileSync(new URL('../golden/radon.json', import.meta.url), 'utf8')) as {
  readonly posteriors: Readonly<Record<string, Readonly<Record<RadonName, Readonly<Record<string, Reference>>>>>>;
};

interface Fit {
  readonly data: 'radon_mn' | 'radon_all';
  readonly method: MethodName;
  readonly centred: readonly Column[];
  readonly seeds: readonly number[];
  /** Default: all models. */
  readonly names?: readonly RadonName[];
  /** Default: the method's. */
  readonly draws?: number;
}

const everyName = Object.keys(radonShapes) as RadonName[];
const both = ['one', 'floor_measure'] as const;

const fits: readonly Fit[] = [
  { data: 'radon_mn', method: 'nuts', centred: [], seeds: firstOf([1, 2]) },
  // The others have a standard deviation over counties that comes near 0, where centred coefficients mix slowly: effective draws of
  // it are 90 to 150 in 4000.
  {
    data: 'radon_mn',
    method: 'nuts',
    centred: ['one'],
    seeds: firstOf([1, 2]),
    names: ['partially_pooled', 'variable_intercept', 'variable_intercept_slope'],
  },
  { data: 'radon_mn', method: 'gibbs', centred: both, seeds: firstOf([1, 2]) },
  { data: 'radon_mn', method: 'marginal', centred: both, seeds: firstOf([1, 2]) },
  // 12,573 houses. The other two take NUTS, with its likelihood by rows, 7 and 13 s.
  {
    data: 'radon_all',
    method: 'nuts',
    centred: ['one'],
    seeds: [1],
    names: ['partially_pooled', 'variable_intercept', 'variable_intercept_slope'],
    draws: 2000,
  },
  {
    data: 'radon_all',
    method: 'gibbs',
    centred: both,
    seeds: [1],
    names: ['partially_pooled', 'variable_intercept', 'variable_slope', 'variable_intercept_slope'],
  },
  // Uranium hardly varies within a county, and its coefficient is drawn apart from the counties': 30 sweeps make an effective draw.
  { data: 'radon_all', method: 'gibbs', centred: both, seeds: [1], names: ['hierarchical_intercept'], draws: 20_000 },
  { data: 'radon_all', method: 'marginal', centred: both, seeds: [1] },
];

const cases = fits.flatMap(({ seeds, names = everyName, ...own }) =>
  names.flatMap((name) => seeds.map((seed) => ({ ...own, name, seed, how: inWords(own.centred) }))),
);

function inWords(columns: readonly Column[]): string {
  return columns.length === 0 ? 'non-centred' : `centred ${columns.join(' and ')}`;
}

describe.skipIf(lacksPosteriordb)('radon', { timeout: 180_000 }, () => {
  it.each(cases)('$data, $name by $method, $how, seed $seed', async ({ data, name, method, centred, seed, draws }) => {
    const posterior = await fit(radonModel(name, collection.readData(data) as Radon, centred), { method, seed, draws });
    for (const [parameter, reference] of Object.entries(golden.posteriors[data][name])) {
      const sites: Readonly<Record<string, readonly [string, number]>> = radonShapes[name].sites;
      const own = posterior.element(...sites[parameter]);
      expect(rhat(own), parameter).toBeLessThan(1.01);
      expect(essBulk(own), parameter).toBeGreaterThan(400);
      const { mean, sd } = moments(own);
      const inMean = (mean - reference.mean) / Math.hypot(mcseMean(own), reference.mcse_mean);
      const inSd = (sd - reference.sd) / Math.hypot(mcseSd(own), reference.mcse_sd);
      expect(Math.abs(inMean), `mean of ${parameter}, in MCSE`).toBeLessThan(4);
      expect(Math.abs(inSd), `sd of ${parameter}, in MCSE`).toBeLessThan(4);
    }
  });
});
