// The self-test of a GPU: passes what computes well, and sees a wrong gradient and sums that lost their compensation.
import { describe, expect, it } from 'vitest';
import { checkGpu } from '../../src/cli/doctor/gpuCheck.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import type { Device, Executable } from '../../src/kernels/device.js';

/** An executable with one of its outputs changed. */
function spoilt(inner: Executable, name: string, change: (x: number) => number): Executable {
  return {
    lanes: inner.lanes,
    parameters: inner.parameters,
    memoryBytes: inner.memoryBytes,
    output: (...names) => (names.includes(name) ? inner.output(...names).map(change) : inner.output(...names)),
    run: () => inner.run(),
    dispose: () => inner.dispose(),
  };
}

const withWrongGradient: Device = {
  ...cpuDevice(),
  compile: async (program, binding) => {
    const inner = await cpuDevice().compile(program, binding);
    return spoilt(inner, 'gradient beta', (x) => x * 1.00003);
  },
};

/** The processor, but the sum over one column of data is taken in single precision from its first row to its last. */
const summingInSingles: Device = {
  ...cpuDevice(),
  compile: async (program, binding) => {
    const inner = await cpuDevice().compile(program, binding);
    const x = binding.data.size === 1 ? binding.data.get('x') : undefined;
    if (x === undefined) return inner;
    const sum = Array.from(x.values).reduce((total, value) => Math.fround(total + value), 0);
    return spoilt(inner, 'value', () => sum);
  },
};

describe('the self-test of a GPU', () => {
  it('passes sound arithmetic', async () => {
    const { isWorking, trial, faults } = await checkGpu(cpuDevice());
    expect([isWorking, faults]).toEqual([true, []]);
    expect(trial!.largestDifference).toBeLessThan(1e-11);
  });

  it('sees a gradient that is off in the fifth digit', async () => {
    const { isWorking, faults } = await checkGpu(withWrongGradient);
    expect(isWorking).toBe(false);
    expect(faults[0]).toMatch(/^a gradient differs from the interpreter's by 3\.0e-5/);
  });

  it('sees sums in plain single precision', async () => {
    const { isWorking, faults } = await checkGpu(summingInSingles);
    expect(isWorking).toBe(false);
    expect(faults).toEqual([
      expect.stringMatching(/^the driver's compiler undoes compensated sums: \d+ of 400006 ones/),
    ]);
  });

  it('tells what a device throws', async () => {
    const broken: Device = { ...cpuDevice(), compile: () => Promise.reject(new Error('kernel x, line 3\nmore')) };
    expect(await checkGpu(broken)).toEqual({ isWorking: false, trial: undefined, faults: ['kernel x, line 3'] });
  });
});
