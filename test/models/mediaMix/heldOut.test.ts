// Media before rows that the fit did not see: carry-over from the weeks before, trend and seasons going on, smooth variation continued as its prior says.
import { describe, expect, it } from 'vitest';
import { type Column, factorFromLabels, type Table, tableOf } from '../../../src/data/table.js';
import { interpret } from '../../../src/kernels/program/interpreter.js';
import { trace } from '../../../src/kernels/trace/trace.js';
import { mediaMixEntry } from '../../../src/models/mediaMix/entry.js';
import type { MediaMixData } from '../../../src/data/mediaMixData.js';
import type { MediaMixSection } from '../../../src/models/mediaMix/section.js';
import { gaussianProcessBasis, knotBasis, type SmoothBasis } from '../../../src/models/mediaMix/timeBasis.js';
import type { PreparedModel } from '../../../src/models/modelEntry.js';
import { inputError } from '../../data/inputFiles.js';
import { largestError } from '../../kernels/support.js';
import { randomNumbers } from '../random.js';
import { evaluateAt, somePoint } from './support.js';

interface Row {
  readonly week: string;
  readonly place: string;
  readonly y: number;
  readonly tv: number;
  readonly search: number;
  readonly price: number;
}

const weeks = 24;
const day = (t: number): string => new Date(Date.UTC(2023, 0, 2 + 7 * t)).toISOString().slice(0, 10);

/** All scales come from the second week, whatever else is fitted; rows of places and weeks are mixed. */
const rows: Row[] = (() => {
  const random = randomNumbers('series');
  return ['north', 'south']
    .flatMap((place) => Array.from({ length: weeks }, (_, t) => ({ place, t })))
    .map(({ place, t }) => ({
      week: day(t),
      place,
      y: t === 1 ? 100 : 50 + 10 * Math.sin(t) + 5 * random.normal(),
      tv: t === 1 ? 900 : t % 4 === 0 ? 0 : 300 * random.uniform(),
      search: t === 1 ? 80 : 60 * random.uniform(),
      price: random.normal(),
    }))
    .sort(() => random.normal());
})();

function table(of: readonly Row[], source = 'rows'): Table {
  const columns = Object.keys(of[0]).map((name): Column => {
    const values = of.map((row) => row[name as keyof Row]);
    return typeof values[0] === 'number'
      ? { kind: 'number', name, values: Float64Array.from(values as number[]) }
      : factorFromLabels(name, values as string[]);
  });
  return tableOf(source, columns);
}

const section = (more: object = {}): MediaMixSection =>
  mediaMixEntry.schema.parse({
    name: 'media-mix',
    response: 'y',
    time: 'week',
    geo: 'place',
    channels: ['tv', 'search'],
    controls: ['price'],
    standardise: false,
    ...more,
  });

const variants: Readonly<Record<string, object>> = {
  plain: { seasonality: 1 },
  'whole past carries over, by place': {
    adstock: { form: 'geometric', convention: 'lightweight-mmm' },
    first: 'saturation',
    pooling: { sigma: 'independent', adstock: 'independent', controls: 'independent' },
  },
  'studentT, hill': { family: 'studentT', saturation: 'hill' },
  truncatedGaussian: { family: 'truncatedGaussian', adstock: 'delayed', scale: { by: 'all' } },
};
const varying: Readonly<Record<string, object>> = {
  'Gaussian process': { timeVarying: { intercept: 'gp', effects: 'gp' }, effectPrior: 'roi', trend: 'linear' },
  knots: { timeVarying: { intercept: { knots: 5 }, effects: { knots: 4 } }, trend: { changepoints: 2 } },
};

const at = (of: readonly Row[], prepared: PreparedModel, values: Float64Array): Float64Array => {
  const { weeks: own, geos, places } = prepared.data as MediaMixData;
  const place = ({ week, place: geo }: Row): number =>
    geos.names.indexOf(geo) * own.names.length + own.names.indexOf(week);
  return Float64Array.from(of, (row) => values[places === undefined ? place(row) : places.indexOf(place(row))]);
};

