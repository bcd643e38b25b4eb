// Many experiments before rows that they were not fitted to: the same numbers on the same rows, history without outcomes, new levels and customers by hand.
import { beforeAll, describe, expect, it } from 'vitest';
import {
  exposureCells,
  exposureEdges,
  exposureHistory,
  quantileClasses,
  quantileEdges,
  shareTreated,
} from '../../src/data/exposureHistory.js';
import { type Column, factorFromLabels, type Table, tableOf } from '../../src/data/table.js';
import { positionBlocks } from '../../src/inference/index.js';
import type { ExperimentsData } from '../../src/models/experiments/data.js';
import { experimentsEntry } from '../../src/models/experiments/entry.js';
import type { HeldOutModel, PreparedModel } from '../../src/models/modelEntry.js';
import { inputError } from '../data/inputFiles.js';
import { quantityOf } from './evaluateModel.js';
import { randomNumbers } from './random.js';

interface Row {
  readonly y: number;
  readonly treated: number;
  readonly who: string;
  readonly campaign: string;
  readonly week: string;
  readonly use: number;
  readonly age: number;
  readonly past: number;
  readonly region: string;
}

/** 12 weeks of 25 customers, of whom each is in about two weeks of three. */
function rowsOf(seed: string): Row[] {
  const random = randomNumbers(seed);
  const rows: Row[] = [];
  for (let who = 0; who < 25; who++) {
    for (let week = 1; week <= 12; week++) {
      if (random.uniform() > 0.67) continue;
      rows.push({
        y: 10 * random.uniform(),
        treated: Number(random.uniform() < 0.6),
        who: `p${who}`,
        campaign: `c${Math.floor(3 * random.uniform())}`,
        week: String(week),
        use: random.normal(),
        age: 20 + Math.floor(40 * random.uniform()),
        past: random.uniform(),
        region: ['north', 'south'][who % 2],
      });
    }
  }
  return rows;
}

function table(rows: readonly Row[], source = 'rows'): Table {
  const columns = Object.keys(rows[0]).map((name): Column => {
    const values = rows.map((row) => row[name as keyof Row]);
    return typeof values[0] === 'number'
      ? { kind: 'number', name, values: Float64Array.from(values as number[]) }
      : factorFromLabels(name, values as string[]);
  });
  return tableOf(source, columns);
}

const plain = {
  name: 'experiments',
  response: 'y',
  treatment: 'treated',
  customer: 'who',
  campaign: 'campaign',
  week: 'week',
  x: ['use'],
  moderators: ['age'],
  segments: ['region'],
  activity: 'past',
};
const section = (more: object = {}) => experimentsEntry.schema.parse({ ...plain, ...more });

function positionOf({ model }: Pick<PreparedModel, 'model'>, seed: string): Float64Array {
  const dimension = positionBlocks(model).reduce((sum, { size }) => sum + size, 0);
  return randomNumbers(seed)
    .normals(dimension)
    .map((z) => 0.5 * z);
}

async function ofRows(held: Pick<HeldOutModel, 'model'>, quantity: 'predict' | 'logLikelihood', at: Float64Array) {
  return (await (await quantityOf(held.model, quantity))(at)).get(quantity)!;
}

const rows = rowsOf('seen');
const dataOf = (prepared: PreparedModel): ExperimentsData => prepared.data as ExperimentsData;

describe('rows of the fit', () => {
  it.each([
    ['with effects of customers', { share: true }, () => true],
    ['without', { share: true, customerEffects: false }, () => true],
    ['with levels that are shrunk', { shrinkage: 'regularisedHorseshoe' }, () => true],
    // Controls once more are no more treatments, so nobody's history changes.
    ['with past treatments', { exposure: true }, ({ treated }: Row) => treated === 0],
  ])('are predicted as by the fit, %s', async (_, more, again) => {
    const prepared = experimentsEntry.prepare(table(rows), section(more));
    const at = positionOf(prepared, 'same');
    const repeated = rows.filter(again);
    const held = prepared.onRows(table(repeated));
    expect(held.notes).toEqual([]);
    const fitted = dataOf(prepared);
    for (const quantity of ['predict', 'logLikelihood'] as const) {
      const [before, after] = [await ofRows(prepared, quantity, at), await ofRows(held, quantity, at)];
      for (const [i, { y }] of repeated.entries()) expect(after[i]).toBeCloseTo(before[fitted.y.indexOf(y)], 9);
    }
  });
});

