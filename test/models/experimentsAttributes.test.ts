// Campaigns drawn around a regression on their attributes: reported effects, known truth, the same by every method, new campaigns, refusals.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/data/config.js';
import { scalarNames } from '../../src/data/run/names.js';
import { factorFromLabels, type Table, tableOf } from '../../src/data/table.js';
import { mcseMean, rhat } from '../../src/diagnostics/index.js';
import { fit } from '../../src/inference/fit.js';
import { positionBlocks } from '../../src/inference/index.js';
import { experimentsData } from '../../src/models/experiments/data.js';
import { experimentsEntry } from '../../src/models/experiments/entry.js';
import { experimentsModel } from '../../src/models/experiments/model.js';
import { models } from '../../src/models/registry.js';
import { hierax } from '../cli/hierax.js';
import { jsonOf } from '../cli/runFiles.js';
import { inputError, temporaryFolder } from '../data/inputFiles.js';
import { quantityOf } from './evaluateModel.js';
import { randomNumbers } from './random.js';

const section = (more: object = {}) =>
  experimentsEntry.schema.parse({
    name: 'experiments',
    response: 'y',
    treatment: 'treated',
    customer: 'who',
    campaign: 'campaign',
    segments: ['region'],
    campaignAttributes: ['depth', 'goal'],
    ...more,
  });

const goals = ['ask', 'buy', 'call'];
/** Half the effect of a unit of depth, and of each goal about their average; the same on the baseline, doubled. */
const truth = { depth: 0.5, goal: [0.6, 0, -0.6], deviation: 0.25, sigma: 1 };

/** Campaigns of a depth and a goal; errors of 1, customers who differ by 0.3, and campaigns by 0.25 about what attributes give. */
function simulated(seed: string, campaigns: number, rows: number): Table {
  const random = randomNumbers(seed);
  const normals = (count: number, sd: number) => Array.from({ length: count }, () => sd * random.normal());
  const [own, depth] = [normals(50, 0.3), normals(campaigns, 1)];
  const goal = depth.map(() => Math.floor(3 * random.uniform()));
  const [effect, baseline] = [1, 2].map((times) =>
    depth.map((x, c) => times * (truth.depth * x + truth.goal[goal[c]] + truth.deviation * random.normal())),
  );
  const drawn = Array.from({ length: rows }, (_, row) => {
    const c = Math.floor(campaigns * random.uniform());
    const treated = Number(random.uniform() < 0.6);
    const tau = 0.2 + effect[c] + own[row % 50];
    const y = 5 + baseline[c] + (treated === 1 ? tau : -tau) + truth.sigma * random.normal();
    return { y, treated, c, who: `p${row % 50}`, region: ['north', 'south'][(row >> 3) % 2] };
  });
  const number = (name: 'y' | 'treated') => ({
    kind: 'number' as const,
    name,
    values: Float64Array.from(drawn, (row) => row[name]),
  });
  const label = (name: string, of: (row: (typeof drawn)[number]) => string) => factorFromLabels(name, drawn.map(of));
  return tableOf('rows', [
    number('y'),
    number('treated'),
    label('who', ({ who }) => who),
    label('region', ({ region }) => region),
    label('campaign', ({ c }) => `c${100 + c}`),
    label('depth', ({ c }) => String(depth[c])),
    label('goal', ({ c }) => goals[goal[c]]),
  ]);
}

const rowsWhere = (
  table: Table,
  keep: (row: number) => boolean,
  change: Readonly<Record<string, string>> = {},
): Table => {
  const rows = Array.from({ length: table.rows }, (_, row) => row).filter(keep);
  return tableOf(
    table.source,
    [...table.columns.values()].map((own) =>
      own.kind === 'number'
        ? { ...own, values: Float64Array.from(rows, (row) => own.values[row]) }
        : factorFromLabels(
            own.name,
            rows.map((row) => change[own.name] ?? own.levels[own.codes[row]]),
          ),
    ),
  );
};

const meanOf = (chains: readonly Float64Array[]): number =>
  chains.reduce((sum, chain) => sum + chain.reduce((own, x) => own + x / chain.length, 0) / chains.length, 0);

