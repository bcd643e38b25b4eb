// `hierax simulate media-mix`, fit and report: names agree, the truth is recovered, table, chart and JSON show one number, faults are one line.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../data/inputFiles.js';
import { hierax } from './hierax.js';

const { folder } = temporaryFolder();

const read = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
interface Named {
  readonly parameters: readonly {
    readonly name: string;
    readonly value: number;
    readonly mean: number;
    readonly sd: number;
  }[];
}

it('goes from a simulation to a report', { timeout: 300_000 }, async () => {
  const data = join(folder, 'data');
  const simulated = await hierax(
    'simulate',
    'media-mix',
    '--weeks',
    80,
    '--channels',
    2,
    '--format',
    'csv',
    '--out',
    data,
  );
  expect(simulated.code, simulated.stderr).toBe(0);
  const out = join(data, 'fit');
  const fitted = await hierax(
    'fit',
    join(data, 'config.yaml'),
    '--out',
    out,
    '--chains',
    2,
    '--warmup',
    300,
    '--draws',
    200,
  );
  expect(fitted.code, fitted.stderr).toBe(0);
  const truth = new Map(read<Named>(join(data, 'truth.json')).parameters.map(({ name, value }) => [name, value]));
  const { parameters } = read<Named>(join(out, 'summary.json'));
  for (const { name, mean, sd } of parameters) {
    expect(truth.has(name), name).toBe(true);
    expect(Math.abs(mean - truth.get(name)!) / sd, name).toBeLessThan(4.5);
  }
  const names = parameters.map(({ name }) => name);
  for (const name of [
    'contribution[tv]',
    'contribution_share[search]',
    'roi[tv]',
    'marginal_roi[search]',
    'response_curve[factor=2,tv]',
  ])
    expect(names).toContain(name);
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain('Response curve of search');
});

it.each([
  ['later weeks', '{ time: week, last: 20 }', 20],
  ['weeks between', '{ share: 0.2 }', 24],
])('predicts %s that the fit did not see', { timeout: 300_000 }, async (name, holdout, count) => {
  const data = join(folder, name.replace(' ', '-'));
  const simulated = await hierax('simulate', 'media-mix', '--weeks', 120, '--channels', 2, '--out', data);
  expect(simulated.code, simulated.stderr).toBe(0);
  const config = readFileSync(join(data, 'config.yaml'), 'utf8').replace(
    /^( {2}file: .*)$/m,
    `$1\n  holdout: ${holdout}`,
  );
  writeFileSync(join(data, 'held.yaml'), config);
  const out = join(data, 'held');
  const settings = ['--chains', 2, '--warmup', 300, '--draws', 200] as const;
  const { code, stderr } = await hierax('fit', join(data, 'held.yaml'), '--out', out, ...settings);
  expect(code, stderr).toBe(0);
  const truth = new Map(read<Named>(join(data, 'truth.json')).parameters.map((own) => [own.name, own.value]));
  const { holdout: held } = read<{ holdout: { rows: number; rmse: number; coverage95: number } }>(
    join(out, 'summary.json'),
  );
  expect(held.rows).toBe(count);
  // What 100 weeks leave unknown of a dozen parameters adds little to the errors' 1 / √(2n).
  const ratio = held.rmse / (10_000 * truth.get('sigma')!);
  expect(Math.abs(ratio - 1)).toBeLessThan(4 / Math.sqrt(2 * count));
  expect(held.coverage95).toBeGreaterThan(0.95 - 4 * Math.sqrt((0.95 * 0.05) / count));
});

it('refuses data and configurations that do not fit, in one line', { timeout: 120_000 }, async () => {
  const write = (name: string, lines: readonly string[], extra = ''): string => {
    writeFileSync(join(folder, `${name}.csv`), `${lines.join('\n')}\n`);
    const path = join(folder, `${name}.yaml`);
    writeFileSync(
      path,
      `data: { file: ${name}.csv }\nmodel:\n  name: media-mix\n  response: sales\n  time: week\n  channels: [tv]\n${extra}`,
    );
    return path;
  };
  const weeks = Array.from({ length: 20 }, (_, t) => `${t + 1},a,${t * t},${t}`);
  const header = 'week,place,sales,tv';
  const cases = [
    [
      write('negative', [header, ...weeks.slice(0, 9), '10,a,3,-4', ...weeks.slice(10)]),
      "negative.csv: column 'tv' (model.channels), row 10: -4 is negative",
    ],
    [write('gap', [header, ...weeks.slice(0, 9), ...weeks.slice(11)]), "2 periods are missing between '9' and '12'"],
    [write('places', [header, ...weeks, '3,b,5,5'], '  geo: place\n'), "no row for place 'b', week '1' (and 18 more)"],
    [write('adstock', [header, ...weeks], '  adstock: geometrical\n'), 'adstock.yaml:7: model.adstock'],
    [
      write('prior', [header, ...weeks], '  priors: { roi: "logNormal(0, 1)" }\n'),
      'prior.yaml:7: model.priors.roi: this model has no such site',
    ],
  ] as const;
  for (const [path, message] of cases) {
    const { code, stderr } = await hierax('fit', path, '--out', join(folder, 'never'));
    expect(code, stderr).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(message);
  }
});
