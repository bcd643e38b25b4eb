// `hierax simulate regression`, fit and report; and configurations that do not fit, each told in a line.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../data/inputFiles.js';
import { hierax } from './hierax.js';
import { jsonOf } from './runFiles.js';

const { folder } = temporaryFolder();

it('goes from a simulation to a report that tells the columns that matter', { timeout: 300_000 }, async () => {
  const data = join(folder, 'data');
  const simulated = await hierax(
    'simulate',
    'regression',
    '--columns',
    12,
    '--relevant',
    2,
    '--rows',
    300,
    '--out',
    data,
  );
  expect(simulated.code, simulated.stderr).toBe(0);
  const out = join(data, 'fit');
  const fitted = await hierax('fit', join(data, 'config.yaml'), '--method', 'gibbs', '--out', out);
  expect(fitted.code, fitted.stderr).toBe(0);
  interface Named {
    readonly parameters: readonly {
      readonly name: string;
      readonly value: number;
      readonly mean: number;
      readonly sd: number;
    }[];
  }
  const truth = jsonOf<Named>(data, 'truth.json').parameters;
  const fit = new Map(jsonOf<Named>(out, 'summary.json').parameters.map((row) => [row.name, row]));
  for (const { name, value } of truth) {
    const { mean, sd } = fit.get(name)!;
    expect(Math.abs(mean - value) / sd, name).toBeLessThan(4.5);
  }
  const matters = truth.filter(({ name, value }) => name.startsWith('coefficient') && value !== 0);
  expect(matters.length).toBe(2);
  for (const { name } of matters) expect(fit.get(name.replace('coefficient', 'inclusion'))!.mean).toBeGreaterThan(0.8);
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain(
    'regularised horseshoe that expects 2 of 12 to matter',
  );
});

it('refuses what does not fit, in one line', { timeout: 120_000 }, async () => {
  const rows = Array.from({ length: 30 }, (_, i) => `${Math.sin(i)},${i},${2 * i},${i % 3 === 0 ? 'a' : 'b'},${i},c`);
  writeFileSync(join(folder, 'rows.csv'), `y,u,v,kind,id,same\n${rows.join('\n')}\n`);
  const fails = async (model: string, why: RegExp): Promise<void> => {
    const path = join(folder, 'config.yaml');
    writeFileSync(path, `data: { file: rows.csv }\nmodel:\n  name: regression\n  response: y\n${model}`);
    const { code, stderr } = await hierax('fit', path, '--out', join(folder, 'never'));
    expect(stderr.trim().split('\n').at(-1)).toMatch(why);
    expect(code).toBe(2);
  };
  await fails('', /model\.x is empty; name at least one column, or a category/);
  await fails('  x: [y]\n', /model\.x holds the response 'y'/);
  await fails('  x: [u, v]\n', /column 'v' is a linear combination of u and the intercept/);
  await fails('  x: [u]\n  shrinkage: horseshoe\n', /model\.shrinkage needs at least two columns of x, not 1/);
  await fails(
    '  x: [u, v]\n  shrinkage: horseshoe\n  relevant: 2\n',
    /model\.relevant must be below the 2 columns of x, not 2/,
  );
  await fails('  x: [u]\n  relevant: 1\n', /model\.relevant is for shrinkage/);
  await fails(
    '  x: [u]\n  categories: [same]\n',
    /column 'same' \(model\.categories\) has one level \('c'\); leave it out/,
  );
  await fails('  x: [u]\n  categories: [id]\n', /column 'id' \(model\.categories\) has another label in every row/);
  await fails(
    '  x: [u]\n  priors:\n    coefficient: normal(1, 2)\n',
    /model\.priors\.coefficient: must be normal\(0, sd\), around 0, not normal\(1, 2\)/,
  );
  await fails(
    '  x: [u]\n  shrinkage: ridge\n',
    /model\.shrinkage cannot be 'ridge'; known: none, horseshoe, regularisedHorseshoe/,
  );
});
