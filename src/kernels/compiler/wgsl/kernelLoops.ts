// Cuts loop nests into the loops of GPU kernels: by rows, by groups of rows, by tiles of a wide sum, or by single elements.
import { interpret } from '../../program/interpreter.js';
import { type NodeId, pruneProgram, sizeOf } from '../../program/tensorProgram.js';
import type { Root } from '../analysis.js';
import { estimateWork } from '../nestPlan.js';
import type { Schedule } from '../schedule.js';
import { type GpuAnalysis, isOwnGroup, registerSums } from './gpuAnalysis.js';
import type { DeviceColumn } from './wgslMemory.js';
import type { WgslProgram } from './wgslTarget.js';

/** Rows grouped by an index: cut into pieces, of which one or more make a group. */
export interface Groups {
  readonly indexNode: NodeId;
  readonly count: number;
  readonly pieces: number;
  /** First row of each piece, and the end. */
  readonly starts: DeviceColumn;
  /** Group of each piece; undefined where every group is one piece. */
  readonly groupOf: DeviceColumn | undefined;
  /** First piece of each group, and the end; as `groupOf`. */
  readonly firstPiece: DeviceColumn | undefined;
  /** The row at each place, where the rows are not sorted by the index. */
  readonly order: DeviceColumn | undefined;
  /** Rows of a group on average. */
  readonly meanRows: number;
}

export interface KernelLoop {
  readonly extent: number;
  readonly roots: readonly Root[];
  /**
   * `once`: no loop; `rows`: neighbouring invocations take neighbouring rows; `groups`: rows by group; `elements`: every
   * element of the only root is one invocation's; `scatter`: rows, summed up by group in workgroup memory.
   */
  readonly form: 'once' | 'rows' | 'groups' | 'elements' | 'scatter';
  readonly groups?: Groups;
  /** Elements of the only root that a loop of the form `once` stores; undefined: all. */
  readonly range?: { readonly from: number; readonly to: number };
  /** Elements of the only root that one workgroup sums up at a time; undefined: all of them. */
  readonly tile?: number;
  /** Whether rows' values that are stored for wide sums are computed here all the same. */
  readonly inlinesSpilled: boolean;
  readonly work: number;
}

/** Elements of a tile: accumulators of one invocation. */
const tileSize = 16;
/** Rows of a piece, where groups are few and long. */
const pieceRows = 2048;
const fewGroups = 2048;
/** Sums that one invocation keeps when a workgroup collects those of an unsorted index. */
const ownedGroups = 4;

/** @param slots invocations of a workgroup that take different rows */
export function kernelLoops(
  { perEvaluation }: Schedule,
  program: WgslProgram & { readonly analysis: GpuAnalysis },
  slots: number,
): KernelLoop[] {
  const { analysis } = program;
  const loops: KernelLoop[] = [];
  for (const { extent, roots } of perEvaluation) {
    const add = (form: KernelLoop['form'], own: readonly Root[], more: Partial<KernelLoop> = {}): void => {
      const work = estimateWork({ extent, roots: own }, program);
      loops.push({ extent, roots: own, form, inlinesSpilled: true, work, ...more });
    };
    const rest: Root[] = [];
    for (const root of roots) {
      const { shape } = program.program.nodes[root.node];
      const own = analysis.groups.get(extent);
      if (analysis.wide.has(root.node)) {
        add(...wideLoop(root, program, slots));
      } else if (root.kind === 'segment' && !isOwnGroup(program.program, root.node, own)) {
        add('groups', [root], { groups: groupsOf(root, program) });
      } else if (root.kind === 'reduce' && sizeOf(shape) > registerSums) {
        add('elements', [root]);
      } else {
        rest.push(root);
      }
    }
    if (rest.length === 0) continue;
    if (extent === 1) add('once', rest);
    else if (rest.some(({ kind }) => kind === 'segment'))
      add('groups', rest, {
        groups: groupsOf(
          rest.find(({ kind }) => kind === 'segment')!,
          program,
        ),
      });
    else add('rows', rest);
  }
  return loops;
}

function wideLoop(root: Root, program: WgslProgram, slots: number): [KernelLoop['form'], Root[], Partial<KernelLoop>] {
  const { shape, inputs } = program.program.nodes[root.node];
  if (root.kind === 'reduce') return ['rows', [root], { tile: tileSize, inlinesSpilled: false }];
  const inner = sizeOf(shape.slice(1));
  const tile = inner > registerSums ? tileSize : undefined;
  const isSorted = sortedStarts(program, inputs[1], shape[0]) !== undefined;
  if (!isSorted && shape[0] <= ownedGroups * slots) return ['scatter', [root], { tile: 1, inlinesSpilled: false }];
  return ['groups', [root], { groups: groupsOf(root, program), tile, inlinesSpilled: false }];
}