describe('history', () => {
  const random = randomNumbers('split');
  const isHeld = rows.map(() => random.uniform() < 0.3);
  const [fitted, others] = [rows.filter((_, i) => !isHeld[i]), rows.filter((_, i) => isHeld[i])];
  const all = [...fitted, ...others];
  const own = section({ exposure: true, share: true, customerEffects: false });

  it('counts the treatments of all rows; quantiles are those of the fitted ones', async () => {
    const prepared = experimentsEntry.prepare(table(fitted), own, table(others));
    const number = (text: string): number => Number(text.replace(/\D/, ''));
    const log = {
      customer: all.map(({ who }) => number(who)),
      customers: 25,
      week: all.map(({ week }) => number(week)),
      treated: all.map(({ treated }) => treated),
    };
    const history = exposureHistory(log);
    const first = (values: Float64Array): Float64Array => values.subarray(0, fitted.length);
    const cells = exposureCells(
      history,
      exposureEdges({ recency: first(history.recency), stock: first(history.stock) }),
    );
    const past = Float64Array.from(all, (row) => row.past);
    const share = shareTreated(
      all.map(({ campaign }) => number(campaign)),
      3,
      log.week,
      log.treated,
    );
    const meanShare = first(share).reduce((sum, value) => sum + value / fitted.length, 0);
    const activity = quantileClasses(past, quantileEdges(first(past), 7));
    const data = dataOf(prepared);
    expect(data.moderators[1].mean).toBeCloseTo(meanShare, 12);
    const labels = (name: string, i: number): string => {
      const { levels, codes } = data.sets.find((set) => set.name === name)!;
      return levels[codes[i]];
    };
    for (let i = 0; i < fitted.length; i++) {
      expect(labels('exposure', i)).toBe(cells.levels[cells.codes[i]]);
      expect(labels('activity', i)).toBe(activity.levels[activity.codes[i]]);
      expect(data.moderators[1].values[i]).toBeCloseTo(share[i] - meanShare, 12);
    }
    // The held-out rows, by hand.
    const held = prepared.onRows(table(others));
    const at = positionOf(prepared, 'history');
    const sites = await (await quantityOf(prepared.model, 'sites'))(at);
    const site = (name: string): Float64Array => sites.get(name)!;
    const meanOf = (of: (row: Row) => number): number => fitted.reduce((sum, row) => sum + of(row) / fitted.length, 0);
    const predicted = await ofRows(held, 'predict', at);
    for (const [i, row] of others.entries()) {
      const place = fitted.length + i;
      const moderators = [row.age - meanOf(({ age }) => age), share[place] - meanShare];
      let base = site('intercept')[0] + site('beta')[0] * (row.use - meanOf(({ use }) => use));
      let effect = site('effect')[0];
      for (const [m, value] of moderators.entries()) {
        base += site('baseline_slope')[m] * value;
        effect += site('effect_slope')[m] * value;
      }
      const levels = {
        week: row.week,
        campaign: row.campaign,
        exposure: cells.levels[cells.codes[place]],
        activity: activity.levels[activity.codes[place]],
        region: row.region,
      };
      for (const [name, level] of Object.entries(levels)) {
        const code = data.sets.find((set) => set.name === name)!.levels.indexOf(level);
        if (code < 0) continue;
        base += site(`baseline_${name}`)[code];
        effect += site(`effect_${name}`)[code] - site('effect')[0];
      }
      expect(predicted[i]).toBeCloseTo(base + (row.treated === 1 ? 0.5 : -0.5) * effect, 9);
    }
  });

  it('knows nothing of the outcomes of rows held out', () => {
    const moved = others.map((row) => ({ ...row, y: row.y + 100 }));
    const [one, other] = [others, moved].map((held) => experimentsEntry.prepare(table(fitted), own, table(held)));
    expect(dataOf(other)).toEqual(dataOf(one));
    expect(other.model.description).toEqual(one.model.description);
  });
});

