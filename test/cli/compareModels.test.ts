// hierax compare-models: one table over models on the same held-out rows, and one line where the rows differ.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../data/inputFiles.js';
import { randomNumbers } from '../models/random.js';
import { hierax } from './hierax.js';
import { jsonOf } from './runFiles.js';

const { folder, write } = temporaryFolder();

/** y depends on a and not on b. */
function rows(): string {
  const random = randomNumbers('models');
  const lines = Array.from({ length: 600 }, (_, i) => {
    const [a, b] = [random.normal(), random.normal()];
    return `${1 + (i % 10)},${a},${b},${1 + 2 * a + 0.5 * random.normal()}`;
  });
  return `week,a,b,y\n${lines.join('\n')}\n`;
}

const config = (x: string, last = 3): string => `data: { file: rows.csv, holdout: { time: week, last: ${last} } }
model: { name: regression, response: y, x: [${x}] }
method: gibbs
draws: 300
`;

interface Models {
  readonly rows: number;
  readonly models: readonly {
    readonly name: string;
    readonly rmse: number;
    readonly logPredictiveDensity: number;
    readonly fromBest: { readonly difference: number; readonly se: number } | null;
  }[];
}

it('judges models by the same rows', { timeout: 300_000 }, async () => {
  write('rows.csv', rows());
  const [right, wrong] = [write('right.yaml', config('a')), write('wrong.yaml', config('b'))];
  const out = join(folder, 'compared');
  const { code, stdout, stderr } = await hierax('compare-models', wrong, right, '--out', out);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^model +log density +from best +se +RMSE/);
  const { rows: held, models } = jsonOf<Models>(out, 'models.json');
  expect(held).toBe(180);
  expect(models.map(({ name }) => name)).toEqual(['wrong', 'right']);
  const [far, best] = models;
  expect(best.fromBest).toBeNull();
  expect(best.rmse).toBeCloseTo(0.5, 1);
  const { difference, se } = far.fromBest!;
  expect(difference).toBeCloseTo(far.logPredictiveDensity - best.logPredictiveDensity, 6);
  // log(2.06 / 0.5) nats a row.
  expect(Math.abs(difference / 180 + Math.log(2.06 / 0.5))).toBeLessThan((4 * se) / 180);
});

it('refuses what cannot be compared', { timeout: 300_000 }, async () => {
  write('rows.csv', rows());
  const fails = async (...names: string[]) => {
    const { code, stderr } = await hierax('compare-models', ...names, '--out', join(folder, 'refused'));
    expect(code).toBe(2);
    return stderr.trim().split('\n').at(-1)!;
  };
  const one = write('one.yaml', config('a'));
  expect(await fails(one)).toBe('hierax: compare-models: one configuration; name two or more');
  const none = write('none.yaml', config('a').replace(/, holdout: .*} }/, ' }'));
  expect(await fails(one, none)).toMatch(/none.yaml: data.holdout is missing/);
  const other = write('other.yaml', config('a', 2));
  expect(await fails(one, other)).toMatch(/^hierax: compare-models: other holds out other rows than one \(120 and 180/);
});
