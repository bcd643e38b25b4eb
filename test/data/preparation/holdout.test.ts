// Rows held out of a fit: which they are, and that no figure of the training rows' preparation comes from them.
import { describe, expect, it } from 'vitest';
import { dataRandom } from '../../../src/cli/fit/dataRandom.js';
import { readData } from '../../../src/data/preparation/readData.js';
import { inputError } from '../inputFiles.js';
import { column, preparations } from './prepare.js';

const { prepare, config } = preparations();
const heldOut = 'hierax_held_out';

const rows = Array.from({ length: 40 }, (_, i) => ({
  who: `c${i % 5}`,
  week: 1 + Math.floor(i / 5),
  y: Math.sin(i),
  x: i,
}));
const csv = (list: readonly Readonly<Record<string, unknown>>[]): string =>
  [Object.keys(list[0]).join(','), ...list.map((row) => Object.values(row).join(','))].join('\n') + '\n';
const files = { 'h.csv': csv(rows) };
const split = (holdout: string, steps = '') => prepare(`  file: h.csv\n  holdout: ${holdout}${steps}`, files);

describe('holdout', () => {
  it('draws a share at random, the same for a seed', async () => {
    const first = await split('{share: 0.25}');
    expect(column(first, heldOut).filter((flag) => flag === true)).toHaveLength(10);
    expect(first.report).toMatchObject({ rows: 40, heldOut: 10 });
    expect(first.report.steps).toEqual([
      {
        step: 0,
        name: 'holdout',
        table: 'h.csv',
        rowsIn: 40,
        rowsOut: 40,
        changes: ['10 rows held out, drawn at random, 0.25 of all; 30 to fit'],
      },
    ]);
    expect((await split('{share: 0.25}')).rows).toEqual(first.rows);
    const order = column(first, heldOut).map(Number).join('');
    expect(order).not.toBe('1'.repeat(10) + '0'.repeat(30));
  });

  it('takes the last times, or those after one', async () => {
    const last = await split('{time: week, last: 2}');
    expect(last.rows.every((row) => row[heldOut] === Number(row.week) > 6)).toBe(true);
    const after = await split('{time: week, after: 5}');
    expect(after.rows.every((row) => row[heldOut] === Number(row.week) > 5)).toBe(true);
    const dates = await prepare('  file: d.csv\n  holdout: {time: day, after: 2024-02-01}', {
      'd.csv': 'day,y\n2024-01-31,1\n2024-02-01,2\n2024-02-02,3\n',
    });
    expect(column(dates, heldOut)).toEqual([false, false, true]);
  });

  it('takes one row of every unit with enough of them', async () => {
    const some = [...rows, { who: 'few', week: 1, y: 1, x: 1 }];
    const one = await prepare('  file: s.csv\n  holdout: {unit: who, atLeast: 6}', { 's.csv': csv(some) });
    const held = one.rows.filter((row) => row[heldOut] === true);
    expect(held.map(({ who }) => who).sort()).toEqual(['c0', 'c1', 'c2', 'c3', 'c4']);
    const last = await prepare('  file: s.csv\n  holdout: {unit: who, time: week}', { 's.csv': csv(some) });
    expect(last.rows.filter((row) => row[heldOut] === true).map(({ week }) => week)).toEqual([8, 8, 8, 8, 8]);
  });

  it('refuses to hold out nothing or all, and columns that are not there', async () => {
    const fault = async (holdout: string) => (await inputError(() => split(holdout))).message;
    expect(await fault('{time: week, after: 99}')).toBe(
      'data.holdout: holds out no row (with week after 99); choose a smaller limit or a larger share',
    );
    expect(await fault('{time: week, last: 8}')).toMatch(/^data\.holdout: holds out all 40 rows/);
    expect(await fault('{time: wek, last: 2}')).toBe("data.holdout: h.csv has no column 'wek'; did you mean 'week'?");
  });
});

describe('figures of steps', () => {
  const steps = `
  steps:
  - derive: {z: x}
  - {winsorise: x, quantiles: [0.1, 0.9]}
  - {standardise: z}
  - {missing: {y: mean}}`;
  const changed = rows.map((row) => (row.week > 6 ? { ...row, x: 1e6 + row.x, y: row.x === 39 ? '' : 1e6 } : row));

  it('come from the training rows: what is held out changes nothing of them', async () => {
    const data = `  file: h.csv\n  holdout: {time: week, last: 2}${steps}`;
    const training = (list: readonly Readonly<Record<string, unknown>>[]) =>
      list.filter((row) => row[heldOut] === false);
    const plain = await prepare(data, files);
    const other = await prepare(data, { 'h.csv': csv(changed) });
    expect(training(other.rows)).toEqual(training(plain.rows));
    expect(training(plain.rows)).toHaveLength(30);
    // Quantiles of x = 0 … 29, and their mean and standard deviation.
    expect(Math.max(...training(plain.rows).map(({ x }) => Number(x)))).toBeCloseTo(26.1, 10);
    expect(plain.report.steps.map(({ name }) => name)).toEqual([
      'derive',
      'holdout',
      'winsorise',
      'standardise',
      'missing',
    ]);
    expect(plain.report.steps[2].changes[0]).toMatch(/lowered to quantiles 0\.1 and 0\.9 of the 30 training rows$/);
    expect(plain.report.steps[3].changes[0]).toBe('z: centred by 14.5, divided by 8.803 of the 30 training rows');
    // Held-out rows go by the same figures.
    const last = other.rows.at(-1)!;
    expect(last.x).toBeCloseTo(26.1, 10);
    expect(last.y).toBeCloseTo(
      rows.slice(0, 30).reduce((sum, { y }) => sum + y / 30, 0),
      10,
    );
  });

  it('give two tables, whose factors have the levels that occur', async () => {
    const { data, seed } = config('  file: g.csv\n  holdout: {time: week, after: 1}', {
      'g.csv': 'week,g,v\n1,b,1\n2,a,2\n1,c,3\n2,b,4\n',
    });
    const read = await readData(
      data,
      [
        { name: 'g', kind: 'factor' },
        { name: 'v', kind: 'number' },
      ],
      { seed, random: dataRandom(seed), imputation: 1 },
    );
    expect(read.table.columns.get('g')).toMatchObject({ levels: ['b', 'c'], codes: Int32Array.of(0, 1) });
    expect(read.table.columns.get('v')).toMatchObject({ values: Float64Array.of(1, 3) });
    expect(read.heldOut!.columns.get('g')).toMatchObject({ levels: ['a', 'b'], codes: Int32Array.of(0, 1) });
    expect(read.heldOut!.columns.get('v')).toMatchObject({ values: Float64Array.of(2, 4) });
    expect([read.table.source, read.heldOut!.source]).toEqual(['g.csv (training rows)', 'g.csv (held-out rows)']);
  });

  it('do not come after the split where rows are regrouped', async () => {
    const error = await inputError(() =>
      prepare(
        '  file: h.csv\n  holdout: {share: 0.2}\n  steps: [{winsorise: x}, {aggregate: {y: sum}, by: who}]',
        files,
      ),
    );
    expect(error.message).toMatch(
      /^step 2 \(aggregate\): changes what a row is after rows were held out; put it before/,
    );
  });
});
