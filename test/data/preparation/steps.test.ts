// Every step of data preparation against a table worked by hand, and its row of the report.
import { describe, expect, it } from 'vitest';
import { column, preparations } from './prepare.js';

const { prepare } = preparations();

const sales = `store,week,units,price,brand
a,1,10,1.5,x
a,2,20,1.0,x
b,1,5,2.0,y
b,3,,2.5,y
c,2,8,1.2,x
`;
const stores = 'store,income,open\na,30,2020-01-01\nb,40,2021-05-03\nd,99,2019-02-02\n';
const files = { 'sales.csv': sales, 'stores.csv': stores };

describe('join', () => {
  const join = (more = '') =>
    prepare(`  tables: {sales: sales.csv, stores: stores.csv}\n  steps:\n  - {join: stores, on: store${more}}`, files);

  it('adds columns in the order of the rows, and counts what found nothing', async () => {
    const prepared = await join();
    expect(column(prepared, 'store')).toEqual(['a', 'a', 'b', 'b', 'c']);
    expect(column(prepared, 'income')).toEqual([30, 30, 40, 40, null]);
    expect(column(prepared, 'open')).toEqual(['2020-01-01', '2020-01-01', '2021-05-03', '2021-05-03', null]);
    expect(prepared.report.tables).toEqual([
      { name: 'sales', source: 'sales.csv', rows: 5, columns: 5 },
      { name: 'stores', source: 'stores.csv', rows: 3, columns: 3 },
    ]);
    expect(prepared.report.steps).toEqual([
      {
        step: 1,
        name: 'join',
        table: 'sales',
        rowsIn: 5,
        rowsOut: 5,
        changes: [
          'added income, open from stores',
          '1 row (1 key) found nothing in stores: values from there are missing',
          '1 row of stores matched no row',
        ],
      },
    ]);
  });

  it('leaves unmatched rows out, takes chosen columns, and pairs of names', async () => {
    const dropped = await join(', unmatched: drop, columns: [income]');
    expect(column(dropped, 'store')).toEqual(['a', 'a', 'b', 'b']);
    expect(Object.keys(dropped.rows[0])).toEqual(['store', 'week', 'units', 'price', 'brand', 'income']);
    expect(dropped.report.steps[0].rowsOut).toBe(4);
    const renamed = await prepare(
      '  tables: {sales: sales.csv, shops: shops.csv}\n  steps:\n  - {join: shops, on: {store: name}}',
      { ...files, 'shops.csv': 'name,size\nb,2\na,1\n' },
    );
    expect(column(renamed, 'size')).toEqual([1, 1, 2, 2, null]);
  });

  it('matches numbers in one file with labels in the other', async () => {
    const prepared = await prepare('  tables: {a: a.csv, b: b.csv}\n  steps: [{join: b, on: id}]', {
      'a.csv': 'id,y\n1,5\n2,6\n',
      'b.csv': 'id,z\n1,7\nx,8\n',
    });
    expect(column(prepared, 'z')).toEqual([7, null]);
  });
});

describe('filter and derive', () => {
  it('keep rows that are true, and compute columns in turn', async () => {
    const prepared = await prepare(
      `  file: sales.csv
  steps:
  - filter: units > 5 -- a comment
  - derive: {revenue: units * price, half: revenue / 2, units: units + 1}`,
      files,
    );
    expect(prepared.rows.map(({ store, units, revenue, half }) => [store, units, revenue, half])).toEqual([
      ['a', 11, 15, 7.5],
      ['a', 21, 20, 10],
      ['c', 9, 9.6, 4.8],
    ]);
    expect(prepared.report.steps.map(({ changes }) => changes)).toEqual([
      [
        "1 row left out for which 'units > 5 -- a comment' is false",
        '1 row left out where a missing value leaves it open',
      ],
      ['added revenue = units * price', 'added half = revenue / 2', 'replaced units = units + 1'],
    ]);
  });

  it('keep the order of rows under window functions', async () => {
    const prepared = await prepare(
      '  file: sales.csv\n  steps:\n  - derive: {of_brand: "sum(price) OVER (PARTITION BY brand)"}',
      files,
    );
    expect(column(prepared, 'week')).toEqual([1, 2, 1, 3, 2]);
    expect(column(prepared, 'of_brand')).toEqual([3.7, 3.7, 4.5, 4.5, 3.7]);
  });
});

