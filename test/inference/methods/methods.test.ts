// Every method keeps the contract of methods, and so does the example that others start from.
import { describe, expect, it } from 'vitest';
import { randomWalk } from '../../../examples/method/randomWalk.js';
import { chooseMethod, fit, methods } from '../../../src/inference/index.js';
import { normal } from '../../../src/models/distributions/index.js';
import { declaredModel } from '../../../src/models/linearHierarchy/declaredModel.js';
import type { LinearHierarchy } from '../../../src/models/linearHierarchy/structure.js';
import { defineModel } from '../../../src/models/model.js';
import { real } from '../../../src/models/parameters.js';
import { threeLevelModel } from '../../../src/models/threeLevel/threeLevel.js';
import { threeLevelExample } from '../../models/threeLevelExample.js';
import { methodContract } from './contract.js';

const { data } = threeLevelExample({ markets: 3, products: 3, x: 1, rowsOf: () => 6 });
const model = () => threeLevelModel(data);

/** Without groups, for the methods that are for such models. */
const regression = () => {
  const { structure } = model();
  const { terms, ...rest } = structure as LinearHierarchy;
  const [{ columns }] = terms;
  const prior = { kind: 'normal', sds: columns.map(() => 5) } as const;
  return declaredModel({ ...rest, terms: [], fixed: { name: 'theta', dense: columns, categories: [], prior } });
};

for (const method of [...Object.values(methods), randomWalk]) {
  methodContract(method, method.refusal(model()) === undefined ? model : regression);
}

describe('a method that is asked for', () => {
  it('is taken by name; auto says why', () => {
    for (const [name, method] of Object.entries(methods)) {
      expect(method.name).toBe(name);
      const own = method.refusal(model()) === undefined ? model() : regression();
      expect(chooseMethod(own, method.name)).toEqual({ method, why: undefined });
    }
    expect(chooseMethod(model(), 'auto').why).toBeDefined();
  });

  it('gives the same Posterior whatever it is', async () => {
    const target = defineModel({
      name: 'normal',
      data: { y: [1, 2, 3] },
      parameters: { mu: real() },
      logPrior: ({ mu }) => normal.logDensity(mu, 0, 10),
      logLikelihood: ({ mu }, { y }) => normal.logDensity(y, mu, 1),
    });
    const [mean, sd] = [6 / 3.01, 1 / Math.sqrt(3.01)];
    for (const name of ['nuts', 'hmc', 'advi', 'pathfinder'] as const) {
      const posterior = await fit(target, { method: name, seed: 2 });
      expect(posterior.method.method.name).toBe(name);
      const draws = posterior.element('mu').flatMap((chain) => [...chain]);
      expect(draws.length).toBe(posterior.chains * posterior.draws);
      const average = draws.reduce((sum, x) => sum + x / draws.length, 0);
      // Even with an effective size of a tenth of the draws.
      expect(Math.abs(average - mean) / (sd / Math.sqrt(draws.length / 10))).toBeLessThan(4);
    }
  });
});