/** The numbers of an index node, and the first row of each group where they are sorted. */
interface IndexInfo {
  readonly values: ArrayLike<number>;
  readonly starts: Int32Array | undefined;
  readonly count: number;
}

const indexCache = new WeakMap<WgslProgram, Map<NodeId, IndexInfo>>();

function sortedStarts(program: WgslProgram, index: NodeId, count: number): Int32Array | undefined {
  return indexInfo(program, index, count).starts;
}

function indexInfo(program: WgslProgram, index: NodeId, count: number): IndexInfo {
  let known = indexCache.get(program);
  if (known === undefined) {
    known = new Map<NodeId, IndexInfo>();
    indexCache.set(program, known);
  }
  let info = known.get(index);
  if (info?.count !== count) {
    const values = indexValues(program, index);
    info = { values, starts: segmentStartsOf(values, count), count };
    known.set(index, info);
  }
  return info;
}

function indexValues({ program, data, computed }: WgslProgram, id: NodeId): ArrayLike<number> {
  const { operation } = program.nodes[id];
  if (operation.op === 'data') return data.get(operation.name)!.values;
  const known = computed.get(id);
  if (known !== undefined) return known.values;
  const inputs = new Map([...data].map(([name, array]) => [name, array.values]));
  return interpret(pruneProgram(program.nodes, new Map([['indices', id]])), inputs).get('indices')!;
}

function segmentStartsOf(values: ArrayLike<number>, count: number): Int32Array | undefined {
  for (let row = 1; row < values.length; row++) if (values[row] < values[row - 1]) return undefined;
  return startsOf(values, count);
}

function startsOf(values: ArrayLike<number>, count: number): Int32Array {
  const starts = new Int32Array(count + 1);
  for (let row = 0; row < values.length; row++) starts[values[row] + 1]++;
  for (let group = 0; group < count; group++) starts[group + 1] += starts[group];
  return starts;
}

function groupsOf(root: Root, program: WgslProgram): Groups {
  const { inputs, shape } = program.program.nodes[root.node];
  const [count, indexNode] = [shape[0], inputs[1]];
  const { values, starts: sorted } = indexInfo(program, indexNode, count);
  const { memory } = program;
  const key = `groups ${indexNode} ${count}`;
  const starts = sorted ?? startsOf(values, count);
  const order = sorted === undefined ? memory.integers(`${key} order`, orderOf(values, starts)) : undefined;
  const meanRows = values.length / Math.max(1, count);
  let longest = 0;
  for (let group = 0; group < count; group++) longest = Math.max(longest, starts[group + 1] - starts[group]);
  if (count > fewGroups || longest <= pieceRows) {
    const column = memory.integers(`${key} starts`, starts);
    return {
      indexNode,
      count,
      pieces: count,
      starts: column,
      groupOf: undefined,
      firstPiece: undefined,
      order,
      meanRows,
    };
  }
  const [pieceStarts, groupOf, firstPiece]: [number[], number[], number[]] = [[], [], [0]];
  for (let group = 0; group < count; group++) {
    const rows = starts[group + 1] - starts[group];
    const parts = Math.max(1, Math.ceil(rows / pieceRows));
    for (let part = 0; part < parts; part++) {
      pieceStarts.push(starts[group] + Math.floor((rows * part) / parts));
      groupOf.push(group);
    }
    firstPiece.push(pieceStarts.length);
  }
  const pieces = pieceStarts.length;
  pieceStarts.push(values.length);
  return {
    indexNode,
    count,
    pieces,
    starts: memory.integers(`${key} piece starts`, Int32Array.from(pieceStarts)),
    groupOf: memory.integers(`${key} piece groups`, Int32Array.from(groupOf)),
    firstPiece: memory.integers(`${key} first pieces`, Int32Array.from(firstPiece)),
    order,
    meanRows: values.length / pieces,
  };
}

/** Rows in the order of their groups, and within a group as they stand. */
function orderOf(values: ArrayLike<number>, starts: Int32Array): Int32Array {
  const next = starts.slice();
  const order = new Int32Array(values.length);
  for (let row = 0; row < values.length; row++) order[next[values[row]]++] = row;
  return order;
}
