// hierax fit on data with missing values: a run for each completed data set, then one run of all draws, the same whole or resumed.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openPosterior } from '../../src/data/run/posteriorReader.js';
import { temporaryFolder } from '../data/inputFiles.js';
import { randomNumbers } from '../models/random.js';
import { hierax, type Outcome } from './hierax.js';
import { jsonOf, results } from './runFiles.js';

const { folder, write } = temporaryFolder();
const imputations = 3;
const chains = 2;

const config = `data:
  file: rows.csv
  steps:
    - { impute: [b, kind], with: [y, a], imputations: ${imputations} }
  holdout: { share: 0.2 }
model: { name: regression, response: y, x: [a, b], categories: [kind] }
method: { name: gibbs, chains: ${chains} }
draws: 300
seed: 5
`;

/** y = a − b + kind + ε, b and kind missing where y is large, more often than not. */
function rows(): string {
  const random = randomNumbers(4);
  const lines = Array.from({ length: 200 }, () => {
    const a = random.normal();
    const b = 0.5 * a + random.normal();
    const kind = random.uniform() < 0.5 ? 'p' : 'q';
    const y = a - b + Number(kind === 'q') + 0.5 * random.normal();
    const lacks = (): boolean => random.uniform() < 0.5 / (1 + Math.exp(-2 * y));
    return [y, a, lacks() ? '' : b, lacks() ? '' : kind].join(',');
  });
  return `y,a,b,kind\n${lines.join('\n')}\n`;
}

interface Estimate {
  readonly name: string;
  readonly mean: number;
  readonly withinSd: number;
  readonly betweenSd: number;
  readonly totalSd: number;
  readonly pooledSd: number;
  readonly fractionMissing: number;
}
interface Summary {
  readonly parameters: readonly {
    readonly name: string;
    readonly mean: number;
    readonly sd: number;
    readonly mcseMean: number;
    readonly essBulk: number;
    readonly rhat: number;
  }[];
  readonly holdout: {
    readonly rows: number;
    readonly rmse: number;
    readonly draws: number;
    readonly coverage95: number;
  };
}

const out = join(folder, 'whole');
let path: string;
let fitted: Outcome;

beforeAll(async () => {
  write('rows.csv', rows());
  path = write('config.yaml', config);
  fitted = await hierax('fit', path, '--out', out);
  expect(fitted.code, fitted.stderr).toBe(0);
}, 300_000);

