// Evaluates a program on a device and by the interpreter, for several chains, and gives the largest difference of every output.
import type { DataArray } from '../../src/kernels/compiler/memoryLayout.js';
import type { Device } from '../../src/kernels/device.js';
import { interpret } from '../../src/kernels/program/interpreter.js';
import { sizeOf, type TensorProgram } from '../../src/kernels/program/tensorProgram.js';

export interface Comparison {
  readonly program: TensorProgram;
  readonly data: ReadonlyMap<string, DataArray>;
  /** Parameter values of each chain, by name. */
  readonly chains: readonly ReadonlyMap<string, ArrayLike<number>>[];
  readonly accurate?: readonly string[];
}

/** Parameter blocks of a program, in its order. */
function parametersOf(program: TensorProgram): { name: string; size: number }[] {
  return program.nodes.flatMap(({ operation, shape }) =>
    operation.op === 'parameter' ? [{ name: operation.name, size: sizeOf(shape) }] : [],
  );
}

/** By output: the largest difference relative to the largest magnitude of the output's array, or to 1. */
export async function deviceErrors(
  device: Device,
  { program, data, chains, accurate }: Comparison,
): Promise<Map<string, number>> {
  const parameters = parametersOf(program);
  const executable = await device.compile(program, { parameters, data, chains: chains.length, accurate });
  const { lanes } = executable;
  try {
    for (const [lane, values] of chains.entries()) {
      let element = 0;
      for (const { name, size } of parameters) {
        for (let i = 0; i < size; i++) executable.parameters[element++ * lanes + lane] = values.get(name)![i];
      }
    }
    // Twice: nothing may be left over from an earlier run.
    await executable.run();
    await executable.run();
    const dataValues = [...data].map(([name, { values }]): [string, ArrayLike<number>] => [name, values]);
    const errors = new Map<string, number>();
    for (const [lane, values] of chains.entries()) {
      for (const [name, expected] of interpret(program, new Map([...dataValues, ...values]))) {
        const array = executable.output(name);
        const scale = expected.reduce((max, x) => (Number.isFinite(x) ? Math.max(max, Math.abs(x)) : max), 1);
        let worst = errors.get(name) ?? 0;
        for (let i = 0; i < expected.length; i++) {
          const actual = array[i * lanes + lane];
          if (Object.is(actual, expected[i]) || actual === expected[i]) continue;
          const error = Math.abs(actual - expected[i]) / scale;
          worst = Math.max(worst, Number.isNaN(error) ? Infinity : error);
        }
        errors.set(name, worst);
      }
    }
    return errors;
  } finally {
    await executable.dispose();
  }
}
