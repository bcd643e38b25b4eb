// Fitted models before rows that they were not fitted to: the same numbers on the same rows, and new groups worked out by hand.
import { beforeAll, describe, expect, it } from 'vitest';
import { type Column, factorFromLabels, type Table, tableOf } from '../../src/data/table.js';
import { positionBlocks } from '../../src/inference/index.js';
import type { HeldOutModel, PreparedModel } from '../../src/models/modelEntry.js';
import type { ModelSection } from '../../src/data/configSchema.js';
import { models } from '../../src/models/registry.js';
import { quantityOf } from './evaluateModel.js';
import { randomNumbers } from './random.js';

interface Row {
  readonly market: string;
  readonly unit: string;
  readonly y: number;
  readonly n: number;
  readonly x: number;
  readonly x2: number;
  readonly z: number;
  readonly w: number;
  readonly kind: string;
}

const markets: Readonly<Record<string, number>> = { m1: 1, m2: 3, m3: -2, m4: 0.5 };
const units: Readonly<Record<string, [market: string, z: number]>> = {
  a: ['m1', 0.4],
  b: ['m1', -1],
  c: ['m2', 2],
  d: ['m3', 0.7],
  e: ['m2', 1.5],
  new: ['m1', 0.9],
  newer: ['m4', -0.6],
};

function rowsOf(names: readonly string[], perUnit: number, seed: number): Row[] {
  const random = randomNumbers(seed);
  return names.flatMap((unit) =>
    Array.from({ length: perUnit }, (_, i): Row => {
      const [market, z] = units[unit];
      const y = Math.floor(4 * random.uniform());
      return {
        market,
        unit,
        y,
        n: y + 1,
        x: random.normal(),
        x2: random.normal(),
        z,
        w: markets[market],
        kind: ['p', 'q', 'r'][i % 3],
      };
    }),
  );
}

function table(rows: readonly Row[]): Table {
  const columns = Object.keys(rows[0]).map((name): Column => {
    const values = rows.map((row) => row[name as keyof Row]);
    return typeof values[0] === 'number'
      ? { kind: 'number', name, values: Float64Array.from(values as number[]) }
      : factorFromLabels(name, values as string[]);
  });
  return tableOf('rows', columns);
}

// Rows of a unit lie apart, and not in the order of the units.
const seen = rowsOf(['e', 'a', 'd', 'c', 'b'], 6, 1).sort((one, other) => one.x - other.x);
const other = rowsOf(['c', 'newer', 'a', 'new'], 3, 2);

const section = (settings: object): ModelSection => {
  const { schema } = models[(settings as { name: string }).name];
  return schema.parse(settings);
};
const threeLevel = { name: 'three-level', response: 'y', unit: 'unit', market: 'market', x: ['x'], z: ['z'], w: ['w'] };
const variants: Readonly<Record<string, object>> = {
  'three levels': threeLevel,
  'full covariances, standardised': { ...threeLevel, covariance: 'full' },
  'two levels': { ...threeLevel, market: undefined, w: [], standardise: false },
  studentT: { ...threeLevel, family: 'studentT' },
  poisson: { ...threeLevel, family: 'poisson', exposure: 'n' },
  negativeBinomial: { ...threeLevel, family: 'negativeBinomial' },
  binomial: { ...threeLevel, family: 'binomial', trials: 'n' },
  hbmmm: {
    name: 'hbmmm',
    response: 'y',
    consumer: 'unit',
    market: 'market',
    channels: ['x'],
    controls: ['x2'],
    traits: ['z'],
  },
  'hbmmm, full': {
    name: 'hbmmm',
    response: 'y',
    consumer: 'unit',
    market: 'market',
    channels: ['x'],
    controls: ['x2'],
    traits: ['z'],
    covariance: { consumer: 'full' },
  },
  regression: { name: 'regression', response: 'y', x: ['x', 'w'], categories: ['kind'] },
};

function positionOf({ model }: Pick<PreparedModel, 'model'>, seed: number): Float64Array {
  const random = randomNumbers(seed);
  const dimension = positionBlocks(model).reduce((sum, { size }) => sum + size, 0);
  return Float64Array.from({ length: dimension }, () => 0.5 * random.normal());
}

async function ofRows(held: Pick<HeldOutModel, 'model'>, quantity: 'predict' | 'logLikelihood', at: Float64Array) {
  return (await (await quantityOf(held.model, quantity))(at)).get(quantity)!;
}

describe.each(Object.keys(variants))('%s', (name) => {
  it('gives on the rows of the fit what the model gives', async () => {
    const own = section(variants[name]);
    const prepared = models[own.name].prepare(table(seen), own);
    const at = positionOf(prepared, 5);
    const held = prepared.onRows(table(seen));
    expect(held.notes).toEqual([]);
    expect(held.model.observed.values).toEqual(Float64Array.from(seen, ({ y }) => y));
    for (const quantity of ['predict', 'logLikelihood'] as const) {
      // The model has its own order of rows.
      const [before, after] = [await ofRows(prepared, quantity, at), await ofRows(held, quantity, at)];
      const sorted = [before, after].map((values) => values.slice().sort());
      for (let i = 0; i < seen.length; i++) expect(sorted[1][i]).toBeCloseTo(sorted[0][i], 9);
    }
  });
});