describe('aggregate', () => {
  it('makes one row for each group, ordered by its keys', async () => {
    const prepared = await prepare(
      `  file: sales.csv
  steps:
  - aggregate: {units: sum, mean_price: mean(price), trips: count, lowest: min(price), highest: max(price), latest: last(price), stores: distinct(store)}
    by: brand
    order: week`,
      files,
    );
    const [x, y] = prepared.rows;
    expect(x).toMatchObject({ brand: 'x', units: 38, trips: 3, lowest: 1, highest: 1.5, latest: 1.2, stores: 2 });
    expect(x.mean_price).toBeCloseTo(3.7 / 3, 12);
    expect(y).toEqual({
      brand: 'y',
      units: 5,
      mean_price: 2.25,
      trips: 2,
      lowest: 2,
      highest: 2.5,
      latest: 2.5,
      stores: 1,
    });
    expect(prepared.report.steps[0]).toMatchObject({ rowsIn: 5, rowsOut: 2 });
    expect(prepared.report.steps[0].changes[1]).toBe('1 missing value of units left out of its figures');
  });

  it('of one table before it is joined to another', async () => {
    const prepared = await prepare(
      `  tables:
    sales: sales.csv
    totals: {from: sales, steps: [{aggregate: {total: sum(units)}, by: store}]}
  steps: [{join: totals, on: store}]`,
      files,
    );
    expect(column(prepared, 'total')).toEqual([30, 30, 5, 5, 8]);
    expect(prepared.report.steps.map(({ table, name }) => [table, name])).toEqual([
      ['totals', 'aggregate'],
      ['sales', 'join'],
    ]);
  });
});

describe('align and gaps', () => {
  const visits =
    'customer,day,spend,kind\nk,2024-01-03,5,p\nk,2024-01-05T10:00:00,2,p\nk,2024-01-24,1,q\nl,2024-01-10,9,p\n';

  it('put dates on Mondays and the first of months, and fill a series from its first period to its last', async () => {
    const steps = `  file: visits.csv
  steps:
  - {align: day, to: month, as: month}
  - {align: day, to: week}
  - {aggregate: {spend: sum, kind: last}, by: [customer, day], order: month}
  - {gaps: day, unit: customer, fill: {spend: 0, kind: last}, every: week`;
    const own = await prepare(`${steps}}`, { 'visits.csv': visits });
    expect(own.rows).toEqual([
      { customer: 'k', day: '2024-01-01', spend: 7, kind: 'p' },
      { customer: 'k', day: '2024-01-08', spend: 0, kind: 'p' },
      { customer: 'k', day: '2024-01-15', spend: 0, kind: 'p' },
      { customer: 'k', day: '2024-01-22', spend: 1, kind: 'q' },
      { customer: 'l', day: '2024-01-08', spend: 9, kind: 'p' },
    ]);
    expect(own.report.steps[3]).toMatchObject({ rowsIn: 3, rowsOut: 5 });
    const common = await prepare(`${steps}, range: common}`, { 'visits.csv': visits });
    expect(common.rows.slice(4)).toEqual([
      { customer: 'l', day: '2024-01-01', spend: 0, kind: null },
      { customer: 'l', day: '2024-01-08', spend: 9, kind: 'p' },
      { customer: 'l', day: '2024-01-15', spend: 0, kind: 'p' },
      { customer: 'l', day: '2024-01-22', spend: 0, kind: 'p' },
    ]);
  });

  it('count whole numbers as periods', async () => {
    const prepared = await prepare('  file: sales.csv\n  steps: [{gaps: week, unit: store, fill: 0}]', files);
    expect(prepared.rows.map(({ store, week, units, price, brand }) => [store, week, units, price, brand])).toEqual([
      ['a', 1, 10, 1.5, 'x'],
      ['a', 2, 20, 1, 'x'],
      ['b', 1, 5, 2, 'y'],
      ['b', 2, 0, 0, 'y'],
      ['b', 3, null, 2.5, 'y'],
      ['c', 2, 8, 1.2, 'x'],
    ]);
  });
});

