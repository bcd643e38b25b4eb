// `hierax simulate regression`: many marketing variables of which few matter, with known truth.
import type { OutputColumn } from '../../data/writeTable.js';
import { InputError } from '../../data/inputError.js';
import type { ModelSimulator, NamedValue, SimulatedData, SimulationRandom } from '../simulation.js';

interface Size {
  readonly rows: number;
  readonly columns: number;
  readonly relevant: number;
  readonly correlation: number;
  readonly sigma: number;
  readonly shrinkage: string;
}

const blockRows = 65_536;

export const regressionSimulator: ModelSimulator = {
  options: {
    rows: { kind: 'count', describe: 'rows', default: 400, least: 10, most: 10_000_000 },
    columns: { kind: 'count', describe: 'marketing variables', default: 60, least: 2, most: 5_000 },
    relevant: { kind: 'count', describe: 'variables that matter', default: 6, least: 1, most: 5_000 },
    correlation: { kind: 'number', describe: 'between any two variables', default: 0.3, least: 0, most: 0.95 },
    sigma: { kind: 'number', describe: 'standard deviation of the errors', default: 1, least: 1e-6, most: 1e6 },
    shrinkage: {
      kind: 'word',
      describe: 'of the configuration: none, horseshoe or regularisedHorseshoe',
      default: 'regularisedHorseshoe',
      known: ['none', 'horseshoe', 'regularisedHorseshoe'],
    },
  },
  plan: (settings) => {
    const size = settings as unknown as Size;
    if (size.relevant >= size.columns)
      throw new InputError(`--relevant must be below --columns ${size.columns}, not ${size.relevant}`, {
        value: size.relevant,
      });
    return (random) => simulateRegression(size, random);
  },
};

/** x has unit variance and one common factor; those that matter have effects of 0.3 to 1, of either sign, at places drawn at random. */
function simulateRegression(size: Size, random: SimulationRandom): SimulatedData {
  const { rows, columns, relevant, sigma } = size;
  const digits = String(columns).length;
  const names = Array.from({ length: columns }, (_, j) => `x${String(j + 1).padStart(digits, '0')}`);
  const coefficients = new Float64Array(columns);
  const places = names.map((_, j) => j);
  for (let i = 0; i < relevant; i++) {
    const at = i + Math.floor(random.uniform() * (columns - i));
    [places[i], places[at]] = [places[at], places[i]];
    coefficients[places[i]] = (random.uniform() < 0.5 ? -1 : 1) * (0.3 + 0.7 * random.uniform());
  }
  const intercept = 5;
  const truth: NamedValue[] = [
    { name: 'intercept', value: intercept },
    ...names.map((name, j) => ({ name: `coefficient[${name}]`, value: coefficients[j] })),
    { name: 'sigma', value: sigma },
  ];
  return {
    rows,
    truth,
    blocks: blocksOf(size, names, coefficients, intercept, random),
    config: (file, seed) => configOf(size, names, file, seed),
  };
}

function* blocksOf(
  { rows, correlation, sigma }: Size,
  names: readonly string[],
  coefficients: Float64Array,
  intercept: number,
  random: SimulationRandom,
): Generator<readonly OutputColumn[]> {
  const capacity = Math.min(rows, blockRows);
  const x = names.map(() => new Float64Array(capacity));
  const response = new Float64Array(capacity);
  const [shared, own] = [Math.sqrt(correlation), Math.sqrt(1 - correlation)];
  for (let done = 0; done < rows; done += capacity) {
    const count = Math.min(capacity, rows - done);
    for (let row = 0; row < count; row++) {
      const common = shared * random.normal();
      let mean = intercept;
      for (const [j, values] of x.entries()) {
        values[row] = common + own * random.normal();
        mean += coefficients[j] * values[row];
      }
      response[row] = mean + sigma * random.normal();
    }
    yield [
      { name: 'sales', values: response.subarray(0, count) },
      ...names.map((name, j) => ({ name, values: x[j].subarray(0, count) })),
    ];
  }
}

function configOf(
  { rows, columns, relevant, shrinkage }: Size,
  names: readonly string[],
  file: string,
  seed: number,
): string {
  return [
    `# Simulated sales: ${rows} rows, ${columns} variables of which ${relevant} matter. The true values are in truth.json.`,
    'data:',
    `  file: ${file}`,
    'model:',
    '  name: regression',
    '  response: sales',
    `  x: [${names.join(', ')}]`,
    '  standardise: false  # the variables were drawn with mean 0 and sd 1',
    `  shrinkage: ${shrinkage}`,
    ...(shrinkage === 'none' ? [] : [`  relevant: ${relevant}  # how many are expected to matter`]),
    `seed: ${seed}`,
    '',
  ].join('\n');
}
