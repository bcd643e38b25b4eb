// Compiled programs against the plain interpreter: the shapes of loops that hierarchical models need.
import { describe, expect, it } from 'vitest';
import { gradients } from '../../../src/kernels/program/gradients.js';
import { ProgramBuilder } from '../../../src/kernels/program/programBuilder.js';
import { type NodeId, sizeOf } from '../../../src/kernels/program/tensorProgram.js';
import { compile } from '../../../src/kernels/compiler/compile.js';
import { compareWithInterpreter } from './compareWithInterpreter.js';

/** A small linear congruential generator: test inputs only. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
}

function array(random: () => number, shape: readonly number[]) {
  return { shape, values: Float64Array.from({ length: sizeOf(shape) }, random) };
}

function chains(random: () => number, parameters: Record<string, number>, count: number) {
  return Array.from(
    { length: count },
    () => new Map(Object.entries(parameters).map(([name, size]) => [name, array(random, [size]).values])),
  );
}

/** Value and gradients of a hierarchical regression with `units` groups, slopes that vary by group, and population means. */
function hierarchy(rows: number, units: number, slopes: number, sorted: boolean) {
  const random = generator(rows + units);
  const b = new ProgramBuilder();
  const mean = b.parameter('mean', [slopes]);
  const logScale = b.parameter('logScale', [slopes]);
  const raw = b.parameter('raw', [units, slopes]);
  const logSigma = b.parameter('logSigma', []);
  const y = b.data('y', [rows]);
  const x = b.data('x', [rows, slopes]);
  const unit = b.data('unit', [rows]);
  const beta = b.add(mean, b.mul(b.unary('exp', logScale), raw));
  const eta = b.sum(b.mul(x, b.gather(beta, unit)), [1]);
  const z = b.div(b.sub(y, eta), b.unary('exp', logSigma));
  const logLikelihood = b.sub(b.mul(b.scalar(-0.5), b.mul(z, z)), logSigma);
  const prior = b.mul(b.scalar(-0.5), b.sum(b.mul(raw, raw)));
  const value = b.add(b.sum(logLikelihood), b.add(prior, b.mul(b.scalar(-0.5), b.sum(b.mul(mean, mean)))));
  const wrt: [string, NodeId][] = [
    ['mean', mean],
    ['logScale', logScale],
    ['raw', raw],
    ['logSigma', logSigma],
  ];
  const grads = gradients(
    b,
    value,
    wrt.map(([, id]) => id),
  );
  const outputs = new Map<string, NodeId>([['value', value]]);
  for (const [i, [name]] of wrt.entries()) outputs.set(`gradient ${name}`, grads[i]);
  const codes = Float64Array.from({ length: rows }, () => Math.floor((random() + 0.5) * units));
  if (sorted) codes.sort();
  const design = array(random, [rows, slopes]);
  for (let row = 0; row < rows; row++) design.values[row * slopes] = 1;
  const data = new Map([
    ['y', array(random, [rows])],
    ['x', design],
    ['unit', { shape: [rows], values: codes }],
  ]);
  const sizes = { mean: slopes, logScale: slopes, raw: units * slopes, logSigma: 1 };
  return { program: b.finish(outputs), data, sizes, random };
}

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
      await compareWithInterpreter({ program, data, chains: chains(random, sizes, count), threads });
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
});
