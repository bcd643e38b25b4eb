// What all kernels of phase space share: bindings, headers, and where vectors and chunks begin.
import type { Layout, Page } from '../layout.js';
import { firstMomentum, metricVectors, partialsOf, partsOf, workgroupSize } from '../layout.js';
import { type PartialSums, twoFloat } from './sums.js';

/** Arrays that kernels bind; the number is the binding. A kernel binds those that it names, and uses each of them. */
const bindings = {
  header: { binding: 0, type: 'Header', isWritten: false },
  table: { binding: 1, type: 'array<u32>', isWritten: false },
  vectors: { binding: 2, type: 'array<f32>', isWritten: true },
  order: { binding: 3, type: 'array<u32>', isWritten: false },
  parameters: { binding: 4, type: 'array<f32>', isWritten: true },
  gradients: { binding: 5, type: 'array<f32>', isWritten: false },
  words: { binding: 6, type: 'array<f32>', isWritten: false },
  partials: { binding: 7, type: 'array<vec2f>', isWritten: true },
  scalars: { binding: 8, type: 'array<vec2f>', isWritten: true },
  wordLog: { binding: 9, type: 'array<f32>', isWritten: true },
  blockVelocities: { binding: 10, type: 'array<f32>', isWritten: true },
  blockMatrices: { binding: 11, type: 'array<f32>', isWritten: false },
  priorVariances: { binding: 12, type: 'array<f32>', isWritten: false },
  /** What has been reduced over chains, `[2][dimension]`. */
  pooled: { binding: 13, type: 'array<f32>', isWritten: true },
  siteParameters: { binding: 14, type: 'array<f32>', isWritten: true },
  /** Outputs of the program of the sites: the kept values, then the others. */
  sites: { binding: 15, type: 'array<f32>', isWritten: false },
  siteValues: { binding: 16, type: 'array<f32>', isWritten: true },
  sumMeans: { binding: 17, type: 'array<vec2f>', isWritten: true },
  sumSquares: { binding: 18, type: 'array<vec2f>', isWritten: true },
  sumBatches: { binding: 19, type: 'array<vec2f>', isWritten: true },
} as const;

export type BindingName = keyof typeof bindings;

/** What the kernels of a layout differ in. */
export interface KernelVariant {
  readonly hasBlock: boolean;
  readonly sums: PartialSums;
}

/** A kernel as text, with what it binds. */
export interface KernelSource {
  readonly name: string;
  readonly bindings: readonly BindingName[];
  readonly code: string;
}

export function bindingNumber(name: BindingName): number {
  return bindings[name].binding;
}

/**
 * A kernel of workgroups of 64: workgroup (x, y) serves entry x of the table and chunk y of the page. `main` holds statements;
 * `declarations` stand before it.
 */
export function kernelSource(
  name: string,
  bound: readonly Exclude<BindingName, 'header'>[],
  main: string,
  declarations = '',
): KernelSource {
  const all: BindingName[] = ['header', ...bound];
  const bindingDeclarations = all.map((binding) => {
    const { binding: number, type, isWritten } = bindings[binding];
    return `@group(0) @binding(${number}) var<storage, ${isWritten ? 'read_write' : 'read'}> ${binding}: ${type};`;
  });
  return {
    name,
    bindings: all,
    code: [constants, headerType, ...bindingDeclarations, twoFloat, declarations, mainOf(main)].join('\n'),
  };
}

function mainOf(statements: string): string {
  return `
@compute @workgroup_size(THREADS) fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  zero = header.zero;
  ${statements}
}`;
}

const constants = Object.entries({
  INVERSE_MASS: metricVectors.inverseMass,
  MEAN: metricVectors.mean,
  SQUARES: metricVectors.squares,
  FIRST_MOMENTUM: firstMomentum,
  THREADS: workgroupSize,
  NONE: 0xffffffff,
})
  .map(([name, value]) => `const ${name} = ${value}u;`)
  .join('\n');

/** Sizes are read and not written out, so that one compiled kernel serves every model. */
const headerType = `
struct Header {
  /** Word of the table where the dispatch's entries begin. */
  first: u32,
  round: u32,
  /** 0, which the compiler cannot know. */
  zero: u32,
  pageStart: u32, pageLength: u32,
  chains: u32, lanes: u32,
  /** Dimensions of the dense block. */
  block: u32,
  chunk: u32, chunks: u32,
  /** Partial sums of a scalar: those of chunks, then those of the block's workgroups, \`parts\` of each. */
  partialCount: u32, parts: u32,
  /** Words of the accurate log density, of all lanes. */
  wordCount: u32,
  dimension: u32,
  /** Of the program of the sites: its stride, and its values that are kept and that are not. */
  siteLanes: u32, kept: u32, rest: u32,
}

/** Index of the first number of a chain's part of a vector. */
fn rowOf(vector: u32, chain: u32) -> u32 { return (vector * header.chains + chain) * header.pageLength; }

/** First dimension, within the page, of chunk y of the page; and where it ends. */
fn chunkBegin(y: u32) -> u32 { return y * header.chunk; }
fn chunkEnd(y: u32) -> u32 { return min(header.pageLength, (y + 1u) * header.chunk); }
fn chunkNumber(y: u32) -> u32 { return header.pageStart / header.chunk + y; }
`;

/** The header of a dispatch on a page, in words. */
export function headerOf(layout: Layout, first: number, round: number, page: Page): number[] {
  const { chains, lanes, blockSize, chunk, chunks, words, dimension, sites } = layout;
  const sizes = [chains, lanes, blockSize, chunk, chunks, partialsOf(layout), partsOf(layout), words * lanes];
  return [first, round, 0, page.start, page.length, ...sizes, dimension, sites.lanes, sites.kept, sites.rest];
}
