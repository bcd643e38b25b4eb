// From the loops of a program to its kernels: small loops share one workgroup, large ones get a grid and what joins its shares.
import { type MathName, mathSource, opaqueCall, opaqueSource } from '../../webgpu/math/mathSource.js';
import { type NodeId, sizeOf } from '../../program/tensorProgram.js';
import { emitLoop } from './kernelEmitter.js';
import { Joins } from './joins.js';
import {
  type GpuProgramSource,
  type LoopPlan,
  type LowParts,
  teamSize,
  tilesOf,
  type WorkgroupShape,
} from './loopPlan.js';
import type { KernelLoop } from './kernelLoops.js';
import type { LaneArray } from './wgslMemory.js';
import { joined, storedWord } from './kernelText.js';
import { type LaneType, WgslTarget } from './wgslTarget.js';

export type Binding =
  { readonly kind: 'guard' | 'parameters' } | { readonly kind: 'lanes' | 'data'; readonly page: number };

export interface Kernel {
  readonly label: string;
  readonly code: string;
  /** Workgroups along x (blocks), y (chunks of lanes) and z (tiles). */
  readonly grid: readonly [number, number, number];
  /** What is bound, by number. */
  readonly bindings: readonly Binding[];
  /** Bytes of every array touched, once each. */
  readonly bytes: number;
}

/** Vector operations up to which a loop is done by one workgroup. */
const smallWork = 2 ** 14;
const mostBlocks = 2048;
/** Rows that an invocation should have, at least, before there are more workgroups. */
const rowsPerInvocation = 4;

export function generateKernels(
  loops: readonly KernelLoop[],
  program: GpuProgramSource,
  shape: WorkgroupShape,
  low: LowParts,
  copies: readonly Copy[],
  longestCode: number,
): Kernel[] {
  return new KernelList(program, shape, low, longestCode).generate(loops, copies);
}

/** An array that is the same as another. */
export interface Copy {
  readonly from: LaneArray;
  readonly to: LaneArray;
}

/** What one workgroup can do beside others. */
type SmallPart = KernelLoop | Joins;

class KernelList {
  private readonly kernels: Kernel[] = [];
  /** What is to share the next kernel of one workgroup. */
  private small: SmallPart[] = [];
  /** Shares that are yet to be joined. */
  private joins: Joins;

  constructor(
    private readonly program: GpuProgramSource,
    private readonly shape: WorkgroupShape,
    private readonly low: LowParts,
    private readonly longestCode: number,
  ) {
    this.joins = new Joins(program, shape, low);
  }

  generate(loops: readonly KernelLoop[], copies: readonly Copy[]): Kernel[] {
    for (const loop of loops) {
      const needed = this.dependencies(loop);
      if (this.joins.nodes.some((node) => needed.has(node))) this.flushJoins();
      if (loop.work <= smallWork && loop.tile === undefined) {
        this.small.push(loop);
        continue;
      }
      if (this.small.some((part) => nodesOf(part).some((node) => needed.has(node)))) this.flushSmall();
      this.addGrid(loop);
    }
    this.flushJoins();
    this.flushSmall();
    if (copies.length > 0) this.addCopies(copies);
    return this.kernels;
  }

  private addCopies(copies: readonly Copy[]): void {
    const target = new WgslTarget(this.program);
    const { slots } = this.shape;
    const { groupCount } = this.program.memory;
    const most = Math.max(...copies.map(({ from }) => from.elements));
    const blocks = Math.min(mostBlocks, Math.ceil(most / slots));
    const lines = copies.flatMap(({ from, to }) => {
      for (const array of [from, to]) target.touch(array, array.elements);
      const at = ({ page, start }: LaneArray): string => `lanes${page}[${start} + element * ${groupCount} + group]`;
      const loop = `for (var element = i32(workgroup.x) * ${slots} + slot; element < ${from.elements}; element += ${slots * blocks})`;
      return [`${loop} { ${at(to)} = ${at(from)}; }`];
    });
    this.add('copies', target, lines, [blocks, 1]);
  }

  private dependencies({ roots }: KernelLoop): Set<NodeId> {
    const { dependencies } = this.program.analysis;
    return new Set(roots.flatMap(({ node }) => [...dependencies.get(node)!]));
  }

  private flushSmall(): void {
    let together: SmallPart[] = [];
    let total = 0;
    for (const { part, lines } of this.small.flatMap((part) => this.cut(part))) {
      if (together.length > 0 && total + lines > this.longestCode) {
        this.addSmall(together);
        [together, total] = [[], 0];
      }
      together.push(part);
      total += lines;
    }
    if (together.length > 0) this.addSmall(together);
    this.small = [];
  }

