// hierax fit with rows held out: out-of-sample figures, which the fit's draws do not depend on, whole or resumed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { rowsOf, withDuckDB } from '../../src/data/duckdb.js';
import { temporaryFolder } from '../data/inputFiles.js';
import { randomNumbers } from '../models/random.js';
import { hierax, hieraxProcess } from './hierax.js';
import { jsonOf, results } from './runFiles.js';
import { longConfig, salesFolders } from './salesFolder.js';

const { folder, write } = temporaryFolder();
const folderWith = salesFolders();

interface Summary {
  readonly parameters: readonly { readonly name: string; readonly mean: number }[];
  readonly holdout: {
    readonly rows: number;
    readonly rmse: number;
    readonly mae: number;
    readonly r2: number;
    readonly coverage95: number;
    readonly logPredictiveDensity: number;
    readonly draws: number;
    readonly notes: readonly string[];
  };
}

const sigma = 0.5;
const config = (file: string): string => `data:
  file: ${file}
  holdout: { time: week, last: 3 }
  steps:
    - { winsorise: x, quantiles: [0.001, 0.999] }
model: { name: regression, response: y, x: [x] }
method: gibbs
draws: 400
seed: 2
`;

/** 1,000 rows of ten weeks, y = 1 + 2x + ε; in the last three weeks y is moved by `shift`. */
function rows(shift: number): string {
  const random = randomNumbers(11);
  const lines = Array.from({ length: 1000 }, (_, i) => {
    const [week, x] = [1 + (i % 10), random.normal()];
    return `${week},${x},${1 + 2 * x + sigma * random.normal() + (week > 7 ? shift : 0)}`;
  });
  return `week,x,y\n${lines.join('\n')}\n`;
}

it('tells how well rows are predicted that the fit did not see', { timeout: 300_000 }, async () => {
  write('rows.csv', rows(0));
  write('moved.csv', rows(100));
  const fit = async (name: string): Promise<string> => {
    const out = join(folder, name);
    const { code, stderr } = await hierax('fit', write(`${name}.yaml`, config(`${name}.csv`)), '--out', out);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/held out: 300 rows, RMSE /);
    return out;
  };
  const [out, moved] = [await fit('rows'), await fit('moved')];
  const { holdout, parameters } = jsonOf<Summary>(out, 'summary.json');
  expect(holdout).toMatchObject({ rows: 300, notes: [], draws: 1600 });
  // Standard errors of 300 rows: σ / √600 of the root mean square, √(0.95 · 0.05 / 300) of the coverage, √(300 / 2) of the density.
  expect(Math.abs(holdout.rmse - sigma)).toBeLessThan(4 * (sigma / Math.sqrt(600)));
  expect(Math.abs(holdout.mae - sigma * Math.sqrt(2 / Math.PI))).toBeLessThan(0.07);
  expect(Math.abs(holdout.coverage95 - 0.95)).toBeLessThan(4 * Math.sqrt((0.95 * 0.05) / 300));
  const expected = -300 * (0.5 * Math.log(2 * Math.PI * sigma ** 2) + 0.5);
  expect(Math.abs(holdout.logPredictiveDensity - expected)).toBeLessThan(4 * Math.sqrt(150));
  expect(Math.abs(holdout.r2 - 16 / 17)).toBeLessThan(0.02);
  const page = readFileSync(join(out, 'report.html'), 'utf8');
  expect(page).toContain('share inside 95 % predictive intervals');

  // The draws know nothing of the responses that were held out.
  const other = jsonOf<Summary>(moved, 'summary.json');
  expect(other.parameters).toEqual(parameters);
  expect(other.holdout.coverage95).toBe(0);
  expect(Math.abs(other.holdout.rmse - 100)).toBeLessThan(0.5);

  // A row of its own for each, in the order of the data.
  const predictions = await withDuckDB((connection) => rowsOf(connection, `FROM '${join(out, 'holdout.parquet')}'`));
  const held = rows(0)
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').map(Number))
    .filter(([week]) => week > 7);
  expect(predictions.map(({ observed }) => observed)).toEqual(held.map(([, , y]) => y));
  const squares = predictions.reduce((sum, { observed, mean }) => sum + (Number(observed) - Number(mean)) ** 2, 0);
  expect(Math.sqrt(squares / 300)).toBeCloseTo(holdout.rmse, 12);
});

it('gives the same figures when the run is interrupted and resumed', { timeout: 300_000 }, async () => {
  const made = folderWith(longConfig.replace('data:\n', 'data:\n  holdout: { unit: market, atLeast: 6 }\n'));
  const [unbroken, broken] = [made.at('unbroken'), made.at('broken')];
  expect((await hierax('fit', made.config, '--out', unbroken)).code).toBe(0);
  let isSet = false;
  const interrupted = await hieraxProcess(['fit', made.config, '--out', broken], {
    onStderr: (text, child) => {
      if (isSet || !text.includes('three-level by NUTS')) return;
      isSet = true;
      setTimeout(() => child.kill('SIGINT'), 900);
    },
  });
  expect(interrupted.code, interrupted.stderr).toBe(130);
  expect((await hierax('fit', made.config, '--out', broken, '--resume')).code).toBe(0);
  const [one, other] = [results(broken), results(unbroken)];
  expect(Object.keys(one).filter((name) => one[name] !== other[name])).toEqual([]);
  expect(jsonOf<Summary>(broken, 'summary.json').holdout.rows).toBe(5);
});
