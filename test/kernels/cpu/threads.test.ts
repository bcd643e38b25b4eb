// Threads that share the calls of a program: bitwise the same results, however they are scheduled, and none to wait for.
import { describe, expect, it } from 'vitest';
import { startThreads } from '../../../src/kernels/adapters/nodeThreads.js';
import { compile } from '../../../src/kernels/compiler/compile.js';
import { CpuExecutable } from '../../../src/kernels/cpu/executable.js';
import { gradients } from '../../../src/kernels/program/gradients.js';
import { ProgramBuilder } from '../../../src/kernels/program/programBuilder.js';

const units = 30;

/** A small regression by unit that is still worth sharing: 16 chains, several calls an evaluation. */
function compiledRegression(rows: number) {
  const b = new ProgramBuilder();
  const beta = b.parameter('beta', [units]);
  const unit = b.data('unit', [rows]);
  const eta = b.unary('tanh', b.mul(b.data('x', [rows]), b.gather(beta, unit)));
  const value = b.sum(b.mul(eta, b.unary('exp', eta)));
  const [gradient] = gradients(b, value, [beta]);
  const program = b.finish(
    new Map([
      ['value', value],
      ['gradient', gradient],
    ]),
  );
  return compile(program, {
    parameters: [{ name: 'beta', size: units }],
    data: new Map([
      ['x', { shape: [rows], values: Float64Array.from({ length: rows }, (_, i) => Math.sin(i)) }],
      [
        'unit',
        { shape: [rows], values: Float64Array.from({ length: rows }, (_, i) => Math.floor((i * units) / rows)) },
      ],
    ]),
    chains: 16,
    precision: 'double',
  });
}

function setParameters(executable: CpuExecutable, seed: number): void {
  for (let i = 0; i < executable.parameters.length; i++) executable.parameters[i] = Math.sin(seed + 3 * i);
}

describe('threads', () => {
  // Four threads are more than the cores of a small machine: threads that hold tasks are put aside while others wait.
  it.each([
    [2, 300, 4000],
    [4, 300, 2000],
    [4, 3000, 300],
  ])('%i threads give the bits of one: %i rows, %i evaluations', async (threads, rows, evaluations) => {
    const compiled = compiledRegression(rows);
    const alone = await CpuExecutable.create(compiled, 1);
    const shared = await CpuExecutable.create(compiled, threads, startThreads);
    await shared.threadsReady();
    try {
      for (let i = 0; i < evaluations; i++) {
        for (const executable of [alone, shared]) {
          setParameters(executable, i);
          executable.run();
        }
        const [expected, actual] = [alone, shared].map((e) => e.output('value', 'gradient'));
        for (let k = 0; k < expected.length; k++) {
          if (!Object.is(actual[k], expected[k])) expect.unreachable(`evaluation ${i}, output ${k}`);
        }
        // Now and then long enough a pause for threads to go to sleep.
        if (i % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      await shared.dispose();
    }
  });

  it('works alone until the threads are ready', async () => {
    const compiled = compiledRegression(3000);
    const alone = await CpuExecutable.create(compiled, 1);
    const waiting = await CpuExecutable.create(compiled, 2, () => new Promise(() => undefined));
    for (const executable of [alone, waiting]) {
      setParameters(executable, 1);
      executable.run();
    }
    expect(waiting.output('value')).toEqual(alone.output('value'));
  });

  it('reports threads that cannot be started at the next evaluation', async () => {
    const failing = await CpuExecutable.create(compiledRegression(3000), 2, () =>
      Promise.reject(new Error('no threads here')),
    );
    await expect(failing.threadsReady()).rejects.toThrow('no threads here');
    expect(() => failing.run()).toThrow('a thread could not be started');
    await failing.dispose();
  });

  it('starts none for programs too small to share', async () => {
    let started = false;
    const executable = await CpuExecutable.create(compiledRegression(units), 2, () => {
      started = true;
      return Promise.reject(new Error('not wanted'));
    });
    executable.run();
    expect(started).toBe(false);
  });
});
