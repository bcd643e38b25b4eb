// Carries a plan out: uploads its table, encodes all its steps into one submission, and reads scalars and vectors back once.
import type { ResidentDensity } from '../logDensity.js';
import { headerStride, type DeviceMemory } from './deviceMemory.js';
import type { Kernels } from './kernels.js';
import type { Layout } from './layout.js';
import { partialsOf, rowOffset, workgroupSize } from './layout.js';
import type { GpuSiteReport } from './gpuSiteReport.js';
import type { Copy, Plan, SitesCopy, Step } from './planBatch.js';
import { valuesPerGroup } from './wgsl/siteKernels.js';
import { headerOf } from './wgsl/shared.js';

type Dispatch = Extract<Step, { kind: 'dispatch' }>;

/** What one batch brings back. */
export interface BatchResults {
  /** f64 from (high, low) pairs, by number of scalar. */
  readonly scalars: Float64Array;
  /** Log density of every lane, by round. */
  readonly logDensities: readonly Float64Array[];
  /** The plan's copies, in order; each `[length]`, a vector's in the order of vectors. */
  readonly copies: readonly { readonly copy: Copy | SitesCopy; readonly values: Float32Array }[];
}

export class PlanRunner {
  constructor(
    private readonly layout: Layout,
    private readonly memory: DeviceMemory,
    private readonly kernels: Kernels,
    private readonly density: ResidentDensity,
    private readonly report?: GpuSiteReport,
  ) {}

  /** Rejects with what the context reports: DeviceLostError, DeviceMemoryError. */
  async run(plan: Plan): Promise<BatchResults> {
    const { layout, memory } = this;
    const { context } = this.density.program;
    const dispatches = plan.steps.flatMap((step) => (step.kind === 'dispatch' ? this.gridsOf(step) : []));
    const copies = plan.steps.filter((step) => step.kind === 'copy' || step.kind === 'copySites');
    const tableWords = (dispatches.length * headerStride) / 4 + plan.table.length;
    const wordsPerRound = layout.words * layout.lanes;
    const bytes = {
      table: 4 * tableWords,
      partials: 8 * plan.scalars * partialsOf(layout),
      scalars: 8 * plan.scalars,
      wordLog: 4 * plan.rounds * wordsPerRound,
      reads: copies.reduce((sum, { length }) => sum + 4 * length, 0),
    };
    await memory.makeRoom(bytes);
    if (dispatches.length > 0) context.write(memory.buffer('table'), 0, this.tableOf(plan, dispatches, tableWords));
    const encoder = this.encode(plan.steps, dispatches);
    const parts = (['scalars', 'wordLog', 'reads'] as const)
      .filter((name) => bytes[name] > 0)
      .map((name) => ({ buffer: memory.buffer(name), offset: 0, bytes: bytes[name] }));
    if (parts.length === 0) {
      context.submit(encoder);
      context.check();
      return { scalars: new Float64Array(0), logDensities: [], copies: [] };
    }
    const read = await context.submitAndRead(encoder, parts);
    const pairs = new Float32Array(read, 0, 2 * plan.scalars);
    const words = new Float32Array(read, bytes.scalars, plan.rounds * wordsPerRound);
    const rows = new Float32Array(read, bytes.scalars + bytes.wordLog);
    let at = 0;
    return {
      scalars: Float64Array.from({ length: plan.scalars }, (_, i) => pairs[2 * i] + pairs[2 * i + 1]),
      logDensities: Array.from({ length: plan.rounds }, (_, round) =>
        this.density.value.evaluate(words.subarray(round * wordsPerRound, (round + 1) * wordsPerRound)).slice(),
      ),
      copies: copies.map((copy) => ({ copy, values: rows.subarray(at, (at += copy.length)) })),
    };
  }

  /** One grid per page that a dispatch concerns. */
  private gridsOf(
    step: Dispatch,
  ): { readonly step: Dispatch; readonly page: number; readonly x: number; readonly y: number }[] {
    const { pages, chunk, blockSize } = this.layout;
    const x = step.entries;
    switch (step.over) {
      case 'chunks':
        return pages.map(({ length }, page) => ({ step, page, x, y: Math.ceil(length / chunk) }));
      case 'block':
        return [{ step, page: 0, x, y: Math.ceil(blockSize / workgroupSize) }];
      case 'kept':
      case 'rest':
        return [{ step, page: 0, x, y: Math.ceil(this.layout.sites[step.over] / valuesPerGroup) }];
      case 'scalars':
        return [{ step, page: 0, x: Math.ceil(x / workgroupSize), y: 1 }];
      default:
        throw new Error(step.over satisfies never);
    }
  }

