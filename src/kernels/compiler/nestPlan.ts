// Plans one loop nest: which sorted index groups its rows, into how many blocks the rows are cut, and where shares go.
import { type NodeId, sizeOf } from '../program/tensorProgram.js';
import { unrollLimit } from './analysis.js';
import type { BoundProgram } from './expressions.js';
import type { Addresses } from './wasmTarget.js';
import type { NestPlan, PartialArray, SegmentPlan } from './loopNest.js';
import type { LoopNest } from './schedule.js';
import { mathFunctionOf } from './values.js';

/** Elementwise operations of a block; blocks do not depend on the number of threads, so neither do the sums. */
const workPerBlock = 32_768;
const maxBlocks = 64;
/** Bytes that all blocks' copies of one scattered table may take. */
const maxTableBytes = 32 * 2 ** 20;

export interface PlannedNest extends NestPlan {
  /** First row (or segment) of each block, and the end. */
  readonly bounds: Int32Array;
  /** Elementwise operations of one evaluation for one vector of chains. */
  readonly work: number;
}

export function planNest(nest: LoopNest, addresses: Addresses): PlannedNest {
  const segmented = nest.extent > 1 ? chooseSegments(nest, addresses) : undefined;
  const work = estimateWork(nest, addresses);
  const blocks = blockCount(nest, addresses, segmented?.plan, work);
  const partials = new Map<NodeId, PartialArray>();
  for (const root of nest.roots) {
    const { operation, shape } = addresses.program.nodes[root.node];
    const scattered = root.kind === 'segment' && !isOwnSegment(root.node, addresses, segmented?.plan);
    if (root.kind !== 'reduce' && !scattered) continue;
    const lanes = addresses.analysis.varies[root.node] ? addresses.lanes : 1;
    // Rounded up to whole vectors for the combining loop.
    const bytes = Math.ceil((sizeOf(shape) * lanes) / 2) * 16;
    const base = blocks === 1 ? addresses.roots.get(root.node)! : addresses.layout.reserve(bytes * blocks);
    partials.set(root.node, { node: root.node, fn: operation.op === 'reduce' ? operation.fn : 'sum', base, bytes });
  }
  const bounds = segmented === undefined ? evenBounds(nest.extent, blocks) : segmentBounds(segmented.rowStart, blocks);
  return { extent: nest.extent, roots: nest.roots, segments: segmented?.plan, partials, bounds, work };
}

function isOwnSegment(id: NodeId, addresses: Addresses, segments: SegmentPlan | undefined): boolean {
  const { inputs, shape } = addresses.program.nodes[id];
  return segments !== undefined && segments.indexNode === inputs[1] && segments.count === shape[0];
}

/** Operations that a math function counts for. */
const mathWork = 16;

/** Each node of the nest once for each of its elements; views are free. Gathered tables count by the rows that read them. */
export function estimateWork(nest: LoopNest, bound: BoundProgram): number {
  let work = 0;
  for (const id of nodesInside(nest, bound)) {
    const { operation, inputs, shape } = bound.program.nodes[id];
    switch (operation.op) {
      case 'unary':
      case 'binary':
        work += sizeOf(shape) * (mathFunctionOf(operation.fn) === undefined ? 1 : mathWork);
        break;
      case 'reduce':
      case 'segmentSum':
        work += sizeOf(bound.program.nodes[inputs[0]].shape);
        break;
      case 'select':
      case 'gather':
      case 'cumsum':
        work += sizeOf(shape);
        break;
      case 'cholesky':
      case 'triangularSolve':
        work += sizeOf(shape) * bound.program.nodes[inputs[0]].shape.at(-1)!;
        break;
      default:
        break;
    }
  }
  return work;
}

