// Multiple imputation: what is made is what chained equations promise, the same for a seed, and nothing of it comes from held-out responses.
import { describe, expect, it } from 'vitest';
import { dataRandom } from '../../../src/cli/fit/dataRandom.js';
import { chainEquations } from '../../../src/data/preparation/imputation/chainedEquations.js';
import { nearest } from '../../../src/data/preparation/imputation/matchMeans.js';
import type { LabelVariable, NumberVariable } from '../../../src/data/preparation/imputation/variables.js';
import { inputError } from '../inputFiles.js';
import { randomNumbers } from '../../models/random.js';
import { column, preparations } from './prepare.js';

const { prepare } = preparations();

/** y = x + noise; x is missing where `isMissing` says so. */
function numbers(rows: number, seed: number, isMissing: (y: number, chance: number) => boolean) {
  const random = randomNumbers(seed);
  const x = Float64Array.from({ length: rows }, () => random.normal());
  const y = x.map((value) => value + 0.5 * random.normal());
  const missing = y.map((value) => Number(isMissing(value, random.uniform())));
  return { x, y, missing };
}

const places = (flags: ArrayLike<number>, wanted: number): Int32Array =>
  Int32Array.from(Array.from(flags).flatMap((flag, row) => (flag === wanted ? [row] : [])));

const whole = (name: string, values: Float64Array): NumberVariable => ({
  kind: 'number',
  name,
  values: values.slice(),
  gaps: new Int32Array(0),
  known: Int32Array.from(values.keys()),
});

describe('donors', () => {
  it('are the nearest, and those as far as the farthest of them', () => {
    const sorted = Float64Array.of(1, 2, 2, 2, 5, 9);
    expect(nearest(sorted, 4.8, 1)).toEqual([4, 5]);
    expect(nearest(sorted, 1.9, 2)).toEqual([1, 4]);
    expect(nearest(sorted, -3, 2)).toEqual([0, 4]);
    expect(nearest(sorted, 100, 2)).toEqual([4, 6]);
    expect(nearest(sorted, 3, 10)).toEqual([0, 6]);
  });
});

describe('predictive mean matching', () => {
  it('restores mean and slope that missing at random takes away', () => {
    // Large y are missing more often, so the mean of what is left of x is too small.
    const { x, y, missing } = numbers(4000, 3, (value, chance) => chance < 1 / (1 + Math.exp(-2 * value)));
    const variable: NumberVariable = {
      kind: 'number',
      name: 'x',
      values: x.map((value, row) => (missing[row] === 1 ? NaN : value)),
      gaps: places(missing, 1),
      known: places(missing, 0),
    };
    chainEquations([variable, whole('y', y)], 4000, { iterations: 1, donors: 5 }, dataRandom(1)(1));
    const mean = (values: Iterable<number>): number =>
      [...values].reduce((sum, value, _, all) => sum + value / all.length, 0);
    const left = mean(Array.from(places(missing, 0), (row) => x[row]));
    expect(left).toBeLessThan(-0.3);
    expect(Math.abs(mean(variable.values) - mean(x))).toBeLessThan(0.06);
    const slope = (values: Float64Array): number => {
      const [a, b] = [mean(values), mean(y)];
      return (
        mean(values.map((value, row) => (value - a) * (y[row] - b))) / mean(values.map((value) => (value - a) ** 2))
      );
    };
    expect(Math.abs(slope(variable.values) - 1)).toBeLessThan(0.05);
    // Every value made is one that was observed.
    const observed = new Set(Array.from(places(missing, 0), (row) => x[row]));
    for (const row of variable.gaps) expect(observed.has(variable.values[row])).toBe(true);
  });
});

describe('labels', () => {
  it('are drawn with the probabilities that depend on the others', () => {
    const rows = 6000;
    const random = randomNumbers(8);
    const x = Float64Array.from({ length: rows }, () => random.normal());
    const codes = Int32Array.from(x, (value) => {
      const weights = [1, Math.exp(0.5 + value), Math.exp(-value)];
      let rest = random.uniform() * weights.reduce((a, b) => a + b);
      return weights.findIndex((weight) => (rest -= weight) < 0);
    });
    const missing = Float64Array.from(x, (value) => Number(random.uniform() < 1 / (1 + Math.exp(-value))));
    const gaps = places(missing, 1);
    const variable: LabelVariable = {
      kind: 'labels',
      name: 'k',
      levels: 3,
      codes: codes.slice(),
      gaps,
      known: places(missing, 0),
    };
    for (const row of gaps) variable.codes[row] = -1;
    chainEquations([variable, whole('x', x)], rows, { iterations: 1, donors: 5 }, dataRandom(2)(1));
    for (const high of [false, true]) {
      const chosen = Array.from(gaps).filter((row) => x[row] > 0 === high);
      for (const level of [0, 1, 2]) {
        const share = (of: Int32Array): number => chosen.filter((row) => of[row] === level).length / chosen.length;
        expect(Math.abs(share(variable.codes) - share(codes)), `${level}`).toBeLessThan(
          4.5 * Math.sqrt(0.5 / chosen.length),
        );
      }
    }
  });

  it('that others separate completely are no obstacle', () => {
    const x = Float64Array.from({ length: 40 }, (_, i) => i - 20);
    const codes = Int32Array.from(x, (value) => Number(value >= 0));
    const gaps = Int32Array.of(0, 39);
    const known = Int32Array.from({ length: 38 }, (_, i) => i + 1);
    const variable: LabelVariable = { kind: 'labels', name: 'k', levels: 2, codes, gaps, known };
    chainEquations([variable, whole('x', x)], 40, { iterations: 3, donors: 5 }, dataRandom(2)(1));
    expect([codes[0], codes[39]]).toEqual([0, 1]);
  });
});

