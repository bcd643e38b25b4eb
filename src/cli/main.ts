#!/usr/bin/env node
// The hierax command: parses arguments, runs a command, and turns failures into one line and an exit code.
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { InputError } from '../data/inputError.js';
import { doctorCommand } from './commands/doctor.js';
import { fitCommand } from './commands/fit.js';
import { reportCommand } from './commands/report.js';
import { simulateCommand } from './commands/simulate.js';
import { describeFailure } from './exitCodes.js';
import { hieraxVersion } from './version.js';

const parser = yargs(hideBin(process.argv))
  .scriptName('hierax')
  .usage('$0 <command>: hierarchical Bayesian models for marketing')
  .command(simulateCommand)
  .command(fitCommand)
  .command(reportCommand)
  .command(doctorCommand)
  .demandCommand(1, 'name a command: simulate, fit, report or doctor')
  .strict()
  .version(hieraxVersion())
  .help()
  .wrap(100)
  .fail((message: string | null, error: Error | undefined) => {
    // Failures of a command pass through; what yargs itself finds wrong (a YError or a message) is the user's input.
    if (error !== undefined && error.name !== 'YError') throw error;
    throw new InputError(`${message ?? error?.message ?? 'wrong arguments'} (hierax --help shows what there is)`);
  });

try {
  await parser.parseAsync();
} catch (error) {
  const { line, code } = describeFailure(error);
  process.stderr.write(`hierax: ${line}\n`);
  if (process.env['HIERAX_DEBUG'] !== undefined) console.error(error);
  process.exitCode = code;
}