  private smallLines(part: SmallPart, target: WgslTarget): readonly string[] {
    if (part instanceof Joins) return part.smallLines(target);
    const plan: LoopPlan = { loop: part, shape: this.shape, blocks: 1, isShort: true };
    return emitLoop(plan, this.program, target, this.low).lines;
  }

  /** A part, or where the code of a loop is long several that share its roots. */
  private cut(part: SmallPart): { readonly part: SmallPart; readonly lines: number }[] {
    const lines = this.smallLines(part, new WgslTarget(this.program)).length;
    if (lines <= this.longestCode || part instanceof Joins) return [{ part, lines }];
    const loop = part;
    if (loop.roots.length === 1) {
      const [{ node, kind }] = loop.roots;
      const { from, to } = loop.range ?? { from: 0, to: sizeOf(this.program.program.nodes[node].shape) };
      if (loop.form !== 'once' || kind !== 'store' || to - from < 2) return [{ part, lines }];
      const middle = (from + to) >> 1;
      const ranges = [
        { from, to: middle },
        { from: middle, to },
      ];
      return ranges.flatMap((range) => this.cut({ ...loop, range }));
    }
    const half = loop.roots.length >> 1;
    return [loop.roots.slice(0, half), loop.roots.slice(half)].flatMap((roots) => this.cut({ ...loop, roots }));
  }

  private addSmall(parts: readonly SmallPart[]): void {
    const target = new WgslTarget(this.program);
    const lines: string[] = ['let block = 0;', 'let tile = 0;'];
    for (const [i, part] of parts.entries()) {
      if (i > 0) lines.push('storageBarrier();', 'workgroupBarrier();');
      lines.push('{', ...this.smallLines(part, target), '}');
    }
    this.add(`small ${this.kernels.length}`, target, lines, [1, 1]);
  }

  private addGrid(loop: KernelLoop): void {
    const target = new WgslTarget(this.program);
    const plan: LoopPlan = { loop, shape: this.shape, blocks: this.blocksOf(loop), isShort: false };
    const emitted = emitLoop(plan, this.program, target, this.low);
    const lines = ['let block = i32(workgroup.x);', 'let tile = i32(workgroup.z);', ...emitted.lines];
    this.add(`${loop.form} ${this.kernels.length}`, target, lines, [plan.blocks, tilesOf(plan, this.program)]);
    this.joins.take(emitted);
  }

  private blocksOf(loop: KernelLoop): number {
    const { slots } = this.shape;
    switch (loop.form) {
      case 'once':
        return 1;
      case 'elements': {
        const size = this.program.program.nodes[loop.roots[0].node].shape.reduce(
          (product, extent) => product * extent,
          1,
        );
        return Math.min(mostBlocks, Math.ceil(size / slots));
      }
      case 'groups': {
        const teams = slots / teamSize(loop.groups!, this.shape);
        return Math.min(mostBlocks, Math.ceil(loop.groups!.pieces / teams));
      }
      case 'rows':
      case 'scatter':
        return Math.max(1, Math.min(mostBlocks, Math.ceil(loop.extent / (slots * rowsPerInvocation))));
      default:
        throw new Error(loop.form satisfies never);
    }
  }

  /** Few shares are joined by the next kernel of one workgroup, many by a kernel of their own. */
  private flushJoins(): void {
    const { joins } = this;
    if (joins.nodes.length === 0) return;
    this.joins = new Joins(this.program, this.shape, this.low);
    if (joins.areFew) {
      this.small.push(joins);
      return;
    }
    const target = new WgslTarget(this.program);
    const { lines, blocks } = joins.grid(target);
    this.add(`join ${this.kernels.length}`, target, ['let block = i32(workgroup.x);', ...lines], [blocks, 1]);
  }

