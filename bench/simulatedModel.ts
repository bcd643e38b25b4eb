// A model of simulated data, small or large, as the command line would fit it.
import { parse } from 'yaml';
import { portableRandom } from '../src/cli/simulation/portableRandom.js';
import type { PreparedModel } from '../src/models/modelEntry.js';
import { models } from '../src/models/registry.js';
import { simulatedTable } from './simulatedTable.js';

/**
 * A simulator's table as its own configuration fits it.
 * @param size the simulator's options; @param section keys of the configuration's `model:` that are to be others
 */
export function simulatedModel(
  name: keyof typeof models,
  size: Readonly<Record<string, number | string>>,
  { section = {}, seed = 1 }: { readonly section?: Readonly<Record<string, unknown>>; readonly seed?: number } = {},
): PreparedModel {
  const entry = models[name];
  const usual = Object.entries(entry.simulator!.options).map(([option, own]) => [option, own.default] as const);
  const { blocks, config } = entry.simulator!.plan({ ...Object.fromEntries(usual), ...size })(portableRandom(seed));
  const written = (parse(config('simulated', seed)) as { readonly model: Record<string, unknown> }).model;
  const own = entry.schema.parse({ ...written, ...section });
  return entry.prepare(simulatedTable(blocks, entry.columns(own)), own);
}
