// `hierax simulate experiments`, fit and report; and asking for effects of customers who have one row each, refused in a line.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../data/inputFiles.js';
import { hierax } from './hierax.js';
import { jsonOf } from './runFiles.js';

const { folder } = temporaryFolder();

it('goes from a simulation to a report in units of the outcome', { timeout: 300_000 }, async () => {
  const data = join(folder, 'data');
  const size = ['--customers', 80, '--weeks', 8, '--campaigns', 3, '--interventions', 6, '--sigma', 5] as const;
  const simulated = await hierax('simulate', 'experiments', ...size, '--out', data);
  expect(simulated.code, simulated.stderr).toBe(0);
  const out = join(data, 'fit');
  const fitted = await hierax('fit', join(data, 'config.yaml'), '--warmup', 150, '--draws', 150, '--out', out);
  expect(fitted.code, fitted.stderr).toBe(0);
  interface Named {
    readonly parameters: readonly { readonly name: string }[];
  }
  const [truth, fit] = [jsonOf<Named>(data, 'truth.json'), jsonOf<Named>(out, 'summary.json')].map(
    ({ parameters }) => new Set(parameters.map(({ name }) => name)),
  );
  // Those of single customers are in summary.parquet.
  const ofAll = [...truth].filter((name) => !name.includes('_of_customer'));
  expect(ofAll.length).toBeGreaterThan(50);
  for (const name of ofAll) expect(fit.has(name), name).toBe(true);
  expect(truth.has('effect_campaign[campaign=c1]')).toBe(true);
  const report = readFileSync(join(out, 'report.html'), 'utf8');
  expect(report).toContain('differences between treated and untreated, Y(1) − Y(0) = 2τ, in the units of the response');
  // Levels side by side with their intervals.
  for (const set of ['week', 'campaign', 'exposure', 'activity']) expect(report).toContain(`effect_${set} by ${set}`);
});

it('predicts rows held out, and is compared with other models by them', { timeout: 300_000 }, async () => {
  const data = join(folder, 'held');
  // Customers respond so differently that one effect for all of them predicts worse.
  const size = '--customers 150 --weeks 16 --campaigns 3 --interventions 16 --covariates 1 --sigma 3'.split(' ');
  const simulated = await hierax('simulate', 'experiments', ...size, '--out', data);
  expect(simulated.code, simulated.stderr).toBe(0);
  const config = readFileSync(join(data, 'config.yaml'), 'utf8');
  const held = `${config.replace(/^( {2}file: .*)$/m, '$1\n  holdout: { share: 0.2 }')}warmup: 200\ndraws: 200\n`;
  writeFileSync(join(data, 'each.yaml'), held);
  writeFileSync(
    join(data, 'alike.yaml'),
    held.replace('  exposure: true', '  customerEffects: false\n  exposure: true'),
  );
  const out = join(data, 'compared');
  const { code, stderr } = await hierax(
    'compare-models',
    join(data, 'each.yaml'),
    join(data, 'alike.yaml'),
    '--out',
    out,
  );
  expect(code, stderr).toBe(0);
  interface Compared {
    readonly rows: number;
    readonly models: readonly { readonly name: string; readonly rmse: number; readonly coverage95: number }[];
  }
  const { rows, models } = jsonOf<Compared>(out, 'models.json');
  expect(rows).toBeGreaterThan(200);
  const [each, alike] = models;
  expect([each.name, alike.name]).toEqual(['each', 'alike']);
  // Errors of σ = 3, and what ten rows leave unknown of a customer's two coefficients.
  expect(each.rmse).toBeGreaterThan(3 * (1 - 4 / Math.sqrt(2 * rows)));
  expect(each.rmse).toBeLessThan(3 * Math.sqrt(1.5) * (1 + 4 / Math.sqrt(2 * rows)));
  expect(Math.abs(each.coverage95 - 0.95)).toBeLessThan(4 * Math.sqrt((0.95 * 0.05) / rows));
  expect(alike.rmse).toBeGreaterThan(1.1 * each.rmse);
});

it('refuses effects of customers with one row each', { timeout: 120_000 }, async () => {
  const rows = Array.from({ length: 30 }, (_, i) => `${Math.sin(i)},${i % 2},c${i}`);
  writeFileSync(join(folder, 'once.csv'), `y,treated,customer\n${rows.join('\n')}\n`);
  const path = join(folder, 'once.yaml');
  const model = 'name: experiments, response: y, treatment: treated, customer: customer';
  writeFileSync(path, `data: { file: once.csv }\nmodel: { ${model} }\n`);
  const { code, stderr } = await hierax('fit', path, '--out', join(folder, 'never'));
  expect(code).toBe(2);
  expect(stderr.trim().split('\n').at(-1)).toMatch(
    /once\.yaml.*model\.customerEffects: no customer of .* has two rows/,
  );
});
