// The coordinate of spreads: its turns where theory has them, and no divergences where many groups say that a spread may be 0.
import { describe, expect, it } from 'vitest';
import { essBulk, rhat } from '../../../src/diagnostics/index.js';
import { fit } from '../../../src/inference/fit.js';
import { marginalOf, traceMarginal } from '../../../src/inference/marginal/marginalDensity.js';
import { coordinateOf, signedScales, slopeAt, spreadAt, turnsOf } from '../../../src/inference/marginal/spreads.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import { groupOfRow } from '../../../src/models/linearHierarchy/hierarchyModel.js';
import type { LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import { type HierarchyShape, hierarchyExample, type TermShape, withPrior } from '../../models/hierarchyExample.js';
import { randomNumbers } from '../../models/random.js';
import { simulatedHierarchy } from './example.js';
import { firstOf } from '../../thorough.js';

describe('a coordinate', () => {
  it.each([
    [0.3, 0],
    [0.3, 40],
    [5, 0.01],
  ])('of unit %d and bend %d goes back and forth, and has its slope', (unit, bend) => {
    for (const w of [-6, -1, -1e-3, 0, 0.4, 3, 8]) {
      const s = spreadAt(w, unit, bend);
      expect(coordinateOf(s, unit, bend)).toBeCloseTo(w, 10);
      const difference = (spreadAt(w + 1e-5, unit, bend) - spreadAt(w - 1e-5, unit, bend)) / 2e-5;
      expect(slopeAt(w, unit, bend) / difference).toBeCloseTo(1, 6);
    }
  });

  it('turns where the errors of the groups say', async () => {
    const [groups, rows] = [50, 8];
    const marginal = marginalOf(hierarchyExample({ terms: [{ levels: [{ groups }], rowsOf: () => rows }] }));
    const density = await traceMarginal(marginal).compile(cpuDevice(), 1);
    // σ = 1.5, so every group's constant is known up to a variance of σ² / rows, whatever the spread.
    const error = 1.5 ** 2 / rows;
    for (const spread of [0.01, 0.5, 3]) {
      for (const [i, value] of [Math.log(1.5), Math.asinh(spread)].entries())
        density.positions.fill(value, i * density.lanes, (i + 1) * density.lanes);
      await density.evaluate();
      const [turns] = turnsOf(marginal, density, signedScales(marginal), [spread]);
      const ofVariance = error * Math.sqrt(2 / groups);
      expect(turns!.bend * 4 * ofVariance).toBeCloseTo(1, 9);
      // Under a half-normal prior logarithmic from 2 √e on.
      expect(turns!.unit).toBeCloseTo(2 * Math.sqrt(error * (1 + turns!.bend * error)), 9);
    }
    await density.dispose();
  });
});

/** Groups whose constants differ much and slopes hardly, under half-t(2) priors of the spreads; with correlations Huang–Wand. */
function smallSpreads(shape: HierarchyShape, ofSlopes: number): LinearHierarchy {
  const structure = hierarchyExample(shape);
  const random = randomNumbers(`small spreads ${shape.seed}`);
  const [term] = structure.terms;
  const effects = term.columns.map((_, k) => random.normals(term.levels[0].groups, k === 0 ? 0.6 : ofSlopes));
  const y = Float64Array.from(groupOfRow(term), (group, row) =>
    term.columns.reduce((sum, x, k) => sum + x[row] * effects[k][group], random.normal()),
  );
  const levels = term.levels.map((level) => {
    const scales = Array<number>(level.size).fill(1.5);
    return { ...level, covariance: withPrior(level.covariance, { kind: 'huangWand', df: 2, scales }) };
  });
  return { ...structure, y, terms: [{ ...term, levels }] };
}

const rowsOf = (): number => 8;
// About the root of the error of their squares: their posterior has hardly a mode off 0.
describe.each<[string, TermShape, number]>([
  ['600 groups', { slopes: 3, levels: [{ groups: 600 }], rowsOf }, 0.1],
  ['600 groups in 15', { slopes: 2, levels: [{ groups: 600 }, { groups: 15 }], rowsOf }, 0.1],
  ['200 groups, full covariance', { slopes: 2, levels: [{ groups: 200, full: true }], rowsOf }, 0.13],
])('spreads near 0: %s', (name, term, spread) => {
  it.each(firstOf([1, 2, 3]))('do not diverge and mix, seed %i', { timeout: 60_000 }, async (seed) => {
    const model = declaredModel(smallSpreads({ terms: [term], seed: `${name} ${seed}` }, spread));
    const posterior = await fit(model, { method: 'marginal', seed });
    expect(posterior.info.flat().filter(({ isDivergent }) => isDivergent).length).toBe(0);
    for (const { name: site } of model.sites.filter((own) => own.name.startsWith('sds'))) {
      for (let i = 0; i < 3; i++) {
        const chains = posterior.element(site, i);
        expect(rhat(chains), `${site} ${i}`).toBeLessThan(1.01);
        expect(essBulk(chains), `${site} ${i}`).toBeGreaterThan(400);
      }
    }
  });
});

it.each(firstOf([1, 2, 3]))(
  'common factors do not diverge however they are turned, seed %i',
  { timeout: 60_000 },
  async (seed) => {
    const terms = [{ slopes: 5, levels: [{ groups: 40, factors: 2 }], rowsOf: () => 20 }];
    const posterior = await fit(simulatedHierarchy({ terms, seed: `factors ${seed}` }), { method: 'marginal', seed });
    expect(posterior.info.flat().filter(({ isDivergent }) => isDivergent).length).toBe(0);
  },
);
