// What a GPU needs differently: sums too wide for registers get loops of their own, and what they share is stored for them.
import { type NodeId, sizeOf, type TensorProgram } from '../../program/tensorProgram.js';
import { type Analysis, analyse, type Root, unrollLimit } from '../analysis.js';
import type { DataArray } from '../memoryLayout.js';
import { segmentStarts } from '../nestPlan.js';

/** The sorted index that the rows of all loops of one extent are grouped by. */
export interface RowGroups {
  readonly indexNode: NodeId;
  readonly count: number;
  /** First row of each group, and the end. */
  readonly starts: Int32Array;
}

export interface GpuAnalysis extends Analysis {
  /** By extent of the loop. */
  readonly groups: ReadonlyMap<number, RowGroups>;
  /** Roots that are summed up in loops of their own, tile by tile. */
  readonly wide: ReadonlySet<NodeId>;
  /** Values of rows, stored where they come up, and read by the loops of wide roots; all others compute them anew. */
  readonly spilled: ReadonlySet<NodeId>;
}

/** Sums of one invocation that fit into its registers, at four lanes each. */
export const registerSums = 24;
/** Numbers to be summed up below which one invocation can do a whole sum. */
const fewTerms = 4096;

export function analyseForGpu(program: TensorProgram, data: ReadonlyMap<string, DataArray>): GpuAnalysis {
  const base = analyse(program);
  const groups = findGroups(program, base, data);
  const wide = new Set<NodeId>();
  for (const root of base.roots.values()) {
    if (base.varies[root.node] && isWide(program, root, groups.get(root.extent))) wide.add(root.node);
  }
  const spilled = new Set<NodeId>();
  for (const id of wide) spill(program, base, id, spilled);
  const roots = new Map(base.roots);
  for (const id of spilled) {
    const { shape } = program.nodes[id];
    const loopAxis = shape.indexOf(Math.max(...shape));
    roots.set(id, { node: id, kind: 'store', loopAxis, extent: shape[loopAxis] });
  }
  const dependencies = new Map(base.dependencies);
  for (const id of spilled)
    dependencies.set(
      id,
      reached(program, id, (node) => base.roots.has(node)),
    );
  for (const id of wide)
    dependencies.set(
      id,
      reached(program, id, (node) => roots.has(node)),
    );
  const ordered = new Map([...roots].sort((a, b) => a[0] - b[0]));
  return { roots: ordered, varies: base.varies, dependencies, groups, wide, spilled };
}

/** Whether a root is a segment sum by the index that its rows are grouped by. */
export function isOwnGroup(program: TensorProgram, id: NodeId, groups: RowGroups | undefined): boolean {
  const { inputs, shape } = program.nodes[id];
  return groups !== undefined && groups.indexNode === inputs[1] && groups.count === shape[0];
}

function isWide(program: TensorProgram, root: Root, groups: RowGroups | undefined): boolean {
  const { inputs, shape } = program.nodes[root.node];
  if (root.kind !== 'reduce' && root.kind !== 'segment') return false;
  const isShort = sizeOf(program.nodes[inputs[0]].shape) <= fewTerms;
  if (root.kind === 'reduce') return !isShort && sizeOf(shape) > registerSums;
  if (sizeOf(shape.slice(1)) > registerSums) return true;
  return !isShort && !isOwnGroup(program, root.node, groups);
}

/** Of the sorted indices that segment sums over rows use, the most used. */
function findGroups(
  program: TensorProgram,
  { roots, varies }: Analysis,
  data: ReadonlyMap<string, DataArray>,
): Map<number, RowGroups> {
  const uses = new Map<string, { extent: number; indexNode: NodeId; count: number; times: number }>();
  for (const { node, kind, extent } of roots.values()) {
    if (kind !== 'segment' || !varies[node]) continue;
    const { inputs, shape } = program.nodes[node];
    if (program.nodes[inputs[1]].operation.op !== 'data') continue;
    const key = `${extent} ${inputs[1]} ${shape[0]}`;
    const use = uses.get(key) ?? { extent, indexNode: inputs[1], count: shape[0], times: 0 };
    use.times++;
    uses.set(key, use);
  }
  const groups = new Map<number, RowGroups>();
  for (const { extent, indexNode, count } of [...uses.values()].sort(
    (a, b) => b.times - a.times || b.count - a.count,
  )) {
    if (groups.has(extent)) continue;
    const { name } = program.nodes[indexNode].operation as { name: string };
    const starts = segmentStarts(data.get(name)!.values, count);
    if (starts !== undefined) groups.set(extent, { indexNode, count, starts });
  }
  return groups;
}

/** Adds what every tile of a wide sum would compute again: terms of a segment sum, or factors without the summed-up axes. */
function spill(program: TensorProgram, { roots, varies }: Analysis, id: NodeId, spilled: Set<NodeId>): void {
  const { operation, inputs } = program.nodes[id];
  const isStorable = (node: NodeId): boolean =>
    varies[node] &&
    !roots.has(node) &&
    program.nodes[node].operation.op !== 'parameter' &&
    sizeOf(program.nodes[node].shape) > unrollLimit;
  const visit = (node: NodeId, size: number): void => {
    const { operation: own, inputs: below, shape } = program.nodes[node];
    if (!isStorable(node)) return;
    if (sizeOf(shape) < size) {
      if (isView(own.op)) visit(below[0], size);
      else spilled.add(node);
      return;
    }
    if (['unary', 'binary', 'select', 'broadcast', 'reshape', 'transpose'].includes(own.op)) {
      for (const input of below) visit(input, size);
    }
  };
  const [terms] = inputs;
  const source = operation.op === 'segmentSum' ? throughViews(program, terms) : terms;
  if (operation.op !== 'segmentSum') visit(source, sizeOf(program.nodes[source].shape));
  else if (isStorable(source)) {
    const { shape } = program.nodes[source];
    // The terms themselves, unless they are a wide product of something narrower.
    const before = spilled.size;
    visit(source, sizeOf(shape));
    if (spilled.size === before) spilled.add(source);
  }
}

function isView(op: string): boolean {
  return op === 'reshape' || op === 'transpose' || op === 'broadcast';
}

function throughViews(program: TensorProgram, id: NodeId): NodeId {
  const { operation, inputs } = program.nodes[id];
  return isView(operation.op) ? throughViews(program, inputs[0]) : id;
}

/** Roots that a node's inputs reach without passing through another. */
function reached(program: TensorProgram, id: NodeId, isRoot: (node: NodeId) => boolean): Set<NodeId> {
  const found = new Set<NodeId>();
  const seen = new Set<NodeId>();
  const visit = (node: NodeId): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (isRoot(node)) found.add(node);
    else for (const input of program.nodes[node].inputs) visit(input);
  };
  for (const input of program.nodes[id].inputs) visit(input);
  return found;
}
