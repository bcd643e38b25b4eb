// Marginal NUTS with few groups: the heavy tail of a spread as numerical integration has it, and no divergences.
import { describe, expect, it } from 'vitest';
import { essBulk, essTail, mcseMean, rhat } from '../../../src/diagnostics/index.js';
import { fit } from '../../../src/inference/fit.js';
import { marginalOf, traceMarginal } from '../../../src/inference/marginal/marginalDensity.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { CovariancePrior } from '../../../src/models/covariancePriors.js';
import { hasFactors, type LinearHierarchy, linearStructure } from '../../../src/models/linearHierarchy/structure.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import { type HierarchyShape } from '../../models/hierarchyExample.js';
import { simulatedHierarchy } from './example.js';
import { firstOf } from '../../thorough.js';

/** A response with groups' effects in it, under half-t(2) priors of the spreads, with correlations Huang–Wand: heavy tails. */
function fewGroups(shape: HierarchyShape): LinearHierarchy {
  const structure = linearStructure(simulatedHierarchy(shape))!;
  return {
    ...structure,
    terms: structure.terms.map((term) => ({
      ...term,
      levels: term.levels.map((level) => {
        if (hasFactors(level.covariance)) throw new Error('not here');
        const prior: CovariancePrior = { kind: 'huangWand', df: 2, scales: Array<number>(level.size).fill(1.5) };
        return { ...level, covariance: { ...level.covariance, prior } };
      }),
    })),
  };
}

/** Points of a spread and its posterior distribution function there, by sums over a grid of the logarithms of σ and the spread. */
async function spreadByQuadrature(structure: LinearHierarchy) {
  const marginal = marginalOf(structure, ['log']);
  const density = await traceMarginal(marginal).compile(cpuDevice(), 4);
  const { lanes, positions, logDensities } = density;
  const grid = (from: number, to: number, count: number): number[] =>
    Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));
  const logSpreads = grid(-9, 8, 681);
  const logSigmas = grid(Math.log(0.6), Math.log(1.7), 60);
  const logMass: number[][] = [];
  for (const logSpread of logSpreads) {
    const own: number[] = [];
    for (let first = 0; first < logSigmas.length; first += 4) {
      for (let lane = 0; lane < 4; lane++) {
        positions[lane] = logSigmas[first + lane];
        positions[lanes + lane] = logSpread;
      }
      await density.evaluate();
      own.push(...logDensities.subarray(0, 4));
    }
    logMass.push(own);
  }
  await density.dispose();
  const top = Math.max(...logMass.flat());
  const mass = logMass.map((row) => row.reduce((sum, x) => sum + Math.exp(x - top), 0));
  const total = mass.reduce((a, b) => a + b, 0);
  let below = 0;
  const cumulative = mass.map((own) => (below += own / total) - own / total / 2);
  return { points: logSpreads.map(Math.exp), cumulative };
}

describe.each([
  ['well known', 60],
  ['hardly known', 3],
])('five groups, %s', (name, rows) => {
  const shape: HierarchyShape = { terms: [{ levels: [{ groups: 5 }], rowsOf: () => rows }], seed: `few ${name}` };

  it('have the spread of numerical integration, its tail included', { timeout: 60_000 }, async () => {
    const structure = fewGroups(shape);
    const { points, cumulative } = await spreadByQuadrature(structure);
    const posterior = await fit(declaredModel(structure), { method: 'marginal', draws: 4000, seed: 1 });
    expect(posterior.info.flat().filter(({ isDivergent }) => isDivergent).length).toBe(0);
    const chains = posterior.element('sds_0_0', 0);
    for (const share of [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999]) {
      const at = cumulative.findIndex((below) => below >= share);
      const isBelow = chains.map((chain) => chain.map((s) => Number(s < points[at])));
      const found = isBelow.flatMap((chain) => [...chain]).reduce((a, b) => a + b, 0) / (4 * 4000);
      // Half a cell of the grid is at most 0.01 of the distribution.
      const cell = (cumulative[at + 1] - cumulative[at - 1]) / 2;
      expect(Math.abs(found - cumulative[at]), `at ${share}`).toBeLessThan(4 * mcseMean(isBelow) + cell / 2);
    }
  });
});

describe.each([
  ['diagonal covariances', false],
  ['full covariances', true],
])('five groups of well-known groups, %s', (_, full) => {
  const terms = [
    {
      slopes: 1,
      levels: [
        { groups: 200, full },
        { groups: 5, full },
      ],
      rowsOf: () => 20,
    },
  ];
  const model = declaredModel(fewGroups({ terms, seed: `five markets ${full}` }));

  it.each(firstOf([1, 2, 3]))('pass the checks, seed %i', { timeout: 60_000 }, async (seed) => {
    const posterior = await fit(model, { method: 'marginal', seed });
    expect(posterior.info.flat().filter(({ isDivergent }) => isDivergent).length).toBe(0);
    for (const name of ['sds_0_0', 'sds_0_1', 'population_0']) {
      for (let i = 0; i < 2; i++) {
        const chains = posterior.element(name, i);
        expect(rhat(chains), `${name} ${i}`).toBeLessThan(1.01);
        expect(Math.min(essBulk(chains), essTail(chains)), `${name} ${i}`).toBeGreaterThan(400);
      }
    }
  });
});
