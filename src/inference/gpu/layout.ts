// How the vectors of all chains lie in the memory of a GPU: order of dimensions, vectors by number, pages, chunks of sums.
import { DeviceMemoryError } from '../../kernels/webgpu/errors.js';
import type { GpuLimits } from '../../kernels/webgpu/context.js';
import type { SlotCounts } from '../phaseSpace/phaseSpaces.js';

/** Threads of a workgroup. */
export const workgroupSize = 64;
/** Dimensions that a workgroup adds up, at least; larger vectors have at most `mostChunks` chunks. */
const leastChunk = 2 * workgroupSize;
const mostChunks = 1024;
const bytesPerNumber = 4;

/** Vectors that every chain has beside those of its slots, by number. */
export const metricVectors = { inverseMass: 0, mean: 1, squares: 2 } as const;
export const firstMomentum = 3;

/** Dimensions that one buffer holds, of all vectors of all chains: `[vector][chain][dimension of page]`. */
export interface Page {
  /** First dimension, a multiple of the chunk. */
  readonly start: number;
  readonly length: number;
}

/**
 * Dimensions are renumbered so that those of the metric's dense block come first. Sums run over chunks of dimensions, and
 * the sums of chunks are added in their order: where pages end, and how many chains there are, changes no sum.
 */
export interface Layout {
  readonly dimension: number;
  readonly chains: number;
  /** Stride of the program's arrays. */
  readonly lanes: number;
  /** Dimensions of the dense block: the first ones of every vector. */
  readonly blockSize: number;
  /** Place of a dimension in the program's arrays, by its place in vectors. */
  readonly order: Uint32Array;
  readonly slots: SlotCounts;
  /** Vectors per chain. */
  readonly vectors: number;
  readonly pages: readonly Page[];
  /** Dimensions per chunk. */
  readonly chunk: number;
  readonly chunks: number;
  /** Words per lane of the accurate log density. */
  readonly words: number;
  readonly sites: SiteSizes;
  /** Bytes of all pages. */
  readonly bytes: number;
}

/** The program of the reported sites: stride of its arrays, its values that are kept and that are not; zeros where there is none. */
export interface SiteSizes {
  readonly lanes: number;
  readonly kept: number;
  readonly rest: number;
}

export interface LayoutRequest {
  readonly dimension: number;
  readonly chains: number;
  readonly lanes: number;
  readonly denseIndices: Int32Array;
  readonly slots: SlotCounts;
  readonly words: number;
  readonly sites: SiteSizes;
}

/** Throws DeviceMemoryError where a vector or the dense block does not fit what one binding can reach. */
export function planLayout(request: LayoutRequest, limits: Pick<GpuLimits, 'bindingBytes'>): Layout {
  const { dimension, chains, lanes, slots, denseIndices } = request;
  const vectors = firstMomentum + slots.momenta + 2 * slots.points;
  const chunk =
    workgroupSize * Math.max(leastChunk / workgroupSize, Math.ceil(dimension / (workgroupSize * mostChunks)));
  const chunks = Math.ceil(dimension / chunk);
  const columnBytes = vectors * chains * bytesPerNumber;
  const isOnePage = columnBytes * dimension <= limits.bindingBytes;
  const chunksPerPage = isOnePage ? chunks : Math.floor(limits.bindingBytes / (columnBytes * chunk));
  const blockSize = denseIndices.length;
  // What one binding has to reach, beside pages.
  const ofProgram = dimension * lanes;
  const ofBlocks = chains * blockSize * Math.max(slots.momenta, 2 * blockSize);
  const arrayBytes = Math.max(ofProgram, ofBlocks) * bytesPerNumber;
  if (chunksPerPage === 0 || chunksPerPage * chunk < blockSize || arrayBytes > limits.bindingBytes) {
    throw new DeviceMemoryError(
      `${chains} chains of ${dimension} dimensions do not fit a GPU whose bindings reach ${limits.bindingBytes} bytes: take fewer chains`,
    );
  }
  const pages: Page[] = [];
  for (let start = 0; start < dimension; start += chunksPerPage * chunk) {
    pages.push({ start, length: Math.min(dimension - start, chunksPerPage * chunk) });
  }
  return {
    dimension,
    chains,
    lanes,
    blockSize,
    order: blockFirst(denseIndices, dimension),
    slots,
    vectors,
    pages,
    chunk,
    chunks,
    words: request.words,
    sites: request.sites,
    bytes: vectors * chains * dimension * bytesPerNumber,
  };
}

/** Whose partial sums are stored: short vectors have few threads, and need not wait for each other. */
export function sumsOf({ chunks }: Pick<Layout, 'chunks'>): 'thread' | 'workgroup' {
  return chunks === 1 ? 'thread' : 'workgroup';
}

/** Partial sums of a workgroup. */
export function partsOf(layout: Pick<Layout, 'chunks' | 'dimension'>): number {
  return sumsOf(layout) === 'thread' ? Math.min(workgroupSize, layout.dimension) : 1;
}

/** Partial sums of a scalar: those of every chunk, then those of the dense block's workgroups. */
export function partialsOf(layout: Pick<Layout, 'chunks' | 'dimension' | 'blockSize'>): number {
  return (layout.chunks + Math.ceil(layout.blockSize / workgroupSize)) * partsOf(layout);
}

/** Numbers of the vectors behind slots. Throws RangeError for a slot beyond those announced. */
export function momentumVector({ slots }: Layout, slot: number): number {
  if (slot >= slots.momenta) throw new RangeError(`momentum slot ${slot}, but ${slots.momenta} were announced`);
  return firstMomentum + slot;
}

export function positionVector({ slots }: Layout, slot: number): number {
  if (slot >= slots.points) throw new RangeError(`point slot ${slot}, but ${slots.points} were announced`);
  return firstMomentum + slots.momenta + 2 * slot;
}

export function gradientVector(layout: Layout, slot: number): number {
  return positionVector(layout, slot) + 1;
}

/** Byte where a chain's part of a vector begins in the buffer of a page. */
export function rowOffset({ chains }: Layout, page: Page, vector: number, chain: number): number {
  return (vector * chains + chain) * page.length * bytesPerNumber;
}

function blockFirst(denseIndices: Int32Array, dimension: number): Uint32Array {
  const isDense = new Uint8Array(dimension);
  for (const index of denseIndices) isDense[index] = 1;
  const order = new Uint32Array(dimension);
  order.set(denseIndices);
  let next = denseIndices.length;
  for (let i = 0; i < dimension; i++) if (isDense[i] === 0) order[next++] = i;
  return order;
}
