// What other tools rely on: the files of a run and their exact shapes, the streams, the exit codes.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { rowsOf, withDuckDB } from '../../src/data/duckdb.js';
import { openPosterior } from '../../src/data/run/posteriorReader.js';
import { hierax, hieraxProcess, type Outcome } from './hierax.js';
import { salesConfig, salesFolders, salesRows, threeLevelConfig, toCsv } from './salesFolder.js';

const newCase = salesFolders();
const threeLevel = newCase(threeLevelConfig.replace('seed: 3', 'seed: 3\nkeep: [beta]\nout: results/fit'));
const run = threeLevel.at('results/fit');
let fitted: Outcome;

beforeAll(async () => {
  fitted = await hieraxProcess(['fit', threeLevel.config, '--chains', 3, '--threads', 2]);
  expect(fitted.code, fitted.stderr).toBe(0);
});

interface Parameter {
  readonly name: string;
  readonly [figure: string]: string | number | null;
}
interface Check {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
}

const json = <T>(out: string, name: string): T => JSON.parse(readFileSync(join(out, name), 'utf8')) as T;
const parametersOf = (out: string) => json<{ parameters: Parameter[] }>(out, 'summary.json').parameters;
const checksOf = (out: string) => json<{ checks: Check[] }>(out, 'diagnostics.json').checks;
const figures = ['mean', 'sd', 'mcseMean', 'q5', 'q50', 'q95', 'essBulk', 'essTail', 'rhat'];

/** The scalars of the model, in its order. */
const rowEffects = ['Intercept', 'price'];
const unitEffects = ['Intercept', 'size'];
const population = [
  'sigma',
  ...rowEffects.map((x) => `sigma_u[${x}]`),
  ...rowEffects.flatMap((x) => unitEffects.map((z) => `sigma_v[${x},${z}]`)),
  ...rowEffects.flatMap((x) => unitEffects.flatMap((z) => ['Intercept', 'income'].map((w) => `delta[${x},${z},${w}]`))),
];
const markets = ['m0', 'm1', 'm2', 'm3', 'm4'];
const gamma = markets.flatMap((m) => rowEffects.flatMap((x) => unitEffects.map((z) => `gamma[market=${m},${x},${z}]`)));
const beta = markets.flatMap((m) =>
  ['p0', 'p1'].flatMap((p) => rowEffects.map((x) => `beta[unit="product=${p},market=${m}",${x}]`)),
);

describe('the streams', () => {
  it('keep stdout free, and tell progress in plain lines', () => {
    expect(fitted.stdout).toBe('');
    expect(fitted.stderr).not.toContain('\u001b');
    const lines = fitted.stderr.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^200 rows, 10 units; \d+ parameters; memory: about \d+ MB .*; draws on disk: .* free\)$/);
    expect(lines[1]).toMatch(/^three-level by NUTS on cpu, double precision, .*: 3 chains × \(60 \+ 40\)$/);
    const one = 'draws 40/40, \\d+ divergences, step [\\d.]+, \\d+ gradients';
    expect(lines).toContainEqual(
      expect.stringMatching(new RegExp(`^chain 1: ${one} \\| chain 2: ${one} \\| chain 3: ${one} \\| done$`)),
    );
    expect(lines.at(-1)).toBe(`report: ${join(run, 'report.html')}`);
  });

  it('give help and version on stdout', async () => {
    const { code, stdout, stderr } = await hieraxProcess(['--version']);
    expect([code, stdout, stderr]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/), '']);
  });
});