it.each([{}, { customerEffects: false }])(
  'effects are the differences between treated and untreated: %j',
  async (more) => {
    const data = experimentsData(simulated('effects', 8, 300), section(more));
    const [treated, control] = [1, -1].map((w) => experimentsModel({ ...data, w: new Float64Array(300).fill(w) }));
    const dimension = positionBlocks(treated).reduce((sum, { size }) => sum + size, 0);
    const at = randomNumbers('position').normals(dimension);
    const [one, other] = await Promise.all(
      [treated, control].map(async (model) => (await (await quantityOf(model, 'predict'))(at)).get('predict')!),
    );
    const sites = await (await quantityOf(treated, 'sites'))(at);
    const [tau] = sites.get('effect')!;
    const campaigns = sites.get('effect_campaign')!;
    expect(campaigns.reduce((sum, own) => sum + own / 8, 0)).toBeCloseTo(tau, 9);
    for (let row = 0; row < 300; row++) {
      const [region, campaign] = ['region', 'campaign'].map((name) => {
        return sites.get(`effect_${name}`)![data.sets.find((set) => set.name === name)!.codes[row]] - tau;
      });
      const who = data.customers?.rowStart.findLastIndex((start) => start <= row) ?? -1;
      const base = who < 0 ? tau : sites.get('effect_of_customer')![who];
      expect(one[row] - other[row]).toBeCloseTo(base + region + campaign, 9);
    }
  },
);

it('is the same by every method', { timeout: 300_000 }, async () => {
  const data = experimentsData(simulated('methods', 12, 400), section());
  const priors = { sigma_u: { family: 'halfNormal', parameters: [0.5] } } as const;
  const model = experimentsModel(data, {
    priors: { ...priors, sigma_campaign: { family: 'halfNormal', parameters: [1] } },
  });
  const nuts = await fit(model, {
    method: 'nuts',
    warmup: 800,
    draws: 1500,
    seed: 1,
    chains: 2,
    targetAcceptance: 0.95,
  });
  const gibbs = await fit(model, { method: 'gibbs', warmup: 500, draws: 5000, seed: 2, chains: 2 });
  const places: [string, number][] = [
    ['effect', 0],
    ['intercept', 0],
    ['sigma_u', 0],
    ...[0, 1].map((part): [string, number] => ['sigma_campaign', part]),
    ...[0, 1, 2, 3].flatMap((at): [string, number][] => [
      ['effect_attribute', at],
      ['baseline_attribute', at],
    ]),
    ...[0, 7, 11].map((at): [string, number] => ['effect_campaign', at]),
  ];
  for (const [site, at] of places) {
    const all = [nuts, gibbs].map((own) => own.element(site, at));
    for (const own of all) expect(rhat(own), `${site} ${at}`).toBeLessThan(1.03);
    const error = Math.hypot(...all.map(mcseMean));
    expect(Math.abs(meanOf(all[0]) - meanOf(all[1])), `${site} ${at}`).toBeLessThan(4.5 * error);
  }
});

it('finds known truth over several seeds', { timeout: 300_000 }, async () => {
  const expected: Readonly<Record<string, number>> = {
    'effect_attribute[depth]': 2 * truth.depth,
    'effect_attribute[goal: ask]': 2 * truth.goal[0],
    'effect_attribute[goal: buy]': 2 * truth.goal[1],
    'effect_attribute[goal: call]': 2 * truth.goal[2],
    'baseline_attribute[depth]': 2 * truth.depth,
    'baseline_attribute[goal: call]': 2 * truth.goal[2],
    'sigma_campaign[effect]': 2 * truth.deviation,
    'sigma_campaign[baseline]': 2 * truth.deviation,
  };
  const squares: number[] = [];
  for (const seed of [1, 2, 3, 4]) {
    const model = experimentsModel(experimentsData(simulated(`truth ${seed}`, 40, 4000), section()));
    const posterior = await fit(model, { method: 'gibbs', warmup: 300, draws: 700, chains: 2, seed });
    let found = 0;
    for (const site of model.sites.filter(({ name }) => /_attribute$|^sigma_campaign$/.test(name))) {
      for (const [at, name] of [...scalarNames(site, model.coords)].entries()) {
        if (!(name in expected)) continue;
        found++;
        const draws = posterior.element(site.name, at).flatMap((chain) => [...chain]);
        const mean = draws.reduce((sum, x) => sum + x / draws.length, 0);
        const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2 / draws.length, 0);
        squares.push((mean - expected[name]) ** 2 / variance);
      }
    }
    expect(found).toBe(8);
  }
  expect(Math.sqrt(Math.max(...squares))).toBeLessThan(4);
  // Fourfold, with half of n for the dependence within a fit.
  expect(squares.reduce((sum, z) => sum + z / squares.length, 0)).toBeLessThan(1 + 4 * Math.sqrt(4 / squares.length));
});