/** Rows of 60 households × 3 weeks; income and kind are missing in some households. */
const households = (() => {
  const random = randomNumbers(21);
  const lines = Array.from({ length: 60 }, (_, h) => {
    const income = Math.round(30 + 10 * random.normal());
    const kind = random.uniform() < 0.5 ? 'a' : 'b';
    const [lacksIncome, lacksKind] = [random.uniform() < 0.3, random.uniform() < 0.2];
    return [1, 2, 3].map(
      (week) =>
        `h${h},${week},${(income / 10 + (kind === 'a' ? 2 : 0) + random.normal()).toFixed(4)},${lacksIncome ? '' : income},${lacksKind ? '' : kind}`,
    );
  });
  return `household,week,y,income,kind\n${lines.flat().join('\n')}\n`;
})();
const step = '{impute: [income, kind], with: [y], per: household, imputations: 3}';
const completed = (imputation: number, more = '') =>
  prepare(`  file: h.csv\n${more}  steps: [${step}]`, { 'h.csv': households }, imputation);

describe('the step', () => {
  it('fills every gap with one value per unit, whole numbers staying whole, and keeps what is observed', async () => {
    const { rows, report } = await completed(1);
    const before = await prepare('  file: h.csv', { 'h.csv': households });
    expect(rows).toHaveLength(180);
    for (const [i, row] of rows.entries()) {
      const own = before.rows[i];
      expect(row.income).toBe(own.income ?? rows[3 * Math.floor(i / 3)].income);
      expect(row.kind).toBe(own.kind ?? rows[3 * Math.floor(i / 3)].kind);
      expect(Number.isInteger(row.income)).toBe(true);
    }
    const gaps = before.rows.filter(({ income }) => income === null).length;
    expect(report.steps[0].changes[0]).toBe(
      `income: ${gaps} missing values of ${gaps / 3} household completed by predictive mean matching in 3 data sets; this is 1`.replace(
        'household',
        'households',
      ),
    );
  });

  it('gives the same for a seed and a number, and another data set for another number', async () => {
    const [one, again, other] = [await completed(1), await completed(1), await completed(2)];
    expect(again.rows).toEqual(one.rows);
    expect(column(other, 'income')).not.toEqual(column(one, 'income'));
    expect(column(other, 'y')).toEqual(column(one, 'y'));
  });

  it('learns nothing from responses that are held out', async () => {
    const holdout = '  holdout: { time: week, last: 1 }\n';
    const shifted = households.replace(
      /^(h\d+,3,)([^,]*)/gm,
      (_, key: string, y: string) => `${key}${-50 * Number(y)}`,
    );
    const plain = await prepare(`  file: h.csv\n${holdout}  steps: [${step}]`, { 'h.csv': households });
    const moved = await prepare(`  file: s.csv\n${holdout}  steps: [${step}]`, { 's.csv': shifted });
    for (const name of ['income', 'kind']) expect(column(moved, name)).toEqual(column(plain, name));
    // Rows on their own, without units.
    const each = step.replace(', per: household', '');
    const rowwise = await prepare(`  file: h.csv\n${holdout}  steps: [${each}]`, { 'h.csv': households });
    const rowwiseMoved = await prepare(`  file: s.csv\n${holdout}  steps: [${each}]`, { 's.csv': shifted });
    for (const name of ['income', 'kind']) expect(column(rowwiseMoved, name)).toEqual(column(rowwise, name));
  });

  it('refuses what it cannot do', async () => {
    const fault = async (text: string) =>
      (await inputError(() => prepare(`  file: h.csv\n  steps: [${text}]`, { 'h.csv': households }))).message;
    expect(await fault('{impute: income, with: incom}')).toMatch(
      /^step 1 \(impute\): h\.csv has no column 'incom'; did you mean 'income'/,
    );
    expect(await fault('{impute: income, with: [y, kind]}')).toMatch(
      /^step 1 \(impute\): column 'kind' \(with\) has \d+ missing values itself/,
    );
    expect(await fault('{impute: [income, y], with: [y]}')).toMatch(/'y' is in impute: and in with:/);
    expect(await fault('{impute: y, with: [week], per: household}')).toMatch(
      /column 'y' differs within household = h0/,
    );
    expect(await fault('{impute: income, with: [household]}')).toMatch(
      /column 'household' has 60 labels; between 2 and 30/,
    );
    expect(await fault('{impute: income}')).toMatch(/: step 1 \(impute\): with is missing; written like/);
    expect(await fault('{impute: income, with: y, imputations: 1}')).toMatch(/imputations must be at least 2, not 1/);
  });
});
