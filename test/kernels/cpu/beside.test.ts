// A program in the memory of another one: the same data, held once, and the results that it has alone.
import { afterAll, describe, expect, it } from 'vitest';
import { startThreads } from '../../../src/kernels/adapters/nodeThreads.js';
import type { DataArray } from '../../../src/kernels/compiler/memoryLayout.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { Executable } from '../../../src/kernels/device.js';
import { ProgramBuilder } from '../../../src/kernels/program/programBuilder.js';
import type { TensorProgram } from '../../../src/kernels/program/tensorProgram.js';
import { randomNumbers } from '../../models/random.js';

const [rows, groups] = [40_000, 30];
const random = randomNumbers('beside');
const data = new Map<string, DataArray>([
  ['y', { shape: [rows], values: random.normals(rows, 1) }],
  ['x', { shape: [rows], values: random.normals(rows, 1) }],
  ['group', { shape: [rows], values: Int32Array.from({ length: rows }, (_, i) => (7 * i) % groups) }],
]);

/** Σ (y − x b_g)² of all rows. */
function squares(): TensorProgram {
  const b = new ProgramBuilder();
  const fitted = b.mul(b.data('x', [rows]), b.gather(b.parameter('b', [groups]), b.data('group', [rows])));
  const left = b.sub(b.data('y', [rows]), fitted);
  return b.finish(new Map([['value', b.sum(b.mul(left, left))]]));
}

/** Sums by group of x b_g + z, with data z that the other program has not. */
function sums(): TensorProgram {
  const b = new ProgramBuilder();
  const fitted = b.mul(b.data('x', [rows]), b.gather(b.parameter('b', [groups]), b.data('group', [rows])));
  const segments = b.segmentSum(b.add(fitted, b.data('z', [rows])), b.data('group', [rows]), groups);
  return b.finish(new Map([['value', segments]]));
}

const more = new Map([...data, ['z', { shape: [rows], values: random.normals(rows, 1) }] as const]);
const parameters = [{ name: 'b', size: groups }];

describe.each([1, 2])('threads: %i', (threads) => {
  const device = cpuDevice({ threads, startThreads });
  const open: Executable[] = [];
  const compile = async (program: TensorProgram, beside?: Executable): Promise<Executable> => {
    const executable = await device.compile(program, { parameters, data: more, chains: 2, ...(beside && { beside }) });
    open.push(executable);
    return executable;
  };
  afterAll(() => Promise.all(open.map((executable) => executable.dispose())));

  const evaluate = (executable: Executable, seed: string): Float64Array => {
    executable.parameters.set(randomNumbers(seed).normals(executable.parameters.length, 1));
    void executable.run();
    return executable.output('value').slice();
  };

  it('leaves both their results, in whatever order they run', async () => {
    const alone = [await compile(squares()), await compile(sums())];
    const first = await compile(squares());
    const second = await compile(sums(), first);
    const third = await compile(squares(), second);
    for (const seed of ['a', 'b', 'c']) {
      expect(evaluate(second, seed)).toEqual(evaluate(alone[1], seed));
      expect(evaluate(first, seed)).toEqual(evaluate(alone[0], seed));
      expect(evaluate(third, `${seed} again`)).toEqual(evaluate(alone[0], `${seed} again`));
      expect(evaluate(second, seed)).toEqual(evaluate(alone[1], seed));
    }
  });

  it('holds what both read once', async () => {
    const first = await compile(squares());
    const second = await compile(sums(), first);
    // z alone is new; the rest is parameters, outputs and shares of blocks.
    expect(first.memoryBytes).toBeGreaterThan(2 * 8 * rows);
    expect(second.memoryBytes).toBeLessThan((await compile(sums())).memoryBytes - 8 * rows);
  });
});