describe('a fit with imputed values', () => {
  it('pools the draws of all data sets', async () => {
    const summary = jsonOf<Summary>(out, 'summary.json');
    const each = [1, 2, 3].map((k) => jsonOf<Summary>(join(out, `imputation-${k}`), 'summary.json'));
    const reader = await openPosterior(join(out, 'posterior.zarr'));
    expect([reader.chains, reader.draws]).toEqual([imputations * chains, 300]);
    const second = await openPosterior(join(out, 'imputation-2', 'posterior.zarr'));
    const own = reader.coords.column.indexOf('b');
    expect((await reader.readSite('coefficient', own)).slice(2, 4)).toEqual(await second.readSite('coefficient', own));
    for (const [i, { name, mean, sd, essBulk, rhat, mcseMean }] of summary.parameters.entries()) {
      const parts = each.map(({ parameters }) => parameters[i]);
      expect(parts.every((part) => part.name === name)).toBe(true);
      const average = parts.reduce((sum, part) => sum + part.mean / imputations, 0);
      expect(mean, name).toBeCloseTo(average, 10);
      // All draws vary by the variance within, and that between the means.
      const n = chains * 300;
      const squares = parts.reduce((sum, part) => sum + (n - 1) * part.sd ** 2 + n * (part.mean - average) ** 2, 0);
      expect(sd, name).toBeCloseTo(Math.sqrt(squares / (imputations * n - 1)), 10);
      expect(essBulk, name).toBeCloseTo(
        parts.reduce((sum, part) => sum + part.essBulk, 0),
        6,
      );
      expect(rhat, name).toBe(Math.max(...parts.map((part) => part.rhat)));
      expect(mcseMean, name).toBeCloseTo(
        Math.sqrt(parts.reduce((sum, part) => sum + part.mcseMean ** 2, 0)) / imputations,
        10,
      );
    }
  });

  it("says by Rubin's rules what the missing values cost", () => {
    const { parameters } = jsonOf<{ parameters: Estimate[] }>(out, 'imputation.json');
    const slope = parameters.find(({ name }) => name === 'coefficient[b]')!;
    expect(slope.fractionMissing).toBeGreaterThan(0.05);
    expect(slope.totalSd).toBeCloseTo(
      Math.sqrt(slope.withinSd ** 2 + (1 + 1 / imputations) * slope.betweenSd ** 2),
      10,
    );
    // The pooled draws lack 2/m of the variance between: with few data sets a check asks for more.
    for (const { pooledSd, withinSd, betweenSd } of parameters)
      expect(pooledSd).toBeCloseTo(Math.sqrt(withinSd ** 2 + (1 - 1 / imputations) * betweenSd ** 2), 3);
    const {
      checks,
      chains: all,
      imputations: count,
    } = jsonOf<{ checks: { name: string; status: string; detail: string }[]; chains: number; imputations: number }>(
      out,
      'diagnostics.json',
    );
    expect([all, count]).toEqual([imputations * chains, imputations]);
    expect(checks.find(({ name }) => name === 'imputations')).toMatchObject({ status: 'review' });
    expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining(['rhat', 'essBulk', 'thinData']));
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    expect(page).toContain("sd by Rubin's rules".replace("'", '&#39;'));
    expect(fitted.stderr).toMatch(/pooled 3 imputations; missing values take away at most \d+ %/);
  });

  it('predicts held-out rows by all data sets', () => {
    const { holdout } = jsonOf<Summary>(out, 'summary.json');
    const first = jsonOf<Summary>(join(out, 'imputation-1'), 'summary.json').holdout;
    expect(holdout.rows).toBe(40);
    expect(holdout.draws).toBe(imputations * first.draws);
    expect(holdout.rmse).toBeLessThan(1.5);
  });

  it('gives each data set a seed of its own and the same rows at every run', () => {
    const runs = [1, 2, 3].map((k) =>
      jsonOf<{ seed: number; dataFingerprint: string }>(join(out, `imputation-${k}`), 'run.json'),
    );
    expect(runs.map(({ seed }) => seed)).toEqual([5, 6, 7]);
    expect(new Set(runs.map(({ dataFingerprint }) => dataFingerprint)).size).toBe(3);
    expect(jsonOf<{ seed: number; imputations: number; status: string }>(out, 'run.json')).toMatchObject({
      seed: 5,
      imputations: 3,
      status: 'finished',
    });
  });

  it('goes on where it stopped, and gives the same draws', { timeout: 300_000 }, async () => {
    // As a kill leaves it: the first data set fitted, the second begun, nothing pooled.
    const other = join(folder, 'broken');
    const first = await hierax('fit', path, '--out', other);
    expect(first.code).toBe(0);
    for (const name of [
      'imputation-2',
      'imputation-3',
      'posterior.zarr',
      'summary.json',
      'summary.parquet',
      'diagnostics.json',
      'imputation.json',
      'report.json',
      'report.html',
    ])
      rmSync(join(other, name), { recursive: true });
    const run = jsonOf<object>(other, 'run.json');
    write('broken/run.json', JSON.stringify({ ...run, status: 'unfinished' }));
    const stamp = readFileSync(join(other, 'imputation-1', 'run.json'), 'utf8');
    expect((await hierax('fit', path, '--out', other)).code).toBe(2);
    const resumed = await hierax('fit', path, '--out', other, '--resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(readFileSync(join(other, 'imputation-1', 'run.json'), 'utf8')).toBe(stamp);
    const [one, two] = [results(other), results(out)];
    expect(Object.keys(one).filter((name) => one[name] !== two[name])).toEqual([]);
    expect(Object.keys(one)).toEqual(Object.keys(two));
  });

  it('does not go on with other settings, and leaves nothing of a faulty start', async () => {
    const changed = write('changed.yaml', config.replace('draws: 300', 'draws: 200'));
    const run = jsonOf<object>(out, 'run.json');
    write('whole/run.json', JSON.stringify({ ...run, status: 'unfinished' }));
    const { code, stderr } = await hierax('fit', changed, '--out', out, '--resume');
    write('whole/run.json', JSON.stringify(run));
    expect(code).toBe(2);
    expect(stderr).toMatch(/this run was begun with draws 300, not 200; restore it/);
    const faulty = write('faulty.yaml', config.replace('x: [a, b]', 'x: [a, bb]'));
    expect((await hierax('fit', faulty, '--out', join(folder, 'never'))).code).toBe(2);
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });
});
