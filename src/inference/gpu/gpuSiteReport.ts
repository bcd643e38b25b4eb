// Reported sites on a GPU: their program, and the running sums of those whose draws are not kept.
import type { Executable } from '../../kernels/device.js';
import type { GpuContext } from '../../kernels/webgpu/context.js';
import { DeviceMemoryError } from '../../kernels/webgpu/errors.js';
import type { DeviceArray, ResidentProgram } from '../../kernels/webgpu/resident.js';
import type { ChainSums, SavedSums, SumsPlan } from '../siteReport.js';
import type { BindingName } from './wgsl/shared.js';

/** Sites as a compiled program: outputs that follow one another, the kept ones first. */
export interface CompiledSites {
  readonly executable: Executable;
  readonly outputs: DeviceArray;
  /** Values of the outputs that are kept, and of those whose moments are. */
  readonly kept: number;
  readonly rest: number;
}

/** Where a chain stands in its halves and batches. */
interface Place {
  count: number;
  batchCount: number;
  batches: number;
}

type Piece = 'sumMeans' | 'sumSquares' | 'sumBatches';
const pieces: readonly Piece[] = ['sumMeans', 'sumSquares', 'sumBatches'];
const pairBytes = 8;

export class GpuSiteReport {
  /** Kept values of a draw. */
  readonly size: number;
  /** Values of the other sites, which have running moments. */
  readonly rest: number;
  readonly program: ResidentProgram;
  readonly bindings: ReadonlyMap<BindingName, GPUBufferBinding>;
  private readonly places: readonly Place[];

  private constructor(
    private readonly sites: CompiledSites,
    private readonly chains: number,
    private readonly plan: SumsPlan,
    private readonly values: GPUBuffer | undefined,
    private readonly buffers: ReadonlyMap<Piece, GPUBuffer>,
  ) {
    const { executable, outputs, kept, rest } = sites;
    this.size = kept;
    this.rest = rest;
    this.program = executable.resident!;
    this.places = Array.from({ length: chains }, () => ({ count: 0, batchCount: 0, batches: 0 }));
    const { parameters, lanes } = this.program;
    const whole = ({ buffer, offset, size }: DeviceArray): GPUBufferBinding => {
      return { buffer, offset, size: 4 * size * lanes };
    };
    this.bindings = new Map<BindingName, GPUBufferBinding>([
      ['siteParameters', whole(parameters)],
      ['sites', whole(outputs)],
      ...(values === undefined ? [] : ([['siteValues', { buffer: values }]] as const)),
      ...[...buffers].map(([name, buffer]): [Piece, GPUBufferBinding] => [name, { buffer }]),
    ]);
  }

  /** Takes the compiled sites over. Rejects with DeviceMemoryError, DeviceLostError. */
  static async create(
    sites: CompiledSites,
    chains: number,
    plan: SumsPlan,
    saved: SavedSums | undefined,
  ): Promise<GpuSiteReport> {
    const { context } = sites.executable.resident!;
    const made: GPUBuffer[] = [];
    const allocate = async (bytes: number, label: string): Promise<GPUBuffer> => {
      if (bytes > context.limits.bindingBytes) {
        throw new DeviceMemoryError(`${label}: ${bytes} bytes, but a binding reaches ${context.limits.bindingBytes}`);
      }
      const buffer = await context.allocate(bytes, label);
      made.push(buffer);
      return buffer;
    };
    try {
      const buffers = new Map<Piece, GPUBuffer>();
      const values = sites.kept > 0 ? await allocate(4 * chains * sites.kept, 'values of kept sites') : undefined;
      if (sites.rest > 0) {
        for (const name of pieces) {
          buffers.set(name, await allocate(2 * chains * sites.rest * pairBytes, 'moments of sites'));
        }
      }
      const report = new GpuSiteReport(sites, chains, plan, values, buffers);
      if (saved !== undefined) report.restore(saved);
      return report;
    } catch (error) {
      for (const buffer of made) context.free(buffer);
      await sites.executable.dispose();
      throw error;
    }
  }

