// hierax fit CONFIG: draws from the posterior into a run folder.
import type { CommandModule } from 'yargs';
import { nameGiven, shellWord } from '../arguments.js';
import { exitCodes } from '../exitCodes.js';
import { optionName, settingOptions, settingsGiven } from './settings.js';

/** As yargs hands them over: settings are checked with the configuration, names here. */
interface FitArguments {
  readonly config?: unknown;
  readonly out?: unknown;
  readonly resume: boolean;
  readonly strict: boolean;
  readonly [setting: string]: unknown;
}

export const fitCommand: CommandModule<object, FitArguments> = {
  command: 'fit <config>',
  describe: 'fit the model of a configuration to its data',
  builder: (yargs) =>
    yargs
      .positional('config', { type: 'string', demandOption: true, describe: 'CONFIG.yaml' })
      .options(settingOptions)
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
    const { set, overrides } = settingsGiven(given);
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
    const { folder, status, isUnsaved } = await runFit(request, say);
    if (status === undefined) {
      const next = resumeCommand(folder);
      say(
        isUnsaved
          ? `interrupted before there was anything to save: ${next} starts the run again`
          : `interrupted; saved in ${folder}: continue with ${next}`,
      );
      process.exitCode = exitCodes.interrupted;
      return;
    }
    const { writeReport } = await import('../report/writeReport.js');
    say(`report: ${await writeReport(folder)}`);
    if (given.strict && status === 'fail') process.exitCode = exitCodes.checkFailed;
  },
};