describe('units and markets that the fit did not see', () => {
  const own = section({ ...threeLevel, standardise: false });
  const prepared = models['three-level'].prepare(table(seen), own);
  const held = prepared.onRows(table(other));
  let sites: ReadonlyMap<string, Float64Array>;
  const at = positionOf(prepared, 7);

  beforeAll(async () => {
    sites = await (await quantityOf(prepared.model, 'sites'))(at);
  });

  /** Coefficients [Intercept, x] of a unit: its own, or Γ_j [1, z], or (Δ [1, w]) [1, z]. */
  function coefficients({ unit, market, z, w }: Row): number[] {
    const known = ['a', 'b', 'c', 'e', 'd'].indexOf(unit);
    if (known >= 0) return [...sites.get('beta')!.slice(2 * known, 2 * known + 2)];
    const place = ['m1', 'm2', 'm3'].indexOf(market);
    const delta = sites.get('delta')!;
    const gamma =
      place >= 0
        ? sites.get('gamma')!.slice(4 * place, 4 * place + 4)
        : [0, 1, 2, 3].map((i) => delta[2 * i] + delta[2 * i + 1] * w);
    return [gamma[0] + gamma[1] * z, gamma[2] + gamma[3] * z];
  }

  it('stand at the means that their parents give them', async () => {
    const predicted = await ofRows(held, 'predict', at);
    for (const [i, row] of other.entries()) {
      const [intercept, slope] = coefficients(row);
      expect(predicted[i], row.unit).toBeCloseTo(intercept + slope * row.x, 9);
    }
    expect(held.notes).toEqual([
      '6 held-out rows belong to 2 units that the fit did not see, 1 of them in a new market: predicted at the mean that their market and covariates give, with the spread of units about it where errors are normal.',
    ]);
  });

  it('have the spread of units in their variance', async () => {
    const density = await ofRows(held, 'logLikelihood', at);
    const [sigma] = sites.get('sigma')!;
    const [first, second] = sites.get('sigma_u')!;
    for (const [i, row] of other.entries()) {
      const [intercept, slope] = coefficients(row);
      const isNew = row.unit.startsWith('new');
      const variance = sigma ** 2 + (isNew ? first ** 2 + (second * row.x) ** 2 : 0);
      const error = row.y - intercept - slope * row.x;
      expect(density[i], row.unit).toBeCloseTo(-0.5 * (Math.log(2 * Math.PI * variance) + error ** 2 / variance), 9);
    }
  });

  it.each(['hbmmm', 'hbmmm, full'])('of %s stand at the population with their traits', async (name) => {
    const settings = section(variants[name]);
    const fitted = models.hbmmm.prepare(table(seen), settings);
    const before = fitted.onRows(table(other));
    const place = positionOf(fitted, 11);
    const values = await (await quantityOf(fitted.model, 'sites'))(place);
    const [alpha, beta, theta, gamma] = ['mu_alpha', 'mu_beta', 'theta', 'mu_gamma'].map(
      (site) => values.get(site)![0],
    );
    const predicted = await ofRows(before, 'predict', place);
    const density = await ofRows(before, 'logLikelihood', place);
    const seenTraits = ['a', 'b', 'c', 'd', 'e'].map((unit) => units[unit][1]);
    const mean = seenTraits.reduce((sum, z) => sum + z / 5, 0);
    const at = (unit: string): number[] => other.flatMap((row, i) => (row.unit === unit ? [i] : []));
    for (const i of at('newer')) {
      const { x, x2, z } = other[i];
      expect(predicted[i]).toBeCloseTo(alpha + (beta + theta * (z - mean)) * x + gamma * x2, 9);
    }
    // A new consumer varies more than the errors alone.
    const sigma = values.get('sigma')![0];
    const [i] = at('new');
    const error = other[i].y - predicted[i];
    const alone = -0.5 * Math.log(2 * Math.PI * sigma ** 2) - 0.5 * (error / sigma) ** 2;
    const spread = values.get('sigma_alpha')![0] ** 2 + (values.get('sigma_eta')![0] * other[i].x) ** 2;
    expect(density[i]).not.toBeCloseTo(alone, 4);
    if (name === 'hbmmm') {
      const variance = sigma ** 2 + spread;
      expect(density[i]).toBeCloseTo(-0.5 * Math.log(2 * Math.PI * variance) - (0.5 * error ** 2) / variance, 9);
    }
  });

  it('of a category are at the average, with the spread of its levels', async () => {
    const settings = section(variants.regression);
    const fitted = models.regression.prepare(
      table(seen.map((row) => ({ ...row, kind: row.kind === 'r' ? 'p' : row.kind }))),
      settings,
    );
    const before = fitted.onRows(table(other));
    const place = positionOf(fitted, 9);
    const values = await (await quantityOf(fitted.model, 'sites'))(place);
    const predicted = await ofRows(before, 'predict', place);
    const [intercept] = values.get('intercept')!;
    const [x, w] = values.get('coefficient')!;
    const effects = values.get('effect_kind')!;
    const density = await ofRows(before, 'logLikelihood', place);
    // Two levels: the variance of the effects about 0, and once more half of it.
    const spread = (effects[0] ** 2 + effects[1] ** 2) * 1.5;
    for (const [i, row] of other.entries()) {
      const effect = row.kind === 'r' ? 0 : effects[['p', 'q'].indexOf(row.kind)];
      const mean = intercept + x * row.x + w * row.w + effect;
      expect(predicted[i]).toBeCloseTo(mean, 9);
      const variance = values.get('sigma')![0] ** 2 + (row.kind === 'r' ? spread : 0);
      expect(density[i]).toBeCloseTo(-0.5 * (Math.log(2 * Math.PI * variance) + (row.y - mean) ** 2 / variance), 9);
    }
    expect(before.notes).toEqual([
      '4 held-out rows have levels of kind that the fit did not see (r): effect 0, the average of those it saw, with their spread about it where errors are normal.',
    ]);
  });
});