  /** Headers of all dispatches, then the entries. */
  private tableOf(
    plan: Plan,
    dispatches: readonly { readonly step: Dispatch; readonly page: number }[],
    length: number,
  ): Uint32Array {
    const table = new Uint32Array(length);
    const entriesBegin = (dispatches.length * headerStride) / 4;
    dispatches.forEach(({ step, page }, i) => {
      const first = step.over === 'scalars' ? step.first : entriesBegin + step.first;
      table.set(headerOf(this.layout, first, step.round, this.layout.pages[page]), (i * headerStride) / 4);
    });
    plan.table.copyTo(table.subarray(entriesBegin));
    return table;
  }

  private encode(steps: readonly Step[], dispatches: ReturnType<PlanRunner['gridsOf']>): GPUCommandEncoder {
    const { memory } = this;
    const { context } = this.density.program;
    let encoder = context.device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    let isEmpty = true;
    let number = 0;
    let readAt = 0;
    const openPass = (): GPUComputePassEncoder => (pass ??= encoder.beginComputePass());
    const closePass = (): void => {
      pass?.end();
      pass = undefined;
    };
    for (const step of steps) {
      switch (step.kind) {
        case 'dispatch':
          for (; number < dispatches.length && dispatches[number].step === step; number++) {
            const { page, x, y } = dispatches[number];
            this.kernels.encode(openPass(), step.kernel, number, page, x, y);
          }
          break;
        case 'evaluate':
          this.density.program.encode(openPass());
          break;
        case 'evaluateSites':
          this.report!.program.encode(openPass());
          break;
        case 'copySites':
          closePass();
          encoder.copyBufferToBuffer(memory.buffer('siteValues'), 0, memory.buffer('reads'), readAt, 4 * step.length);
          readAt += 4 * step.length;
          break;
        case 'copy':
          closePass();
          this.copyRow(encoder, step, readAt);
          readAt += 4 * step.length;
          break;
        case 'write':
          // Writes are queued, not encoded: what comes before them has to be submitted first.
          closePass();
          if (!isEmpty) {
            context.submit(encoder);
            encoder = context.device.createCommandEncoder();
          }
          this.writeVector(step.chain, step.vector, step.values);
          break;
        default:
          throw new Error(step satisfies never);
      }
      isEmpty = step.kind === 'write';
    }
    closePass();
    return encoder;
  }

  private copyRow(encoder: GPUCommandEncoder, { chain, vector, length }: Copy, target: number): void {
    const { layout, memory } = this;
    for (const [i, page] of layout.pages.entries()) {
      const numbers = Math.min(length - page.start, page.length);
      if (numbers <= 0) break;
      const from = rowOffset(layout, page, vector, chain);
      encoder.copyBufferToBuffer(memory.pages[i], from, memory.buffer('reads'), target + 4 * page.start, 4 * numbers);
    }
  }

  /** Puts a vector `[dimension]` in the program's order onto the device, rounded to f32. */
  writeVector(chain: number, vector: number, values: Float64Array): void {
    const { layout, memory } = this;
    for (const [i, page] of layout.pages.entries()) {
      const part = Float32Array.from({ length: page.length }, (_, k) => values[layout.order[page.start + k]]);
      this.density.program.context.write(memory.pages[i], rowOffset(layout, page, vector, chain), part);
    }
  }

  /** Reads vectors of chains, each `[dimension]` in the program's order, after all that has been submitted. */
  async readVectors(
    rows: readonly { readonly chain: number; readonly vector: number }[],
  ): Promise<Float64Array<ArrayBuffer>[]> {
    const { layout, memory } = this;
    const { context } = this.density.program;
    const parts = rows.flatMap(({ chain, vector }) =>
      layout.pages.map((page, i) => {
        return { buffer: memory.pages[i], offset: rowOffset(layout, page, vector, chain), bytes: 4 * page.length };
      }),
    );
    const read = new Float32Array(await context.submitAndRead(context.device.createCommandEncoder(), parts));
    const { dimension } = layout;
    return rows.map((_, i) =>
      this.inProgramOrder(read.subarray(i * dimension, (i + 1) * dimension), new Float64Array(dimension)),
    );
  }

  /** A vector as it lies on the device, put into the program's order. */
  inProgramOrder<Target extends Float64Array>(values: Float32Array, target: Target): Target {
    this.layout.order.forEach((index, i) => (target[index] = values[i]));
    return target;
  }
}