  /** The words of an entry for the next draw of a chain. Throws RangeError when all planned draws have been taken. */
  nextDraw(chain: number): number[] {
    const { firstHalf, drawsPerChain, batchEnds } = this.plan;
    const place = this.places[chain];
    if (place.count >= drawsPerChain) {
      throw new RangeError(`chain ${chain} has reported its ${drawsPerChain} planned draws already`);
    }
    const half = place.count < firstHalf ? 0 : 1;
    const inHalf = ++place.count - half * firstHalf;
    const inBatch = ++place.batchCount;
    const ends = batchEnds[half].includes(inHalf);
    if (ends) {
      place.batchCount = 0;
      place.batches++;
    }
    return [chain, half, inHalf, inBatch, Number(ends)];
  }

  /** The running moments after the draws handed out so far, to be asked for between two batches; undefined where there are none. */
  async sums(): Promise<SavedSums | undefined> {
    const { chains, rest } = this;
    if (rest === 0) return undefined;
    const rows = new Map<Piece, readonly Float64Array[]>();
    for (const name of pieces) {
      const read: Float64Array[] = [];
      for (let row = 0; row < 2 * chains; row++) read.push(new Float64Array(rest));
      await this.readRows(this.buffers.get(name)!, read);
      rows.set(name, read);
    }
    const row = (name: Piece, half: 0 | 1, chain: number): Float64Array => rows.get(name)![half * chains + chain];
    return {
      total: this.places.reduce((sum, { count }) => sum + count, 0),
      chains: this.places.map((place, chain): ChainSums => ({
        ...place,
        means: [row('sumMeans', 0, chain), row('sumMeans', 1, chain)],
        squares: [row('sumSquares', 0, chain), row('sumSquares', 1, chain)],
        batchSum: row('sumBatches', 0, chain),
        batchSquares: row('sumBatches', 1, chain),
      })),
    };
  }

  async dispose(): Promise<void> {
    const { context } = this;
    if (this.values !== undefined) context.free(this.values);
    for (const buffer of this.buffers.values()) context.free(buffer);
    await this.sites.executable.dispose();
  }

  private get context(): GpuContext {
    return this.program.context;
  }

  /** Rows of pairs `[row][value]`, as many at a time as take a few MiB. */
  private async readRows(buffer: GPUBuffer, rows: readonly Float64Array[]): Promise<void> {
    const { context, rest } = this;
    const rowBytes = rest * pairBytes;
    const atOnce = Math.max(1, Math.floor(2 ** 24 / rowBytes));
    for (let first = 0; first < rows.length; first += atOnce) {
      const part = rows.slice(first, first + atOnce);
      const read = { buffer, offset: first * rowBytes, bytes: part.length * rowBytes };
      const pairs = new Float32Array(await context.submitAndRead(context.device.createCommandEncoder(), [read]));
      part.forEach((row, k) => {
        for (let i = 0, at = 2 * k * rest; i < rest; i++, at += 2) row[i] = pairs[at] + pairs[at + 1];
      });
    }
  }

  /** A double becomes a pair that holds its first 48 bits; one that such a pair was saved as becomes that pair again. */
  private restore({ chains: saved }: SavedSums): void {
    const { context, rest, chains } = this;
    const pairs = new Float32Array(2 * rest);
    const write = (name: Piece, half: 0 | 1, chain: number, values: Float64Array): void => {
      values.forEach((value, i) => {
        pairs[2 * i] = value;
        pairs[2 * i + 1] = value - pairs[2 * i];
      });
      context.write(this.buffers.get(name)!, (half * chains + chain) * rest * pairBytes, pairs);
    };
    saved.forEach(({ count, batchCount, batches, means, squares, batchSum, batchSquares }, chain) => {
      Object.assign(this.places[chain], { count, batchCount, batches });
      for (const half of [0, 1] as const) {
        write('sumMeans', half, chain, means[half]);
        write('sumSquares', half, chain, squares[half]);
      }
      write('sumBatches', 0, chain, batchSum);
      write('sumBatches', 1, chain, batchSquares);
    });
  }
}
