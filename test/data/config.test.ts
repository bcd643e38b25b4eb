// CONFIG.yaml: defaults filled in, and for each fault one line with the file, the line and what would be right.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Overrides } from '../../src/data/config.js';
import { loadConfig } from '../../src/data/config.js';
import { models } from '../../src/models/registry.js';
import { formatPrior, parsePrior, priorFamilies } from '../../src/data/prior.js';
import { inputError, temporaryFolder } from './inputFiles.js';

const { folder, write } = temporaryFolder();
const base = `data:
  file: sales.csv
model:
  name: three-level
  response: sales
  product: brand
  market: store
  x: [price]
`;

const load = (text: string, overrides: Overrides = {}) => loadConfig(write('config.yaml', text), models, overrides);
const message = async (text: string, overrides: Overrides = {}) =>
  (await inputError(() => load(text, overrides))).message.replace('config.yaml', 'C');

describe('a configuration', () => {
  it('gets its defaults', () => {
    expect(load(base)).toEqual({
      file: join(folder, 'config.yaml'),
      data: { file: 'sales.csv', folder, unique: [] },
      model: {
        name: 'three-level',
        response: 'sales',
        family: 'gaussian',
        product: 'brand',
        market: 'store',
        x: ['price'],
        z: [],
        w: [],
        standardise: true,
        shrinkage: 'none',
        slab: { df: 4 },
        covariance: { product: 'diagonal', market: 'diagonal' },
        parametrisation: 'auto',
        priors: {},
      },
      method: {
        name: 'auto',
        thin: 1,
        targetAcceptance: undefined,
        maxTreeDepth: 10,
        initialisation: 'jitter',
        metric: 'diagonal',
        integrationTime: undefined,
        superchains: undefined,
        scheme: undefined,
        scan: undefined,
        family: undefined,
        variant: undefined,
        rank: undefined,
        cutoff: undefined,
        maxIterations: undefined,
        paths: undefined,
      },
      device: 'auto',
      onDeviceLoss: 'stop',
      precision: undefined,
      chains: 4,
      warmup: 1000,
      draws: 1000,
      unset: ['chains', 'warmup', 'draws'],
      seed: 1,
      threads: undefined,
      keep: [],
      out: undefined,
    });
  });

  it('takes what is written, and the command line over it', () => {
    const text = `${base}  covariance: full
  standardise: [price]
  priors: {sigma: halfNormal(2), delta: {normal: [0, 5]}}
method: {name: nuts, warmup: 300, chains: 2, metric: dense}
draws: 50
seed: 7
out: runs/a
`;
    const config = load(text);
    expect(config.model).toMatchObject({ covariance: { product: 'full', market: 'full' } });
    expect(config.model.priors).toEqual({
      sigma: { family: 'halfNormal', parameters: [2] },
      delta: { family: 'normal', parameters: [0, 5] },
    });
    expect(config).toMatchObject({ chains: 2, warmup: 300, draws: 50, seed: 7, out: join(folder, 'runs/a') });
    expect(config.method).toMatchObject({ name: 'nuts', metric: 'dense' });
    const overridden = load(text, { chains: 1, warmup: 10, seed: 3, method: 'hmc', precision: 'single', threads: 2 });
    expect(overridden).toMatchObject({ chains: 1, warmup: 10, draws: 50, seed: 3, precision: 'single', threads: 2 });
    expect(overridden.method).toMatchObject({ name: 'hmc', metric: 'dense' });
    expect(load(text.replace('dense', 'lowRank, rank: 8, cutoff: 1.5')).method).toMatchObject({
      metric: 'lowRank',
      rank: 8,
      cutoff: 1.5,
    });
    expect(() => load(text.replace('dense', 'lowRank, cutoff: 1'))).toThrow(/cutoff/);
    const onGpu = `${text}device: webgpu\nonDeviceLoss: retry\n`;
    expect(load(onGpu)).toMatchObject({ device: 'webgpu', onDeviceLoss: 'retry' });
    expect(load(onGpu, { device: 'eager:cpu', onDeviceLoss: 'cpu' })).toMatchObject({
      device: 'eager:cpu',
      onDeviceLoss: 'cpu',
    });
  });
});

