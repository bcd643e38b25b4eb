// Simulation-based calibration of horseshoes, pooled effects and factors: values from the prior are ranked among the draws that Gibbs sampling gives.
import { describe, expect, it } from 'vitest';
import { calibrationFigures } from '../../../src/diagnostics/index.js';
import { RANKED_DRAWS, simulateAndFit } from '../../../src/inference/index.js';
import { gibbs } from '../../../src/inference/methods/gibbs.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import { sizeOf } from '../../../src/kernels/program/tensorProgram.js';
import { hierarchyModel } from '../../../src/models/linearHierarchy/hierarchyModel.js';
import type { LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import type { Model } from '../../../src/models/model.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import { type HierarchyShape, hierarchyExample } from '../../models/hierarchyExample.js';
import { isThorough, someOf } from '../../thorough.js';

const simulations = someOf(60);
const shapes: Readonly<Record<string, HierarchyShape>> = {
  'regularised horseshoes': {
    terms: [{ levels: [{ groups: 12, covariates: 2 }], horseshoe: 'slab', rowsOf: () => 4 }],
    fixed: { dense: 4, horseshoe: 'relative slab' },
  },
  'pooled categories': {
    terms: [{ levels: [{ groups: 12 }], rowsOf: () => 6 }],
    fixed: { dense: 1, categories: [6, 4], pooled: true },
  },
  factors: { terms: [{ slopes: 2, levels: [{ groups: 20, factors: 1 }], rowsOf: () => 6 }] },
};

/** The hierarchy's model, able to replicate its data. */
function replicatingModel(structure: LinearHierarchy): Model {
  const hierarchy = hierarchyModel(structure);
  return {
    ...declaredModel(structure),
    observed: { name: 'y', values: structure.y },
    replicate: (p, d, noise) => hierarchy.rowMeans(hierarchy.evaluate(p, d), d).add(noise.mul(p.sigma)),
  };
}

describe.each(Object.keys(shapes))('%s', (name) => {
  it('are calibrated', { timeout: 180_000 }, async () => {
    const structure = hierarchyExample({ ...shapes[name], seed: name });
    const model = replicatingModel(structure);
    const task = {
      model,
      rebuild: (y: Float64Array) => replicatingModel({ ...structure, y }),
      method: gibbs,
      settings: { chains: 2, warmup: 500, draws: isThorough ? 2500 : 1200 },
      seed: 5,
      device: cpuDevice(),
      threads: { count: 1, starters: undefined },
    };
    // Loadings keep the sign that a chain finds.
    const scalars = model.sites.flatMap(({ name: site, shape }) =>
      Array.from({ length: sizeOf(shape) }, (_, i) => ({ site, label: `${site}[${i}]` })),
    );
    const kept = [...scalars.keys()].filter((at) => !scalars[at].site.startsWith('loadings'));
    const ranks: number[][] = [];
    for (let index = 0; index < simulations; index++) {
      const simulation = await simulateAndFit(task, index, new AbortController().signal);
      expect(simulation.failure).toBeUndefined();
      ranks.push(kept.map((at) => simulation.ranks[at]));
    }
    const names = kept.map((at) => scalars[at].label);
    const figures = calibrationFigures([{ site: 'all', level: 'population', names, ranks }], RANKED_DRAWS + 1);
    expect(figures.checks).toMatchObject([{ status: 'pass' }]);
    const [{ coverage90, coverage90Error }] = figures.classes;
    expect(Math.abs(coverage90 - 0.9)).toBeLessThan(4 * coverage90Error);
  });
});
