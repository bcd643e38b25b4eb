// hierax compare-models CONFIG CONFIG …: several models judged by the same held-out rows.
import type { CommandModule } from 'yargs';
import { nameGiven } from '../arguments.js';

interface CompareArguments {
  readonly configs?: unknown;
  readonly out?: unknown;
}

export const compareModelsCommand: CommandModule<object, CompareArguments> = {
  command: 'compare-models <configs..>',
  describe: 'fit several configurations, and compare how well they predict the same held-out rows',
  builder: (yargs) =>
    yargs
      .positional('configs', { type: 'string', array: true, demandOption: true, describe: 'A.yaml B.yaml …' })
      .options({
        out: { type: 'string', requiresArg: true, describe: 'folder; default: model-comparison beside the first' },
      }),
  handler: async (given) => {
    const configs = (given.configs as readonly unknown[]).map((config) => nameGiven('CONFIG.yaml', config));
    const out = given.out === undefined ? undefined : nameGiven('--out', given.out);
    const { compareModels } = await import('../comparison/compareModels.js');
    const command = ['hierax', ...process.argv.slice(2)].join(' ');
    process.exitCode = await compareModels({ configs, out, command }, (line) => void process.stderr.write(`${line}\n`));
  },
};