describe('ChEES', () => {
  it('has many short chains unless it is told otherwise', () => {
    const usual = load(`${base}method: chees\n`);
    expect(usual).toMatchObject({ chains: 64, warmup: 400, draws: 100 });
    expect(usual.method).toMatchObject({ name: 'chees', targetAcceptance: undefined, superchains: undefined });
    expect(load(base, { method: 'chees', chains: 12 })).toMatchObject({ chains: 12, warmup: 400 });
    expect(load(`${base}method: {paths: 3, scheme: plain}\n`).method).toMatchObject({ paths: 3, scheme: 'plain' });
    const told = load(`${base}method: {name: chees, chains: 32, superchains: 8, targetAcceptance: 0.8}\ndraws: 7\n`);
    expect(told).toMatchObject({ chains: 32, draws: 7, method: { superchains: 8, targetAcceptance: 0.8 } });
    expect(() => load(`${base}method: {name: chees, superchains: 5}\n`)).toThrow(
      /:9: method.superchains 5 does not divide 64 chains/,
    );
  });
});

describe('faults are told with their line', () => {
  const faults: [string, string, string][] = [
    ['unknown key', `${base}  pirors: {}\n`, "C:9: unknown key 'pirors' in model; did you mean 'priors'?"],
    ['unknown section', base.replace('model:', 'modle:'), "C:3: unknown key 'modle'; did you mean 'model'?"],
    ['key of data', base.replace('file:', 'fiel:'), "C:2: unknown key 'fiel' in data; did you mean 'file'?"],
    ['key of method', `${base}method:\n  warmpu: 3\n`, "C:10: unknown key 'warmpu' in method; did you mean 'warmup'?"],
    [
      'model',
      base.replace('three-level', 'thre-level'),
      "C:4: unknown model 'thre-level'; did you mean 'three-level'?",
    ],
    ['missing', base.replace('  response: sales\n', ''), 'C:3: model.response is missing; it must be text'],
    ['no unit', base.replace('  product: brand\n', ''), "C:3: model.unit is missing: name the unit's column"],
    [
      'list',
      base.replace('[price]', 'price'),
      "C:8: model.x must be a list of column names, like [price, deal], not 'price'",
    ],
    ['twice', base.replace('[price]', '[price, price]'), "C:8: model.x names 'price' twice"],
    ['response', base.replace('[price]', '[sales]'), "C:8: model.x holds the response 'sales'"],
    ['two sources', base.replace('  file', '  query: q\n  file'), 'C:1: data needs one of file or query, has both'],
    ['no database', base.replace('file: sales.csv', 'table: t'), 'C:1: data has a table but no database'],
    ['w', base.replace('  market: store\n', '') + '  w: [a]\n', 'C:8: model.w is given without market'],
    ['standardise', `${base}  standardise: [p]\n`, "C:9: model.standardise names 'p', which is not among x, z, w"],
    ['family', `${base}  family: gausian\n`, "C:9: model.family cannot be 'gausian'; did you mean 'gaussian'?"],
    ['chains', `${base}chains: 0\n`, 'C:9: chains must be at least 1, not 0'],
    ['whole', `${base}\nseed: 1.5\n`, 'C:10: seed must be a whole number, not 1.5'],
    ['text', `${base}draws: many\n`, "C:9: draws must be a number, not 'many'"],
    ['range', `${base}method: {targetAcceptance: 1.2}\n`, 'C:9: method.targetAcceptance must be less than 1, not 1.2'],
    [
      'method',
      `${base}method: gibs\n`,
      "C:9: method must be auto or nuts or hmc or chees or marginal or gibbs or advi or pathfinder or reml or ols or ridge, or keys with values, not 'gibs'",
    ],
    [
      'device',
      `${base}device: gpu9\n`,
      "C:9: device cannot be 'gpu9'; known: auto, cpu, webgpu, cuda, eager:<backend>",
    ],
    ['device, misspelt', `${base}device: webgup\n`, "C:9: device cannot be 'webgup'; did you mean 'webgpu'?"],
    ['device, in a word', `${base}device: gpu\n`, "C:9: device cannot be 'gpu'; did you mean 'webgpu'?"],
    ['backend', `${base}device: eager\n`, "C:9: device cannot be 'eager'; name a tfjs backend, like eager:cpu"],
    ['loss', `${base}onDeviceLoss: cup\n`, "C:9: onDeviceLoss cannot be 'cup'; did you mean 'cpu'?"],
    [
      'setting of another method',
      `${base}method:\n  name: gibbs\n  paths: 3\n`,
      'C:11: method.paths is not a setting of gibbs, but of pathfinder, nuts, hmc, chees',
    ],
    ['conflict', `${base}method: {chains: 2}\nchains: 3\n`, 'C:10: chains is set here and in method; keep one of them'],
    ['site', `${base}  priors:\n    sigm: flat\n`, "C:10: unknown site 'sigm' in model.priors; did you mean 'sigma'?"],
    ['YAML', `${base}  z: [a\n`, 'C:10: not valid YAML: '],
    ['repeated', `${base}seed: 1\nseed: 2\n`, 'C:10: not valid YAML: Map keys must be unique'],
    ['empty', ' \n', 'C: is empty; data: and model: are needed'],
    ['no map', 'hello\n', 'C:1: a configuration is a list of keys'],
  ];
  it.each(faults)('%s', async (_, text, expected) => {
    expect((await message(text)).slice(0, expected.length)).toBe(expected);
  });

  it('an impossible prior', async () => {
    const priors = (line: string) => message(`${base}  priors:\n    sigma: halfNormal(1)\n    delta: ${line}\n`);
    const place = 'C:11: model.priors.delta: ';
    expect(await priors('normal(0, -1)')).toBe(`${place}sd of prior normal(mean, sd) must be greater than 0, not -1`);
    expect(await priors('{normal: [0]}')).toBe(`${place}prior normal takes 2 arguments, not 1; write normal(mean, sd)`);
    expect(await priors('norml(0, 1)')).toBe(`${place}unknown prior 'norml'; did you mean 'normal'?`);
    expect(await priors('normal(0, x)')).toBe(`${place}sd of prior normal(mean, sd) must be a finite number, not 'x'`);
    expect(await priors('normal 0 1')).toContain(`${place}prior 'normal 0 1' cannot be read`);
    expect(await priors('{normal: {mean: 0, scale: 2}}')).toContain("prior normal has no argument 'scale'");
  });

  it('an override, and a file that is not there', async () => {
    expect(await message(base, { chains: 0 })).toBe('--chains must be at least 1, not 0');
    expect(await message(base, { method: 'nutz' } as unknown as Overrides)).toBe(
      "--method cannot be 'nutz'; did you mean 'nuts'?",
    );
    const missing = await inputError(() => loadConfig(join(folder, 'none.yaml'), models));
    expect(missing.message).toMatch(/^none\.yaml: no such file; looked for /);
  });
});