describe('rows of the fit', () => {
  it.each(Object.entries({ ...variants, ...varying }))('are predicted as by the fit: %s', (_, more) => {
    const prepared = mediaMixEntry.prepare(table(rows), section(more));
    const point = somePoint(prepared.model, 'fitted');
    const held = prepared.onRows(table(rows));
    expect(held.notes).toEqual([]);
    const [own, other] = [evaluateAt(prepared.model, point), evaluateAt(held.model, point)];
    expect(largestError(other.predict, at(rows, prepared, own.predict))).toBeLessThan(1e-12);
    expect(largestError(other.logLikelihood, at(rows, prepared, own.logLikelihood))).toBeLessThan(1e-12);
  });
});

describe('later weeks', () => {
  const isLate = ({ week }: Row): boolean => week >= day(18);
  const [early, late] = [rows.filter((row) => !isLate(row)), rows.filter(isLate)];

  it.each(Object.entries(variants))('stand in the series of all weeks: %s', (_, more) => {
    const prepared = mediaMixEntry.prepare(table(early), section(more), table(late));
    const full = mediaMixEntry.prepare(table(rows), section({ ...more }));
    // Their parametrisation may differ by how much the weeks say; parameters are those of the fit.
    const names = prepared.model.parameters.map(({ name }) => name);
    expect(full.model.parameters.map(({ name }) => name)).toEqual(names);
    const point = somePoint(prepared.model, 'late');
    const held = prepared.onRows(table(late));
    const [own, other] = [evaluateAt(full.model, point), evaluateAt(held.model, point)];
    expect(largestError(other.predict, at(late, full, own.predict))).toBeLessThan(1e-12);
    expect(largestError(other.logLikelihood, at(late, full, own.logLikelihood))).toBeLessThan(1e-12);
  });

  it('change nothing of the fit', () => {
    const more = section({ ...varying.knots, seasonality: 1 });
    const alone = mediaMixEntry.prepare(table(early), more);
    const beside = mediaMixEntry.prepare(table(early), more, table(late.map((row) => ({ ...row, y: 1e6 }))));
    expect(beside.data).toEqual(alone.data);
    expect(beside.model.data).toEqual(alone.model.data);
  });

  it('go on along the trend from its last changepoint', () => {
    const prepared = mediaMixEntry.prepare(table(early), section({ trend: { changepoints: 1 }, scale: { by: 'all' } }));
    const held = prepared.onRows(table(late));
    const point = somePoint(prepared.model, 'trend');
    const flat = { ...point, trend_slope: [0], trend_change: [0] };
    const [own, without] = [point, flat].map((p) => evaluateAt(held.model, p).predict);
    for (const [i, { week }] of late.entries()) {
      const time = Array.from({ length: weeks }, (_, t) => day(t)).indexOf(week) / 17;
      const trend = point.trend_slope[0] * time + point.trend_change[0] * (time - 0.5);
      expect(own[i] - without[i]).toBeCloseTo(100 * trend, 9);
    }
  });

  it('take returns from the weeks of the fit', () => {
    const prepared = mediaMixEntry.prepare(
      table(early),
      section({ effectPrior: 'roi', pooling: { effect: 'shared' } }),
    );
    const plain = mediaMixEntry.prepare(table(early), section({ pooling: { effect: 'shared' } }));
    const point = somePoint(prepared.model, 'returns');
    const [byReturn, byCoefficient] = [prepared, plain].map((own) => own.onRows(table(late)).model);
    const beta = evaluateAt(prepared.model, point).sites.get('saturation_beta')!;
    const own = Object.fromEntries(byCoefficient.parameters.map(({ name }) => [name, point[name]]));
    const name = byCoefficient.parameters.find((one) => one.name.startsWith('saturation_beta'))!.name;
    expect(name).toBe('saturation_beta');
    const [a, b] = [evaluateAt(byReturn, point), evaluateAt(byCoefficient, { ...own, saturation_beta: beta })];
    expect(largestError(a.predict, b.predict)).toBeLessThan(1e-12);
  });

  it('vary as the prior says, by hand for knots', () => {
    // 18 weeks with knots about every 5: 5 of them, 4.25 weeks apart; the sixth lies at week 21.25 and the seventh at 25.5.
    const more = { timeVarying: { intercept: { knots: 5 } }, scale: { by: 'all' } };
    const prepared = mediaMixEntry.prepare(table(early), section(more));
    const constant = mediaMixEntry.prepare(table(early), section({ ...more, timeVarying: {} }));
    const point = somePoint(prepared.model, 'knots');
    const held = prepared.onRows(table(late));
    expect(held.notes).toEqual([
      `12 held-out rows lie after ${day(17)}, the last week of the fit: what varies in time goes on as its prior says, and where errors are normal what that leaves open is part of their spread.`,
    ]);
    const [own, without] = [held, constant.onRows(table(late))].map(({ model }) => evaluateAt(model, point));
    const [sd, sigma] = [point.intercept_time_sd[0], point.sigma[0]];
    const share = (week: number, knot: number): number => Math.max(0, 1 - Math.abs(week / 4.25 - knot));
    const z = point.intercept_time_z;
    expect(z.length).toBe(5);
    let mean = 0;
    for (let t = 0; t < 18; t++) for (let k = 0; k < 5; k++) mean += (share(t, k) * z[k]) / 18;
    for (const [i, row] of late.entries()) {
      const t = Array.from({ length: weeks }, (_, own) => day(own)).indexOf(row.week);
      const expected = without.predict[i] + 100 * sd * (share(t, 4) * z[4] - mean);
      expect(own.predict[i]).toBeCloseTo(expected, 9);
      const variance = 1e4 * (sigma ** 2 + sd ** 2 * (share(t, 5) ** 2 + share(t, 6) ** 2));
      const density = -0.5 * (Math.log(2 * Math.PI * variance) + (row.y - expected) ** 2 / variance);
      expect(own.logLikelihood[i]).toBeCloseTo(density, 9);
    }
  });

  it('have effects of varying size, with their spread', () => {
    const more = { timeVarying: { effects: { knots: 5 } }, scale: { by: 'all' } };
    const prepared = mediaMixEntry.prepare(table(early), section(more));
    const constant = mediaMixEntry.prepare(table(early), section({ scale: { by: 'all' } }));
    const point = somePoint(prepared.model, 'effects');
    const none = { ...point, saturation_beta_mean: [-1e3, -1e3], saturation_beta_mean_level: [-1e3, -1e3] };
    const [held, same] = [prepared, constant].map((own) => own.onRows(table(late)).model);
    const [varied, plain, base] = [
      evaluateAt(held, point),
      evaluateAt(same, point),
      evaluateAt(same, { ...none, saturation_beta_own: new Float64Array(4).fill(-1e3) }),
    ];
    const [sd, sigma] = [point.effect_time_sd[0], point.sigma[0]];
    const share = (week: number, knot: number): number => Math.max(0, 1 - Math.abs(week / 4.25 - knot));
    const f = (t: number): number =>
      sd * [0, 1, 2, 3, 4].reduce((sum, k) => sum + share(t, k) * point.effect_time_z[k], 0);
    const mean = Array.from({ length: 18 }, (_, t) => f(t)).reduce((sum, own) => sum + own / 18, 0);
    const fitted = Array.from({ length: 18 }, (_, t) => Math.exp(f(t) - mean)).reduce((sum, own) => sum + own / 18, 0);
    for (const [i, row] of late.entries()) {
      const t = Array.from({ length: weeks }, (_, own) => day(own)).indexOf(row.week);
      const open = sd ** 2 * (share(t, 5) ** 2 + share(t, 6) ** 2);
      const media = (plain.predict[i] - base.predict[i]) * (Math.exp(f(t) - mean + open / 2) / fitted);
      expect(varied.predict[i]).toBeCloseTo(base.predict[i] + media, 8);
      const variance = 1e4 * sigma ** 2 + media ** 2 * (Math.exp(open) - 1);
      const density = -0.5 * (Math.log(2 * Math.PI * variance) + (row.y - varied.predict[i]) ** 2 / variance);
      expect(varied.logLikelihood[i]).toBeCloseTo(density, 8);
    }
  });
});

