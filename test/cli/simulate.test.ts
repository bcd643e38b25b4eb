// `hierax simulate three-level`: the files fit together, the same seed gives the same bytes, bad input is told in a line.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import yargs from 'yargs';
import { loadJob } from '../../src/cli/fit/job.js';
import { simulateCommand } from '../../src/cli/commands/simulate.js';
import { loadConfig } from '../../src/data/config.js';
import { readTable } from '../../src/data/readTable.js';
import { scalarNames } from '../../src/data/run/names.js';
import type { ThreeLevelData } from '../../src/data/threeLevelData.js';
import type { Model } from '../../src/models/model.js';
import { models } from '../../src/models/registry.js';
import { inputError, temporaryFolder } from '../data/inputFiles.js';

const { folder } = temporaryFolder();
let made = 0;
const fresh = () => join(folder, `out-${made++}`);

afterEach(() => vi.restoreAllMocks());

/** Runs the command as the command line would; returns what it printed. */
async function simulate(...options: (string | number)[]): Promise<string> {
  const printed: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  const args = ['simulate', 'three-level', ...options.map(String)];
  await yargs(args).command(simulateCommand).strict().fail(false).parseAsync();
  return printed.join('');
}

interface Truth {
  readonly parameters: { readonly name: string; readonly value: number }[];
}

const truthOf = (out: string) => JSON.parse(readFileSync(join(out, 'truth.json'), 'utf8')) as Truth;

/** From the files to the model, as `fit` goes. */
async function modelOf(out: string) {
  const job = await loadJob(loadConfig(join(out, 'config.yaml'), models));
  return { config: job.config, data: job.prepared.data as ThreeLevelData, model: job.model };
}

/** Names of all scalars that a model reports, without those that are fixed. */
function reportedNames(model: Model): string[] {
  return model.sites.flatMap((site) =>
    [...scalarNames(site, model.coords)].filter((_, element) => {
      let rest = element;
      const index = [...site.shape].reverse().map((length) => {
        const at = rest % length;
        rest = Math.floor(rest / length);
        return at;
      });
      return !site.isFixed?.(index.reverse());
    }),
  );
}

const markets = ['--products', 4, '--markets', 11];
const small = ['--rows', 900, ...markets];

describe('simulate three-level', () => {
  it.each([
    ['with three levels', markets],
    ['with full covariances', [...markets, '--covariance', 'full']],
    ['as CSV', [...markets, '--format', 'csv']],
    ['without predictors of groups', [...markets, '--z', 0, '--w', 0, '--covariance', 'full']],
    ['with more predictors than have names', [...markets, '--x', 8, '--z', 4, '--w', 4]],
    ['without predictors of rows', [...markets, '--x', 0]],
    ['with two levels', ['--markets', 0, '--products', 12]],
    ['with two levels and full covariances', ['--markets', 0, '--products', 101, '--covariance', 'full', '--z', 2]],
  ])('%s names every scalar that the model reports, in its order', async (_, options) => {
    const out = fresh();
    const printed = await simulate('--out', out, '--rows', 900, ...options);
    const { config, data, model } = await modelOf(out);
    const { parameters } = truthOf(out);
    expect(parameters.map(({ name }) => name)).toEqual(reportedNames(model));
    expect(parameters.every(({ value }) => Number.isFinite(value))).toBe(true);
    expect(data.rows).toBe(900);
    expect(data.notes).toMatchObject({ unitsWithOneRow: [], repeatedOccasions: 0 });
    const predictors = [...data.x, ...data.z, ...(data.markets?.w ?? [])];
    expect(predictors.every(({ standardisation }) => standardisation === null)).toBe(true);
    const file = options.includes('csv') ? 'data.csv' : 'data.parquet';
    expect(readdirSync(out).sort()).toEqual(['config.yaml', file, 'truth.json']);
    expect(config.seed).toBe(1);
    expect(printed).toBe(
      `${out}: ${file} (900 rows), truth.json (${parameters.length} values), config.yaml; ` +
        `next: hierax fit ${out}/config.yaml --out ${out}/fit\n`,
    );
  });

  it('puts the truth in the units of the data: residuals about the true coefficients have sd sigma', async () => {
    const out = fresh();
    await simulate('--out', out, '--rows', 20_000, '--seed', 9);
    const { data } = await modelOf(out);
    const value = new Map(truthOf(out).parameters.map((entry) => [entry.name, entry.value]));
    let squares = 0;
    for (let row = 0; row < data.rows; row++) {
      const unit = data.units.names[data.unitOfRow[row]];
      let mean = value.get(`beta[unit="${unit}",Intercept]`)!;
      for (const { name, values } of data.x) mean += value.get(`beta[unit="${unit}",${name}]`)! * values[row];
      squares += (data.y[row] - mean) ** 2;
    }
    const ratio = squares / data.rows / value.get('sigma')! ** 2;
    expect(Math.abs(ratio - 1)).toBeLessThan(4 * Math.sqrt(2 / data.rows));
  });

  it('has about 200 units and 100,000 rows unless told otherwise', async () => {
    const out = fresh();
    await simulate('--out', out);
    const { data } = await modelOf(out);
    expect(data.rows).toBe(100_000);
    expect(data.units.count).toBe(200);
    expect(data.notes.fewMarkets).toBe(false);
  });

  it('gives the same bytes for the same seed and others for another', async () => {
    const bytes = async (...options: (string | number)[]) => {
      const out = fresh();
      await simulate('--out', out, ...small, ...options);
      return readdirSync(out)
        .sort()
        .map((name) => readFileSync(join(out, name)));
    };
    for (const format of ['parquet', 'csv']) {
      const [config, data, truth] = await bytes('--format', format, '--seed', 7);
      expect(await bytes('--format', format, '--seed', 7)).toEqual([config, data, truth]);
      const other = await bytes('--format', format, '--seed', 8);
      expect(other[1]).not.toEqual(data);
      expect(other[2]).not.toEqual(truth);
    }
  });

  it('gives these bytes on every platform', async () => {
    const out = fresh();
    await simulate('--out', out, ...small, '--format', 'csv', '--seed', 2 ** 40 + 5);
    const digest = (name: string) =>
      createHash('sha256')
        .update(readFileSync(join(out, name)))
        .digest('hex');
    expect([digest('data.csv'), digest('truth.json')]).toEqual([
      '05ae0140f1584ec2e3aff0ae9322bdd713d30de8d1b9846e30203a5fce727150',
      '0c8cf7cc2d2158679a0f80d6eb668af646484d3b575cea289f6710749fbaecf2',
    ]);
  });

  it('holds the same table in CSV and Parquet', async () => {
    const tables = [];
    for (const format of ['csv', 'parquet']) {
      const out = fresh();
      await simulate('--out', out, ...small, '--format', format);
      const config = loadConfig(join(out, 'config.yaml'), models);
      tables.push((await readTable(config.data, models['three-level'].columns(config.model))).columns);
    }
    expect(tables[0]).toEqual(tables[1]);
  });
});

