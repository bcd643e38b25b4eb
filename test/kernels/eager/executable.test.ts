// Eager executables: memory, faults, asynchronous backends, lanes, and sums that f32 cannot hold.
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import type { DataArray } from '../../../src/kernels/compiler/memoryLayout.js';
import type { Device, Executable } from '../../../src/kernels/device.js';
import { BackendMissingError, eagerDevice } from '../../../src/kernels/eager/eagerDevice.js';
import { interpret } from '../../../src/kernels/program/interpreter.js';
import { ProgramBuilder } from '../../../src/kernels/program/programBuilder.js';
import { sizeOf, type TensorProgram } from '../../../src/kernels/program/tensorProgram.js';
import { deviceErrors } from '../../devices/deviceErrors.js';
import { gradientProgram } from '../support.js';
import { planReplay } from '../../../src/kernels/eager/replayPlan.js';
import { randomOf } from '../randomSteps.js';
import { eagerDevices } from './backends.js';

const groups = 6;

/** Rows in groups with their own intercepts, one slope, a scale: gather, segment sum, long sums, small matrices of priors. */
function regression(rows: number): {
  program: TensorProgram;
  data: Map<string, DataArray>;
} {
  const random = randomOf(5);
  const column = (draw: () => number): Float64Array => Float64Array.from({ length: rows }, () => Math.fround(draw()));
  const x = column(() => random() - 0.5);
  const group = column(() => Math.floor(random() * groups));
  const y = x.map((value, i) => Math.fround(3 + 2 * value + group[i] / 4 + random() - 0.5));
  const { program } = gradientProgram(
    ({ intercepts, slope, logSigma }, d) => {
      const mean = tf.add(tf.gather(intercepts, d.group), tf.mul(d.x, slope));
      const z = tf.div(tf.sub(d.y, mean), tf.exp(logSigma));
      const likelihood = tf.sum(tf.sub(tf.mul(-0.5, tf.square(z)), logSigma));
      return tf.sub(likelihood, tf.sum(tf.square(intercepts)));
    },
    {
      parameters: { intercepts: [groups], slope: [], logSigma: [] },
      data: { x: { shape: [rows] }, y: { shape: [rows] }, group: { shape: [rows], dtype: 'int32' } },
    },
  );
  const shape = [rows];
  return {
    program,
    data: new Map<string, DataArray>([
      ['x', { shape, values: x }],
      ['y', { shape, values: y }],
      ['group', { shape, values: group }],
    ]),
  };
}

const parameters = [
  { name: 'intercepts', size: groups },
  { name: 'slope', size: 1 },
  { name: 'logSigma', size: 1 },
];

function setLane({ parameters: target, lanes }: Executable, lane: number, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) target[i * lanes + lane] = values[i];
}

const near = Float64Array.of(3, 3.25, 3.5, 3.75, 4, 4.25, 2, -1.25);

beforeEach(async () => {
  await tf.setBackend('cpu');
});

