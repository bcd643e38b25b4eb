// hierax report RUN: writes report.html of a finished run.
import type { CommandModule } from 'yargs';
import { nameGiven } from '../arguments.js';

export const reportCommand: CommandModule<object, { readonly run?: unknown }> = {
  command: 'report <run>',
  describe: 'write the HTML report of a finished run',
  builder: (yargs) => yargs.positional('run', { type: 'string', demandOption: true, describe: 'folder of the run' }),
  handler: async (given) => {
    const run = nameGiven('RUN', given.run);
    const { writeReport } = await import('../report/writeReport.js');
    process.stdout.write(`${await writeReport(run)}\n`);
  },
};