describe('the files of a run', () => {
  it('are these, and no temporary ones', () => {
    const contract = [
      'diagnostics.json',
      'posterior.zarr',
      'report.html',
      'run.json',
      'summary.json',
      'summary.parquet',
    ];
    expect(readdirSync(run).sort()).toEqual([...contract, 'report.json'].sort());
  });

  it('summary.json: every scalar of the population and of kept sites, in model order', () => {
    const parameters = parametersOf(run);
    expect(Object.keys(json<object>(run, 'summary.json'))).toEqual(['parameters']);
    for (const parameter of parameters) expect(Object.keys(parameter)).toEqual(['name', ...figures]);
    const names = parameters.map(({ name }) => name);
    expect([...names].sort()).toEqual([...population, ...beta].sort());
    const bySite = new Map<string, string[]>();
    for (const name of names) {
      const site = name.replace(/\[.*/, '');
      bySite.set(site, [...(bySite.get(site) ?? []), name]);
    }
    expect(names).toEqual([...bySite.values()].flat());
    for (const site of ['sigma_u', 'sigma_v', 'delta'])
      expect(bySite.get(site)).toEqual(population.filter((name) => name.startsWith(`${site}[`)));
    expect(bySite.get('beta')).toEqual(beta);
    for (const { q5, q50, q95, sd, mcseMean } of parameters) {
      expect(Number(q5)).toBeLessThan(Number(q50));
      expect(Number(q50)).toBeLessThan(Number(q95));
      expect(Number(mcseMean)).toBeGreaterThan(0);
      expect(Number(mcseMean)).toBeLessThan(2 * Number(sd));
    }
  });

  it('summary.parquet: the same columns for every scalar, and figures by moments where no draws are kept', async () => {
    const file = join(run, 'summary.parquet');
    const rows = await withDuckDB((connection) => rowsOf(connection, `FROM read_parquet('${file}')`));
    const byMoments = ['splitRhatMoments', 'essBatchMeans'];
    for (const row of rows) expect(Object.keys(row)).toEqual(['name', ...figures, ...byMoments]);
    const stored = parametersOf(run);
    expect(rows.map((row) => row['name'])).toEqual([...stored.map(({ name }) => name), ...gamma]);
    for (const [index, parameter] of stored.entries())
      expect(rows[index]).toEqual({ ...parameter, splitRhatMoments: null, essBatchMeans: null });
    for (const row of rows.slice(stored.length)) {
      for (const figure of ['q5', 'q50', 'q95', 'essBulk', 'essTail', 'rhat']) expect(row[figure]).toBeNull();
      for (const figure of ['mean', 'sd', 'mcseMean', 'splitRhatMoments'])
        expect(row[figure]).toSatisfy(Number.isFinite);
    }
  });

  it('diagnostics.json: exactly these keys', () => {
    const diagnostics = json<Record<string, unknown>>(run, 'diagnostics.json');
    expect(Object.keys(diagnostics)).toEqual(
      'method device adapter precision threads chains warmup draws divergences ebfmi maxTreeDepthHits gradientEvaluations sweeps seconds peakMemoryBytes deviceMemoryBytes checks'.split(
        ' ',
      ),
    );
    expect(diagnostics).toMatchObject({
      method: 'nuts',
      device: 'cpu',
      precision: 'double',
      chains: 3,
      warmup: 60,
      draws: 40,
    });
    expect(diagnostics['ebfmi']).toHaveLength(3);
    const seconds = diagnostics['seconds'] as Record<string, number>;
    expect(Object.keys(seconds)).toEqual(['load', 'compile', 'warmup', 'sampling', 'total']);
    const { total, ...stages } = seconds;
    for (const stage of Object.values(stages)) expect(stage).toBeGreaterThan(0);
    expect(total).toBeGreaterThanOrEqual(Object.values(stages).reduce((sum, stage) => sum + stage, 0));
    for (const check of checksOf(run)) {
      expect(Object.keys(check)).toEqual(['name', 'status', 'detail']);
      expect(['pass', 'review', 'fail']).toContain(check.status);
    }
  });

  it('run.json: versions, seed, the resolved configuration with overrides and every prior, the fingerprint', () => {
    const record = json<Record<string, unknown>>(run, 'run.json');
    expect(record).toMatchObject({
      status: 'finished',
      seed: 3,
      threads: 2,
      rows: 200,
      device: 'cpu',
      precision: 'double',
    });
    expect(record['versions']).toMatchObject({ hierax: expect.any(String) as string, node: process.versions.node });
    expect(record['dataFingerprint']).toMatch(/^[0-9a-f]{64}$/);
    expect(record['command']).toBe(`hierax fit ${threeLevel.config} --chains 3 --threads 2`);
    const configuration = record['configuration'] as { model: { resolvedPriors: { site: string }[] } };
    expect(configuration).toMatchObject({ chains: 3, warmup: 60, draws: 40, seed: 3, data: { file: 'sales.csv' } });
    expect(configuration.model.resolvedPriors.map(({ site }) => site)).toEqual([
      'sigma',
      'delta',
      'sigma_u',
      'sigma_v',
    ]);
  });

  it('posterior.zarr: the groups and dimensions of InferenceData', async () => {
    const store = join(run, 'posterior.zarr');
    const groups = [
      'observed_data',
      'posterior',
      'sample_stats',
      'warmup_posterior',
      'warmup_sample_stats',
      'zarr.json',
    ];
    expect(readdirSync(store).sort()).toEqual(groups);
    const dimsOf = (...path: string[]) => {
      const { dimension_names: dims, shape } = json<{ dimension_names: string[]; shape: number[] }>(
        join(store, ...path),
        'zarr.json',
      );
      return Object.fromEntries(dims.map((dim, axis) => [dim, shape[axis]]));
    };
    expect(dimsOf('observed_data', 'log_sales')).toEqual({ row: 200 });
    expect(dimsOf('sample_stats', 'diverging')).toEqual({ chain: 3, draw: 40 });
    expect(dimsOf('warmup_posterior', 'sigma')).toEqual({ chain: 3, draw: 60 });
    expect(dimsOf('posterior', 'beta')).toMatchObject({ chain: 3, draw: 40, unit: 10 });
    const { zarr_format: version } = json<{ zarr_format: number }>(store, 'zarr.json');
    expect(version).toBe(3);
    const reader = await openPosterior(store);
    expect(reader.sites.map(({ name }) => name).sort()).toEqual(['beta', 'delta', 'sigma', 'sigma_u', 'sigma_v']);
    expect(reader.coords['market'] ?? reader.coords['unit']).toHaveLength(reader.coords['market'] ? 5 : 10);
    const draws = (await reader.readSite('sigma')).flatMap((chain) => [...chain]);
    const { mean } = parametersOf(run).find(({ name }) => name === 'sigma')!;
    expect(draws.reduce((sum, draw) => sum + draw / draws.length, 0)).toBeCloseTo(Number(mean), 12);
  });

  it('the page is written again by report, the same', async () => {
    const page = join(run, 'report.html');
    const before = readFileSync(page, 'utf8');
    rmSync(page);
    expect(await hierax('report', run)).toEqual({ code: 0, stdout: `${page}\n`, stderr: '' });
    expect(readFileSync(page, 'utf8')).toBe(before);
  });
});

describe('exit codes and seeds', () => {
  it('3 with --strict when a check fails, and the run is complete all the same', async () => {
    const { config, out } = newCase();
    const { code, stderr } = await hierax('fit', config, '--strict');
    expect(stderr).toMatch(/^fail: essBulk: population: /m);
    expect(code).toBe(3);
    expect(json<{ status: string }>(out, 'run.json').status).toBe('finished');
    expect((await hierax('fit', config)).stderr).toBe(
      `hierax: ${out} already holds a finished run: see its report, or choose another --out\n`,
    );
  });

  it('one draw of one chain: figures that are undefined are null', async () => {
    const { config, out } = newCase();
    expect((await hierax('fit', config, '--chains', 1, '--draws', 1)).code).toBe(0);
    for (const { rhat, essBulk, sd, mean } of parametersOf(out)) {
      expect([rhat, essBulk, sd]).toEqual([null, null, null]);
      expect(mean).toEqual(expect.any(Number));
    }
    expect(json<{ ebfmi: unknown[] }>(out, 'diagnostics.json').ebfmi).toEqual([null]);
  });

  it('the seed decides: threads and folders do not, another seed does', async () => {
    const { config, at } = newCase();
    const summary = async (name: string, ...more: (string | number)[]): Promise<string> => {
      expect((await hierax('fit', config, '--out', at(name), ...more)).code).toBe(0);
      return readFileSync(join(at(name), 'summary.json'), 'utf8');
    };
    const first = await summary('a', '--threads', 1);
    expect(await summary('b', '--threads', 2)).toBe(first);
    expect(await summary('c', '--seed', 4)).not.toBe(first);
  });

  it('a folder that was there and holds other files is used, and they stay', async () => {
    const { config, out } = newCase();
    mkdirSync(out);
    writeFileSync(join(out, 'notes.txt'), 'mine');
    copyFileSync(config, join(out, 'config.yaml'));
    expect((await hierax('fit', config, '--method', 'hmc', '--precision', 'single')).code).toBe(0);
    expect(readFileSync(join(out, 'notes.txt'), 'utf8')).toBe('mine');
    expect(json<object>(out, 'diagnostics.json')).toMatchObject({
      method: 'hmc',
      precision: 'single',
      maxTreeDepthHits: null,
    });
  });
});

describe('legal but thin data', () => {
  const check = (out: string, name: string) => checksOf(out).find((check) => check.name === name);

  it('a unit with one row, a market with one product, repeated occasions: accepted and named', async () => {
    const rows = salesRows().filter(
      ({ product, market, week }) =>
        !(product === 'p1' && market === 'm2' && Number(week) > 1) && !(product === 'p0' && market === 'm4'),
    );
    const thin = newCase(threeLevelConfig, toCsv([...rows, rows[0]]));
    const { code, stderr } = await hierax('fit', thin.config);
    expect(code, stderr).toBe(0);
    expect(check(thin.out, 'thinData')).toEqual({
      name: 'thinData',
      status: 'review',
      detail: expect.stringMatching(
        /^1 unit has one row \(product=p1,market=m2\), .* 1 market has one unit \(m4\): .* 1 row repeats a unit and time /,
      ) as string,
    });
    expect(check(thin.out, 'fewMarkets')).toMatchObject({ status: 'review' });
    expect(stderr).toMatch(/^review: thinData: /m);
  });

  it('one unit, two rows', async () => {
    const tiny = newCase(salesConfig, toCsv(salesRows().slice(0, 2)));
    const { code, stderr } = await hierax('fit', tiny.config);
    expect(code, stderr).toBe(0);
    expect(
      parametersOf(tiny.out)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['gamma[Intercept]', 'gamma[price]', 'sigma', 'sigma_u[Intercept]', 'sigma_u[price]']);
  });
});
