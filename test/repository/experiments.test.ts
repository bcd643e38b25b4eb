// docs/experiments.md against the program: the default priors, the examples' folders, refusals.
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/data/config.js';
import { parsePrior } from '../../src/data/prior.js';
import { models } from '../../src/models/registry.js';
import { inputError, temporaryFolder } from '../data/inputFiles.js';
import { read, root } from './checkout.js';
import { code, rowsUnder } from './docTables.js';

const { write } = temporaryFolder();
const text = read('docs/experiments.md');
it('has priors that can be read, for every site', () => {
  const rows = rowsUnder(text, '## Priors');
  expect(rows.map(([site]) => code(site))).toEqual(models.experiments.priorSites.filter((site) => site !== 'corr_u'));
  expect(parsePrior(/`([^`]+)`/.exec(rows[0][1])![1])).toEqual({ family: 'precisionGamma', parameters: [0.1, 0.1] });
});

it.each([
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
