// docs/data.md against the program: every step with its keys, and its example as it stands.
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/data/config.js';
import { steps } from '../../src/data/preparation/registry.js';
import { models } from '../../src/models/registry.js';
import { temporaryFolder } from '../data/inputFiles.js';
import { fencedBlocks, read } from './checkout.js';

const { write } = temporaryFolder();
const text = read('docs/data.md');

describe('docs/data.md', () => {
  it('lists every step with its keys', () => {
    const rows = [...text.matchAll(/^\| `(\w+)` +\|([^|]*)\|/gm)].map(
      ([, name, keys]) => [name, [...keys.matchAll(/`(\w+)`/g)].map(([, key]) => key)] as const,
    );
    const known = Object.entries(steps).map(
      ([name, { schema }]) => [name, Object.keys(schema.shape).filter((key) => key !== name)] as const,
    );
    const sorted = (list: readonly (readonly [string, readonly string[]])[]) =>
      Object.fromEntries(list.map(([name, keys]) => [name, keys.toSorted()]));
    expect(sorted(rows)).toEqual(sorted(known));
    expect(rows.map(([name]) => name)).toEqual(known.map(([name]) => name));
  });

  it('has examples that load', () => {
    const [first, second] = fencedBlocks(text, 'yaml').map((block, i) =>
      loadConfig(write(`config-${i}.yaml`, block), models),
    );
    expect(second.data.steps![1].settings).toMatchObject({ per: 'household', imputations: 10, donors: 5 });
    const config = first;
    expect(config.data.steps).toHaveLength(7);
    expect(config.data.holdout).toMatchObject({ time: 'week', last: 8 });
    for (const { example, name, schema } of Object.values(steps)) {
      const data = `data: {file: a.csv, steps: [${example}]}\nmodel: {name: regression, response: y, x: [x]}\n`;
      expect(loadConfig(write('example.yaml', data), models).data.steps, name).toHaveLength(1);
      expect(schema.shape).toHaveProperty(name);
    }
  });
});