describe('campaigns that the fit did not see', () => {
  const table = simulated('new', 30, 3000);
  const campaign = table.columns.get('campaign')!;
  const isLate = (row: number): boolean => campaign.kind === 'factor' && campaign.codes[row] >= 22;
  const [early, late] = [rowsWhere(table, (row) => !isLate(row)), rowsWhere(table, isLate)];

  const { folder, write } = temporaryFolder();
  it('are predicted by their attributes, with the spread of campaigns', { timeout: 120_000 }, async () => {
    const names = [...table.columns.keys()];
    const cell = (name: string, row: number): string => {
      const own = table.columns.get(name)!;
      return own.kind === 'number' ? String(own.values[row]) : own.levels[own.codes[row]];
    };
    const lines = Array.from({ length: table.rows }, (_, row) =>
      [Number(isLate(row)), ...names.map((name) => cell(name, row))].join(','),
    );
    write('rows.csv', `batch,${names.join(',')}\n${lines.join('\n')}\n`);
    const model = JSON.stringify({ ...section(), priors: {} });
    const out = join(folder, 'out');
    const config = `data: { file: rows.csv, holdout: { time: batch, after: 0 } }\nmodel: ${model}\nmethod: gibbs\ndraws: 400\n`;
    const { code, stderr } = await hierax('fit', write('config.yaml', config), '--out', out);
    expect(code, stderr).toBe(0);
    interface Summary {
      readonly holdout: {
        readonly rows: number;
        readonly rmse: number;
        readonly coverage95: number;
        readonly notes: string[];
      };
    }
    const { holdout } = jsonOf<Summary>(out, 'summary.json');
    expect(holdout.rows).toBe(late.rows);
    expect(holdout.notes).toEqual([
      `${late.rows} held-out rows belong to 8 campaigns that the fit did not see: predicted at what their attributes give, with the spread of campaigns about it.`,
    ]);
    // Errors, and deviations of eight campaigns; what attributes tell is 2.3 times as much.
    const { sigma, deviation } = truth;
    const expected = Math.sqrt(sigma ** 2 + 5 * deviation ** 2);
    expect(holdout.rmse / expected).toBeGreaterThan(0.85);
    expect(holdout.rmse / expected).toBeLessThan(1.3);
    expect(holdout.coverage95).toBeGreaterThan(0.88);
  });

  it('differ by the reported effects of attributes, and vary by sigma_campaign', async () => {
    const prepared = experimentsEntry.prepare(early, section());
    const dimension = positionBlocks(prepared.model).reduce((sum, { size }) => sum + size, 0);
    const at = randomNumbers('place')
      .normals(dimension)
      .map((z) => 0.5 * z);
    const sites = await (await quantityOf(prepared.model, 'sites'))(at);
    const few = rowsWhere(late, (row) => row < 40);
    const treated = few.columns.get('treated')!;
    const ofCampaign = async (depth: string, goal: string) => {
      const held = prepared.onRows(rowsWhere(few, () => true, { campaign: 'new', depth, goal }));
      const [mean, density] = await Promise.all(
        (['predict', 'logLikelihood'] as const).map(async (name) => {
          return (await (await quantityOf(held.model, name))(at)).get(name)!;
        }),
      );
      return { held, mean, density };
    };
    const [one, other] = [await ofCampaign('1', 'ask'), await ofCampaign('3', 'call')];
    const [effect, baseline] = ['effect', 'baseline'].map((part) => {
      const own = sites.get(`${part}_attribute`)!;
      return 2 * own[0] + own[3] - own[1];
    });
    const [spread, ofBaseline] = sites.get('sigma_campaign')!;
    const variance = sites.get('sigma')![0] ** 2 + (spread / 2) ** 2 + ofBaseline ** 2;
    for (let row = 0; row < 40; row++) {
      const w = treated.kind === 'number' && treated.values[row] === 1 ? 1 : -1;
      expect(other.mean[row] - one.mean[row]).toBeCloseTo(baseline + (w * effect) / 2, 9);
      const error = one.held.model.observed.values[row] - one.mean[row];
      expect(one.density[row]).toBeCloseTo(-0.5 * (Math.log(2 * Math.PI * variance) + error ** 2 / variance), 9);
    }
    const strange = await ofCampaign('1', 'nothing');
    expect(strange.held.notes[1]).toBe(
      'The fit saw no campaign with goal nothing: taken for the average of the others.',
    );
    const { message } = await inputError(() => ofCampaign('deep', 'ask'));
    expect(message).toBe("rows: column 'depth' (model.campaignAttributes) holds 'deep', where the fit saw numbers");
  });
});

