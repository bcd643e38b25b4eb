// Evaluates a program compiled and interpreted, for several chains with different parameters, and compares every output.
import { expect } from 'vitest';
import type { DataArray } from '../../../src/kernels/compiler/memoryLayout.js';
import { cpuDevice } from '../../../src/kernels/cpu/cpuDevice.js';
import type { Device } from '../../../src/kernels/device.js';
import { interpret } from '../../../src/kernels/program/interpreter.js';
import { sizeOf, type TensorProgram } from '../../../src/kernels/program/tensorProgram.js';

export interface Comparison {
  readonly program: TensorProgram;
  readonly data: ReadonlyMap<string, DataArray>;
  /** Parameter values of each chain, by name. */
  readonly chains: readonly ReadonlyMap<string, ArrayLike<number>>[];
  /** Default: the CPU. */
  readonly device?: Device;
  /** Outputs wanted in f64. */
  readonly accurate?: readonly string[];
  readonly tolerance?: number;
}

/** Largest difference relative to the array's largest magnitude. */
export async function compareWithInterpreter(comparison: Comparison): Promise<void> {
  const { program, data, chains, device = cpuDevice(), accurate, tolerance = 1e-11 } = comparison;
  const parameters = program.nodes.flatMap(({ operation, shape }) =>
    operation.op === 'parameter' ? [{ name: operation.name, size: sizeOf(shape) }] : [],
  );
  const executable = await device.compile(program, { parameters, data, chains: chains.length, accurate });
  try {
    for (const [lane, values] of chains.entries()) {
      let element = 0;
      for (const { name, size } of parameters) {
        for (let i = 0; i < size; i++)
          executable.parameters[element++ * executable.lanes + lane] = values.get(name)![i];
      }
    }
    // Twice: nothing may be left over from an earlier run.
    await executable.run();
    await executable.run();
    const dataValues = new Map([...data].map(([name, array]) => [name, array.values]));
    for (const [lane, values] of chains.entries()) {
      const expected = interpret(program, new Map([...dataValues, ...values]));
      for (const [name, reference] of expected) {
        const array = executable.output(name);
        const scale = reference.reduce((max, x) => (Number.isFinite(x) ? Math.max(max, Math.abs(x)) : max), 1e-300);
        for (let i = 0; i < reference.length; i++) {
          const actual = array[i * executable.lanes + lane];
          if (Object.is(actual, reference[i]) || actual === reference[i]) continue;
          const error = Math.abs(actual - reference[i]) / scale;
          expect(error, `${name}[${i}] of chain ${lane}: compiled ${actual}, interpreted ${reference[i]}`).toBeLessThan(
            tolerance,
          );
        }
      }
    }
  } finally {
    await executable.dispose();
  }
}
