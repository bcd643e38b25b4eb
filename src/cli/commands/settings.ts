// Options of commands that fit: each replaces a setting of the configuration.
import type { Overrides } from '../../data/config.js';
import { numberOrText } from '../arguments.js';

/** Options that replace a setting of the configuration. */
const settings = {
  method: 'auto, nuts, hmc, chees, marginal, gibbs, advi or pathfinder',
  family: 'gaussian',
  device: 'auto (the fastest found), cpu, webgpu, cuda or eager:<tfjs backend>',
  onDeviceLoss: 'when the device fails in a run: stop, retry (the same device) or cpu',
  precision: 'double, or single to store the data as f32; default: double on cpu, single elsewhere',
  chains: 'number of chains',
  warmup: 'warm-up draws per chain',
  draws: 'draws per chain to keep',
  seed: 'random seed',
  threads: 'threads; default: all cores',
} as const;

/** `onDeviceLoss` is `--on-device-loss`; yargs hands it over under both names. */
export const optionName = (setting: string): string =>
  setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** For yargs, which hands them over as text. */
export const settingOptions = Object.fromEntries(
  Object.entries(settings).map(([name, describe]) => [
    optionName(name),
    { type: 'string' as const, requiresArg: true, describe },
  ]),
);

/** Names of the settings that were given, and their values: checked against the schema by loadConfig, which says what is wrong with them. */
export function settingsGiven(given: Readonly<Record<string, unknown>>): {
  readonly set: readonly string[];
  readonly overrides: Overrides;
} {
  const set = Object.keys(settings).filter((name) => given[name] !== undefined);
  return { set, overrides: Object.fromEntries(set.map((name) => [name, numberOrText(given[name])])) };
}