function blockCount(nest: LoopNest, addresses: Addresses, segments: SegmentPlan | undefined, work: number): number {
  let blocks = Math.min(maxBlocks, nest.extent, Math.ceil(work / workPerBlock));
  if (segments !== undefined) blocks = Math.min(blocks, segments.count);
  for (const root of nest.roots) {
    const size = sizeOf(addresses.program.nodes[root.node].shape);
    const isTable = root.kind === 'segment' && !isOwnSegment(root.node, addresses, segments);
    if (!isTable && (root.kind !== 'reduce' || size <= unrollLimit)) continue;
    // Clearing and combining a table must stay cheap beside the rows that fill it.
    const bytes = size * addresses.lanes * 8;
    blocks = Math.min(
      blocks,
      Math.max(1, Math.floor(maxTableBytes / bytes)),
      Math.max(1, Math.ceil(nest.extent / size)),
    );
  }
  return Math.max(1, blocks);
}

/** The sorted index array over the nest's rows that most gathers and segment sums use. */
function chooseSegments(nest: LoopNest, addresses: Addresses): { plan: SegmentPlan; rowStart: Int32Array } | undefined {
  const uses = new Map<NodeId, { times: number; count: number }>();
  const note = (index: NodeId, count: number): void => {
    const { operation, shape } = addresses.program.nodes[index];
    if (operation.op !== 'data' || shape.length !== 1 || shape[0] !== nest.extent) return;
    const known = uses.get(index) ?? { times: 0, count: 0 };
    uses.set(index, { times: known.times + 1, count: Math.max(known.count, count) });
  };
  for (const id of nodesInside(nest, addresses)) {
    const { operation, inputs, shape } = addresses.program.nodes[id];
    if (operation.op === 'gather') note(inputs[1], addresses.program.nodes[inputs[0]].shape[0]);
    if (operation.op === 'segmentSum') note(inputs[1], shape[0]);
  }
  const ranked = [...uses].sort((a, b) => b[1].times - a[1].times || b[1].count - a[1].count);
  for (const [indexNode, { count }] of ranked) {
    const { operation } = addresses.program.nodes[indexNode];
    const values = addresses.data.get((operation as { name: string }).name)!.values;
    const rowStart = segmentStarts(values, count);
    if (rowStart === undefined) continue;
    return { plan: { indexNode, count, rowStartBase: addresses.layout.integers(rowStart).base }, rowStart };
  }
  return undefined;
}

/** Nodes that the nest evaluates in its loop: its roots, and what they reach without passing through memory. */
function nodesInside(nest: LoopNest, { program, analysis }: BoundProgram): Set<NodeId> {
  const inside = new Set<NodeId>();
  const visit = (id: NodeId): void => {
    if (inside.has(id)) return;
    inside.add(id);
    for (const input of program.nodes[id].inputs) if (!analysis.roots.has(input)) visit(input);
  };
  for (const root of nest.roots) visit(root.node);
  return inside;
}

/** First row of each segment of a sorted index array, or undefined when it is not sorted. */
export function segmentStarts(values: ArrayLike<number>, count: number): Int32Array | undefined {
  const starts = new Int32Array(count + 1);
  let segment = 0;
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value < segment) return undefined;
    while (segment < value) starts[++segment] = row;
  }
  while (segment < count) starts[++segment] = values.length;
  return starts;
}

function evenBounds(extent: number, blocks: number): Int32Array {
  return Int32Array.from({ length: blocks + 1 }, (_, block) => Math.floor((extent * block) / blocks));
}

/** Whole segments per block, with nearly equal numbers of rows. */
function segmentBounds(rowStart: Int32Array, blocks: number): Int32Array {
  const segments = rowStart.length - 1;
  const rows = rowStart[segments];
  const bounds = new Int32Array(blocks + 1);
  let segment = 0;
  for (let block = 1; block < blocks; block++) {
    const target = (rows * block) / blocks;
    while (segment < segments && rowStart[segment] < target) segment++;
    bounds[block] = segment;
  }
  bounds[blocks] = segments;
  return bounds;
}
