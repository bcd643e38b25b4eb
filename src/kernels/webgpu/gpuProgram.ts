// A compiled program in the memory of a GPU: buffers filled, pipelines made, ready to be evaluated any number of times.
import { compile } from '../compiler/compile.js';
import { type CompiledKernels, compileWgsl } from '../compiler/wgsl/compileWgsl.js';
import type { Binding } from '../compiler/wgsl/kernels.js';
import type { DataPage, LaneArray } from '../compiler/wgsl/wgslMemory.js';
import { CpuExecutable } from '../cpu/executable.js';
import type { ProgramBinding } from '../device.js';
import { type NodeId, pruneProgram, sizeOf, type TensorProgram } from '../program/tensorProgram.js';
import { AccurateTail } from './accurateTail.js';
import type { GpuContext } from './context.js';
import { DeviceMemoryError } from './errors.js';
import type { AccurateOutput, DeviceArray, ResidentProgram } from './resident.js';

interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly grid: readonly [number, number, number];
}

interface Buffers {
  readonly guard: GPUBuffer;
  readonly parameters: GPUBuffer;
  readonly lanes: readonly GPUBuffer[];
  readonly data: readonly GPUBuffer[];
}

/** Words of a page of data that are converted and uploaded at a time. */
const uploadWords = 2 ** 22;

export class GpuProgram implements ResidentProgram {
  readonly lanes: number;
  readonly parameters: DeviceArray;
  readonly dispatches: number;
  readonly bytesMoved: number;
  readonly memoryBytes: number;

  private constructor(
    readonly context: GpuContext,
    private readonly compiled: CompiledKernels,
    private readonly buffers: Buffers,
    private readonly steps: readonly Dispatch[],
    private readonly tail: AccurateTail | undefined,
  ) {
    this.lanes = compiled.lanes;
    this.parameters = { buffer: buffers.parameters, offset: 0, size: compiled.parameterElements };
    this.dispatches = steps.length;
    this.bytesMoved = compiled.kernels.reduce((sum, { bytes }) => sum + bytes, 0);
    this.memoryBytes = allOf(buffers).reduce((sum, { size }) => sum + size, 0);
  }

  /** Rejects with DeviceMemoryError, ShaderCompileError, DeviceLostError, and what compilation throws. */
  static async create(
    context: GpuContext,
    program: TensorProgram,
    binding: ProgramBinding,
    laneWidth: 1 | 2 | 4,
  ): Promise<GpuProgram> {
    const compiled = await compileFor(context, program, binding, laneWidth);
    const buffers = await allocate(context, compiled);
    try {
      compiled.memory.dataPages.forEach((page, i) => uploadPage(context, page, buffers.data[i]));
      uploadConstantOutputs(context, compiled, buffers);
      const steps = await Promise.all(
        compiled.kernels.map(async ({ code, label, grid, bindings }): Promise<Dispatch> => {
          const pipeline = await context.pipeline(code, label);
          const layout = pipeline.getBindGroupLayout(0);
          const entries = bindings.map((bound, binding) => ({
            binding,
            resource: { buffer: bufferOf(bound, buffers) },
          }));
          return { pipeline, grid, bindGroup: context.device.createBindGroup({ layout, entries, label }) };
        }),
      );
      const tail = compiled.words.length === 0 ? undefined : await AccurateTail.create(compiled, binding);
      context.check();
      return new GpuProgram(context, compiled, buffers, steps, tail);
    } catch (error) {
      for (const buffer of allOf(buffers)) context.free(buffer);
      throw error;
    }
  }

  output(...names: string[]): DeviceArray {
    const arrays = names.map((name) => {
      const output = this.compiled.outputs.get(name);
      if (output === undefined) throw new Error(`the program has no output ${name} on the device`);
      return output.array;
    });
    const [{ page, start }] = arrays;
    let end = start;
    for (const array of arrays) {
      if (array.page !== page || array.start !== end)
        throw new Error(`outputs ${names.join(', ')} do not follow one another`);
      end += array.elements * this.compiled.memory.groupCount;
    }
    return this.located({ page, start, elements: (end - start) / this.compiled.memory.groupCount });
  }

  accurate(name: string): AccurateOutput {
    const { tail } = this;
    const { wordArray, host } = this.compiled;
    if (tail === undefined || wordArray === undefined || !host.outputs.has(name)) {
      throw new Error(`output ${name} was not asked for in f64`);
    }
    return { words: this.located(wordArray), evaluate: (words) => tail.evaluate(name, words) };
  }