describe('priors', () => {
  it('are read in every way of writing, and written as they are read', () => {
    const normal = { family: 'normal', parameters: [-1, 0.5] };
    const ways = ['normal(-1, 0.5)', ' normal( -1,5e-1 ) ', { normal: [-1, 0.5] }, { normal: { sd: 0.5, mean: -1 } }];
    for (const way of ways) expect(parsePrior(way)).toEqual(normal);
    expect(parsePrior({ halfNormal: 2 })).toEqual({ family: 'halfNormal', parameters: [2] });
    expect(parsePrior('flat')).toEqual({ family: 'flat', parameters: [] });
    for (const [family, { parameters }] of Object.entries(priorFamilies)) {
      const prior = parsePrior({ [family]: parameters.map((_, index) => index + 1.5) });
      expect(parsePrior(formatPrior(prior))).toEqual(prior);
    }
  });

  it('refuse every parameter that must be positive at zero', () => {
    for (const [family, { parameters, positive }] of Object.entries(priorFamilies)) {
      for (const name of positive as readonly string[]) {
        const values = (parameters as readonly string[]).map((parameter) => (parameter === name ? 0 : 1));
        expect(() => parsePrior({ [family]: values })).toThrow(`${name} of prior ${family}(`);
      }
    }
  });
});
