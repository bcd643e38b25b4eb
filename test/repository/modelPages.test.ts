// The page of each model against the program: every key with its default, and its example.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/data/config.js';
import { knownKeys } from '../../src/data/configSchema.js';
import { models } from '../../src/models/registry.js';
import { temporaryFolder } from '../data/inputFiles.js';
import { fencedBlocks, read } from './checkout.js';
import { code, rowsUnder } from './docTables.js';

const { write } = temporaryFolder();

/** The least that each model takes. */
const least = {
  experiments: 'response: y, treatment: t',
  hbmmm: 'response: y, consumer: c, market: m, channels: [a]',
  'media-mix': 'response: y, time: week, channels: [a]',
  regression: 'response: y, x: [a]',
} as const;

describe.each(Object.keys(least) as (keyof typeof least)[])('docs/%s.md', (name) => {
  const text = read(`docs/${name}.md`);
  const rows = rowsUnder(text, '## Keys');

  it('lists every key', () => {
    expect(rows.map(([key]) => code(key)).sort()).toEqual([...knownKeys(models[name]).model].sort());
  });

  it('states the defaults', () => {
    const config = `data: { file: a.csv }\nmodel: { name: ${name}, ${least[name]} }\n`;
    const model = loadConfig(write('least.yaml', config), models).model as unknown as Record<string, unknown>;
    const given = Object.keys(parse(`{ name: ${name}, ${least[name]} }`) as object);
    for (const [cell, written] of rows) {
      const key = code(cell);
      if (code(written) === written || given.includes(key)) continue;
      // One word may stand for several keys.
      const own = model[key];
      const word = (value: unknown): unknown =>
        typeof value === 'object' && value !== null && 'form' in value ? value.form : value;
      const values = key === 'covariance' ? new Set(Object.values(own as object)) : new Set([word(own)]);
      expect([key, [...values]]).toEqual([key, [parse(code(written))]]);
    }
  });

  it('has examples that load', () => {
    const examples = fencedBlocks(text, 'yaml');
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(loadConfig(write('page.yaml', example), models).model.name).toBe(name);
  });
});