  encode(pass: GPUComputePassEncoder): void {
    for (const { pipeline, bindGroup, grid } of this.steps) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(...grid);
    }
    this.context.countDispatches(this.steps.length);
  }

  /** Frees the buffers. */
  dispose(): void {
    for (const buffer of allOf(this.buffers)) this.context.free(buffer);
  }

  private located({ page, start, elements }: LaneArray): DeviceArray {
    return { buffer: this.buffers.lanes[page], offset: start * this.compiled.memory.groupBytes, size: elements };
  }
}

async function compileFor(
  context: GpuContext,
  program: TensorProgram,
  binding: ProgramBinding,
  laneWidth: 1 | 2 | 4,
): Promise<CompiledKernels> {
  const { parameters, data, chains, accurate = [] } = binding;
  try {
    return await compileWgsl(program, {
      parameters,
      data,
      chains,
      accurate,
      laneWidth,
      longestCode: context.adapter.isSoftware ? 600 : 4000,
      limits: context.limits,
      evaluate: (all, ids) => evaluateData(all, ids, data),
    });
  } catch (error) {
    throw error instanceof RangeError ? new DeviceMemoryError(`${context.adapter.name}: ${error.message}`) : error;
  }
}

/** Nodes that depend on data alone, in f64 on the CPU. */
async function evaluateData(
  program: TensorProgram,
  ids: readonly NodeId[],
  data: ProgramBinding['data'],
): Promise<Map<NodeId, Float64Array>> {
  const pruned = pruneProgram(program.nodes, new Map(ids.map((id) => [String(id), id])));
  const executable = await CpuExecutable.create(
    compile(pruned, { parameters: [], data, chains: 1, precision: 'double' }),
    1,
  );
  executable.run();
  return new Map(
    ids.map((id) => {
      const values = executable.output(String(id));
      const { lanes } = executable;
      return [id, Float64Array.from({ length: sizeOf(program.nodes[id].shape) }, (_, i) => values[i * lanes])];
    }),
  );
}

async function allocate(context: GpuContext, { memory, parameterElements }: CompiledKernels): Promise<Buffers> {
  const made: GPUBuffer[] = [];
  const one = async (bytes: number, label: string): Promise<GPUBuffer> => {
    const buffer = await context.allocate(bytes, label);
    made.push(buffer);
    return buffer;
  };
  const several = async (sizes: readonly number[], label: string): Promise<GPUBuffer[]> => {
    const buffers: GPUBuffer[] = [];
    for (const size of sizes) buffers.push(await one(size, label));
    return buffers;
  };
  try {
    const parameterBytes = parameterElements * memory.groupCount * memory.groupBytes;
    if (parameterBytes > context.limits.bindingBytes) {
      throw new DeviceMemoryError(
        `${parameterBytes} bytes of parameters, but ${context.adapter.name} binds at most ${context.limits.bindingBytes}: use fewer chains, or the cpu device`,
      );
    }
    return {
      guard: await context.allocateUniform(16, 'guard'),
      parameters: await one(parameterBytes, 'parameters'),
      lanes: await several(memory.lanePages, 'arrays of lanes'),
      data: await several(
        memory.dataPages.map(({ bytes }) => bytes),
        'data',
      ),
    };
  } catch (error) {
    for (const buffer of made) context.free(buffer);
    throw error;
  }
}

function uploadPage(context: GpuContext, { pieces }: DataPage, buffer: GPUBuffer): void {
  for (const { column, start, from, to } of pieces) {
    const perWord = { u8: 4, u16: 2, i32: 1, f32: 1 }[column.storage];
    for (let at = from; at < to; at += uploadWords * perWord) {
      const end = Math.min(to, at + uploadWords * perWord);
      const words = new Uint32Array(Math.ceil((end - at) / perWord));
      column.fill(words, at, end);
      context.write(buffer, 4 * (start + (at - from) / perWord), words);
    }
  }
}

/** Outputs that depend on data alone are written once, the same for every lane. */
function uploadConstantOutputs(
  context: GpuContext,
  { outputs, memory, lanes }: CompiledKernels,
  buffers: Buffers,
): void {
  for (const { array, values } of outputs.values()) {
    if (values === undefined) continue;
    const all = Float32Array.from({ length: values.length * lanes }, (_, i) => values[Math.floor(i / lanes)]);
    context.write(buffers.lanes[array.page], array.start * memory.groupBytes, all);
  }
}

function bufferOf(binding: Binding, { guard, parameters, lanes, data }: Buffers): GPUBuffer {
  switch (binding.kind) {
    case 'guard':
      return guard;
    case 'parameters':
      return parameters;
    case 'lanes':
      return lanes[binding.page];
    case 'data':
      return data[binding.page];
    default:
      throw new Error(binding satisfies never);
  }
}

function allOf({ guard, parameters, lanes, data }: Buffers): GPUBuffer[] {
  return [guard, parameters, ...lanes, ...data];
}
