// Programs on WebGPU against the plain interpreter: every form of loop, narrow and wide lanes, small bindings.
import { afterAll, describe, expect, it } from 'vitest';
import { ProgramBuilder } from '../../../src/kernels/program/programBuilder.js';
import { gradients } from '../../../src/kernels/program/gradients.js';
import type { NodeId } from '../../../src/kernels/program/tensorProgram.js';
import { webgpuDevice } from '../../../src/kernels/webgpu/webgpuDevice.js';
import { compareWithInterpreter } from '../compiler/compareWithInterpreter.js';
import { array, chains, generator, hierarchy } from '../hierarchy.js';
import { testGpu } from './testGpu.js';

const context = await testGpu();
const narrow = await testGpu({ bindingBytes: 65536 });
afterAll(() => {
  context?.dispose();
  narrow?.dispose();
});

/** Rounding of f32 and of the sums of this size, relative to the largest element. */
const tolerance = 2e-5;

describe.skipIf(context === undefined)('programs on WebGPU equal the interpreter', () => {
  for (const [rows, units, slopes, order, count, width] of [
    [50, 7, 3, 'sorted', 1, 4],
    [50, 7, 3, 'unsorted', 3, 4],
    [20_000, 40, 4, 'sorted', 4, 4],
    [20_000, 3, 4, 'sorted', 4, 1],
    [20_000, 3, 4, 'sorted', 4, 4],
    [20_000, 6000, 2, 'sorted', 5, 4],
    [20_000, 12, 40, 'sorted', 2, 4],
    [20_000, 12, 3, 'unsorted', 9, 4],
    [20_000, 500, 2, 'unsorted', 130, 1],
    [20_000, 5000, 2, 'unsorted', 2, 4],
  ] as const) {
    it(`hierarchical regression: ${rows} rows, ${units} ${order} groups, ${slopes} slopes, ${count} chains, ${width} lanes an invocation`, async () => {
      const { program, data, sizes, random } = hierarchy(rows, units, slopes, order === 'sorted');
      await compareWithInterpreter({
        program,
        data,
        chains: chains(random, sizes, count),
        device: webgpuDevice(context!, { laneWidth: width }),
        accurate: ['value'],
        tolerance,
      });
    });
  }

  it('splits data over the bindings that a device has', async () => {
    const { program, data, sizes, random } = hierarchy(20_000, 40, 1, true);
    await compareWithInterpreter({
      program,
      data,
      chains: chains(random, sizes, 2),
      device: webgpuDevice(narrow!),
      accurate: ['value'],
      tolerance,
    });
  });

  it('refuses in one line what a device cannot hold', async () => {
    const { program, data, sizes } = hierarchy(20_000, 6000, 4, true);
    const parameters = Object.entries(sizes).map(([name, size]) => ({ name, size }));
    const compiled = webgpuDevice(narrow!).compile(program, { parameters, data, chains: 4 });
    await expect(compiled).rejects.toThrow(/binds at most 65536/);
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
    const scan = b.cumsum(b.transpose(a, [1, 0]), 1, true, true);
    const joined = b.concat([b.reshape(a, [350]), c, b.pad(c, [40], [3], 0.5)], 0);
    const value = b.add(
      b.add(b.sum(b.unary('log', b.sum(b.unary('exp', a), [1]))), b.sum(b.mul(scan, scan))),
      b.add(b.sum(b.unary('sin', joined)), b.add(b.sum(b.mul(solved, solved)), b.reduce('max', joined, [0]))),
    );
    const outputs = new Map<string, NodeId>([
      ['value', value],
      ['again', value],
      ['constant', b.fill(0.25, [3])],
      ['joined', joined],
      ['scan', scan],
      ['lower', lower],
    ]);
    for (const [i, id] of gradients(b, value, [a, c, m]).entries()) outputs.set(`gradient ${i}`, id);
    await compareWithInterpreter({
      program: b.finish(outputs),
      data: new Map(),
      chains: chains(random, { a: 350, c: 5, m: 9 }, 3).map(
        (values) => new Map([...values].map(([name, x]) => [name, Float64Array.from(x, Math.fround)])),
      ),
      device: webgpuDevice(context!),
      tolerance,
    });
  });

  it('compiles a hundred shifted and padded arrays in one loop in time', async () => {
    const random = generator(17);
    const rows = 300;
    const b = new ProgramBuilder();
    const scale = b.parameter('scale', [4]);
    const terms: NodeId[] = [];
    for (let lag = 0; lag < 120; lag++) {
      const shifted = b.pad(b.slice(b.data('x', [rows]), [0], [rows - lag]), [lag], [0], 0);
      terms.push(b.mul(shifted, b.slice(scale, [lag % 4], [1])));
    }
    const values = terms.reduce((sum, term) => b.add(sum, term));
    await compareWithInterpreter({
      program: b.finish(new Map([['values', values]])),
      data: new Map([['x', array(random, [rows])]]),
      chains: chains(random, { scale: 4 }, 2),
      device: webgpuDevice(context!, { laneWidth: 1 }),
      tolerance,
    });
  });

  it('joins the shares of few sums in the kernel that needs them, of many in one of their own', async () => {
    const random = generator(13);
    const rows = 20_000;
    const shares = (sums: number) => {
      const b = new ProgramBuilder();
      const scale = b.parameter('scale', [sums]);
      const terms = b.unary('tanh', b.mul(b.data('x', [rows, sums]), scale));
      const largest = b.reduce('max', terms, [0]);
      const value = b.unary('log', b.add(b.constant([1], []), b.sum(b.mul(b.sum(terms, [0]), largest))));
      return b.finish(new Map([['value', value]]));
    };
    for (const [sums, dispatches] of [
      [1, 2],
      [4, 2],
      [5, 3],
    ]) {
      const program = shares(sums);
      const data = new Map([['x', array(random, [rows, sums])]]);
      const parameters = [{ name: 'scale', size: sums }];
      const executable = await webgpuDevice(context!, { laneWidth: 1 }).compile(program, {
        parameters,
        data,
        chains: 2,
      });
      expect(executable.resident!.dispatches, `${sums} sums and maxima`).toBe(dispatches);
      await executable.dispose();
      await compareWithInterpreter({
        program,
        data,
        chains: chains(random, { scale: sums }, 2),
        device: webgpuDevice(context!, { laneWidth: 1 }),
        tolerance,
      });
    }
  });

  it('sums wide designs tile by tile', async () => {
    const random = generator(9);
    const [rows, columns] = [9000, 55];
    const b = new ProgramBuilder();
    const beta = b.parameter('beta', [columns]);
    const x = b.data('x', [rows, columns]);
    const y = b.data('y', [rows]);
    const eta = b.sum(b.mul(x, beta), [1]);
    const value = b.sum(b.sub(b.mul(y, eta), b.unary('softplus', eta)));
    const outputs = new Map<string, NodeId>([
      ['value', value],
      ['gradient', gradients(b, value, [beta])[0]],
    ]);
    const data = new Map([
      ['x', array(random, [rows, columns])],
      ['y', { shape: [rows], values: Float64Array.from({ length: rows }, () => Number(random() > 0)) }],
    ]);
    for (const width of [1, 4] as const) {
      await compareWithInterpreter({
        program: b.finish(outputs),
        data,
        chains: chains(random, { beta: columns }, 4),
        device: webgpuDevice(context!, { laneWidth: width }),
        accurate: ['value'],
        tolerance,
      });
    }
  });

  it('keeps sums that enter an energy as pairs, which no compiler simplifies away', async () => {
    // Whole numbers below 4096 whose sum needs 31 bits: pairs of f32 hold it to the last one, f32 itself has 24.
    const random = generator(11);
    const rows = 300_000;
    const b = new ProgramBuilder();
    const scale = b.parameter('scale', []);
    const x = { shape: [rows], values: Float64Array.from({ length: rows }, () => Math.floor((random() + 0.5) * 4096)) };
    const value = b.sum(b.mul(b.data('x', [rows]), b.unary('floor', b.add(scale, b.data('x', [rows])))));
    const exact = x.values.reduce((sum, one) => sum + one * one, 0);
    const program = b.finish(new Map([['value', value]]));
    for (const [accurate, width] of [
      [['value'], 1],
      [['value'], 4],
      [[], 1],
    ] as const) {
      const device = webgpuDevice(context!, { laneWidth: width });
      const binding = { parameters: [{ name: 'scale', size: 1 }], data: new Map([['x', x]]), chains: 4, accurate };
      const executable = await device.compile(program, binding);
      executable.parameters.fill(0);
      await executable.run();
      const error = Math.abs(executable.output('value')[0] - exact) / exact;
      // A pair has 48 bits; terms below 2²⁴ are exact. Negative control: a plain sum cannot hold the number.
      if (accurate.length > 0) expect(error).toBeLessThan(2 ** -46);
      else expect(error).toBeGreaterThan(2 ** -40);
      await executable.dispose();
    }
  });
});
