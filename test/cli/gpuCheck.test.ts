// The self-test of a GPU: passes what computes well, and sees a wrong gradient and sums that lost their compensation.
import { describe, expect, it } from 'vitest';
import { checkGpu } from '../../src/cli/doctor/gpuCheck.js';
import { cpuDevice } from '../../src/kernels/cpu/cpuDevice.js';
import type { Device, Executable } from '../../src/kernels/device.js';

/** The processor with one of its outputs changed. */
function spoilt(name: string, change: (x: number) => number): Device {
  return {
    ...cpuDevice(),
    compile: async (program, binding) => {
      const inner = await cpuDevice().compile(program, binding);
      const output = (...names: string[]) =>
        names.includes(name) ? inner.output(...names).map(change) : inner.output(...names);
      const executable: Executable = {
        lanes: inner.lanes,
        parameters: inner.parameters,
        memoryBytes: 0,
        output,
        run: () => inner.run(),
        dispose: () => inner.dispose(),
      };
      return executable;
    },
  };
}

describe('the self-test of a GPU', () => {
  it('passes sound arithmetic', async () => {
    const { isWorking, trial, faults } = await checkGpu(cpuDevice());
    expect([isWorking, faults]).toEqual([true, []]);
    expect(trial!.largestDifference).toBeLessThan(1e-11);
  });

  it('sees a gradient that is off in the fifth digit', async () => {
    const { isWorking, faults } = await checkGpu(spoilt('gradient beta', (x) => x * 1.00003));
    expect(isWorking).toBe(false);
    expect(faults[0]).toMatch(/^a gradient differs from the interpreter's by 3\.0e-5/);
  });

  it('sees sums in plain single precision', async () => {
    const { isWorking, faults } = await checkGpu(spoilt('value', (x) => (Math.abs(x) > 3e5 ? x - 1000 : x)));
    expect(isWorking).toBe(false);
    expect(faults.at(-1)).toMatch(/^the driver's compiler undoes compensated sums: 1000 of 400006 ones/);
  });

  it('tells what a device throws', async () => {
    const broken: Device = { ...cpuDevice(), compile: () => Promise.reject(new Error('kernel x, line 3\nmore')) };
    expect(await checkGpu(broken)).toEqual({ isWorking: false, trial: undefined, faults: ['kernel x, line 3'] });
  });
});
