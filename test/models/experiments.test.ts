// Many experiments: effects in units of the outcome, the paper's priors, refusals, and known truth over several seeds.
import { describe, expect, it } from 'vitest';
import { portableRandom } from '../../src/cli/simulation/portableRandom.js';
import { scalarNames } from '../../src/data/run/names.js';
import { factorFromLabels, type Table, tableOf } from '../../src/data/table.js';
import { quantile } from '../../src/diagnostics/index.js';
import { fit } from '../../src/inference/fit.js';
import { positionBlocks } from '../../src/inference/index.js';
import { type ExperimentColumns, experimentsData } from '../../src/models/experiments/data.js';
import { experimentsModel } from '../../src/models/experiments/model.js';
import { experimentsSimulator } from '../../src/models/experiments/simulator.js';
import { isFixedElement } from '../../src/models/model.js';
import type { SimulationSettings } from '../../src/models/simulation.js';
import { inputError } from '../data/inputFiles.js';
import { quantityOf } from './evaluateModel.js';
import { randomNumbers } from './random.js';
import { tableOfBlocks } from './simulatedTable.js';

const plain: ExperimentColumns = {
  response: 'y',
  treatment: 'treated',
  customer: 'who',
  campaign: 'campaign',
  week: 'week',
  x: ['use'],
  moderators: ['age'],
  segments: ['region'],
  activityClasses: 7,
  exposure: false,
  share: false,
};

/** 60 rows of 15 customers in 3 campaigns and 4 weeks. */
function rows(treatment: (row: number) => number = (row) => ((row * 7) % 5 < 3 ? 1 : 0)): Table {
  const random = randomNumbers('experiments');
  const numbers = (name: string, of: (row: number) => number) => ({
    kind: 'number' as const,
    name,
    values: Float64Array.from({ length: 60 }, (_, row) => of(row)),
  });
  const labels = (name: string, of: (row: number) => string) =>
    factorFromLabels(
      name,
      Array.from({ length: 60 }, (_, row) => of(row)),
    );
  return tableOf('rows.csv', [
    numbers('y', () => 10 * random.uniform()),
    numbers('use', () => random.uniform()),
    numbers('age', (row) => 20 + ((row * 11) % 40)),
    numbers('treated', treatment),
    labels('who', (row) => `p${row % 15}`),
    labels('campaign', (row) => `c${(row * 5) % 3}`),
    labels('week', (row) => String(1 + Math.floor(row / 15))),
    labels('region', (row) => ['north', 'south'][row % 2]),
  ]);
}

describe('effects', () => {
  it.each([
    ['with effects of customers', {}],
    ['without', { customerEffects: false }],
  ])('are the differences between treated and untreated, %s', async (_, more) => {
    const section = { ...plain, ...more };
    const asTreated = experimentsModel({ ...experimentsData(rows(), section), w: new Float64Array(60).fill(1) });
    const asControl = experimentsModel({ ...experimentsData(rows(), section), w: new Float64Array(60).fill(-1) });
    const dimension = (await import('../../src/inference/index.js'))
      .positionBlocks(asTreated)
      .reduce((n, { size }) => n + size, 0);
    const position = randomNumbers('position').normals(dimension);
    const [treated, control] = await Promise.all(
      [asTreated, asControl].map(
        async (model) => [...(await (await quantityOf(model, 'predict'))(position)).values()][0],
      ),
    );
    const sites = await (await quantityOf(asTreated, 'sites'))(position);
    const effects = treated.map((own, row) => own - control[row]);
    const average = effects.reduce((sum, own) => sum + own / 60, 0);
    expect(sites.get('average_effect')![0]).toBeCloseTo(average, 9);
    const data = experimentsData(rows(), section);
    const [tau, slope] = [sites.get('effect')![0], sites.get('effect_slope')![0]];
    const ofCustomer = sites.get('effect_of_customer');
    for (let row = 0; row < 60; row++) {
      let expected = slope * data.moderators[0].values[row];
      for (const { name, codes } of data.sets) expected += sites.get(`effect_${name}`)![codes[row]] - tau;
      const who = data.customers?.rowStart.findLastIndex((start) => start <= row) ?? -1;
      expected += ofCustomer === undefined ? tau : ofCustomer[who];
      expect(effects[row]).toBeCloseTo(expected, 9);
    }
    const campaigns = sites.get('effect_campaign')!;
    expect(campaigns.reduce((sum, own) => sum + own, 0) / campaigns.length).toBeCloseTo(tau, 9);
  });

  it('have the standard deviations of their parts over rows and customers', async () => {
    const data = experimentsData(rows(), plain);
    const model = experimentsModel(data);
    const dimension = positionBlocks(model).reduce((sum, { size }) => sum + size, 0);
    const sites = await (await quantityOf(model, 'sites'))(randomNumbers('spread').normals(dimension));
    const sd = (values: readonly number[], divisor: number): number => {
      const mean = values.reduce((sum, own) => sum + own, 0) / values.length;
      return Math.sqrt(values.reduce((sum, own) => sum + (own - mean) ** 2, 0) / divisor);
    };
    const ofRows = (set: string): number[] => {
      const { codes } = data.sets.find(({ name }) => name === set)!;
      return Array.from(codes, (code) => sites.get(`effect_${set}`)![code]);
    };
    const slope = sites.get('effect_slope')![0];
    const observed = ofRows('region').map((own, row) => own + slope * data.moderators[0].values[row]);
    const expected = [
      sd([...sites.get('effect_of_customer')!], 14),
      sd(observed, 60),
      sd(ofRows('week'), 60),
      sd(ofRows('campaign'), 60),
    ];
    const total = expected.reduce((sum, own) => sum + own);
    for (const [c, value] of expected.entries()) {
      expect(sites.get('spread')![c]).toBeCloseTo(value, 5);
      expect(sites.get('share_of_spread')![c]).toBeCloseTo(value / total, 5);
    }
  });
});

