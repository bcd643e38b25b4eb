// Holds energy differences over millions of rows against f64: what a sampler accepts or refuses by must not drown in rounding.
//
//     npx tsx scripts/check-energy.ts [--rows 16000000] [--device cpu|webgpu|all] [--models three-level,logistic]
//
// Models: the three-level model with its likelihood row by row (Gaussian), and a logistic regression. Data and positions are rounded to f32
// first, so that every device is given the same numbers. The reference sums the rows in f64 with compensation, outside the compiler:
// Gaussian rows from the model's compiled means, logistic rows from the data alone. The small priors come from the f64 program.
// Exit 0: every error of a difference between two positions is below 0.01; 1: one is not; 2: wrong options.
import * as tf from '@tensorflow/tfjs-core';
import { benchmarkModel } from '../bench/gradient/model.js';
import { makeProblem } from '../bench/gradient/problem.js';
import { type BenchmarkDevice, type DeviceChoice, deviceChoices, findDevices } from '../bench/gpu/devices.js';
import { choice, list, number, parseOptions } from '../bench/gpu/options.js';
import { benchmarkRandom } from '../bench/gpu/random.js';
import { InputError } from '../src/data/inputError.js';
import { compileDensity, compileQuantity, modelSettings, positionBlocks } from '../src/inference/index.js';
import { cpuDevice } from '../src/kernels/cpu/cpuDevice.js';
import { bernoulliLogit, normal } from '../src/models/distributions/index.js';
import { defineModel, type Model, type ModelArray } from '../src/models/model.js';
import { real } from '../src/models/parameters.js';

const positions = 4;
const limit = 0.01;

/** A model and the f64 value of its log density at a position, up to a constant. */
interface Case {
  readonly name: string;
  readonly model: Model;
  reference(position: Float64Array): Promise<number>;
}

const cases: Readonly<Record<string, (rows: number) => Promise<Case>>> = {
  'three-level': threeLevelCase,
  logistic: logisticCase,
};

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), ['--rows', '--device', '--models'], []);
  const rows = Math.round(number(options, '--rows', 16_000_000, 10_000, 1e8));
  const known = Object.keys(cases);
  const names = list(options, '--models', known, (name) => known.find((one) => one === name), known.join(' or '));
  const { devices, missing } = await findDevices(choice<DeviceChoice>(options, '--device', 'all', deviceChoices));
  for (const reason of missing) console.log(`not checked: ${reason}`);
  let isBad = devices.length === 0;
  for (const name of names) {
    const own = await cases[name](rows);
    const drawn = drawPositions(own.model);
    const expected: number[] = [];
    for (const position of drawn) expected.push(await own.reference(position));
    for (const device of devices) {
      const start = performance.now();
      const { worst, largest } = compare(await evaluate(own.model, device, drawn), expected);
      const holds = worst < limit;
      isBad ||= !holds;
      console.log(
        `${own.name}, ${rows} rows, ${device.label}: energy differences up to ${largest.toPrecision(4)}, largest error ${worst.toExponential(2)} ${holds ? 'ok' : `FAILED: ${limit} is the limit`} (${((performance.now() - start) / 1000).toFixed(0)} s)`,
      );
    }
  }
  for (const device of devices) device.dispose();
  return isBad ? 1 : 0;
}

/** About the model's start, as wide as its posterior, rounded to f32: `[position][dimension]`. */
function drawPositions(model: Model): Float64Array[] {
  const { centre, radius } = modelSettings(model, {}).initial as { centre: Float64Array; radius: Float64Array };
  const random = benchmarkRandom(3);
  return Array.from({ length: positions }, () =>
    centre.map((value, i) => Math.fround(value + radius[i] * random.normal())),
  );
}

/** The log density at every position, one a lane. */
async function evaluate(model: Model, { device }: BenchmarkDevice, drawn: readonly Float64Array[]): Promise<number[]> {
  const density = await compileDensity(model, device, positions, 'rows');
  const { lanes } = density;
  for (let lane = 0; lane < lanes; lane++) {
    const position = drawn[lane % positions];
    for (let i = 0; i < position.length; i++) density.positions[i * lanes + lane] = position[i];
  }
  await density.evaluate();
  const values = [...density.logDensities.subarray(0, positions)];
  await density.dispose();
  return values;
}

