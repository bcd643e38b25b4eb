// docs/experiments.md against the program: every key with its default, the default priors, its example and those of the examples' folders.
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/data/config.js';
import { knownKeys } from '../../src/data/configSchema.js';
import { parsePrior } from '../../src/data/prior.js';
import { models } from '../../src/models/registry.js';
import { inputError, temporaryFolder } from '../data/inputFiles.js';
import { fencedBlocks, read, root } from './checkout.js';

const { write } = temporaryFolder();
const text = read('docs/experiments.md');
const rowsUnder = (heading: string): string[][] =>
  text
    .split(`\n## ${heading}\n`)[1]
    .split('\n## ')[0]
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
const code = (cell: string): string => /^`(.*)`$/.exec(cell)?.[1] ?? cell;

it('lists every key and its default', () => {
  const { model } = loadConfig(
    write('plain.yaml', 'data: { file: a.csv }\nmodel: { name: experiments, response: y, treatment: t }\n'),
    models,
  );
  const rows = rowsUnder('Keys');
  expect(rows.map(([key]) => code(key)).sort()).toEqual([...knownKeys(models.experiments).model].sort());
  for (const [cell, written] of rows) {
    if (!/^`[^`]*`$/.test(written)) continue;
    expect([cell, (model as unknown as Record<string, unknown>)[code(cell)]]).toEqual([cell, parse(code(written))]);
  }
});

it('has priors that can be read, for every site', () => {
  const rows = rowsUnder('Priors');
  expect(rows.map(([site]) => code(site))).toEqual(models.experiments.priorSites.filter((site) => site !== 'corr_u'));
  expect(parsePrior(/`([^`]+)`/.exec(rows[0][1])![1])).toEqual({ family: 'precisionGamma', parameters: [0.1, 0.1] });
});

it.each([
  ['the page', () => write('page.yaml', fencedBlocks(text, 'yaml')[0])],
  ['wording-experiments', () => `${root}/examples/wording-experiments/config.yaml`],
  ['hillstrom', () => `${root}/examples/hillstrom/config.yaml`],
])('has an example that loads: %s', (_, path) => {
  expect(loadConfig(path(), models).model.name).toBe('experiments');
});

it.each([
  ['exposure: true', /exposure needs model\.customer and model\.week/],
  ['share: true', /share needs model\.campaign, model\.week or both/],
  ['customerEffects: true', /customerEffects needs model\.customer/],
  ['x: [y]', /x names 'y', which is model\.response already/],
  ['campaign: t', /campaign names 't', which is model\.treatment already/],
])('refuses what does not fit, in one line: %s', async (extra, why) => {
  const config = `data: { file: a.csv }\nmodel:\n  name: experiments\n  response: y\n  treatment: t\n  ${extra}\n`;
  const { message } = await inputError(() => loadConfig(write('wrong.yaml', config), models));
  expect(message).toMatch(why);
});
