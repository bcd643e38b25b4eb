// The WebGPU device: WGSL generated at run time, f32 with sums that matter kept as pairs.
import type { Device, Executable, ProgramBinding } from '../device.js';
import { type TensorProgram, sizeOf } from '../program/tensorProgram.js';
import type { GpuContext } from './context.js';
import { GpuProgram } from './gpuProgram.js';

export interface WebgpuDeviceOptions {
  /**
   * Lanes that one invocation evaluates at most. Default: 4, which loads every row once for four chains; 1 on software
   * adapters, whose compilers take time in proportion.
   */
  readonly laneWidth?: 1 | 2 | 4;
}

/** A device on an open GPU. Closing the context is the caller's business. */
export function webgpuDevice(
  context: GpuContext,
  { laneWidth = context.adapter.isSoftware ? 1 : 4 }: WebgpuDeviceOptions = {},
): Device {
  return {
    name: 'webgpu',
    precision: 'single',
    threads: 1,
    compile: async (program, binding) =>
      new GpuExecutable(await GpuProgram.create(context, program, binding, laneWidth), program, binding),
  };
}

/** A resident program for callers on the host: parameters go up, outputs come down, at every run. */
class GpuExecutable implements Executable {
  readonly lanes: number;
  readonly parameters: Float64Array;
  readonly memoryBytes: number;
  private readonly upload: Float32Array;
  private readonly names: readonly string[];
  private readonly accurate: readonly string[];
  private readonly values: Float64Array;
  private readonly places = new Map<string, { readonly start: number; readonly end: number }>();
  private readonly accurateValues = new Map<string, Float64Array>();

  constructor(
    readonly resident: GpuProgram,
    program: TensorProgram,
    { accurate = [] }: ProgramBinding,
  ) {
    this.lanes = resident.lanes;
    this.memoryBytes = resident.memoryBytes;
    this.parameters = new Float64Array(resident.parameters.size * this.lanes);
    this.upload = new Float32Array(this.parameters.length);
    this.accurate = accurate;
    this.names = [...program.outputs.keys()].filter((name) => !accurate.includes(name));
    let end = 0;
    for (const [name, id] of program.outputs) {
      const size = sizeOf(program.nodes[id].shape) * this.lanes;
      if (accurate.includes(name)) {
        this.accurateValues.set(name, new Float64Array(size));
        continue;
      }
      this.places.set(name, { start: end, end: end + size });
      end += size;
    }
    this.values = new Float64Array(end);
  }

  async run(): Promise<void> {
    const { resident, lanes } = this;
    const { context } = resident;
    this.upload.set(this.parameters);
    context.write(resident.parameters.buffer, resident.parameters.offset, this.upload);
    const encoder = context.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    resident.encode(pass);
    pass.end();
    const arrays = this.names.length === 0 ? [] : [resident.output(...this.names)];
    const tails = this.accurate.map((name) => resident.accurate(name));
    const parts = [...arrays, ...tails.slice(0, 1).map(({ words }) => words)].map(({ buffer, offset, size }) => ({
      buffer,
      offset,
      bytes: 4 * size * lanes,
    }));
    const all = new Float32Array(await context.submitAndRead(encoder, parts));
    this.values.set(all.subarray(0, this.values.length));
    const words = all.subarray(this.values.length);
    this.accurate.forEach((name, i) => this.accurateValues.get(name)!.set(tails[i].evaluate(words)));
  }

  output(...names: string[]): Float64Array {
    if (names.length === 1 && this.accurateValues.has(names[0])) return this.accurateValues.get(names[0])!;
    const places = names.map((name) => {
      const place = this.places.get(name);
      if (place === undefined) throw new Error(`the program has no output ${name}`);
      return place;
    });
    places.forEach(({ start }, i) => {
      if (i > 0 && start !== places[i - 1].end)
        throw new Error(`outputs ${names.join(', ')} do not follow one another`);
    });
    return this.values.subarray(places[0].start, places[places.length - 1].end);
  }

  dispose(): Promise<void> {
    this.resident.dispose();
    return Promise.resolve();
  }
}
