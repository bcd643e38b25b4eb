// docs/media-mix.md against the program: every form of carry-over with its conventions, refusals.
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/data/config.js';
import { adstockForms, conventionsOf } from '../../src/models/mediaMix/adstock.js';
import { models } from '../../src/models/registry.js';
import { temporaryFolder } from '../data/inputFiles.js';
import { read } from './checkout.js';
import { code, rowsUnder } from './docTables.js';

const { write } = temporaryFolder();
const text = read('docs/media-mix.md');
it('lists every form of carry-over with its conventions in order', () => {
  const rows = rowsUnder(text, '## Carry-over');
  expect(rows.map(([form]) => code(form))).toEqual([...adstockForms]);
  for (const [cell, , written] of rows) {
    if (code(cell) === 'none') continue;
    const named = [...written.matchAll(/`([a-z]+(?:-[a-z]+)?)` \(/g)].map(([, name]) => name);
    expect([cell, named]).toEqual([cell, conventionsOf(code(cell) as (typeof adstockForms)[number])]);
  }
});

it('refuses what does not fit, in one line with the place in the file', () => {
  const load =
    (extra: string, time = 'week') =>
    () =>
      loadConfig(
        write(
          'config.yaml',
          `data: { file: a.csv }\nmodel:\n  name: media-mix\n  response: y\n  time: ${time}\n${extra}\n`,
        ),
        models,
      );
  expect(load('  channels: [tv]\n  adstock: geometrc')).toThrow(/config\.yaml:7: model\.adstock/);
  expect(load('  channels: [tv]\n  adstock: { form: binomial, convention: robyn }')).toThrow(
    'robyn has no binomial adstock; pymc-marketing or meridian has',
  );
  expect(load('  channels: []')).toThrow('model.channels');
  expect(load('  channels: [tv]\n  pooling: { effect: partial }')).toThrow('model.geo names no column of places');
  expect(load('  channels: [tv]\n  controls: [tv]')).toThrow("names 'tv', which model.channels names too");
  expect(load('  channels: [tv]\n  saturaton: hill')).toThrow("did you mean 'saturation'?");
});
