// A device that interprets programs node by node in f64: what compiled models are compared with.
import type { Device, Executable } from '../../src/kernels/device.js';
import { interpret } from '../../src/kernels/program/interpreter.js';
import type { TensorProgram } from '../../src/kernels/program/tensorProgram.js';

/** Serves any number of chains, `[element][chain]` like every device, and slowly. */
export function interpreterDevice(): Device {
  return {
    name: 'cpu',
    precision: 'double',
    threads: 1,
    compile: (program, { parameters, data, chains }) => {
      const size = parameters.reduce((sum, block) => sum + block.size, 0);
      const positions = new Float64Array(size * chains);
      const inputs = new Map([...data].map(([name, { values }]) => [name, values]));
      const outputs = new Map<string, { names: readonly string[]; array: Float64Array }>();
      const run = (): void => {
        for (let chain = 0; chain < chains; chain++) {
          let element = 0;
          for (const block of parameters) {
            const values = Float64Array.from({ length: block.size }, () => positions[element++ * chains + chain]);
            inputs.set(block.name, values);
          }
          const results = interpret(program, inputs);
          for (const { names, array } of outputs.values()) {
            const joined = names.flatMap((name) => [...results.get(name)!]);
            for (const [i, value] of joined.entries()) array[i * chains + chain] = value;
          }
        }
      };
      const output = (...names: string[]): Float64Array => {
        const key = names.join('\n');
        const length = names.reduce((sum, name) => sum + outputSize(program, name), 0);
        if (!outputs.has(key)) outputs.set(key, { names, array: new Float64Array(length * chains) });
        return outputs.get(key)!.array;
      };
      const executable: Executable = {
        lanes: chains,
        parameters: positions,
        run,
        output,
        memoryBytes: positions.byteLength,
        dispose: () => Promise.resolve(),
      };
      return Promise.resolve(executable);
    },
  };
}

function outputSize(program: TensorProgram, name: string): number {
  return program.nodes[program.outputs.get(name)!].shape.reduce((product, extent) => product * extent, 1);
}