it('has the priors of the paper unless others are set', async () => {
  const data = experimentsData(rows(), plain);
  const priors = (model: ReturnType<typeof experimentsModel>) =>
    model.description.priors.map(({ site, prior }) => `${site} ${prior}`);
  expect(priors(experimentsModel(data))).toEqual([
    'sigma precisionGamma(0.1, 0.1)',
    'theta normal(0, 31.6228)',
    'sigma_u inverseWishart(4, 1) with its correlations',
  ]);
  const set = {
    sigma_u: { family: 'halfNormal', parameters: [2] },
    corr_u: { family: 'lkj', parameters: [3] },
  } as const;
  expect(priors(experimentsModel(data, { priors: set }))).toContain('corr_u lkj(3)');
  const wrong = { theta: { family: 'studentT', parameters: [3, 0, 1] } } as const;
  const { message } = await inputError(() => experimentsModel(data, { priors: wrong }));
  expect(message).toBe('model.priors.theta: must be normal(0, sd), not studentT(3, 0, 1)');
});

describe('refusals', () => {
  const refused = async (table: Table, section: ExperimentColumns): Promise<string> =>
    (await inputError(() => experimentsData(table, section))).message;

  it('effects of customers with one row each', async () => {
    const { columns } = rows();
    const once = factorFromLabels(
      'who',
      Array.from({ length: 60 }, (_, row) => `p${row}`),
    );
    const table = tableOf(
      'rows.csv',
      [...columns.values()].map((own) => (own.name === 'who' ? once : own)),
    );
    expect(await refused(table, plain)).toBe(
      'model.customerEffects: no customer of rows.csv has two rows, so effects of customers cannot be told from errors; set customerEffects: false',
    );
    expect(experimentsData(table, { ...plain, customerEffects: false }).customers).toBeNull();
  });

  it('a treatment that is not 0 and 1', async () => {
    expect(
      await refused(
        rows((row) => (row === 4 ? 2 : 1)),
        plain,
      ),
    ).toBe("rows.csv: column 'treated' (model.treatment), row 5: 2 is neither 0 (control) nor 1 (treated)");
    expect(
      await refused(
        rows(() => 1),
        plain,
      ),
    ).toContain('effects need treated rows and controls');
  });

  it('a set of one level, a constant column, weeks that do not count', async () => {
    const { columns } = rows();
    const replaced = (name: string, label: (row: number) => string): Table =>
      tableOf(
        'rows.csv',
        [...columns.values()].map((own) =>
          own.name === name
            ? factorFromLabels(
                name,
                Array.from({ length: 60 }, (_, row) => label(row)),
              )
            : own,
        ),
      );
    expect(
      await refused(
        replaced('campaign', () => 'only'),
        plain,
      ),
    ).toBe('model.campaign: all rows of rows.csv have one campaign, only; leave it out');
    expect(
      await refused(
        replaced('week', (row) => ['spring', 'autumn'][row % 2]),
        plain,
      ),
    ).toContain("holds 'autumn'");
    expect(await refused(rows(), { ...plain, x: ['nothing'] })).toContain("has no column 'nothing'");
  });
});

