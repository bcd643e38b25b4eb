// `hierax simulate hbmmm`, fit and report: names agree, the truth is recovered, held-out months are predicted; faults are one line with their key.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../data/inputFiles.js';
import { hierax } from './hierax.js';

const { folder } = temporaryFolder();
const data = join(folder, 'data');
const read = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;

interface Summary {
  readonly parameters: readonly {
    readonly name: string;
    readonly value: number;
    readonly mean: number;
    readonly sd: number;
  }[];
  readonly holdout?: { readonly rows: number; readonly r2: number; readonly coverage95: number };
}

beforeAll(async () => {
  const sizes = ['--consumers', 90, '--markets', 9, '--months', 10, '--channels', 2, '--format', 'csv'];
  const simulated = await hierax('simulate', 'hbmmm', ...sizes, '--out', data);
  expect(simulated.code, simulated.stderr).toBe(0);
}, 60_000);

it('goes from a simulation to a report', { timeout: 200_000 }, async () => {
  const out = join(data, 'fit');
  const config = join(data, 'held.yaml');
  const text = readFileSync(join(data, 'config.yaml'), 'utf8');
  writeFileSync(config, text.replace(/^( {2}file: .*)$/m, '$1\n  holdout: { time: month, last: 2 }'));
  const fitted = await hierax('fit', config, '--out', out, '--chains', 2, '--draws', 300);
  expect(fitted.code, fitted.stderr).toBe(0);
  expect(fitted.stderr).toContain('marginal NUTS (auto');
  const truth = new Map(read<Summary>(join(data, 'truth.json')).parameters.map(({ name, value }) => [name, value]));
  const { parameters, holdout } = read<Summary>(join(out, 'summary.json'));
  expect(parameters.length).toBe(20);
  for (const { name, mean, sd } of parameters) expect(Math.abs(mean - truth.get(name)!) / sd, name).toBeLessThan(4.5);
  expect(holdout!.rows).toBe(180);
  expect(holdout!.r2).toBeGreaterThan(0.3);
  expect(holdout!.coverage95).toBeGreaterThan(0.85);
  const page = readFileSync(join(out, 'report.html'), 'utf8');
  for (const shown of ['mu_beta[tv]', 'theta[digital,age]', 'ate[tv]', 'β = μ_βj + Θ · [age, income] + η'])
    expect(page).toContain(shown);
});

describe('faults are named in one line', () => {
  const model = (lines: string): string =>
    [
      'data:',
      '  file: data.csv',
      'model:',
      '  name: hbmmm',
      '  response: log_purchases',
      '  consumer: consumer',
      '  market: market',
      lines,
      '',
    ].join('\n');
  it.each([
    ['no channel', '  channels: []', 'model.channels must be at least 1'],
    ['a column twice', '  channels: [tv]\n  traits: [tv]', "model.traits names 'tv', which model.channels names too"],
    [
      'a stray column to standardise',
      '  channels: [tv]\n  standardise: [age]',
      "model.standardise names 'age', which is not among",
    ],
    [
      'a trait that varies',
      '  channels: [tv]\n  traits: [digital]',
      "column 'digital' (model.traits) differs within unit",
    ],
    ['a channel of text', '  channels: [market]', "column 'market'"],
    ['an unknown covariance', '  channels: [tv]\n  covariance: { unit: full }', 'unit'],
    [
      'a prior of a derived site',
      '  channels: [tv]\n  priors: { beta: "normal(0, 1)" }',
      "unknown site 'beta' in model.priors",
    ],
    ['a prior of another family', '  channels: [tv]\n  priors: { mu_beta: "cauchy(0, 1)" }', 'model.priors.mu_beta'],
    [
      'correlations of one effect',
      '  channels: [tv]\n  covariance: full\n  priors: { corr_eta: "lkj(2)" }',
      'model.priors.corr_eta: needs at least two channels',
    ],
    [
      'a prior of traits that are not there',
      '  channels: [tv]\n  priors: { theta: "normal(0, 1)" }',
      'model.priors.theta: the model has no traits',
    ],
    ['sigma of counts', '  family: poisson\n  channels: [tv]\n  priors: { sigma: "halfNormal(1)" }', 'sigma'],
    ['trials of another family', '  channels: [tv]\n  trials: digital', 'model.trials is of family binomial'],
  ])('%s', { timeout: 60_000 }, async (name, lines, message) => {
    const config = join(data, `${name.replaceAll(' ', '-')}.yaml`);
    writeFileSync(config, model(lines));
    const { code, stderr } = await hierax('fit', config, '--out', join(folder, name.replaceAll(' ', '-')));
    expect(code, stderr).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n').length).toBe(1);
  });

  it.each([
    [['--consumers', '10', '--markets', '8'], '--consumers must be at least 16'],
    [['--margins', 'paper', '--family', 'poisson'], '--margins paper is of --family gaussian, not poisson'],
    [['--channels', '0'], '--channels must be a whole number from 1 to 50, not 0'],
  ])('%s', { timeout: 60_000 }, async (options, message) => {
    const { code, stderr } = await hierax('simulate', 'hbmmm', ...options, '--out', join(folder, 'refused'));
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
