// hierax fit CONFIG: draws from the posterior into a run folder.
import type { CommandModule } from 'yargs';
import { exitCodes } from '../exitCodes.js';

interface FitArguments {
  config: string;
  method?: string;
  device?: string;
  precision?: string;
  chains?: number;
  warmup?: number;
  draws?: number;
  seed?: number;
  threads?: number;
  out?: string;
  resume: boolean;
  strict: boolean;
}

export const fitCommand: CommandModule<object, FitArguments> = {
  command: 'fit <config>',
  describe: 'fit the model of a configuration to its data',
  builder: (yargs) =>
    yargs.positional('config', { type: 'string', demandOption: true, describe: 'CONFIG.yaml' }).options({
      method: { type: 'string', describe: 'auto, nuts or hmc' },
      device: { type: 'string', describe: 'auto or cpu' },
      precision: { type: 'string', describe: 'double, or single to store the data as f32' },
      chains: { type: 'number', describe: 'number of chains' },
      warmup: { type: 'number', describe: 'warm-up draws per chain' },
      draws: { type: 'number', describe: 'draws per chain to keep' },
      seed: { type: 'number', describe: 'random seed' },
      threads: { type: 'number', describe: 'threads; default: all cores' },
      out: { type: 'string', describe: 'folder of the run; default: run beside the configuration' },
      resume: { type: 'boolean', default: false, describe: 'continue an interrupted run' },
      strict: { type: 'boolean', default: false, describe: 'exit 3 when a check fails' },
    }),
  handler: async ({ config, out, resume, strict, ...given }) => {
    const { runFit } = await import('../fit/runFit.js');
    const names = ['method', 'device', 'precision', 'chains', 'warmup', 'draws', 'seed', 'threads'] as const;
    const overrides = Object.fromEntries(
      names.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
    );
    const command = ['hierax', ...process.argv.slice(2)].join(' ');
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    const { folder, status } = await runFit({ config, overrides, out, resume, command }, say);
    if (status === undefined) {
      say(`interrupted; saved in ${folder}: continue with hierax fit ${config} --out ${folder} --resume`);
      process.exitCode = exitCodes.interrupted;
      return;
    }
    const { writeReport } = await import('../report/writeReport.js');
    say(`report: ${await writeReport(folder)}`);
    if (strict && status === 'fail') process.exitCode = exitCodes.checkFailed;
  },
};
