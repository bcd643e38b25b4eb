// hierax fit CONFIG: draws from the posterior into a run folder.
import type { CommandModule } from 'yargs';
import type { Overrides } from '../../data/config.js';
import { nameGiven, numberOrText, shellWord } from '../arguments.js';
import { exitCodes } from '../exitCodes.js';

/** As yargs hands them over: settings are checked with the configuration, names here. */
interface FitArguments {
  readonly config?: unknown;
  readonly out?: unknown;
  readonly resume: boolean;
  readonly strict: boolean;
  readonly [setting: string]: unknown;
}

/** Options that replace a setting of the configuration. */
const settings = {
  method: 'auto, nuts, hmc or chees',
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
const optionName = (setting: string): string => setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export const fitCommand: CommandModule<object, FitArguments> = {
  command: 'fit <config>',
  describe: 'fit the model of a configuration to its data',
  builder: (yargs) =>
    yargs
      .positional('config', { type: 'string', demandOption: true, describe: 'CONFIG.yaml' })
      .options(
        Object.fromEntries(
          Object.entries(settings).map(([name, describe]) => [
            optionName(name),
            { type: 'string' as const, requiresArg: true, describe },
          ]),
        ),
      )
      .options({
        out: {
          type: 'string',
          requiresArg: true,
          describe: 'folder of the run; default: run beside the configuration',
        },
        resume: { type: 'boolean', default: false, describe: 'continue an interrupted run' },
        strict: { type: 'boolean', default: false, describe: 'exit 3 when a check fails' },
      }),
  handler: async (given) => {
    const config = nameGiven('CONFIG.yaml', given.config);
    const out = given.out === undefined ? undefined : nameGiven('--out', given.out);
    const set = Object.keys(settings).filter((name) => given[name] !== undefined);
    // Checked against the schema by loadConfig, which says what is wrong with them.
    const overrides = Object.fromEntries(set.map((name) => [name, numberOrText(given[name])])) as Overrides;
    const { runFit } = await import('../fit/runFit.js');
    const command = ['hierax', ...process.argv.slice(2)].join(' ');
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    const resumeCommand = (folder: string, device?: string): string => {
      const options = set
        .filter((name) => name !== 'device' || device === undefined)
        .map((name) => ` --${optionName(name)} ${shellWord(String(given[name]))}`);
      if (device !== undefined) options.push(` --device ${device}`);
      return `hierax fit ${shellWord(config)}${options.join('')} --out ${shellWord(folder)} --resume`;
    };
    const request = { config, overrides, out, resume: given.resume, command, resumeCommand };
    const { folder, status } = await runFit(request, say);
    if (status === undefined) {
      say(`interrupted; saved in ${folder}: continue with ${resumeCommand(folder)}`);
      process.exitCode = exitCodes.interrupted;
      return;
    }
    const { writeReport } = await import('../report/writeReport.js');
    say(`report: ${await writeReport(folder)}`);
    if (given.strict && status === 'fail') process.exitCode = exitCodes.checkFailed;
  },
};
