// A traced and compiled program of a sweep: blocks of parameters written by chain, outputs read by chain.
import type * as tf from '@tensorflow/tfjs-core';
import type { DataArray } from '../../kernels/compiler/memoryLayout.js';
import type { Device, Executable } from '../../kernels/device.js';
import { gradients, pullback } from '../../kernels/program/gradients.js';
import { sizeOf } from '../../kernels/program/tensorProgram.js';
import { type NamedTensors, trace } from '../../kernels/trace/trace.js';
import { NormalSource, normalsPerPass } from '../random/normalKernel.js';
import type { PhiloxCounter } from '../random/streams.js';

type Shapes = Readonly<Record<string, readonly number[]>>;

export interface ProgramOptions {
  /** Parameters by which the output `value` is differentiated: outputs `gradient NAME`. */
  readonly gradientsBy?: readonly string[];
  /** What `value` depends on the parameters through alone, where derivatives by that are known: an output, and the one that holds them, by name. */
  readonly derivatives?: Readonly<Record<string, string>>;
  /** A program that has the same data under the same names. */
  readonly beside?: BoundProgram | undefined;
}

/**
 * Compiles a function of parameters and data. `noise` are further parameters that hold standard normals. Data of 32-bit integers are indices.
 */
export async function compileProgram(
  device: Device,
  chains: number,
  parameters: Shapes,
  data: ReadonlyMap<string, DataArray>,
  fn: (p: NamedTensors, d: NamedTensors) => Record<string, tf.Tensor>,
  noise: Shapes = {},
  { gradientsBy = [], derivatives, beside }: ProgramOptions = {},
): Promise<BoundProgram> {
  const recorded = trace(fn, {
    parameters: { ...parameters, ...noise },
    data: Object.fromEntries(
      [...data].map(([name, { shape, values }]) => [
        name,
        { shape, dtype: values instanceof Int32Array ? 'int32' : 'float32' },
      ]),
    ),
  });
  const outputs = new Map(recorded.outputs);
  const value = outputs.get('value');
  if (value !== undefined && gradientsBy.length > 0) {
    const ids = gradientsBy.map((name) => recorded.parameters.get(name)!);
    const known = Object.entries(derivatives ?? {});
    const cotangents = known.map(([name, derivative]) => [outputs.get(name)!, outputs.get(derivative)!] as const);
    for (const name of known.flat()) outputs.delete(name);
    const found =
      derivatives === undefined
        ? gradients(recorded.builder, value, ids)
        : pullback(recorded.builder, new Map(cotangents), ids);
    for (const [i, id] of found.entries()) outputs.set(`gradient ${gradientsBy[i]}`, id);
  }
  const program = recorded.builder.finish(outputs);
  const used = new Set(program.nodes.flatMap(({ operation }) => (operation.op === 'data' ? [operation.name] : [])));
  const blocks = Object.entries({ ...parameters, ...noise }).map(([name, shape]) => ({ name, size: sizeOf(shape) }));
  const count = Object.values(noise).reduce((sum, shape) => sum + sizeOf(shape), 0);
  const normals = Math.ceil(count / normalsPerPass) * normalsPerPass;
  if (normals > count) blocks.push({ name: 'padding', size: normals - count });
  const executable = await device.compile(program, {
    parameters: blocks,
    data: new Map([...data].filter(([name]) => used.has(name))),
    chains,
    ...(gradientsBy.length > 0 && { accurate: ['value'] }),
    ...(beside && { beside: beside.executable }),
  });
  const dataBytes = [...data].reduce((sum, [name, { shape }]) => sum + (used.has(name) ? 8 * sizeOf(shape) : 0), 0);
  return new BoundProgram(executable, blocks, [...outputs.keys()], normals, dataBytes);
}

interface ParameterBlock {
  readonly name: string;
  readonly size: number;
}

/** Where normals are written: the program's own memory, or one whose contents are copied. */
interface NormalTarget {
  readonly source: NormalSource;
  /** Byte of the first number. */
  readonly base: number;
  readonly copied: Float64Array | undefined;
}

export class BoundProgram {
  private readonly offsets = new Map<string, ParameterBlock & { readonly offset: number }>();
  private readonly outputs: ReadonlyMap<string, Float64Array>;
  private readonly firstNormal: number;
  private readonly target: NormalTarget | undefined;

  constructor(
    readonly executable: Executable,
    blocks: readonly ParameterBlock[],
    outputs: readonly string[],
    private readonly normals: number,
    readonly dataBytes: number,
  ) {
    let offset = 0;
    for (const block of blocks) {
      this.offsets.set(block.name, { ...block, offset });
      offset += block.size;
    }
    this.firstNormal = offset - normals;
    this.outputs = new Map(outputs.map((name) => [name, executable.output(name)]));
    this.target = normals === 0 ? undefined : this.normalTarget();
  }

  get memoryBytes(): number {
    return this.executable.memoryBytes;
  }

  /** Evaluates all lanes. */
  run(): void | Promise<void> {
    return this.executable.run();
  }

  dispose(): Promise<void> {
    return this.executable.dispose();
  }

  has(name: string): boolean {
    return this.offsets.has(name);
  }

  /** Sets a parameter block of one chain. */
  set(name: string, lane: number, values: ArrayLike<number>): void {
    const { offset, size } = this.offsets.get(name)!;
    const { parameters, lanes } = this.executable;
    for (let i = 0, at = offset * lanes + lane; i < size; i++, at += lanes) parameters[at] = values[i];
  }

  setScalar(name: string, lane: number, value: number): void {
    const { parameters, lanes } = this.executable;
    parameters[this.offsets.get(name)!.offset * lanes + lane] = value;
  }

  /** Fills the noise of one chain from a stream. */
  fillNoise(lane: number, counter: PhiloxCounter): void {
    const { normals, firstNormal } = this;
    const { parameters, lanes } = this.executable;
    const { source, base, copied } = this.target!;
    if (copied === undefined) {
      source.fill(base + 8 * lane, normals, 8 * lanes, counter);
      return;
    }
    source.fill(base, normals, 8, counter);
    for (let i = 0, at = firstNormal * lanes + lane; i < normals; i++, at += lanes) parameters[at] = copied[i];
  }

  /** Reads an output of one chain into `target`. */
  read(name: string, lane: number, target: Float64Array): void {
    const values = this.outputs.get(name)!;
    const { lanes } = this.executable;
    for (let i = 0, at = lane; i < target.length; i++, at += lanes) target[i] = values[at];
  }

  /** Reads x + (ρ − 1) v of one chain into `target`, `[n][k]`, from outputs x and v; ρ `[k]`. */
  readMoved(x: string, v: string, rho: Float64Array, lane: number, target: Float64Array): void {
    const [values, moves] = [this.outputs.get(x)!, this.outputs.get(v)!];
    const { lanes } = this.executable;
    const k = rho.length;
    for (let at = 0, from = lane; at < target.length; at += k) {
      for (let i = 0; i < k; i++, from += lanes) target[at + i] = values[from] + (rho[i] - 1) * moves[from];
    }
  }

  readScalar(name: string, lane: number): number {
    return this.outputs.get(name)![lane];
  }

  private normalTarget(): NormalTarget {
    const { parameters, portable, lanes } = this.executable;
    if (portable !== undefined) {
      const base = parameters.byteOffset + 8 * lanes * this.firstNormal;
      return { source: new NormalSource(portable.memory), base, copied: undefined };
    }
    const pages = Math.ceil((8 * this.normals) / 65536);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true });
    return { source: new NormalSource(memory), base: 0, copied: new Float64Array(memory.buffer, 0, this.normals) };
  }
}