describe('weeks between', () => {
  const random = randomNumbers('holes');
  // Neither the last week nor the one that scales come from; one week is held out in both places.
  const isHeld = rows.map(
    ({ week }) => week === day(7) || (week !== day(1) && week !== day(weeks - 1) && random.uniform() < 0.3),
  );
  const [fitted, held] = [rows.filter((_, i) => !isHeld[i]), rows.filter((_, i) => isHeld[i])];

  it.each(Object.entries({ ...variants, ...varying }))('carry over and are predicted: %s', (name, more) => {
    // Returns and parametrisations by the weeks would be those of other rows.
    const own = section(name === 'Gaussian process' ? { ...more, effectPrior: 'coefficient' } : more);
    const [all, some] = [
      mediaMixEntry.prepare(table(rows), own),
      mediaMixEntry.prepare(table(fitted), own, table(held)),
    ];
    const point = somePoint(some.model, 'holes');
    expect(Object.keys(somePoint(all.model, 'holes'))).toEqual(Object.keys(point));
    const [whole, part, other] = [all.model, some.model, some.onRows(table(held)).model].map((model) =>
      evaluateAt(model, point),
    );
    expect(part.predict.length).toBe(fitted.length);
    for (const key of ['predict', 'logLikelihood'] as const) {
      expect(largestError(at(fitted, some, part[key]), at(fitted, all, whole[key]))).toBeLessThan(1e-12);
      expect(largestError(other[key], at(held, all, whole[key]))).toBeLessThan(1e-12);
    }
    // What is reported is of all weeks, as media ran in them.
    expect(largestError(part.sites.get('contribution')!, whole.sites.get('contribution')!)).toBeLessThan(1e-12);
  });

  it('need a row somewhere', async () => {
    const message = (await inputError(() => mediaMixEntry.prepare(table(fitted), section()))).message;
    expect(message).toMatch(/no row for place '.*', week '.*' \(and \d+ more\)|days lie between/);
  });
});

