// The part of a program that is left to the host: from the words that an evaluation leaves on the device to outputs in f64.
import { compile } from '../compiler/compile.js';
import type { CompiledKernels } from '../compiler/wgsl/compileWgsl.js';
import { CpuExecutable } from '../cpu/executable.js';
import type { ProgramBinding } from '../device.js';
import { sizeOf } from '../program/tensorProgram.js';

export class AccurateTail {
  private constructor(
    private readonly compiled: CompiledKernels,
    private readonly host: CpuExecutable,
  ) {}

  static async create(compiled: CompiledKernels, { data }: ProgramBinding): Promise<AccurateTail> {
    const parameters = compiled.words.map(({ size }, i) => ({ name: `word ${i}`, size }));
    const program = compile(compiled.host, { parameters, data, chains: compiled.lanes, precision: 'double' });
    return new AccurateTail(compiled, await CpuExecutable.create(program, 1));
  }

  /** The output of every lane (one after another where it is an array), from words `[row][lane]`; the same array at every call. */
  evaluate(name: string, words: Float32Array): Float64Array {
    const { host } = this;
    const { lanes } = this.compiled;
    let element = 0;
    for (const { row, size, isPair } of this.compiled.words) {
      for (let i = 0; i < size; i++, element++) {
        const [from, to] = [(row + i) * lanes, element * host.lanes];
        const low = from + size * lanes;
        for (let lane = 0; lane < lanes; lane++) {
          host.parameters[to + lane] = isPair ? words[from + lane] + words[low + lane] : words[from + lane];
        }
      }
    }
    host.run();
    return host.lanes === lanes ? host.output(name) : this.narrowed(name);
  }

  private narrowed(name: string): Float64Array {
    const { lanes } = this.compiled;
    const wide = this.host.output(name);
    const size = sizeOf(this.compiled.host.nodes[this.compiled.host.outputs.get(name)!].shape);
    return Float64Array.from(
      { length: size * lanes },
      (_, i) => wide[Math.floor(i / lanes) * this.host.lanes + (i % lanes)],
    );
  }
}