describe('what the fit did not see', () => {
  const fitted = rows.filter(({ week, who }) => Number(week) < 11 && who !== 'p3' && who !== 'p4');
  const others = rows.filter((row) => !fitted.includes(row));
  const prepared = experimentsEntry.prepare(table(fitted), section({ activity: undefined, moderators: [] }));
  const held = prepared.onRows(table(others));
  const at = positionOf(prepared, 'unseen');
  let sites: ReadonlyMap<string, Float64Array>;
  beforeAll(async () => {
    sites = await (await quantityOf(prepared.model, 'sites'))(at);
  });

  it('is at the mean of customers and the average of weeks, with the spread of each', async () => {
    const { sets, customers, x } = dataOf(prepared);
    const [predicted, density] = [await ofRows(held, 'predict', at), await ofRows(held, 'logLikelihood', at)];
    const site = (name: string): Float64Array => sites.get(name)!;
    const [sigma] = site('sigma');
    const tau = site('effect')[0] / 2;
    const spreadOf = (effects: readonly number[]): number =>
      (effects.reduce((sum, e) => sum + e * e, 0) / (effects.length - 1)) * (1 + 1 / effects.length);
    const weeks = [...site('baseline_week')];
    const ofTreatment = [...site('effect_week')].map((own) => own / 2 - tau);
    expect(new Set(others.map(({ week }) => week)).size).toBeGreaterThan(2);
    for (const [i, row] of others.entries()) {
      const w = row.treated === 1 ? 1 : -1;
      const value = row.use - x[0].mean;
      const who = customers!.names.indexOf(row.who);
      const [own, slope] =
        who < 0 ? [tau, site('beta')[0]] : [site('effect_of_customer')[who] / 2, site('beta_of_customer')[who]];
      let mean = site('intercept')[0] + w * own + slope * value;
      let variance = sigma ** 2;
      for (const { name, levels } of sets) {
        const code = levels.indexOf(row[name as 'week' | 'campaign' | 'region']);
        if (code >= 0) mean += site(`baseline_${name}`)[code] + w * (site(`effect_${name}`)[code] / 2 - tau);
        else variance += spreadOf(weeks) + spreadOf(ofTreatment);
      }
      if (who < 0) {
        const [first, second] = [site('sigma_u')[0] / 2, site('sigma_u')[1]];
        const rho = site('corr_u')[2];
        variance += first ** 2 + (second * value) ** 2 + 2 * w * value * rho * first * second;
      }
      expect(predicted[i]).toBeCloseTo(mean, 9);
      const expected = -0.5 * (Math.log(2 * Math.PI * variance) + (row.y - mean) ** 2 / variance);
      expect(density[i]).toBeCloseTo(expected, 8);
    }
  });

  it('is said', () => {
    const late = others.filter(({ week }) => Number(week) >= 11).length;
    const unknown = others.filter(({ who }) => who === 'p3' || who === 'p4').length;
    expect(held.notes).toEqual([
      `${late} held-out rows have levels of week that the fit did not see (11, 12): effect 0, the average of those it saw, with their spread about it where errors are normal.`,
      `${unknown} held-out rows belong to 2 customers that the fit did not see: predicted at the mean of all customers, with the spread of customers about it.`,
    ]);
  });
});

it('levels that are shrunk have new ones beside them, about the same 0', async () => {
  const more = { shrinkage: 'horseshoe', customerEffects: false, activity: undefined, moderators: [] };
  const prepared = experimentsEntry.prepare(table(rows), section(more));
  const at = positionOf(prepared, 'shrunk');
  // The same row in every campaign and in a new one, treated and not.
  const campaigns = ['c0', 'c1', 'c2', 'new'];
  const alike = campaigns.flatMap((campaign) => [1, 0].map((treated) => ({ ...rows[0], campaign, treated })));
  const held = prepared.onRows(table(alike));
  const predicted = await ofRows(held, 'predict', at);
  const density = await ofRows(held, 'logLikelihood', at);
  const [sigma] = (await (await quantityOf(prepared.model, 'sites'))(at)).get('sigma')!;
  let variance = sigma ** 2;
  for (let c = 0; c < 3; c++) {
    const [treated, control] = [0, 1].map((arm) => predicted[2 * c + arm] - predicted[6 + arm]);
    variance += (((treated + control) / 2) ** 2 + ((treated - control) / 2) ** 2) / 3;
  }
  expect(variance).toBeGreaterThan(1.01 * sigma ** 2);
  for (const i of [6, 7]) {
    const error = rows[0].y - predicted[i];
    expect(density[i]).toBeCloseTo(-0.5 * (Math.log(2 * Math.PI * variance) + error ** 2 / variance), 8);
  }
});

describe('faults of held-out rows', () => {
  const prepared = experimentsEntry.prepare(table(rows.slice(0, 150)), section({ exposure: true }));
  const refused = async (change: object): Promise<string> => {
    const other = rows.slice(150).map((row, i) => (i === 4 ? { ...row, ...change } : row));
    return (await inputError(() => prepared.onRows(table(other, 'rows (held-out rows)')))).message;
  };

  it('are refused in a line', async () => {
    expect(await refused({ treated: 2 })).toBe(
      "rows (held-out rows): column 'treated' (model.treatment), row 5: 2 is neither 0 (control) nor 1 (treated)",
    );
    expect(await refused({ use: NaN })).toBe(
      "rows (held-out rows): column 'use' (model.x), row 5: the value is missing; mend or leave out the row",
    );
    expect(await refused({ week: 'spring' })).toBe(
      "rows (held-out rows): column 'week' (model.week) holds 'spring'; count weeks by whole numbers, or write dates as YYYY-MM-DD",
    );
  });
});