  private add(
    label: string,
    target: WgslTarget,
    lines: readonly string[],
    [blocks, tiles]: readonly [number, number],
  ): void {
    const { memory, laneType } = this.program;
    const { uses } = target;
    const bindings: Binding[] = [];
    const declarations: string[] = [];
    const bind = (binding: Binding, declaration: string): void => {
      declarations.push(`@group(0) @binding(${bindings.length}) ${declaration};`);
      bindings.push(binding);
    };
    if (uses.zero) bind({ kind: 'guard' }, 'var<uniform> guard: Guard');
    if (uses.parameters) bind({ kind: 'parameters' }, `var<storage, read> parameters: array<${laneType}>`);
    for (const page of uses.lanePages)
      bind({ kind: 'lanes', page }, `var<storage, read_write> lanes${page}: array<${laneType}>`);
    for (const page of uses.dataPages) bind({ kind: 'data', page }, `var<storage, read> data${page}: array<u32>`);
    const code = [
      ...(uses.zero ? ['struct Guard { zero: u32 }'] : []),
      ...declarations,
      ...workgroupHelpers(laneType, this.shape, uses.zero),
      ...declaredMath(uses.sharedMath, 'f32'),
      ...declaredMath(uses.laneMath, laneType),
      ...[...uses.splitColumns.values()].map(splitReader),
      `@compute @workgroup_size(${this.shape.size})`,
      'fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {',
      'invocation = i32(local);',
      `slot = invocation / ${this.shape.lanes};`,
      `let laneInGroup = invocation % ${this.shape.lanes};`,
      `let group = i32(workgroup.y) * ${this.shape.lanes} + laneInGroup;`,
      ...lines,
      '}',
    ].join('\n');
    const bytes = [...uses.bytes.values()].reduce((sum, own) => sum + own, 0);
    this.kernels.push({ label, code, grid: [blocks, memory.groupCount / this.shape.lanes, tiles], bindings, bytes });
  }
}

function nodesOf(part: SmallPart): readonly NodeId[] {
  return part instanceof Joins ? part.nodes : part.roots.map(({ node }) => node);
}

function declaredMath(names: ReadonlySet<MathName>, type: LaneType): string[] {
  return names.size === 0 ? [] : [mathSource(names, type)];
}

/** A column in several pages is read through a function. */
function splitReader(column: Parameters<typeof storedWord>[0]): string {
  const { name, parts, storage } = column;
  const reads = parts.map((_, part) => storedWord(column, part, 'position'));
  const cases = reads.slice(0, -1).map((read, part) => `if (position < ${parts[part + 1].from}) { return ${read}; }`);
  return `fn ${name}(position: i32) -> ${storage === 'f32' ? 'f32' : 'i32'} { ${cases.join(' ')} return ${reads.at(-1)!}; }`;
}

/** Sums over the slots of a workgroup, and sums kept as pairs (Knuth's two-sum; what is rounded away goes to the low part). */
function workgroupHelpers(type: LaneType, { size, lanes, slots }: WorkgroupShape, pairs: boolean): string[] {
  const join = (fn: 'sum' | 'prod' | 'max' | 'min'): string => `
fn join_${fn}(own: ${type}, members: i32) -> ${type} {
  shared0[invocation] = own;
  workgroupBarrier();
  for (var other = members / 2; other > 0; other /= 2) {
    if (slot % members < other) {
      let far = shared0[invocation + other * ${lanes}];
      shared0[invocation] = ${joined(fn, 'shared0[invocation]', 'far')};
    }
    workgroupBarrier();
  }
  let all = shared0[invocation];
  workgroupBarrier();
  return all;
}`;
  const helpers = [
    `var<workgroup> shared0: array<${type}, ${size}>;`,
    `var<workgroup> rowGroup: array<i32, ${slots}>;`,
    'var<private> invocation: i32;',
    'var<private> slot: i32;',
    ...(['sum', 'prod', 'max', 'min'] as const).map(join),
  ];
  if (!pairs) return helpers;
  const opaque = opaqueCall(type);
  return [
    ...helpers,
    `var<workgroup> shared1: array<${type}, ${size}>;`,
    `struct Pair { high: ${type}, low: ${type} }`,
    `
${opaqueSource(type, 'guard.zero')}
fn addToPair(high: ptr<function, ${type}>, low: ptr<function, ${type}>, x: ${type}) {
  let sum = ${opaque}(*high + x);
  let part = ${opaque}(sum - *high);
  *low += (*high - ${opaque}(sum - part)) + (x - part);
  *high = sum;
}
fn joinPairs(high: ${type}, low: ${type}) -> Pair {
  shared0[invocation] = high;
  shared1[invocation] = low;
  workgroupBarrier();
  for (var other = ${slots / 2}; other > 0; other /= 2) {
    if (slot < other) {
      var sum = shared0[invocation];
      var rest = shared1[invocation] + shared1[invocation + other * ${lanes}];
      addToPair(&sum, &rest, shared0[invocation + other * ${lanes}]);
      shared0[invocation] = sum;
      shared1[invocation] = rest;
    }
    workgroupBarrier();
  }
  let all = Pair(shared0[invocation], shared1[invocation]);
  workgroupBarrier();
  return all;
}`,
  ];
}
