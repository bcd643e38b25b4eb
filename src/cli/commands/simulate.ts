// `hierax simulate three-level`: data with known truth, and the configuration that fits it.
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { InputError } from '../../data/inputError.js';
import { suggestion } from '../../data/nearestName.js';
import type { NamedValue } from '../../models/threeLevel/simulatedTruth.js';
import { shellWord } from '../arguments.js';
import type { SalesSize } from '../simulation/salesScenario.js';

/** As yargs hands them over: unchecked, a number where the text is one. */
interface SimulateArguments {
  readonly model?: unknown;
  readonly rows?: unknown;
  readonly products?: unknown;
  readonly markets?: unknown;
  readonly x?: unknown;
  readonly z?: unknown;
  readonly w?: unknown;
  readonly covariance?: unknown;
  readonly format?: unknown;
  readonly seed?: unknown;
  readonly out?: unknown;
}

interface SimulateOptions extends SalesSize {
  readonly format: 'parquet' | 'csv';
  readonly seed: number;
  readonly out: string;
}

const models = ['three-level'];
const defaults = { rows: 100_000, products: 10, markets: 20, x: 3, z: 1, w: 1, seed: 1 } as const;

export const simulateCommand: CommandModule<object, SimulateArguments> = {
  command: 'simulate <model>',
  describe: 'simulate data with known truth (model: three-level)',
  builder: (yargs) =>
    yargs.positional('model', { describe: `what to simulate: ${models.join(', ')}` }).options({
      out: { describe: 'folder for data, truth.json and config.yaml; new or empty', requiresArg: true },
      rows: {
        describe: 'rows, at least two for each product in each market',
        requiresArg: true,
        default: defaults.rows,
      },
      products: { describe: 'products, each sold in every market', requiresArg: true, default: defaults.products },
      markets: { describe: 'markets; 0 for two levels', requiresArg: true, default: defaults.markets },
      x: { describe: 'predictors that vary by row', requiresArg: true, default: defaults.x },
      z: { describe: 'predictors that vary by product in market', requiresArg: true, default: defaults.z },
      w: { describe: 'predictors that vary by market (default: 1, with two levels 0)', requiresArg: true },
      covariance: {
        describe: 'of the effects within a level: diagonal or full',
        requiresArg: true,
        default: 'diagonal',
      },
      format: { describe: 'of the data: parquet or csv', requiresArg: true, default: 'parquet' },
      seed: { describe: 'whole number; the same seed gives the same bytes', requiresArg: true, default: defaults.seed },
    }),
  handler: async (given) => {
    const options = checkOptions(given);
    const { file, truth } = await simulate(options);
    const out = options.out;
    const rows = options.rows.toLocaleString('en');
    const next = `hierax fit ${shellWord(join(out, 'config.yaml'))} --out ${shellWord(join(out, 'fit'))}`;
    process.stdout.write(
      `${out}: ${file} (${rows} rows), truth.json (${truth.length} values), config.yaml; next: ${next}\n`,
    );
  },
};

/** Defaults filled in; throws InputError that names the option. */
function checkOptions(given: SimulateArguments): SimulateOptions {
  oneOf('simulate', 'model', given.model, models);
  const covariance = oneOf('--covariance', 'covariance', given.covariance ?? 'diagonal', ['diagonal', 'full'] as const);
  const format = oneOf('--format', 'format', given.format ?? 'parquet', ['parquet', 'csv'] as const);
  const products = wholeNumber('--products', given.products ?? defaults.products, 2, 1_000_000);
  const markets = wholeNumber('--markets', given.markets ?? defaults.markets, 0, 100_000);
  if (markets === 1) throw new InputError('--markets must be 0 (two levels) or at least 2, not 1', { value: 1 });
  const x = wholeNumber('--x', given.x ?? defaults.x, 0, 50);
  const z = wholeNumber('--z', given.z ?? defaults.z, 0, 20);
  const w = wholeNumber('--w', given.w ?? (markets === 0 ? 0 : defaults.w), 0, 20);
  const units = products * Math.max(1, markets);
  if (markets === 0 && w > 0)
    throw new InputError(`--w must be 0 with --markets 0 (there is no market to describe), not ${w}`, { value: w });
  if (markets > 0 && markets < w + 2)
    throw new InputError(`--markets must be at least ${w + 2} for --w ${w}, not ${markets}`, { value: markets });
  if (units < z + 2)
    throw new InputError(`--z must be at most ${units - 2} for ${units} products in all, not ${z}`, { value: z });
  const rows = wholeNumber('--rows', given.rows ?? defaults.rows, 1, 100_000_000);
  // Fewer than 50 could leave a 0/1 predictor without a 1.
  const least = Math.max(50, 2 * units);
  if (rows < least) {
    const why = least === 50 ? '' : ` (two for each of ${units} ${markets === 0 ? 'products' : 'products in markets'})`;
    throw new InputError(`--rows must be at least ${least}${why}, not ${rows}`, { value: rows });
  }
  const seed = wholeNumber('--seed', given.seed ?? defaults.seed, 0, Number.MAX_SAFE_INTEGER);
  return { rows, products, markets, x, z, w, covariance, format, seed, out: folderName(given.out) };
}

function wholeNumber(option: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  const shown = typeof value === 'string' ? `'${value}'` : String(value);
  throw new InputError(`${option} must be a whole number from ${least} to ${most}, not ${shown}`, { value });
}

function oneOf<Value extends string>(option: string, what: string, value: unknown, known: readonly Value[]): Value {
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
async function simulate(options: SimulateOptions): Promise<{ file: string; truth: readonly NamedValue[] }> {
  openFolder(options.out);
  const [{ simulateThreeLevel }, { salesScenario }, { salesConfig }, { portableRandom }, { writeTableBlocks }] =
    await Promise.all([
      import('../../models/threeLevel/simulate.js'),
      import('../simulation/salesScenario.js'),
      import('../simulation/salesConfig.js'),
      import('../simulation/portableRandom.js'),
      import('../../data/writeTable.js'),
    ]);
  const simulation = salesScenario(options);
  const { truth, blocks } = simulateThreeLevel(simulation, portableRandom(options.seed));
  const file = `data.${options.format}`;
  const path = (name: string) => join(options.out, name);
  try {
    await writeTableBlocks(path(file), blocks);
    const lines = truth.map((entry) => JSON.stringify(entry));
    replaceText(path('truth.json'), `{"parameters": [\n${lines.join(',\n')}\n]}\n`);
    replaceText(path('config.yaml'), salesConfig(simulation, { ...options, file }));
  } catch (error) {
    for (const name of [file, 'truth.json', 'config.yaml']) rmSync(path(name), { force: true });
    throw error;
  }
  return { file, truth };
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
