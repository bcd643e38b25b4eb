// docs/configuration.md against the program: every key, default, prior family and site, and its examples as they stand.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/data/config.js';
import { knownKeys } from '../../src/data/configSchema.js';
import { models } from '../../src/models/registry.js';
import { InputError } from '../../src/data/inputError.js';
import type { PriorSpec } from '../../src/data/prior.js';
import { parsePrior, priorFamilies } from '../../src/data/prior.js';
import type { LevelDesign } from '../../src/models/threeLevel/design.js';
import { threeLevelPriors } from '../../src/models/threeLevel/priors.js';
import { temporaryFolder } from '../data/inputFiles.js';
import { fencedBlocks, read } from './checkout.js';
import { code, rowsUnder as rowsUnderHeading } from './docTables.js';

const { write } = temporaryFolder();
const text = read('docs/configuration.md');
const examples = fencedBlocks(text, 'yaml');

const rowsUnder = (heading: string): string[][] => rowsUnderHeading(text, heading);
const load = (example: string) => loadConfig(write('config.yaml', example), models);

const headings: Readonly<Record<string, string>> = {
  '': '## Top level',
  data: '## data',
  'data.tables.*': '### data.tables',
  'data.holdout': '### data.holdout',
  model: '## model',
  method: '## method',
  'model.covariance': '### model.covariance',
  'model.slab': '### model.slab',
};

describe('docs/configuration.md', () => {
  const known = knownKeys(models['three-level']);

  it('has a table for every section', () => {
    expect(Object.keys(known).sort()).toEqual(Object.keys(headings).sort());
    expect(Object.keys(models)).toContain('three-level');
  });

  it.each(Object.entries(headings))('lists the keys of section "%s"', (section, heading) => {
    expect(rowsUnder(heading).map(([key]) => code(key))).toEqual(expect.arrayContaining([...known[section]]));
    expect(rowsUnder(heading)).toHaveLength(known[section].length);
  });

  it('states the defaults', () => {
    const config = load(examples[0]) as unknown as Record<string, Record<string, unknown>>;
    const sections: Record<string, Record<string, unknown>> = {
      '': { ...config, method: config.method.name },
      data: config.data,
      model: { ...config.model, covariance: 'diagonal' },
      method: { ...config.method, warmup: config.warmup, draws: config.draws, chains: config.chains },
      'model.covariance': config.model.covariance as Record<string, unknown>,
      'model.slab': config.model.slab as Record<string, unknown>,
    };
    const given = parse(examples[0]) as Record<string, Record<string, unknown>>;
    const isGiven = (section: string, key: string): boolean =>
      section === '' ? key in given : key in (given[section] ?? {});
    for (const [section, heading] of Object.entries(headings)) {
      for (const [cell, written] of rowsUnder(heading)) {
        const key = code(cell);
        if (isGiven(section, key)) continue;
        const expected: unknown = written.startsWith('`') ? parse(code(written)) : undefined;
        expect([section, key, sections[section]?.[key]]).toEqual([section, key, expected]);
      }
    }
  });

  it('signs every prior family', () => {
    const signatures = rowsUnder('### model.priors')
      .map(([cell]) => code(cell))
      .filter((cell) => cell.includes('('));
    expect(signatures).toEqual(
      Object.entries(priorFamilies).map(([family, { parameters }]) => `${family}(${parameters.join(', ')})`),
    );
  });

  it('names the families that each site takes', () => {
    const rows = rowsUnder('### model.priors').filter(([cell]) => !cell.includes('('));
    const families = new Map<string, string[]>();
    for (const [cell, written] of rows) {
      const like = /^as `(\w+)`$/.exec(written)?.[1];
      families.set(code(cell), like === undefined ? written.split(', ') : families.get(like)!);
    }
    expect([...families.keys()].sort()).toEqual([...models['three-level'].priorSites].sort());
    for (const [site, listed] of families) {
      const taken = Object.keys(priorFamilies).filter((family) => isTaken(site, family));
      expect([site, [...listed].sort()]).toEqual([site, taken.sort()]);
    }
  });

  it('has examples that load', () => {
    expect(examples.length).toBeGreaterThanOrEqual(3);
    for (const example of examples) expect(load(example).model.name).toBe('three-level');
    const { model, method, chains, keep } = load(examples[2]);
    expect(model.priors.sigma_v).toEqual({ family: 'exponential', parameters: [2] });
    expect([method.metric, chains, keep]).toEqual(['dense', 4, ['beta']]);
  });
});

const level: LevelDesign = {
  names: ['Intercept', 'price'],
  columns: [new Float64Array(2).fill(1), Float64Array.of(-1, 1)],
  sds: [1, 1],
  toDataUnits: Float64Array.of(1, 0, 0, 1),
  isStandardised: false,
};
const units: LevelDesign = { ...level, names: ['Intercept'], columns: [level.columns[0]], sds: [1] };

/** Whether the three-level model takes a prior of a family at a site. */
function isTaken(site: string, family: string): boolean {
  const { parameters } = priorFamilies[family as keyof typeof priorFamilies];
  // Loadings lie around 0.
  const isOfFactors = /^(loadings|psi)_/.test(site);
  const values = parameters.map((name) => (isOfFactors && name === 'mean' ? 0 : 3));
  const set: Record<string, PriorSpec> = { [site]: parsePrior({ [family]: values }) };
  const kind = isOfFactors ? { factors: 1 } : 'full';
  const markets = site === 'gamma' ? null : units;
  const design = { rows: level, units, markets, marketOfUnit: markets && Int32Array.of(0, 0) };
  try {
    threeLevelPriors(
      set,
      design,
      { product: kind, market: kind },
      { mean: 0, sd: 1 },
      site === 'phi' ? 'negativeBinomial' : 'gaussian',
    );
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return false;
  }
}