describe('refusals', () => {
  const table = simulated('refused', 5, 200);
  const refused = async (more: object, of = table): Promise<string> =>
    (await inputError(() => experimentsEntry.prepare(of, section(more)))).message;

  it('say what would be right', async () => {
    const { columns } = table;
    const by = (name: string, label: (row: number) => string): Table =>
      tableOf(
        'rows',
        [...columns.values()].map((own) =>
          own.name === name
            ? factorFromLabels(
                name,
                Array.from({ length: 200 }, (_, row) => label(row)),
              )
            : own,
        ),
      );
    expect(
      await refused(
        {},
        by('depth', (row) => String(row % 2)),
      ),
    ).toMatch(
      /^rows: column 'depth' \(model\.campaignAttributes\), row \d+: campaign 'c10\d' has '[01]' and '[01]'; an attribute is one for each campaign$/,
    );
    expect(
      await refused(
        {},
        by('goal', () => 'ask'),
      ),
    ).toBe("rows: column 'goal' (model.campaignAttributes) is the same in all campaigns; leave it out");
    expect(
      await refused(
        { campaignAttributes: ['depth'] },
        by('depth', () => '2'),
      ),
    ).toBe(
      "rows: column 'depth' (model.campaignAttributes) is 2 in all 5 campaigns: constant beside the intercept; leave it out",
    );
    const campaign = columns.get('campaign')!;
    const codeOf = (row: number): number => (campaign.kind === 'factor' ? campaign.codes[row] : 0);
    expect(
      await refused(
        {},
        by('goal', (row) => `goal ${codeOf(row)}`),
      ),
    ).toBe('model.campaignAttributes: 5 columns of attributes for 5 campaigns of rows; name fewer attributes');
    const priors = { sigma_campaign: 'halfNormal(1)' };
    expect(await refused({ campaignAttributes: [], priors })).toBe(
      'model.priors.sigma_campaign: needs model.pooling: [campaign] or model.campaignAttributes; leave it out',
    );
  });

  const { write } = temporaryFolder();
  it('of keys name file and line', async () => {
    const load = async (keys: string): Promise<string> => {
      const text = `data: { file: a.csv }\nmodel:\n  name: experiments\n  response: y\n  treatment: t\n  ${keys}\n`;
      return (await inputError(() => loadConfig(write('config.yaml', text), models))).message;
    };
    expect(await load('campaignAttributes: [goal]')).toMatch(
      /config\.yaml:6: model\.campaignAttributes needs model\.campaign: whose attributes they are/,
    );
    expect(await load('campaign: c\n  segments: [goal]\n  campaignAttributes: [goal]')).toMatch(
      /model\.campaignAttributes names 'goal', which has another role already/,
    );
  });
});