it('finds known truth over several seeds, in its intervals as often as it should', { timeout: 200_000 }, async () => {
  const options = { customers: 250, weeks: 12, campaigns: 6, interventions: 8, sigma: 4 };
  const usual = Object.entries(experimentsSimulator.options).map(([name, own]) => [name, own.default]);
  let [inside, count, worst] = [0, 0, 0];
  for (const seed of [1, 2, 3, 4]) {
    const settings = { ...Object.fromEntries(usual), ...options } as SimulationSettings;
    const simulated = experimentsSimulator.plan(settings)(portableRandom(seed));
    const truth = new Map(simulated.truth.map(({ name, value }) => [name, value]));
    const names = ['usage_7', 'usage_14', 'usage_30', 'usage_rolling'];
    const table = asLabels(tableOfBlocks(simulated.blocks), ['week', 'customer']);
    const section: ExperimentColumns = {
      ...plain,
      response: 'change',
      customer: 'customer',
      x: names,
      moderators: [],
      segments: [],
      activity: 'usage_rolling',
      exposure: true,
      share: true,
    };
    const model = experimentsModel(experimentsData(table, section));
    const posterior = await fit(model, { method: 'gibbs', chains: 2, warmup: 400, draws: 600, seed });
    for (const site of model.sites.filter(({ name }) => !name.includes('of_customer') && !name.includes('spread'))) {
      for (const [element, name] of [...scalarNames(site, model.coords)].entries()) {
        if (isFixedElement(site, element)) continue;
        const draws = Float64Array.from(posterior.element(site.name, element).flatMap((chain) => [...chain]));
        const value = truth.get(name)!;
        const [low, middle, high] = [0.05, 0.5, 0.95].map((p) => quantile(draws, p));
        count++;
        if (value >= low && value <= high) inside++;
        // Correlations of so few customers are far from normal.
        if (site.name !== 'corr_u') worst = Math.max(worst, Math.abs(value - middle) / (high - low));
      }
    }
  }
  // Effects of one seed depend on each other: 90 % with a standard error of about 2.
  expect(inside / count).toBeGreaterThan(0.84);
  expect(inside / count).toBeLessThan(0.96);
  expect(worst).toBeLessThan(1.4);
});

function asLabels(table: Table, names: readonly string[]): Table {
  return tableOf(
    table.source,
    [...table.columns.values()].map((own) =>
      own.kind === 'number' && names.includes(own.name)
        ? factorFromLabels(own.name, Array.from(own.values, String))
        : own,
    ),
  );
}

describe('the simulator', () => {
  it('treats 79 % of customers, unevenly often, at most once a week, and repeatedly', () => {
    const settings = Object.fromEntries(
      Object.entries(experimentsSimulator.options).map(([name, own]) => [name, own.default]),
    );
    const table = tableOfBlocks(experimentsSimulator.plan({ ...settings, customers: 800 })(portableRandom(3)).blocks);
    const numbers = (name: string): Float64Array => {
      const column = table.columns.get(name)!;
      return column.kind === 'number' ? column.values : Float64Array.from(column.codes);
    };
    const treated = numbers('treated');
    expect(treated.reduce((sum, own) => sum + own, 0) / treated.length).toBeCloseTo(0.785, 1);
    expect(table.rows / 800).toBeGreaterThan(25);
    expect(table.rows / 800).toBeLessThan(31);
    const names = experimentsSimulator.plan({ ...settings, customers: 800, margins: 'paper' })(portableRandom(3));
    expect(names.truth).toEqual([]);
    const paper = tableOfBlocks(names.blocks);
    const next = paper.columns.get('recharge_next')!;
    const values = next.kind === 'number' ? next.values : new Float64Array();
    expect(Math.min(...values)).toBe(0);
    const mean = values.reduce((sum, own) => sum + own / values.length, 0);
    // Table 2: 87.56 over customers, of whom the active have more rows here.
    expect(mean).toBeGreaterThan(60);
    expect(mean).toBeLessThan(130);
  });
});