describe.each(eagerDevices)('$name', (device) => {
  it('leaves nothing behind: a thousand runs', async () => {
    const before = tf.memory();
    const { program, data } = regression(50);
    const executable = await device.compile(program, { parameters, data, chains: 2, accurate: ['value'] });
    const bound = tf.memory();
    for (let i = 0; i < 1000; i++) {
      executable.parameters.fill(i / 1000);
      await executable.run();
    }
    const after = tf.memory();
    expect([after.numTensors, after.numDataBuffers, after.numBytes]).toEqual([
      bound.numTensors,
      bound.numDataBuffers,
      bound.numBytes,
    ]);
    expect(executable.memoryBytes).toBeGreaterThan(bound.numBytes - before.numBytes);
    await executable.dispose();
    expect(tf.memory().numTensors).toBe(before.numTensors);
  }, 300_000);

  it('differences of energies hold over long sums', async () => {
    const rows = 300_000;
    const { program, data } = regression(rows);
    const chains = 2;
    const binding = { parameters, data, chains };
    const executable = await device.compile(program, { ...binding, accurate: ['value'] });
    const far = near.map((value, i) => Math.fround(value + 0.01 * (i - 3)));
    const exact = [near, far].map((values) => {
      const inputs = new Map<string, ArrayLike<number>>([...data].map(([name, array]) => [name, array.values]));
      inputs.set('intercepts', values.subarray(0, groups));
      inputs.set('slope', values.subarray(groups, groups + 1));
      inputs.set('logSigma', values.subarray(groups + 1));
      return interpret(program, inputs).get('value')![0];
    });
    [near, far].forEach((values, lane) => setLane(executable, lane, values));
    await executable.run();
    const value = executable.output('value');
    // Rows round at random, each by about 2⁻²⁴ of itself: √300,000 · 2⁻²⁴ · 10 leaves 3e-4.
    const error = (array: Float64Array): number => Math.abs(array[1] - array[0] - (exact[1] - exact[0]));
    expect(error(value)).toBeLessThan(3e-3);
    const plain = await device.compile(program, binding);
    [near, far].forEach((values, lane) => setLane(plain, lane, values));
    await plain.run();
    expect(error(plain.output('value'))).toBeGreaterThan(3e-3);
    await plain.dispose();
    await executable.dispose();
  });

  it('refuses an energy whose sums it cannot return in blocks', async () => {
    const builder = new ProgramBuilder();
    const rows = 2 ** 23;
    const sums = builder.segmentSum(
      builder.mul(builder.data('x', [rows]), builder.parameter('slope', [])),
      builder.data('group', [rows]),
      2,
    );
    const value = builder.sum(builder.unary('log', builder.concat([sums, builder.iota(100)], 0)));
    const program = builder.finish(new Map([['value', value]]));
    const binding = { parameters: [{ name: 'slope', size: 1 }], data: new Map(), chains: 1, accurate: ['value'] };
    await expect(device.compile(program, binding)).rejects.toThrow(
      'output value needs sums of 4194304 terms (segmentSum) that this device would carry out in float32: use the device cpu or webgpu',
    );
  });

  it('checks indices and shapes when data are bound, and leaves nothing behind then either', async () => {
    const before = tf.memory().numTensors;
    const { program, data } = regression(20);
    const withData = (name: string, values: readonly number[]) =>
      device.compile(program, {
        parameters,
        data: new Map<string, DataArray>([...data, [name, { shape: [20], values }]]),
        chains: 1,
      });
    await expect(withData('group', [groups, ...new Array<number>(19).fill(0)])).rejects.toThrow(
      'index 6 is outside 0 … 5',
    );
    await expect(withData('x', [1, 2])).rejects.toThrow('data x: 2 numbers for shape [20]');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('a lane depends on its own position only, bit for bit', async () => {
    const { program, data } = regression(700);
    const alone = await device.compile(program, { parameters, data, chains: 3 });
    const names = ['value', 'gradient of intercepts', 'gradient of slope', 'gradient of logSigma'];
    const evaluate = async (positions: readonly Float64Array[]): Promise<number[][]> => {
      positions.forEach((position, lane) => setLane(alone, lane, position));
      await alone.run();
      const all = alone.output(...names);
      return positions.map((_, lane) => Array.from({ length: all.length / 3 }, (__, i) => all[i * 3 + lane]));
    };
    const others = [near.map((x) => x + 0.1), near.map((x) => x * 0.9)];
    const [first, second, third] = await evaluate([near, ...others]);
    expect(await evaluate([others[1], near, near.map(() => NaN)])).toEqual([third, first, first.map(() => NaN)]);
    expect(second).not.toEqual(first);
    await alone.dispose();
  });

  it('another backend stays the active one', async () => {
    const other = device.name === 'eager:cpu' ? 'wasm' : 'cpu';
    await tf.setBackend(other);
    const { program, data } = regression(20);
    const executable = await device.compile(program, { parameters, data, chains: 1 });
    await executable.run();
    expect(tf.getBackend()).toBe(other);
    await executable.dispose();
  });
});

it('a backend that can only be read asynchronously gives the same numbers', async () => {
  const factory = tf.engine().registryFactory.cpu.factory;
  tf.registerBackend('asynchronous', factory);
  tf.copyRegisteredKernels('cpu', 'asynchronous');
  const { program, data } = regression(400);
  const values = async (device: Device): Promise<{ isAsynchronous: boolean; value: Float64Array }> => {
    const executable = await device.compile(program, { parameters, data, chains: 2, accurate: ['value'] });
    [near, near.map((x) => x / 2)].forEach((position, lane) => setLane(executable, lane, position));
    const running = executable.run();
    await running;
    const value = executable.output('value').slice();
    await executable.dispose();
    return { isAsynchronous: running !== undefined, value };
  };
  const later = await values(eagerDevice('asynchronous'));
  expect(later).toEqual({ ...(await values(eagerDevice('cpu'))), isAsynchronous: true });
});

it('an unknown backend is a typed error in one line', async () => {
  const compiling = eagerDevice('abacus').compile(regression(5).program, { parameters, data: new Map(), chains: 1 });
  await expect(compiling).rejects.toThrow(BackendMissingError);
  await expect(compiling).rejects.toThrow(
    "tfjs has no backend 'abacus': install and import @tensorflow/tfjs-backend-abacus",
  );
});

it('names and precision', () => {
  expect(eagerDevice('wasm')).toMatchObject({ name: 'eager:wasm', precision: 'single' });
  expect(eagerDevice('tensorflow').name).toBe('cuda');
});

it('products of data with a vector for each lane are matrix products, also where they are written as sums', async () => {
  const shape = [40, 3];
  const random = randomOf(9);
  const x = { shape, values: Float64Array.from({ length: 120 }, () => Math.fround(random() - 0.5)) };
  const { program } = gradientProgram(
    ({ a, b }, d) => {
      const written = d.x.mul(a).sum(1);
      const product = tf.matMul(d.x as tf.Tensor2D, tf.expandDims<tf.Tensor2D>(b, 1)).squeeze([1]);
      return written.sin().add(product.square()).sum();
    },
    { parameters: { a: [3], b: [3] }, data: { x: { shape } } },
  );
  const plan = planReplay(program, []);
  expect(plan.contractions.size).toBe(4);
  expect(plan.perRun.filter((id) => sizeOf(plan.program.nodes[id].shape) >= 120)).toEqual([]);
  const chains = [1, 2].map(
    (factor) =>
      new Map([
        ['a', [0.5, -1, 2].map((v) => v * factor)],
        ['b', [1, 0.25, -0.5]],
      ]),
  );
  for (const [name, error] of await deviceErrors(eagerDevice('cpu'), { program, data: new Map([['x', x]]), chains })) {
    expect(error, name).toBeLessThan(2e-6);
  }
});

describe.each(eagerDevices)('on $name', (device) => {
  it('indices may depend on parameters', async () => {
    const builder = new ProgramBuilder();
    const x = builder.parameter('x', [4]);
    const index = builder.unary('floor', x);
    const outputs = new Map([
      ['gathered', builder.gather(builder.unary('exp', x), index)],
      ['summed', builder.segmentSum(builder.unary('sin', x), index, 4)],
    ]);
    const chains = [
      [0.5, 1.5, 3.25, 2.5],
      [3.5, 3.25, 0, 1],
    ].map((values) => new Map([['x', values]]));
    for (const [name, error] of await deviceErrors(device, {
      program: builder.finish(outputs),
      data: new Map(),
      chains,
    })) {
      expect(error, name).toBeLessThan(1e-6);
    }
  });
});