describe('bad input', () => {
  it.each([
    [['--rows', 'many'], "--rows must be a whole number from 1 to 100000000, not 'many'"],
    [['--rows', 1.5], '--rows must be a whole number from 1 to 100000000, not 1.5'],
    [['--rows', 399], '--rows must be at least 400 (two for each of 200 products in markets), not 399'],
    [['--rows', 49, '--products', 5, '--markets', 3], '--rows must be at least 50, not 49'],
    [['--rows', 100, '--rows', 200], '--rows must be a whole number from 1 to 100000000, not 100,200'],
    [['--products', 1], '--products must be a whole number from 2 to 1000000, not 1'],
    [['--markets', 1], '--markets must be 0 (two levels) or at least 2, not 1'],
    [['--markets', -3], '--markets must be a whole number from 0 to 100000, not -3'],
    [['--markets', 2], '--markets must be at least 3 for --w 1, not 2'],
    [['--markets', 0, '--w', 1], '--w must be 0 with --markets 0 (there is no market to describe), not 1'],
    [['--markets', 0, '--products', 3, '--z', 2], '--z must be at most 1 for 3 products in all, not 2'],
    [['--x', 51], '--x must be a whole number from 0 to 50, not 51'],
    [['--covariance', 'ful'], "--covariance has no covariance 'ful'; did you mean 'full'?"],
    [['--format', 'xlsx'], "--format has no format 'xlsx'; known: parquet, csv"],
    [['--seed', 'x'], "--seed must be a whole number from 0 to 9007199254740991, not 'x'"],
  ])('%j is refused', async (options, message) => {
    const out = fresh();
    const error = await inputError(() => simulate('--out', out, ...options));
    expect(error.message).toBe(message);
    expect(existsSync(out)).toBe(false);
  });

  it('an unknown model, a missing folder, a folder in use and a file are refused', async () => {
    const run = (...args: string[]) => yargs(args).command(simulateCommand).strict().fail(false).parseAsync();
    const unknown = await inputError(() => run('simulate', 'three-levels', '--out', fresh()));
    expect(unknown.message).toBe("simulate has no model 'three-levels'; did you mean 'three-level'?");
    const missing = await inputError(() => run('simulate', 'three-level'));
    expect(missing.message).toBe('--out is missing; name one new or empty folder, like --out runs/simulated');

    const used = fresh();
    mkdirSync(used);
    for (const name of ['b.txt', 'a.txt']) writeFileSync(join(used, name), 'kept');
    const full = await inputError(() => simulate('--out', used));
    expect(full.message).toBe(`--out ${used} is not empty (it holds a.txt and 1 more); name a new or empty folder`);
    expect(readdirSync(used)).toEqual(['a.txt', 'b.txt']);
    for (const path of [join(used, 'a.txt'), join(used, 'a.txt', 'below')]) {
      const file = await inputError(() => simulate('--out', path));
      expect(file.message).toBe(`--out ${path} is a file, or lies under one; name a new or empty folder`);
    }
  });
});
