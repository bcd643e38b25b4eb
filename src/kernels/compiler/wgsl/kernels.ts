// From the loops of a program to its kernels: small loops share one workgroup, large ones get a grid and a kernel that joins.
import { type MathName, mathSource, opaqueCall, opaqueSource } from '../../webgpu/math/mathSource.js';
import { type NodeId, sizeOf } from '../../program/tensorProgram.js';
import { emitLoop } from './kernelEmitter.js';
import {
  type Combine,
  type EmittedLoop,
  type GpuProgramSource,
  type JoinPieces,
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

class KernelList {
  private readonly kernels: Kernel[] = [];
  /** Small loops that are to share the next kernel of one workgroup. */
  private small: KernelLoop[] = [];
  /** Shares that are yet to be joined. */
  private combine: Combine[] = [];
  private join: JoinPieces[] = [];

  constructor(
    private readonly program: GpuProgramSource,
    private readonly shape: WorkgroupShape,
    private readonly low: LowParts,
    private readonly longestCode: number,
  ) {}

  generate(loops: readonly KernelLoop[], copies: readonly Copy[]): Kernel[] {
    for (const loop of loops) {
      const needed = this.dependencies(loop);
      if ([...this.combine, ...this.join].some(({ node }) => needed.has(node))) this.flushJoins();
      if (loop.work <= smallWork && loop.tile === undefined) {
        this.small.push(loop);
        continue;
      }
      if (this.small.some(({ roots }) => roots.some(({ node }) => needed.has(node)))) this.flushSmall();
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
      for (const array of [from, to]) this.touch(target, array, array.elements);
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
    let together: KernelLoop[] = [];
    let total = 0;
    for (const { loop, lines } of this.small.flatMap((loop) => this.cut(loop))) {
      if (together.length > 0 && total + lines > this.longestCode) {
        this.addSmall(together);
        [together, total] = [[], 0];
      }
      together.push(loop);
      total += lines;
    }
    if (together.length > 0) this.addSmall(together);
    this.small = [];
  }

  /** A loop, or where its code is long several that share its roots. */
  private cut(loop: KernelLoop): { readonly loop: KernelLoop; readonly lines: number }[] {
    const trial = emitLoop(
      { loop, shape: this.shape, blocks: 1, isShort: true },
      this.program,
      new WgslTarget(this.program),
      this.low,
    );
    const lines = trial.lines.length;
    if (lines <= this.longestCode) return [{ loop, lines }];
    if (loop.roots.length === 1) {
      const [{ node, kind }] = loop.roots;
      const { from, to } = loop.range ?? { from: 0, to: sizeOf(this.program.program.nodes[node].shape) };
      if (loop.form !== 'once' || kind !== 'store' || to - from < 2) return [{ loop, lines }];
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

  private addSmall(loops: readonly KernelLoop[]): void {
    const target = new WgslTarget(this.program);
    const lines: string[] = ['let block = 0;', 'let tile = 0;'];
    for (const [i, loop] of loops.entries()) {
      if (i > 0) lines.push('storageBarrier();', 'workgroupBarrier();');
      lines.push(
        '{',
        ...emitLoop({ loop, shape: this.shape, blocks: 1, isShort: true }, this.program, target, this.low).lines,
        '}',
      );
    }
    this.add(`small ${this.kernels.length}`, target, lines, [1, 1]);
  }

  private addGrid(loop: KernelLoop): void {
    const target = new WgslTarget(this.program);
    const plan: LoopPlan = { loop, shape: this.shape, blocks: this.blocksOf(loop), isShort: false };
    const emitted: EmittedLoop = emitLoop(plan, this.program, target, this.low);
    const lines = ['let block = i32(workgroup.x);', 'let tile = i32(workgroup.z);', ...emitted.lines];
    this.add(`${loop.form} ${this.kernels.length}`, target, lines, [plan.blocks, tilesOf(plan, this.program)]);
    this.combine.push(...emitted.combine);
    this.join.push(...emitted.join);
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

  /** One kernel for all shares: each element of a sum is one workgroup's, and each element of a group one invocation's. */
  private flushJoins(): void {
    if (this.combine.length + this.join.length === 0) return;
    const target = new WgslTarget(this.program);
    const lines = ['let block = i32(workgroup.x);'];
    let blocks = 0;
    for (const combine of this.combine) {
      lines.push(`if (block >= ${blocks} && block < ${blocks + combine.size}) {`);
      lines.push(`let element = block - ${blocks};`, ...this.combineLines(combine, target), '}');
      blocks += combine.size;
    }
    for (const join of this.join) {
      const own = Math.ceil((join.groups.count * join.inner) / this.shape.slots);
      lines.push(`if (block >= ${blocks} && block < ${blocks + own}) {`);
      lines.push(
        `let element = (block - ${blocks}) * ${this.shape.slots} + slot;`,
        ...this.joinLines(join, target),
        '}',
      );
      blocks += own;
    }
    this.add(`join ${this.kernels.length}`, target, lines, [blocks, 1]);
    this.combine = [];
    this.join = [];
  }

  private combineLines({ node, fn, size, blocks, partial, partialLow }: Combine, target: WgslTarget): string[] {
    const { slots } = this.shape;
    const { groupCount } = this.program.memory;
    const type = this.program.laneType;
    const at = (array: { page: number; start: number }): string =>
      `lanes${array.page}[${array.start} + (share * ${size} + element) * ${groupCount} + group]`;
    const of = (array: { page: number; start: number }): string =>
      `lanes${array.page}[${array.start} + element * ${groupCount} + group]`;
    const root = this.program.roots.get(node)!;
    for (const array of [partial, root]) this.touch(target, array, array === partial ? blocks * size : size);
    const loop = (body: string): string => `for (var share = slot; share < ${blocks}; share += ${slots}) { ${body} }`;
    if (partialLow === undefined) {
      const first = { sum: '0.0', prod: '1.0', max: '-3.4028234663852886e38', min: '3.4028234663852886e38' }[fn];
      return [
        `var sum = ${type}(${first});`,
        loop(`sum = ${joined(fn, 'sum', at(partial))};`),
        `let all = join_${fn}(sum, ${slots});`,
        `if (slot == 0) { ${of(root)} = all; }`,
      ];
    }
    const low = this.low.get(node)!;
    this.touch(target, low, size);
    this.touch(target, partialLow, blocks * size);
    target.uses.zero = true;
    return [
      `var sum = ${type}(0.0);`,
      `var sumLow = ${type}(0.0);`,
      loop(`addToPair(&sum, &sumLow, ${at(partial)}); sumLow += ${at(partialLow)};`),
      'let all = joinPairs(sum, sumLow);',
      `if (slot == 0) { ${of(root)} = all.high; ${of(low)} = all.low; }`,
    ];
  }

  private joinLines({ node, groups, inner, partial }: JoinPieces, target: WgslTarget): string[] {
    const { groupCount } = this.program.memory;
    const root = this.program.roots.get(node)!;
    this.touch(target, partial, groups.pieces * inner);
    this.touch(target, root, groups.count * inner);
    const piece = (at: string): string => target.stored(groups.firstPiece!, at, true);
    return [
      `if (element < ${groups.count * inner}) {`,
      `let own = element / ${inner};`,
      `let end = ${piece('own + 1')};`,
      `var sum = ${this.program.laneType}(0.0);`,
      `for (var p = ${piece('own')}; p < end; p++) {`,
      `sum += lanes${partial.page}[${partial.start} + (p * ${inner} + element % ${inner}) * ${groupCount} + group];`,
      '}',
      `lanes${root.page}[${root.start} + element * ${groupCount} + group] = sum;`,
      '}',
    ];
  }

  private touch({ uses }: WgslTarget, array: { page: number; start: number }, elements: number): void {
    const { groupCount, groupBytes } = this.program.memory;
    uses.lanePages.add(array.page);
    uses.bytes.set(`lanes ${array.page} ${array.start}`, elements * groupCount * groupBytes);
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
