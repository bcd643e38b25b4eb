// `hierax simulate MODEL`: data with known truth, and the configuration that fits them.
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Argv, CommandModule, Options } from 'yargs';
import { InputError } from '../../data/inputError.js';
import { suggestion } from '../../data/nearestName.js';
import type { ModelSimulator, SimulatedData, SimulationOption, SimulationSettings } from '../../models/simulation.js';
import { shellWord } from '../arguments.js';

/** As yargs hands them over: unchecked, a number where the text is one. */
type SimulateArguments = Readonly<Record<string, unknown>>;

const commonOptions: Readonly<Record<string, SimulationOption>> = {
  format: { kind: 'word', describe: 'of the data: parquet or csv', default: 'parquet', known: ['parquet', 'csv'] },
  seed: {
    kind: 'count',
    describe: 'whole number; the same seed gives the same bytes',
    default: 1,
    least: 0,
    most: Number.MAX_SAFE_INTEGER,
  },
};

/** The models are commands of its own, each with its options. */
export const simulateCommand: CommandModule<object, SimulateArguments> = {
  command: 'simulate',
  describe: 'simulate data with known truth, for one of the models',
  builder: async (yargs) => {
    const { models } = await import('../../models/registry.js');
    const known = Object.keys(models).filter((name) => models[name].simulator !== undefined);
    let builder = yargs.usage('$0 simulate <model>').command(otherModel(known));
    for (const name of known)
      builder = builder.command(simulateModel(name, models[name].title, models[name].simulator!));
    return builder;
  },
  handler: () => undefined,
};

/** What is said to a word that is no model. */
const otherModel = (known: readonly string[]): CommandModule<object, SimulateArguments> => ({
  command: '$0 [model]',
  describe: false,
  builder: (yargs) => yargs.strict(false),
  handler: ({ model }) => {
    if (model === undefined)
      throw new InputError(`hierax simulate needs a model, like hierax simulate ${known[0]} --out DIR`);
    oneOf('simulate', 'model', model, known);
  },
});

function simulateModel(
  name: string,
  title: string,
  simulator: ModelSimulator,
): CommandModule<object, SimulateArguments> {
  const options = { ...simulator.options, ...commonOptions };
  return {
    command: name,
    describe: title,
    builder: (yargs: Argv) =>
      yargs.options({
        out: { describe: 'folder for data, truth.json and config.yaml; new or empty', requiresArg: true },
        ...Object.fromEntries(
          Object.entries(options).map(([option, { describe, default: usual }]): [string, Options] => [
            option,
            { describe, requiresArg: true, default: usual },
          ]),
        ),
      }),
    handler: async (given) => {
      const settings = Object.fromEntries(
        Object.entries(options).map(([option, wanted]) => [option, valueOf(option, wanted, given[option])]),
      );
      const simulate = simulator.plan(settings);
      const out = folderName(given.out);
      openFolder(out);
      const { portableRandom } = await import('../simulation/portableRandom.js');
      const simulated = simulate(portableRandom(settings.seed as number));
      const file = await writeFiles(out, simulated, settings);
      const rows = simulated.rows.toLocaleString('en');
      const next = `hierax fit ${shellWord(join(out, 'config.yaml'))} --out ${shellWord(join(out, 'fit'))}`;
      process.stdout.write(
        `${out}: ${file} (${rows} rows), truth.json (${simulated.truth.length} values), config.yaml; next: ${next}\n`,
      );
    },
  };
}

/** Throws InputError that names the option. */
function valueOf(name: string, option: SimulationOption, given: unknown): number | string | undefined {
  const value: unknown = given ?? option.default;
  if (value === undefined) return undefined;
  if (option.kind === 'word') return oneOf(`--${name}`, name, value, option.known);
  const isRight =
    typeof value === 'number' && (option.kind === 'number' ? Number.isFinite(value) : Number.isInteger(value));
  if (isRight && value >= option.least && value <= option.most) return value;
  const shown = typeof value === 'string' ? `'${value}'` : `${value as number}`;
  const wanted = option.kind === 'count' ? 'a whole number' : 'a number';
  throw new InputError(`--${name} must be ${wanted} from ${option.least} to ${option.most}, not ${shown}`, { value });
}

function oneOf(option: string, what: string, value: unknown, known: readonly string[]): string {
  const found = known.find((name) => name === value);
  if (found !== undefined) return found;
  const written = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  const fault = written === '' ? 'is missing' : `has no ${what} '${written}'`;
  throw new InputError(`${option} ${fault}; ${suggestion(written, known)}`, { value });
}

/** yargs may have read the name of a folder as a number. */
function folderName(value: unknown): string {
  if ((typeof value === 'string' && value !== '') || typeof value === 'number') return String(value);
  throw new InputError('--out is missing; name one new or empty folder, like --out runs/simulated', { value });
}

/** Writes the three files, config.yaml last; what was written goes again when one of them fails. */
async function writeFiles(
  out: string,
  { truth, blocks, config }: SimulatedData,
  settings: SimulationSettings,
): Promise<string> {
  const { writeTableBlocks } = await import('../../data/writeTable.js');
  const file = `data.${settings.format}`;
  const path = (name: string) => join(out, name);
  try {
    await writeTableBlocks(path(file), blocks);
    const lines = truth.map((entry) => JSON.stringify(entry));
    replaceText(path('truth.json'), `{"parameters": [\n${lines.join(',\n')}\n]}\n`);
    replaceText(path('config.yaml'), config(file, settings.seed as number));
  } catch (error) {
    for (const name of [file, 'truth.json', 'config.yaml']) rmSync(path(name), { force: true });
    throw error;
  }
  return file;
}
/** Makes the folder; throws InputError when it holds something already or cannot be made. */
function openFolder(folder: string): void {
  let held: string[];
  try {
    mkdirSync(folder, { recursive: true });
    held = readdirSync(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason =
      code === 'EEXIST' || code === 'ENOTDIR' ? 'is a file, or lies under one' : `cannot be made (${code})`;
    throw new InputError(`--out ${folder} ${reason}; name a new or empty folder`, { file: folder });
  }
  if (held.length === 0) return;
  const what = `is not empty (it holds ${held.sort()[0]}${held.length > 1 ? ` and ${held.length - 1} more` : ''})`;
  throw new InputError(`--out ${folder} ${what}; name a new or empty folder`, { file: folder });
}

function replaceText(path: string, text: string): void {
  const temporary = `${path}.partial-${process.pid}`;
  try {
    writeFileSync(temporary, text);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
