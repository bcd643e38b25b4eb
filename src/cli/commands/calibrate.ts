// hierax calibrate CONFIG: whether a method recovers what data were simulated with.
import type { CommandModule } from 'yargs';
import { InputError } from '../../data/inputError.js';
import { nameGiven, numberOrText } from '../arguments.js';
import { exitCodes } from '../exitCodes.js';
import { settingOptions, settingsGiven } from './settings.js';

interface CalibrateArguments {
  readonly config?: unknown;
  readonly simulations?: unknown;
  readonly out?: unknown;
  readonly resume: boolean;
  readonly strict: boolean;
  readonly [setting: string]: unknown;
}

const defaultSimulations = 200;

export const calibrateCommand: CommandModule<object, CalibrateArguments> = {
  command: 'calibrate <config>',
  describe: 'simulate from the prior and refit, again and again: does the method recover the truth?',
  builder: (yargs) =>
    yargs
      .positional('config', { type: 'string', demandOption: true, describe: 'CONFIG.yaml' })
      .options(settingOptions)
      .options({
        simulations: {
          type: 'string',
          requiresArg: true,
          describe: `data sets to simulate; default: ${defaultSimulations}`,
        },
        out: { type: 'string', requiresArg: true, describe: 'folder; default: calibration beside the configuration' },
        resume: {
          type: 'boolean',
          default: false,
          describe: 'continue an interrupted calibration, or add simulations',
        },
        strict: { type: 'boolean', default: false, describe: 'exit 3 when the check fails' },
      }),
  handler: async (given) => {
    const config = nameGiven('CONFIG.yaml', given.config);
    const out = given.out === undefined ? undefined : nameGiven('--out', given.out);
    const simulations = numberOrText(given.simulations ?? defaultSimulations);
    if (typeof simulations !== 'number' || !Number.isInteger(simulations) || simulations < 2)
      throw new InputError(`--simulations must be a whole number of at least 2, not ${String(given.simulations)}`);
    const { runCalibration } = await import('../calibration/runCalibration.js');
    const { overrides } = settingsGiven(given);
    const command = ['hierax', ...process.argv.slice(2)].join(' ');
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    const request = { config, overrides, simulations, out, resume: given.resume, command };
    const { folder, status } = await runCalibration(request, say);
    if (status === undefined) {
      say(`interrupted; what is simulated is saved in ${folder}: continue with the same command and --resume`);
      process.exitCode = exitCodes.interrupted;
      return;
    }
    say(`page: ${folder}/calibration.html`);
    if (given.strict && status === 'fail') process.exitCode = exitCodes.checkFailed;
  },
};
