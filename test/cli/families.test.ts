// Counts from the command line: simulated, fitted by the method that `auto` finds, reported with replications; faults are one line.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../data/inputFiles.js';
import { hierax } from './hierax.js';

const { folder } = temporaryFolder();

it('counts go from a simulation to a report', { timeout: 120_000 }, async () => {
  const data = join(folder, 'data');
  const size = ['--rows', 300, '--products', 3, '--markets', 8, '--x', 1, '--z', 0];
  const simulated = await hierax('simulate', 'three-level', '--family', 'poisson', ...size, '--out', data);
  expect(simulated.code, simulated.stderr).toBe(0);
  const config = join(data, 'config.yaml');
  const out = join(data, 'fit');
  const fitted = await hierax('fit', config, '--out', out, '--chains', 2, '--warmup', 200, '--draws', 100);
  // Few draws: their checks may say so.
  expect([0, 3], fitted.stderr).toContain(fitted.code);
  expect(fitted.stdout + fitted.stderr).toContain('by Gibbs sampling (auto: ');
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('y ~ Poisson(μ)');
  const { predictive } = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as {
    predictive: { statistics: { name: string; pValue: number }[] };
  };
  expect(predictive.statistics.find(({ name }) => name === 'mean')!.pValue).toBeGreaterThan(0);
  const wrong = await hierax('fit', config, '--family', 'bernoulli', '--out', join(data, 'other'));
  expect(wrong.code).not.toBe(0);
  expect(wrong.stderr.trim()).toMatch(/column 'sales' \(response\), row \d+: is \d+; family bernoulli needs 0 or 1$/);
});
