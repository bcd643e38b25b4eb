// The kernels of phase space, compiled, with their bindings: everything a dispatch needs is made once and found again.
import type { GpuContext } from '../../kernels/webgpu/context.js';
import type { DeviceMemory } from './deviceMemory.js';
import type { Layout } from './layout.js';
import { sumsOf } from './layout.js';
import { blockDrift, blockMomentum, blockVelocity } from './wgsl/blockKernels.js';
import { kickAndDrift, secondKick } from './wgsl/leapfrogKernels.js';
import { adaptDiagonal, checkMoments, observePosition } from './wgsl/metricKernels.js';
import { refreshMomentum } from './wgsl/momentumKernels.js';
import { blockMoveDistances, meansOfMoves, moveDistances, poolMoments, spreadMetric } from './wgsl/pooledKernels.js';
import { addToSums, gatherSites, placePosition } from './wgsl/siteKernels.js';
import { reduceScalars } from './wgsl/reduceKernel.js';
import type { KernelSource, KernelVariant } from './wgsl/shared.js';
import { bindingNumber } from './wgsl/shared.js';
import { turning } from './wgsl/turningKernel.js';

const always = {
  kickAndDrift,
  secondKick,
  refreshMomentum,
  turning,
  observePosition,
  checkMoments,
  adaptDiagonal,
  reduceScalars,
};
const withBlock = { blockDrift, blockMomentum, blockVelocity };
/** Compiled when they are first needed. */
const seldom = {
  meansOfMoves,
  moveDistances,
  blockMoveDistances,
  poolMoments,
  spreadMetric,
  placePosition,
  gatherSites,
  addToSums,
};
const all = { ...always, ...withBlock, ...seldom };

export type KernelName = keyof typeof all;

interface CompiledKernel {
  readonly source: KernelSource;
  readonly pipeline: GPUComputePipeline;
  /** By dispatch and page. */
  readonly groups: GPUBindGroup[][];
}

export class Kernels {
  private generation = 0;

  private readonly compiled = new Map<KernelName, CompiledKernel>();

  private constructor(
    private readonly context: GpuContext,
    private readonly memory: DeviceMemory,
    private readonly variant: KernelVariant,
  ) {}

  /** Compiles what every batch needs. Rejects with ShaderCompileError. */
  static async create(context: GpuContext, layout: Layout, memory: DeviceMemory): Promise<Kernels> {
    const variant = { hasBlock: layout.blockSize > 0, sums: sumsOf(layout) };
    const kernels = new Kernels(context, memory, variant);
    await kernels.compile(Object.keys(variant.hasBlock ? { ...always, ...withBlock } : always) as KernelName[]);
    return kernels;
  }

  /** Compiles those that are not yet. Rejects with ShaderCompileError. */
  async compile(names: readonly KernelName[]): Promise<void> {
    await Promise.all(
      names
        .filter((name) => !this.compiled.has(name))
        .map(async (name) => {
          const source: KernelSource = all[name](this.variant);
          const pipeline = await this.context.pipeline(source.code, source.name);
          this.compiled.set(name, { source, pipeline, groups: [] });
        }),
    );
  }

  /** Appends dispatch number `dispatch` of a batch, on one page, with x × y workgroups. */
  encode(pass: GPUComputePassEncoder, name: KernelName, dispatch: number, page: number, x: number, y: number): void {
    const kernel = this.compiled.get(name)!;
    pass.setPipeline(kernel.pipeline);
    pass.setBindGroup(0, this.groupOf(kernel, dispatch, page));
    pass.dispatchWorkgroups(x, y);
    this.context.countDispatches(1);
  }

  private groupOf({ source, pipeline, groups }: CompiledKernel, dispatch: number, page: number): GPUBindGroup {
    if (this.generation !== this.memory.generation) {
      for (const kernel of this.compiled.values()) kernel.groups.length = 0;
      this.generation = this.memory.generation;
    }
    const byPage = (groups[dispatch] ??= []);
    return (byPage[page] ??= this.context.device.createBindGroup({
      label: source.name,
      layout: pipeline.getBindGroupLayout(0),
      entries: source.bindings.map((name) => ({
        binding: bindingNumber(name),
        resource: this.memory.binding(name, page, dispatch),
      })),
    }));
  }
}
