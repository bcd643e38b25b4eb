// Fits of simulated consumers recover the truth: standardised errors of every scalar, over seeds; and the margins of the published table.
import { describe, expect, it } from 'vitest';
import { quantile } from '../../../src/diagnostics/index.js';
import { fit } from '../../../src/inference/fit.js';
import { scalarNames } from '../../../src/data/run/names.js';
import { isFixedElement } from '../../../src/models/model.js';
import { models } from '../../../src/models/registry.js';
import type { SimulatedData } from '../../../src/models/simulation.js';
import { portableRandom } from '../../../src/cli/simulation/portableRandom.js';
import { tableOfBlocks } from '../simulatedTable.js';

const entry = models.hbmmm;

function simulate(settings: Readonly<Record<string, number | string>>, seed: number): SimulatedData {
  const { options, plan } = entry.simulator!;
  const usual = Object.entries(options).map(([name, own]): [string, number | string | undefined] => [
    name,
    own.default,
  ]);
  return plan({ ...Object.fromEntries(usual), ...settings })(portableRandom(seed));
}

const section = (settings: object) =>
  entry.schema.parse({
    name: 'hbmmm',
    response: 'log_purchases',
    consumer: 'consumer',
    market: 'market',
    channels: ['tv', 'digital'],
    controls: ['confidence', 'competition'],
    traits: ['age', 'income'],
    ...settings,
  });

describe('recovery', () => {
  it.each(['diagonal', 'full'])(
    '%s covariances: 90 % intervals hold 90 % of the true values',
    { timeout: 240_000 },
    async (covariance) => {
      const inside = new Map<string, number[]>();
      for (const seed of [1, 2, 3]) {
        const size = { consumers: 360, markets: 15, months: 20, channels: 2, covariance };
        const { blocks, truth } = simulate(size, seed);
        const { model } = entry.prepare(tableOfBlocks(blocks), section({ covariance }));
        const posterior = await fit(model, { method: 'marginal', seed, chains: 2, warmup: 150, draws: 200 });
        const known = new Map(truth.map(({ name, value }) => [name, value]));
        let compared = 0;
        for (const site of model.sites) {
          const label = site.level === 'population' ? 'population' : site.name;
          for (const [element, name] of [...scalarNames(site, model.coords)].entries()) {
            if (isFixedElement(site, element)) continue;
            expect(known.has(name), name).toBe(true);
            compared++;
            const values = Float64Array.from(posterior.element(site.name, element).flatMap((chain) => [...chain]));
            const [low, high] = [quantile(values, 0.05), quantile(values, 0.95)];
            const value = known.get(name)!;
            inside.set(label, [...(inside.get(label) ?? []), Number(value > low && value < high)]);
          }
        }
        expect(compared).toBe(truth.length);
      }
      for (const [label, hits] of inside) {
        const share = hits.reduce((sum, hit) => sum + hit, 0) / hits.length;
        // Scalars of one fit depend on each other through its scales: four standard errors of half as many.
        const error = Math.sqrt((0.9 * 0.1) / (hits.length / 2));
        expect(Math.abs(share - 0.9), `${label} ${share}`).toBeLessThan(4 * error);
      }
    },
  );
});

describe('simulated consumers', () => {
  /** Moments of a column over all rows. */
  function moments(blocks: SimulatedData['blocks']) {
    const found = new Map<string, number[]>();
    for (const block of blocks)
      for (const column of block)
        if ('values' in column) {
          const own = found.get(column.name) ?? [];
          for (const value of column.values) own.push(value as number);
          found.set(column.name, own);
        }
    return (name: string) => {
      const values = found.get(name)!;
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const sd = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
      return { mean, sd, min: values.reduce((a, b) => Math.min(a, b)), max: values.reduce((a, b) => Math.max(a, b)) };
    };
  }

  // 000 Table 5: mean, standard deviation, least, largest.
  const table: Readonly<Record<string, readonly [number, number, number, number]>> = {
    purchases: [127.84, 215.63, 0, 2500],
    tv: [12.37, 8.92, 0, 78],
    digital: [45.63, 32.18, 0, 352],
    email: [3.82, 2.75, 0, 25],
    social: [6.41, 5.87, 0, 62],
    age: [38.72, 13.45, 18, 80],
    income: [72.56, 41.23, 20, 250],
  };

  it('have the margins of the published table where these are asked for, and no truth', () => {
    const { blocks, truth } = simulate({ consumers: 12_000, markets: 40, months: 12, margins: 'paper' }, 1);
    const of = moments(blocks);
    expect(truth).toEqual([]);
    for (const [name, [mean, sd, least, most]] of Object.entries(table)) {
      const found = of(name);
      // What is cut off at the largest value takes a little of the spread; purchases are a rough imitation.
      const tolerance = name === 'purchases' ? 0.12 : 0.05;
      expect(Math.abs(found.mean / mean - 1), `${name} mean ${found.mean}`).toBeLessThan(tolerance);
      expect(Math.abs(found.sd / sd - 1), `${name} sd ${found.sd}`).toBeLessThan(tolerance);
      expect(found.min).toBeGreaterThanOrEqual(least);
      expect(found.max).toBeLessThanOrEqual(most);
    }
    expect(of('purchases').min).toBe(0);
  });

  it('have the share of variance that is asked for', () => {
    for (const r2 of [0.3, 0.684]) {
      const { blocks, truth } = simulate({ consumers: 3000, markets: 200, months: 12, r2 }, 2);
      const sigma = truth.find(({ name }) => name === 'sigma')!.value;
      const { sd } = moments(blocks)('log_purchases');
      expect(Math.abs(1 - (sigma / sd) ** 2 - r2)).toBeLessThan(0.04);
    }
  });

  it('fill blocks whose rows are those of consumers one after another', () => {
    const { blocks, rows } = simulate({ consumers: 6000, markets: 5, months: 24 }, 3);
    let count = 0;
    for (const block of blocks) {
      const months = block.find(({ name }) => name === 'month')!;
      if (!('values' in months)) throw new Error('months are numbers');
      for (const month of months.values) expect(month).toBe((count++ % 24) + 1);
    }
    expect(count).toBe(rows);
  });
});
