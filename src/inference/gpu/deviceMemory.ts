// The buffers of phase space on a GPU: vectors by page, the metric's dense block, and what one batch of requests needs.
import type { GpuContext } from '../../kernels/webgpu/context.js';
import { DeviceMemoryError } from '../../kernels/webgpu/errors.js';
import type { ResidentDensity } from '../logDensity.js';
import type { Layout } from './layout.js';
import type { BindingName } from './wgsl/shared.js';

/** Bytes between the headers of two dispatches: the alignment that bindings need. */
export const headerStride = 256;

/** Buffers whose size depends on the batch; they grow between batches, and soon no more. */
export interface BatchBytes {
  readonly table: number;
  readonly partials: number;
  readonly scalars: number;
  readonly wordLog: number;
  readonly reads: number;
}

type BatchBuffer = keyof BatchBytes;
const batchBuffers: readonly BatchBuffer[] = ['table', 'partials', 'scalars', 'wordLog', 'reads'];

export class DeviceMemory {
  /** Changes whenever a buffer has been replaced: bindings made before are void. */
  generation = 0;
  readonly pages: GPUBuffer[] = [];
  private readonly fixed = new Map<BindingName, GPUBufferBinding>();
  private readonly growing = new Map<BatchBuffer, GPUBuffer>();
  private readonly own: GPUBuffer[] = [];

  private constructor(
    private readonly context: GpuContext,
    private readonly layout: Layout,
  ) {}

  /** Rejects with DeviceMemoryError, having freed what it had allocated. */
  static async create(
    layout: Layout,
    { program, gradients, value }: ResidentDensity,
    ofSites: ReadonlyMap<BindingName, GPUBufferBinding>,
  ): Promise<DeviceMemory> {
    const { context, parameters } = program;
    const memory = new DeviceMemory(context, layout);
    const { dimension, chains, blockSize, lanes, order, slots, words } = layout;
    const bind = ({ buffer, offset }: { buffer: GPUBuffer; offset: number }, size: number): GPUBufferBinding => {
      return { buffer, offset, size: 4 * size };
    };
    memory.fixed.set('parameters', bind(parameters, dimension * lanes));
    memory.fixed.set('gradients', bind(gradients, dimension * lanes));
    memory.fixed.set('words', bind(value.words, words * lanes));
    for (const [name, binding] of ofSites) memory.fixed.set(name, binding);
    try {
      for (const { length } of layout.pages) {
        memory.pages.push(await memory.allocate(layout.vectors * chains * length * 4, 'vectors of the chains'));
      }
      await memory.addFixed('order', dimension);
      await memory.addFixed('priorVariances', dimension);
      await memory.addFixed('pooled', 2 * dimension);
      if (blockSize > 0) {
        await memory.addFixed('blockVelocities', slots.momenta * chains * blockSize);
        await memory.addFixed('blockMatrices', 2 * chains * blockSize * blockSize);
      }
    } catch (error) {
      memory.dispose();
      throw error;
    }
    context.write(memory.buffer('order'), 0, order);
    const encoder = context.device.createCommandEncoder();
    encoder.clearBuffer(parameters.buffer, parameters.offset, dimension * lanes * 4);
    context.submit(encoder);
    return memory;
  }

  get bytes(): number {
    return [...this.own, ...this.growing.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Buffer of an array that is not divided into pages. */
  buffer(name: Exclude<BindingName, 'vectors' | 'header'> | 'reads'): GPUBuffer {
    const buffer = this.growing.get(name as BatchBuffer) ?? this.fixed.get(name as BindingName)?.buffer;
    if (buffer === undefined) throw new Error(`phase space has no buffer ${name}`);
    return buffer;
  }

  /** What a kernel binds for dispatch number `dispatch` on a page. */
  binding(name: BindingName, page: number, dispatch: number): GPUBufferBinding {
    if (name === 'vectors') return { buffer: this.pages[page] };
    if (name === 'header') return { buffer: this.buffer('table'), offset: dispatch * headerStride, size: headerStride };
    return this.fixed.get(name) ?? { buffer: this.buffer(name) };
  }

  /** Makes room for a batch. Rejects with DeviceMemoryError. */
  async makeRoom(needed: BatchBytes): Promise<void> {
    for (const name of batchBuffers) {
      const current = this.growing.get(name);
      if (current !== undefined && current.size >= needed[name]) continue;
      const { bindingBytes } = this.context.limits;
      const isBound = name !== 'reads';
      if (isBound && needed[name] > bindingBytes) {
        throw new DeviceMemoryError(
          `${this.layout.chains} chains need ${needed[name]} bytes of ${name}, but a binding reaches ${bindingBytes}: take fewer chains`,
        );
      }
      const doubled = Math.max(needed[name], 2 * (current?.size ?? 512));
      const bytes = isBound ? Math.min(bindingBytes, doubled) : needed[name];
      if (current !== undefined) this.context.free(current);
      this.growing.delete(name);
      this.growing.set(name, await this.context.allocate(bytes, `${name} of a batch`));
      this.generation++;
    }
  }

  dispose(): void {
    for (const buffer of [...this.own, ...this.growing.values()]) this.context.free(buffer);
    this.own.length = 0;
    this.growing.clear();
  }

  private async addFixed(name: BindingName, numbers: number): Promise<void> {
    const { bindingBytes } = this.context.limits;
    if (4 * numbers > bindingBytes) {
      throw new DeviceMemoryError(
        `${name}: ${4 * numbers} bytes, but a binding reaches ${bindingBytes}: take fewer chains`,
      );
    }
    this.fixed.set(name, { buffer: await this.allocate(4 * numbers, `${name} of the chains`) });
  }

  private async allocate(bytes: number, label: string): Promise<GPUBuffer> {
    const buffer = await this.context.allocate(bytes, label);
    this.own.push(buffer);
    return buffer;
  }
}
