// A regression's log density with its gradient: what doctor has a device compute, compare with the plain interpreter, and time.
import * as tf from '@tensorflow/tfjs-core';
import { CpuExecutable } from '../../kernels/cpu/executable.js';
import type { Device, Executable } from '../../kernels/device.js';
import { literal } from '../../kernels/ops/index.js';
import { gradients } from '../../kernels/program/gradients.js';
import type { TensorProgram } from '../../kernels/program/tensorProgram.js';
import { trace } from '../../kernels/trace/trace.js';

/** Chains of every trial. */
const chains = 4;
const slopes = 3;

/** The reference that compiled code is held to. */
export type Reference = (
  program: TensorProgram,
  inputs: ReadonlyMap<string, ArrayLike<number>>,
) => Map<string, Float64Array>;

/** What a device did. */
export interface DeviceTrial {
  /** From the function of tensors to the first evaluation, in milliseconds. */
  readonly compileMilliseconds: number;
  /** Largest difference from the interpreter, relative to the largest magnitude of its array. */
  readonly largestDifference: number;
  /** Value and gradient of a million rows for one chain. */
  readonly millisecondsPerMillionRowChains: number;
}

/** Throws what compiling and running throw. `rows` are for the timing. */
export async function tryDevice(device: Device, reference: Reference, rows = 400_000): Promise<DeviceTrial> {
  const manyRows = madeUpData(rows);
  const begun = performance.now();
  const many = await bind(manyRows, device);
  await many.executable.run();
  const compileMilliseconds = performance.now() - begun;
  try {
    if (many.executable instanceof CpuExecutable) await many.executable.threadsReady();
    return {
      compileMilliseconds,
      // As many rows as keep several threads busy, few enough for the interpreter.
      largestDifference: await compare(await bind(madeUpData(30_000), device), reference),
      millisecondsPerMillionRowChains: (await fastest(many.executable)) / ((many.data.rows * chains) / 1e6),
    };
  } finally {
    await many.executable.dispose();
  }
}

interface RegressionData {
  readonly rows: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
}

function madeUpData(rows: number): RegressionData {
  const x = Float64Array.from({ length: rows * slopes }, (_, i) => Math.sin(i * i));
  return { rows, x, y: Float64Array.from({ length: rows }, (_, i) => Math.cos(3 * i)) };
}

interface Bound {
  readonly data: RegressionData;
  readonly program: TensorProgram;
  readonly executable: Executable;
}

const parameterSizes = { beta: slopes, logSigma: 1 };
const blocks = Object.entries(parameterSizes).map(([name, size]) => ({ name, size }));
/** A position of each chain; any will do. */
const position = (element: number, chain: number): number => 0.3 * Math.sin(1 + element + 5 * chain);

/** y ~ N(X beta, exp(logSigma)) with its gradient, compiled; parameters are set. */
async function bind(data: RegressionData, device: Device): Promise<Bound> {
  const shapes = { x: { shape: [data.rows, slopes] }, y: { shape: [data.rows] } };
  const recorded = trace(
    ({ beta, logSigma }, { x, y }) => {
      const z = y.sub(x.mul(beta).sum(1)).div(tf.exp(logSigma));
      return z.square().mul(literal(-0.5)).sub(logSigma).sum();
    },
    { parameters: { beta: [slopes], logSigma: [] }, data: shapes },
  );
  const { builder } = recorded;
  const value = recorded.outputs.get('value')!;
  const wrt = blocks.map(({ name }) => recorded.parameters.get(name)!);
  const outputs = new Map([['value', value]]);
  for (const [i, id] of gradients(builder, value, wrt).entries()) outputs.set(`gradient ${blocks[i].name}`, id);
  const program = builder.finish(outputs);
  const arrays = new Map([
    ['x', { ...shapes.x, values: data.x }],
    ['y', { ...shapes.y, values: data.y }],
  ]);
  const executable = await device.compile(program, { parameters: blocks, data: arrays, chains, accurate: ['value'] });
  for (let element = 0; element < slopes + 1; element++) {
    for (let lane = 0; lane < executable.lanes; lane++)
      executable.parameters[element * executable.lanes + lane] = position(element, lane);
  }
  return { data, program, executable };
}

async function compare({ program, data, executable }: Bound, reference: Reference): Promise<number> {
  try {
    if (executable instanceof CpuExecutable) await executable.threadsReady();
    await executable.run();
    let largest = 0;
    for (const chain of [0, chains - 1]) {
      const inputs = new Map([
        ['x', data.x],
        ['y', data.y],
      ]);
      let element = 0;
      for (const { name, size } of blocks)
        inputs.set(
          name,
          Float64Array.from({ length: size }, () => position(element++, chain)),
        );
      for (const [name, expected] of reference(program, inputs)) {
        const actual = executable.output(name);
        const scale = expected.reduce((most, number) => Math.max(most, Math.abs(number)), 0);
        for (const [i, number] of expected.entries()) {
          const difference = Math.abs(actual[i * executable.lanes + chain] - number) / scale;
          // NaN counts as the largest difference there is.
          largest = Number.isNaN(difference) ? Infinity : Math.max(largest, difference);
        }
      }
    }
    return largest;
  } finally {
    await executable.dispose();
  }
}

/** Milliseconds of the fastest of the evaluations that fit into a quarter of a second, at least three. */
async function fastest(executable: Executable): Promise<number> {
  const begun = performance.now();
  let least = Infinity;
  for (let runs = 0; runs < 3 || performance.now() - begun < 250; runs++) {
    const start = performance.now();
    await executable.run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}