describe('rfm', () => {
  it('counts only what lies before the row, within the window', async () => {
    const prepared = await prepare(
      '  file: spend.csv\n  steps: [{rfm: spend, unit: who, time: week, windows: [2, 10]}]',
      { 'spend.csv': 'who,week,spend\nk,1,10\nk,3,0\nk,3,6\nk,4,2\nk,9,1\nl,4,7\n' },
    );
    const figures = prepared.rows.map((row) => [
      row.recency,
      row.frequency_2,
      row.monetary_2,
      row.frequency_10,
      row.monetary_10,
    ]);
    expect(figures).toEqual([
      [null, 0, 0, 0, 0],
      [2, 1, 10, 1, 10],
      [2, 1, 10, 1, 10],
      [1, 1, 6, 2, 8],
      [5, 0, 0, 3, 6],
      [null, 0, 0, 0, 0],
    ]);
    expect(prepared.report.steps[0].changes[1]).toBe('recency is missing in 2 rows without an earlier purchase');
  });

  it('takes purchases from another table, in days', async () => {
    const prepared = await prepare(
      `  tables: {offers: offers.csv, bought: bought.csv}
  steps: [{rfm: paid, of: bought, unit: who, time: day, prefix: past_}]`,
      {
        'offers.csv': 'who,day\nk,2024-01-10\nk,2024-01-08\nl,2024-01-10\n',
        'bought.csv': 'who,day,paid\nk,2024-01-08,4\nk,2024-01-01,2\nl,2024-01-10,3\n',
      },
    );
    expect(
      prepared.rows.map(({ past_recency, past_frequency, past_monetary }) => [
        past_recency,
        past_frequency,
        past_monetary,
      ]),
    ).toEqual([
      [2, 2, 3],
      [7, 1, 2],
      [null, 0, 0],
    ]);
  });
});

describe('exposure', () => {
  const log = 'who,week,sent,mail,usage\nk,1,1,a,5\nk,2,0,a,6\nk,4,1,b,1\nk,4,1,a,2\nk,5,0,a,9\nl,2,1,a,4\nl,1,0,a,8\n';
  const step =
    '{exposure: sent, unit: who, week: week, campaign: mail, activity: usage, stockClasses: 2, activityClasses: 2}';

  it('counts treatments of the weeks before, and their shares within a campaign and week', async () => {
    const prepared = await prepare(`  file: log.csv\n  steps: [${step}]`, { 'log.csv': log });
    expect(column(prepared, 'exposure_recency')).toEqual([null, 1, 3, 3, 1, null, null]);
    const stock = [0, 0.75, 0.75 ** 3, 0.75 ** 3, 0.75 ** 4 + 2 * 0.75, 0, 0];
    for (const [i, value] of stock.entries()) expect(column(prepared, 'exposure_stock')[i]).toBeCloseTo(value, 12);
    expect(column(prepared, 'exposure_cell')).toEqual([
      'never treated',
      '0-2 weeks, stock 1',
      '2-4 weeks, stock 1',
      '2-4 weeks, stock 1',
      '0-2 weeks, stock 2',
      'never treated',
      'never treated',
    ]);
    expect(column(prepared, 'share_treated')).toEqual([0.5, 0.5, 1, 1, 0, 0.5, 0.5]);
    expect(column(prepared, 'activity_class')).toEqual([
      'class 1',
      'class 2',
      'class 1',
      'class 1',
      'class 2',
      'class 1',
      'class 2',
    ]);
    expect(prepared.report.steps[0].changes[1]).toMatch(/^3 rows without an earlier treatment/);
  });

  it('takes dates, and class limits from the training rows alone', async () => {
    const dated = log
      .replace(/,(\d),(?=[01],)/g, (_, week: string) => `,2024-01-0${week},`)
      .replace(/2024-01-0(\d)/g, (_, week: string) =>
        new Date(Date.UTC(2024, 0, 7 * Number(week))).toISOString().slice(0, 10),
      );
    const plain = await prepare(`  file: log.csv\n  steps: [${step}]`, { 'log.csv': log });
    const prepared = await prepare(`  file: dated.csv\n  steps: [${step}]`, { 'dated.csv': dated });
    expect(column(prepared, 'exposure_cell')).toEqual(column(plain, 'exposure_cell'));
    const held = await prepare(`  file: log.csv\n  holdout: {time: week, after: 4}\n  steps: [${step}]`, {
      'log.csv': log,
    });
    // The largest usage is held out: classes are those of 1, 2, 4, 5, 6, 8.
    expect(column(held, 'activity_class')).toEqual([
      'class 2',
      'class 2',
      'class 1',
      'class 1',
      'class 2',
      'class 1',
      'class 2',
    ]);
  });
});