describe('faults of held-out rows', () => {
  it('are refused in a line', async () => {
    const prepared = mediaMixEntry.prepare(table(rows.filter(({ week }) => week < day(20))), section());
    const late = rows.filter(({ week }) => week >= day(20));
    const refused = async (change: Partial<Row>): Promise<string> => {
      const other = [...late, ...late.map((row) => ({ ...row, ...change }))];
      return (await inputError(() => prepared.onRows(table(other, 'rows (held-out rows)')))).message;
    };
    expect(await refused({ place: 'west' })).toBe(
      "rows (held-out rows): column 'place' (model.geo), row 9: the fit saw no row of 'west', so it has no coefficients; filter its rows out",
    );
    expect(await refused({})).toMatch(/^rows \(held-out rows\): rows \d and \d+ are both place '/);
    const early = rows.map((row) => ({ ...row, week: day(-1) })).slice(0, 1);
    const both = [...early, { ...early[0], place: early[0].place === 'north' ? 'south' : 'north' }];
    const { message } = await inputError(() => prepared.onRows(table(both)));
    expect(message).toContain("holds '2022-12-26', before the first week of the fit, '2023-01-02'");
  });
});

/** Values of a basis continued by some weeks. */
function continued(basis: SmoothBasis, later: number, weights: Float64Array, scale: number) {
  const arrays = basis.ahead.arrays(later);
  const { builder, outputs } = trace(
    ({ weights: own, sd, scale: length }, d) => ({
      mean: basis.ahead.mean(d, own, { sd, scale: length }),
      variance: basis.ahead.variance(d, { sd, scale: length }),
    }),
    {
      parameters: { weights: [weights.length], sd: [], scale: [] },
      data: Object.fromEntries(Object.entries(arrays).map(([name, { shape }]) => [name, { shape }])),
    },
  );
  const values = new Map<string, ArrayLike<number>>([
    ['weights', weights],
    ['sd', [1]],
    ['scale', [scale]],
    ...Object.entries(arrays).map(([name, own]): [string, ArrayLike<number>] => [name, own.values]),
  ]);
  return interpret(builder.finish(outputs), values);
}

describe('a Gaussian process beyond its weeks', () => {
  const length = 9;
  const lambda = Math.sqrt(5) / length;
  const decay = (r: number): number => Math.exp(-lambda * r);
  /** Matérn 5/2 and its derivatives. */
  const k = (r: number): number => (1 + lambda * r + (lambda * r) ** 2 / 3) * decay(r);
  const k1 = (r: number): number => -((lambda ** 2 * r) / 3) * (1 + lambda * r) * decay(r);
  const k2 = (r: number): number => -(lambda ** 2 / 3) * (1 + lambda * r - (lambda * r) ** 2) * decay(r);

  it('is the normal distribution given its value, slope and curvature in the last week', () => {
    const fitted = 30;
    const basis = gaussianProcessBasis(fitted);
    const count = basis.columns.shape[1];
    const weights = randomNumbers('weights').normals(count);
    const found = continued(basis, 6, weights, length);
    // The columns as functions of time, before their means are taken off; derivatives by differences.
    const bound = 1.5 * 14.5;
    const f = (week: number): number =>
      weights.reduce(
        (sum, w, j) =>
          sum + (w * Math.sin((((j + 1) * Math.PI) / (2 * bound)) * (week - 14.5 + bound))) / Math.sqrt(bound),
        0,
      );
    const e = 1e-3;
    const state = [f(29), (f(29 + e) - f(29 - e)) / (2 * e), (f(29 + e) - 2 * f(29) + f(29 - e)) / e ** 2];
    const mean = Array.from({ length: fitted }, (_, t) => f(t)).reduce((sum, own) => sum + own / fitted, 0);
    for (let h = 1; h <= 6; h++) {
      // Covariance with value, slope and curvature: k(h), −k′(h), k″(h); theirs: [[1, 0, −λ²/3], [0, λ²/3, 0], [−λ²/3, 0, λ⁴]].
      const c = [k(h), -k1(h), k2(h)];
      const s = lambda ** 2 / 3;
      const det = lambda ** 4 - s * s;
      const solved = [(c[0] * lambda ** 4 + c[2] * s) / det, c[1] / s, (c[2] + c[0] * s) / det];
      const expected = solved.reduce((sum, own, i) => sum + own * state[i], 0) - mean;
      expect(found.get('mean')![h - 1]).toBeCloseTo(expected, 5);
      expect(found.get('variance')![h - 1]).toBeCloseTo(1 - solved.reduce((sum, own, i) => sum + own * c[i], 0), 10);
      // A week further back says nothing more: its covariance with the week ahead is that through the state.
      for (const back of [1, 4]) {
        const past = [k(back), k1(back) * -1, k2(back)];
        const through = solved[0] * past[0] + solved[1] * -past[1] + solved[2] * past[2];
        expect(through).toBeCloseTo(k(h + back), 10);
      }
    }
  });

  it('tends to its mean and its own variance', () => {
    const basis = gaussianProcessBasis(30);
    const weights = randomNumbers('far').normals(basis.columns.shape[1]);
    const found = continued(basis, 200, weights, length);
    const { shape, values } = basis.columns;
    expect(found.get('variance')![199]).toBeCloseTo(1, 9);
    expect(found.get('variance')![0]).toBeLessThan(0.01);
    // Continuous where it begins: the first step is about as large as the last of the fit.
    const at = (week: number): number => weights.reduce((sum, w, j) => sum + w * values[week * shape[1] + j], 0);
    expect(Math.abs(found.get('mean')![0] - 2 * at(29) + at(28))).toBeLessThan(0.2 * Math.abs(at(29) - at(28)) + 0.1);
  });
});

it('knots beyond the last are new ones', () => {
  const found = continued(knotBasis(9, 4), 8, Float64Array.of(0, 0, 1), 1);
  // Knots at weeks 0, 4 and 8; the last has 1/9 (1 + 3/4 + 2/4 + 1/4) of the weeks.
  const mean = 2.5 / 9;
  const expected = {
    mean: [0.75, 0.5, 0.25, 0, 0, 0, 0, 0],
    variance: [1 / 16, 1 / 4, 9 / 16, 1, 10 / 16, 1 / 2, 10 / 16, 1],
  };
  for (let i = 0; i < 8; i++) {
    expect(found.get('mean')![i] + mean).toBeCloseTo(expected.mean[i], 12);
    expect(found.get('variance')![i]).toBeCloseTo(expected.variance[i], 12);
  }
});
