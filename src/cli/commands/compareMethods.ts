// hierax compare-methods CONFIG: the same model and data by several methods, side by side.
import type { CommandModule } from 'yargs';
import { nameGiven } from '../arguments.js';
import { optionName, settingOptions, settingsGiven } from './settings.js';

interface CompareArguments {
  readonly config?: unknown;
  readonly methods?: unknown;
  readonly devices?: unknown;
  readonly out?: unknown;
  readonly [setting: string]: unknown;
}

/** But for the settings that the comparison chooses itself. */
const options = Object.fromEntries(
  Object.entries(settingOptions).filter(([name]) => name !== 'method' && name !== 'device'),
);

export const compareMethodsCommand: CommandModule<object, CompareArguments> = {
  command: 'compare-methods <config>',
  describe: 'fit the same model and data by several methods, and compare cost and result',
  builder: (yargs) =>
    yargs
      .positional('config', { type: 'string', demandOption: true, describe: 'CONFIG.yaml' })
      .options(options)
      .options({
        methods: { type: 'string', requiresArg: true, describe: 'names with commas; default: all that suit but chees' },
        devices: { type: 'string', requiresArg: true, describe: 'names with commas; default: cpu' },
        out: { type: 'string', requiresArg: true, describe: 'folder; default: comparison beside the configuration' },
      }),
  handler: async (given) => {
    const config = nameGiven('CONFIG.yaml', given.config);
    const list = (name: 'methods' | 'devices'): string[] | undefined =>
      given[name] === undefined ? undefined : nameGiven(`--${name}`, given[name]).split(',');
    const out = given.out === undefined ? undefined : nameGiven('--out', given.out);
    const { set, overrides } = settingsGiven(given);
    const words = set.flatMap((name) => [`--${optionName(name)}`, String(given[name])]);
    const { runComparison } = await import('../comparison/runComparison.js');
    const command = ['hierax', ...process.argv.slice(2)].join(' ');
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    const devices = list('devices') ?? ['cpu'];
    process.exitCode = await runComparison(
      { config, overrides, methods: list('methods'), devices, out, command, words },
      say,
    );
  },
};