/** Over all pairs of positions: the largest error of a difference, and the largest difference. */
function compare(values: readonly number[], expected: readonly number[]) {
  const pairs = expected.flatMap((_, i) => expected.slice(0, i).map((_, j) => [i, j] as const));
  const errors = pairs.map(([i, j]) => Math.abs(values[i] - values[j] - (expected[i] - expected[j])));
  return {
    // NaN where one is: it must not pass for small.
    worst: Math.max(...errors),
    largest: Math.max(...pairs.map(([i, j]) => Math.abs(expected[i] - expected[j]))),
  };
}

/** Sum with the rounding errors carried along (Neumaier 1974). */
function exactSum(length: number, term: (row: number) => number): number {
  let [sum, lost] = [0, 0];
  for (let row = 0; row < length; row++) {
    const value = term(row);
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + lost;
}

const roundedToSingle = (array: ModelArray): ModelArray =>
  array.dtype === 'int32' ? array : { ...array, values: Float32Array.from(array.values) };

async function threeLevelCase(rows: number): Promise<Case> {
  const built = benchmarkModel(makeProblem({ rows, markets: 83, unitsPerMarket: 11, coefficients: 4, traits: 3 }));
  const data = Object.fromEntries(Object.entries(built.data).map(([name, array]) => [name, roundedToSingle(array)]));
  const model: Model = { ...built, data };
  const upper = await compileDensity({ ...model, logLikelihood: ({ sigma }) => sigma.mul(0) }, cpuDevice(), 1, 'rows');
  const means = await compileQuantity(model, cpuDevice(), 'predict');
  const mean = new Float64Array(rows);
  const sigmaAt = positionBlocks(model).find(({ name }) => name === 'sigma')!.offset;
  return {
    name: 'three-level, rows',
    model,
    reference: async (position) => {
      for (let i = 0; i < position.length; i++) upper.positions[i * upper.lanes] = position[i];
      await upper.evaluate();
      await means.evaluate(position, mean);
      const y = model.data.y.values;
      const squares = exactSum(rows, (row) => (y[row] - mean[row]) ** 2);
      const logSigma = position[sigmaAt];
      return upper.logDensities[0] - rows * logSigma - 0.5 * squares * Math.exp(-2 * logSigma);
    },
  };
}

function logisticCase(rows: number): Promise<Case> {
  const columns = 8;
  const random = benchmarkRandom(4);
  const truth = Float64Array.from({ length: columns }, () => 0.5 * random.normal());
  const x = Float32Array.from({ length: rows * columns }, (_, i) => (i % columns === 0 ? 1 : random.normal()));
  const logOdds = (row: number, b: Float64Array): number => {
    let eta = 0;
    for (let k = 0; k < columns; k++) eta += x[row * columns + k] * b[k];
    return eta;
  };
  const y = Float32Array.from({ length: rows }, (_, row) =>
    random.uniform() < 1 / (1 + Math.exp(-logOdds(row, truth))) ? 1 : 0,
  );
  const model = defineModel({
    name: 'logistic',
    data: { x: { shape: [rows, columns], values: x }, y: { shape: [rows], values: y } },
    parameters: { b: real(columns) },
    logPrior: ({ b }) => normal.logDensity(b).sum(),
    logLikelihood: ({ b }, data) => bernoulliLogit.logDensity(data.y, tf.sum(data.x.mul(b), 1)),
    start: { b: { centre: truth, sd: new Float64Array(columns).fill(2.5 / Math.sqrt(rows)) } },
  });
  return Promise.resolve({
    name: 'logistic',
    model,
    reference: (b: Float64Array) => {
      const likelihood = exactSum(rows, (row) => {
        const eta = logOdds(row, b);
        return y[row] * eta - Math.max(eta, 0) - Math.log1p(Math.exp(-Math.abs(eta)));
      });
      return Promise.resolve(likelihood - 0.5 * b.reduce((sum, value) => sum + value * value, 0));
    },
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
