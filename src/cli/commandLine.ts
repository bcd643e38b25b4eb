// From the words of a command line to a command: parses them, runs it, and turns a failure into one line and an exit code.
import yargs from 'yargs';
import { InputError } from '../data/inputError.js';
import { suggestion } from '../data/nearestName.js';
import { calibrateCommand } from './commands/calibrate.js';
import { compareMethodsCommand } from './commands/compareMethods.js';
import { compareModelsCommand } from './commands/compareModels.js';
import { doctorCommand } from './commands/doctor.js';
import { fitCommand } from './commands/fit.js';
import { reportCommand } from './commands/report.js';
import { simulateCommand } from './commands/simulate.js';
import { describeFailure } from './exitCodes.js';
import { hieraxVersion } from './version.js';

/** Commands and what they cannot do without. */
const commands: Readonly<Record<string, string>> = {
  simulate: 'a model, like hierax simulate three-level --out DIR',
  fit: 'a configuration, like hierax fit CONFIG.yaml',
  report: 'the folder of a run, like hierax report RUN',
  calibrate: 'a configuration, like hierax calibrate CONFIG.yaml',
  'compare-methods': 'a configuration, like hierax compare-methods CONFIG.yaml',
  'compare-models': 'configurations, like hierax compare-models A.yaml B.yaml',
  doctor: '',
};

/** Runs one command. Does not throw: a failure is one line on stderr, and `process.exitCode` (see exitCodes.ts). */
export async function runCommandLine(words: readonly string[]): Promise<void> {
  try {
    await parserOf(words).parseAsync();
  } catch (error) {
    const { line, code } = describeFailure(error);
    process.stderr.write(`hierax: ${line}\n`);
    if (process.env['HIERAX_DEBUG'] !== undefined) console.error(error);
    process.exitCode = code;
  }
}

const parserOf = (words: readonly string[]) =>
  yargs(words)
    .scriptName('hierax')
    .locale('en')
    .usage('$0 <command>: hierarchical Bayesian models for marketing')
    .command(simulateCommand)
    .command(fitCommand)
    .command(reportCommand)
    .command(calibrateCommand)
    .command(compareMethodsCommand)
    .command(compareModelsCommand)
    .command(doctorCommand)
    .demandCommand(1, `name a command: ${Object.keys(commands).join(', ')}`)
    .strict()
    .version(hieraxVersion())
    .help()
    .wrap(100)
    .fail((message: string | null, error: Error | undefined) => {
      // Failures of a command pass through; what yargs itself finds wrong (a YError or a message) is the user's input.
      if (error !== undefined && error.name !== 'YError') throw error;
      throw new InputError(describeFault(message ?? error?.message ?? 'wrong arguments', words));
    });

/** What yargs says, in terms of the words that the user wrote. */
function describeFault(message: string, words: readonly string[]): string {
  const [command = ''] = words;
  const help = `hierax ${command in commands ? `${command} ` : ''}--help shows what there is`;
  if (message.startsWith('Not enough non-option arguments') && command in commands) {
    return `hierax ${command} needs ${commands[command]}`;
  }
  if (message.startsWith('Not enough arguments following')) {
    const option = message.replace(/^.*: */, '');
    return `--${option} needs a value, like --${option} VALUE (${help})`;
  }
  const unknown = /^Unknown arguments?: (.*)$/.exec(message)?.[1].split(', ');
  if (unknown === undefined) return `${message} (${help})`;
  if (unknown.includes(command)) return `unknown command '${command}'; ${suggestion(command, Object.keys(commands))}`;
  const isOption = (word: string): boolean => /^--?[^-]/.test(word) && unknown.includes(word.replace(/^--?|=.*/g, ''));
  const option = words.find(isOption)?.replace(/=.*/, '');
  return option === undefined
    ? `'${unknown[0]}' is one argument too many (${help})`
    : `unknown option ${option} (${help})`;
}
