// The posterior predictive check of part of the observations: theirs, and said so.
import { describe, expect, it } from 'vitest';
import { PredictiveCollector } from '../../src/cli/fit/predictiveCheck.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import { declaredModel } from '../../src/models/linearHierarchy/declaredModel.js';
import type { Model } from '../../src/models/model.js';
import { hierarchyExample } from '../models/hierarchyExample.js';
import { quantityOf } from '../models/evaluateModel.js';
import { positionBlocks } from '../../src/inference/compiledModel.js';

const model = declaredModel(
  hierarchyExample({ terms: [{ slopes: 1, levels: [{ groups: 40 }], rowsOf: () => 50 }], seed: 'replicated' }),
) as Model & { readonly observed: NonNullable<Model['observed']> };
const all = model.observed.values.length;
const sizes = { seed: 3, chains: 2, draws: 20 };
const position = Float64Array.from(
  { length: positionBlocks(model).reduce((sum, { size }) => sum + size, 0) },
  (_, i) => (i === 0 ? -3 : 0.3 * Math.sin(i)),
);

async function check(most?: number) {
  const collector = (await PredictiveCollector.open(model, cpuDevice(), sizes, new Map(), most))!;
  for (const chain of [0, 1]) for (let draw = 0; draw < sizes.draws; draw++) collector.offer(chain, draw, position);
  await collector.dispose();
  return collector.result();
}

describe('observations', () => {
  it('are all replicated where they are few', async () => {
    const { part, replicated } = await check(all);
    expect(part).toBeUndefined();
    expect(replicated).toHaveLength(40);
  });

  it('are replicated in part where they are many, each from its own prediction', async () => {
    const most = 500;
    const { part, replicated, statistics } = await check(most);
    expect(part).toEqual({ observations: most, of: all });
    expect(replicated).toHaveLength(40);
    // With errors of e^−3 the replicated data are the predictions, near enough.
    const predicted = (await (await quantityOf(model, 'predict'))(position)).values().next().value!;
    const mean = predicted.reduce((sum, value) => sum + value, 0) / all;
    const sd = Math.sqrt(predicted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (all - 1));
    const figures = new Map(statistics.map(({ name, q50 }) => [name, q50]));
    const error = sd / Math.sqrt(most);
    expect(Math.abs(figures.get('mean')! - mean)).toBeLessThan(4 * error);
    expect(Math.abs(figures.get('sd')! / sd - 1)).toBeLessThan(0.15);
  });

  it('are the same with the same seed', async () => {
    expect(await check(300)).toEqual(await check(300));
  });
});
