// Compiled programs against the plain interpreter: the shapes of loops that hierarchical models need.
import { describe, expect, it } from 'vitest';
import { gradients } from '../../../src/kernels/program/gradients.js';
import { ProgramBuilder } from '../../../src/kernels/program/programBuilder.js';
import type { NodeId } from '../../../src/kernels/program/tensorProgram.js';
import { startThreads } from '../../../src/kernels/adapters/nodeThreads.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import { compile } from '../../../src/kernels/compiler/compile.js';
import type { DataArray } from '../../../src/kernels/compiler/memoryLayout.js';
import { chains, generator, hierarchy } from '../hierarchy.js';
import { compareWithInterpreter } from './compareWithInterpreter.js';

describe('compiled programs equal the interpreter', () => {
  for (const [rows, units, slopes, sorted, count, threads] of [
    [50, 7, 3, true, 1, 1],
    [50, 7, 3, false, 3, 1],
    [5000, 40, 4, true, 4, 1],
    [5000, 40, 4, true, 4, 2],
    [5000, 3000, 2, true, 5, 2],
    [6000, 12, 40, true, 2, 2],
    [6000, 12, 5, false, 9, 2],
  ] as const) {
    it(`hierarchical regression: ${rows} rows, ${units} ${sorted ? 'sorted' : 'unsorted'} groups, ${slopes} slopes, ${count} chains, ${threads} threads`, async () => {
      const { program, data, sizes, random } = hierarchy(rows, units, slopes, sorted);
      await compareWithInterpreter({
        program,
        data,
        chains: chains(random, sizes, count),
        device: cpuDevice({ threads, startThreads }),
      });
    });
  }

  it('evaluates value and all gradients of a separable density in one pass over the rows', () => {
    const { program, data, sizes } = hierarchy(5000, 40, 4, true);
    const parameters = Object.entries(sizes).map(([name, size]) => ({ name, size }));
    const { perEvaluation } = compile(program, { parameters, data, chains: 4, precision: 'double' });
    const passes = perEvaluation.filter((call) => call.bounds.at(-1) === 40);
    expect(passes.length).toBe(1 + 2); // the rows once; the groups before (coefficients) and after (their gradient)
  });

  it('handles factors, scans, softmax, concatenation, padding and long reductions', async () => {
    const random = generator(5);
    const b = new ProgramBuilder();
    const a = b.parameter('a', [70, 5]);
    const c = b.parameter('c', [5]);
    const m = b.parameter('m', [3, 3]);
    const spd = b.add(b.matMul(m, b.swapLast(m)), b.constant([2, 0, 0, 0, 2, 0, 0, 0, 2], [3, 3]));
    const lower = b.cholesky(spd);
    const solved = b.triangularSolve(lower, b.reshape(b.slice(c, [0], [3]), [3, 1]), false);
    const rowMax = b.reshape(b.reduce('max', a, [1]), [70, 1]);
    const softmax = b.unary('exp', b.sub(a, rowMax));
    const scan = b.cumsum(b.transpose(a, [1, 0]), 1, true, true);
    const joined = b.concat([b.reshape(a, [350]), c, b.pad(c, [40], [3], 0.5)], 0);
    const value = b.add(
      b.add(b.sum(b.unary('log', b.sum(softmax, [1]))), b.sum(b.mul(scan, scan))),
      b.add(b.sum(b.unary('sin', joined)), b.add(b.sum(b.mul(solved, solved)), b.reduce('max', joined, [0]))),
    );
    const outputs = new Map<string, NodeId>([
      ['value', value],
      ['joined', joined],
      ['scan', scan],
      ['lower', lower],
    ]);
    for (const [i, id] of gradients(b, value, [a, c, m]).entries()) outputs.set(`gradient ${i}`, id);
    await compareWithInterpreter({
      program: b.finish(outputs),
      data: new Map(),
      chains: chains(random, { a: 350, c: 5, m: 9 }, 3),
    });
  });

  it('refuses indices outside the table, naming the value', () => {
    const b = new ProgramBuilder();
    const value = b.sum(b.gather(b.parameter('beta', [3]), b.data('unit', [4])));
    const data = new Map([['unit', { shape: [4], values: [0, 1, 3, 2] }]]);
    expect(() =>
      compile(b.finish(new Map([['value', value]])), {
        parameters: [{ name: 'beta', size: 3 }],
        data,
        chains: 2,
        precision: 'double',
      }),
    ).toThrow('index 3 at position 2 of a gather is not a row of 0 … 2');
  });

  it('reads each array of data once, and only those of the program', () => {
    const { program, data, sizes } = hierarchy(200, 8, 3, true);
    const reads = new Map<string, number>();
    const made = ([name, { shape, values }]: [string, DataArray]): [string, DataArray] => [
      name,
      {
        shape,
        get values() {
          reads.set(name, (reads.get(name) ?? 0) + 1);
          return values;
        },
      },
    ];
    const given = new Map(
      [...data, ['stray', { shape: [1], values: [0] }] as const].map(([name, own]) => made([name, own])),
    );
    const parameters = Object.entries(sizes).map(([name, size]) => ({ name, size }));
    compile(program, { parameters, data: given, chains: 2, precision: 'double' });
    expect(Object.fromEntries(reads)).toEqual(Object.fromEntries([...data.keys()].map((name) => [name, 1])));
  });
});