describe('winsorise, outliers and standardise', () => {
  const values = { 'v.csv': `g,v,w\n${[1, 2, 3, 4, 100].map((v, i) => `${i < 3 ? 'p' : 'q'},${v},5`).join('\n')}\n` };

  it('set values beyond quantiles to the quantile', async () => {
    const prepared = await prepare('  file: v.csv\n  steps: [{winsorise: v, quantiles: [0.25, 0.75]}]', values);
    expect(column(prepared, 'v')).toEqual([2, 2, 3, 4, 4]);
    expect(prepared.report.steps[0].changes).toEqual(['v: 1 value raised and 1 lowered to quantiles 0.25 and 0.75']);
  });

  it('mark and move values beyond deviations from the median, by group', async () => {
    const flagged = await prepare('  file: v.csv\n  steps: [{outliers: [v, w], mad: 3}]', values);
    expect(column(flagged, 'v_outlier')).toEqual([0, 0, 0, 0, 1]);
    expect(column(flagged, 'w_outlier')).toEqual([0, 0, 0, 0, 0]);
    const moved = await prepare('  file: v.csv\n  steps: [{winsorise: v, mad: 3}]', values);
    expect(column(moved, 'v').slice(0, 4)).toEqual([1, 2, 3, 4]);
    expect(column(moved, 'v')[4]).toBeCloseTo(3 + 3 * 1.4826022, 6);
    const byGroup = await prepare('  file: v.csv\n  steps: [{outliers: v, mad: 3, by: g}]', values);
    expect(column(byGroup, 'v_outlier')).toEqual([0, 0, 0, 0, 0]);
  });

  it('centre and scale, over all rows or within groups', async () => {
    const all = await prepare('  file: v.csv\n  steps: [{standardise: v}]', values);
    const sd = Math.sqrt([1, 2, 3, 4, 100].reduce((sum, v) => sum + (v - 22) ** 2, 0) / 4);
    for (const [i, v] of [1, 2, 3, 4, 100].entries()) expect(column(all, 'v')[i]).toBeCloseTo((v - 22) / sd, 12);
    const within = await prepare('  file: v.csv\n  steps: [{standardise: v, by: g}]', values);
    expect(column(within, 'v').slice(0, 3)).toEqual([-1, 0, 1]);
    expect(column(within, 'v')[3]).toBeCloseTo(-Math.SQRT1_2, 12);
  });
});

describe('missing', () => {
  it('fills in, marks and leaves out', async () => {
    const data = { 'm.csv': 'a,b,c,d,e\n1,,x,1,1\n,2,,2,2\n3,4,x,,3\n5,9,y,4,\n' };
    const prepared = await prepare(
      `  file: m.csv
  steps: [{missing: {a: mean, b: indicator, c: {constant: none}, d: 0, e: drop}}]`,
      data,
    );
    expect(prepared.rows).toEqual([
      { a: 1, b: 5, c: 'x', d: 1, e: 1, b_missing: 1 },
      { a: 3, b: 2, c: 'none', d: 2, e: 2, b_missing: 0 },
      { a: 3, b: 4, c: 'x', d: 0, e: 3, b_missing: 0 },
    ]);
    expect(prepared.report.steps[0].changes).toEqual([
      'a: 1 missing value replaced by the mean 3',
      'b: 1 missing value replaced by the mean 5, marked in b_missing',
      'c: 1 missing value replaced by none',
      'd: 1 missing value replaced by 0',
      'e: 1 row left out because it is missing',
    ]);
  });
});
