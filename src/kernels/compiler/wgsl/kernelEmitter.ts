// Generates the code of one loop of a kernel: who takes which rows, where sums are collected, and how they are joined.
import { type NodeId, type ReduceFunction, sizeOf } from '../../program/tensorProgram.js';
import { type Root, unrollLimit } from '../analysis.js';
import { emitElements } from '../elements.js';
import { Expressions } from '../expressions.js';
import { constantIndex, flattenIndices, type Index, variableIndex, variableOf } from '../indexing.js';
import { neutralElement } from '../loops.js';
import type { Groups } from './kernelLoops.js';
import {
  type Combine,
  type EmittedLoop,
  type GpuProgramSource,
  type JoinPieces,
  type LoopPlan,
  type LowParts,
  teamSize,
} from './loopPlan.js';
import { finite, joined } from './kernelText.js';
import { WgslScope, type WgslTarget, type WgslValue } from './wgslTarget.js';
import type { LaneArray } from './wgslMemory.js';

export function emitLoop(plan: LoopPlan, program: GpuProgramSource, target: WgslTarget, low: LowParts): EmittedLoop {
  return new LoopEmitter(plan, program, target, low).emit();
}

/** Sets an element of an array. */
type Store = (element: Index, value: string, scope: WgslScope) => void;

/** Index spaces up to this size are written out in code that is to be short. */
const shortUnroll = 6;

class LoopEmitter {
  private readonly prologue = new WgslScope(undefined, 0);
  private readonly combine: Combine[] = [];
  private readonly join: JoinPieces[] = [];
  private readonly finishers: (() => void)[] = [];
  private readonly groupFinishers: ((scope: WgslScope) => void)[] = [];
  private readonly e: Expressions;
  /** This workgroup's number, as an index. */
  private block: Index | undefined;

  constructor(
    private readonly plan: LoopPlan,
    private readonly program: GpuProgramSource,
    private readonly target: WgslTarget,
    private readonly low: LowParts,
  ) {
    const inlined = plan.loop.inlinesSpilled ? program.analysis.spilled : undefined;
    this.e = new Expressions(program, target, inlined, plan.isShort ? shortUnroll : undefined);
  }

  emit(): EmittedLoop {
    const { form } = this.plan.loop;
    if (form === 'once') this.emitOnce();
    else if (form === 'rows') this.emitRows();
    else if (form === 'groups') this.emitGroups(this.plan.loop.groups!);
    else if (form === 'scatter') this.emitScatter();
    else this.emitAllElements();
    for (const finish of this.finishers) finish();
    return { lines: this.prologue.lines, combine: this.combine, join: this.join };
  }

  private emitOnce(): void {
    const inner = new WgslScope(undefined, 0);
    for (const root of this.plan.loop.roots) {
      if (root.kind === 'store') this.emitWrittenOut(root, inner);
      else emitElements(this.e, root, constantIndex(0), inner);
    }
    this.prologue.lines.push('if (slot == 0) {', ...inner.lines, '}');
  }

  /** Element after element: at a known place much of an expression falls away. */
  private emitWrittenOut({ node }: Root, scope: WgslScope): void {
    const { shape } = this.e.node(node);
    const { from = 0, to = sizeOf(shape) } = this.plan.loop.range ?? {};
    let element = 0;
    this.e.forEachLiteral(shape, (position) => {
      const at = element++;
      if (at < from || at >= to) return;
      const value = this.e.computed(node, position.map(constantIndex), scope) as WgslValue;
      this.target.storeRoot(node, constantIndex(at), value, scope);
    });
  }

  private emitRows(): void {
    const { loop, shape, blocks } = this.plan;
    const { extent } = loop;
    const perBlock = Math.ceil(extent / blocks / shape.slots) * shape.slots;
    const body = new WgslScope(this.prologue, 1);
    const row = this.target.newVariable(extent, 1);
    for (const root of loop.roots) this.emitRoot(root, variableIndex(row), body);
    const name = this.target.nameOf(row);
    const last = blocks === 1 ? `${extent}` : `min((block + 1) * ${perBlock}, ${extent})`;
    this.prologue.lines.push(
      `for (var ${name} = block * ${perBlock} + slot; ${name} < ${last}; ${name} += ${shape.slots}) {`,
      ...body.lines,
      '}',
    );
  }

  /** A team of invocations for each group (or piece of one); the number of rounds is the same for all, because teams meet. */
  private emitGroups(groups: Groups): void {
    const { shape, blocks } = this.plan;
    const { target } = this;
    const team = teamSize(groups, shape);
    const teams = shape.slots / team;
    const rounds = Math.ceil(groups.pieces / blocks / teams);
    const body = new WgslScope(this.prologue, 1);
    const round = target.newName('round');
    body.lines.push(
      `let place = (block * ${rounds} + ${round}) * ${teams} + slot / ${team};`,
      `let isInside = place < ${groups.pieces};`,
    );
    const piece = target.indexLet(`min(place, ${groups.pieces - 1})`, groups.pieces, body);
    const text = target.index(piece);
    body.lines.push(
      `let firstRow = ${target.stored(groups.starts, text, true)};`,
      `let endRow = select(firstRow, ${target.stored(groups.starts, `${text} + 1`, true)}, isInside);`,
    );
    const group = groups.groupOf === undefined ? piece : target.indexFrom(groups.groupOf, piece, groups.count, body);
    const rows = new WgslScope(body, 2);
    const at = target.newVariable(this.plan.loop.extent, 2);
    const row =
      groups.order === undefined
        ? variableIndex(at)
        : target.indexFrom(groups.order, variableIndex(at), this.plan.loop.extent, rows);
    this.e.segmentIndex = { indexNode: groups.indexNode, segment: variableOf(group), row: variableOf(row) };
    for (const root of this.plan.loop.roots) {
      if (root.kind === 'segment') this.emitGroupSum(root, groups, piece, group, row, team, rows, body);
      else this.emitRoot(root, row, rows);
    }
    const name = target.nameOf(at);
    body.lines.push(
      `for (var ${name} = firstRow + slot % ${team}; ${name} < endRow; ${name} += ${team}) {`,
      ...rows.lines,
      '}',
    );
    for (const finish of this.groupFinishers) finish(body);
    this.prologue.lines.push(`for (var ${round} = 0; ${round} < ${rounds}; ${round}++) {`, ...body.lines, '}');
  }

  /** Every element of the only root by one invocation, whatever it sums up. */
  private emitAllElements(): void {
    const { slots } = this.plan.shape;
    const [{ node }] = this.plan.loop.roots;
    const { shape } = this.e.node(node);
    const size = sizeOf(shape);
    const body = new WgslScope(this.prologue, 1);
    const element = this.target.newVariable(size, 1);
    const index = this.e.reshapeIndex([variableIndex(element)], [size], shape, body);
    const value = this.e.computed(node, index, body) as WgslValue;
    this.target.storeRoot(node, variableIndex(element), value, body);
    const name = this.target.nameOf(element);
    const [first, step] = [`block * ${slots} + slot`, slots * this.plan.blocks];
    this.prologue.lines.push(
      `for (var ${name} = ${first}; ${name} < ${size}; ${name} += ${step}) {`,
      ...body.lines,
      '}',
    );
  }

  /**
   * Rows in chunks of one for each slot: all leave their value in workgroup memory, then each takes up the groups it owns.
   * Sums need no atomics, and their order is that of the rows.
   */
  private emitScatter(): void {
    const { loop, shape, blocks } = this.plan;
    const { target } = this;
    const [root] = loop.roots;
    const { inputs, shape: table } = this.e.node(root.node);
    const inner = sizeOf(table.slice(1));
    const { extent } = loop;
    const count = table[0];
    const owned = Math.ceil(count / shape.slots);
    const chunks = Math.ceil(extent / blocks / shape.slots);
    const tile = this.tileIndex(inner);
    const rest = this.e.reshapeIndex([tile], [inner], table.slice(1), this.prologue);
    const body = new WgslScope(this.prologue, 1);
    const chunk = target.newName('chunk');
    body.lines.push(`let place = (block * ${chunks} + ${chunk}) * ${shape.slots} + slot;`);
    const row = target.indexLet(`min(place, ${extent - 1})`, extent, body);
    const group = this.e.lookUp(inputs[1], [row], count, body);
    const value = this.e.value(inputs[0], [row, ...rest], body) as WgslValue;
    const type = this.program.laneType;
    body.lines.push(
      `rowGroup[slot] = select(-1, ${target.index(group)}, place < ${extent});`,
      `shared0[invocation] = ${target.as('lanes', value)};`,
      'workgroupBarrier();',
      `for (var row = 0; row < ${shape.slots}; row++) {`,
      `let owner = rowGroup[row];`,
      `let value = shared0[row * ${shape.lanes} + laneInGroup];`,
      ...Array.from(
        { length: owned },
        (_, k) => `owned${k} += select(${type}(0.0), value, owner == slot + ${k * shape.slots});`,
      ),
      '}',
      'workgroupBarrier();',
    );
    for (let k = 0; k < owned; k++) this.prologue.lines.push(`var owned${k} = ${type}(0.0);`);
    this.prologue.lines.push(`for (var ${chunk} = 0; ${chunk} < ${chunks}; ${chunk}++) {`, ...body.lines, '}');
    const store = this.shareStore(root.node, 'sum', false);
    for (let k = 0; k < owned; k++) {
      const scope = new WgslScope(this.prologue, 1);
      const own = target.indexLet(`slot + ${k * shape.slots}`, count, scope);
      const element = flattenIndices([own, tile], [inner, 1]);
      store.high(element, `owned${k}`, scope);
      this.prologue.lines.push(`if (slot + ${k * shape.slots} < ${count}) {`, ...scope.lines, '}');
    }
  }

  // ---- roots ----

  /** Code of a root for one row; sums over all rows are joined when the loop is over. */
  private emitRoot(root: Root, at: Index, body: WgslScope): void {
    if (root.kind !== 'reduce') {
      emitElements(this.e, root, at, body);
      return;
    }
    const { operation, inputs, shape } = this.e.node(root.node);
    if (operation.op !== 'reduce') throw new Error('not a reduction');
    const source = this.e.node(inputs[0]).shape;
    const keptAxes = source.flatMap((_, axis) => (operation.axes.includes(axis) ? [] : [axis]));
    const isPair = this.low.has(root.node);
    const sums: string[] = [];
    this.forEachKept(shape, (kept) => {
      const index = source.map((_, axis) =>
        axis === root.loopAxis ? at : keptAxes.includes(axis) ? kept[keptAxes.indexOf(axis)] : undefined,
      );
      const value = this.e.reduceInside(inputs[0], operation.fn, index, body) as WgslValue;
      sums.push(this.sumOverRows(operation.fn, isPair, value, body));
    });
    this.finishers.push(() => this.joinOverRows(root.node, operation.fn, isPair, sums));
  }

  /** Adds a row's value to a register, whose name is returned. */
  private sumOverRows(fn: ReduceFunction, isPair: boolean, value: WgslValue, body: WgslScope): string {
    const { target } = this;
    const type = this.program.laneType;
    const sum = target.newName('total');
    this.prologue.lines.push(`var ${sum} = ${type}(${target.number(finite(neutralElement[fn]))});`);
    if (isPair) {
      target.uses.zero = true;
      this.prologue.lines.push(`var ${sum}Low = ${type}(0.0);`);
      body.lines.push(`addToPair(&${sum}, &${sum}Low, ${target.as('lanes', value)});`);
    } else {
      body.lines.push(`${sum} = ${joined(fn, sum, target.as('lanes', value))};`);
    }
    return sum;
  }

  /** Joins the invocations' sums of a root, and puts the workgroup's share where it belongs. */
  private joinOverRows(node: NodeId, fn: ReduceFunction, isPair: boolean, sums: readonly string[]): void {
    const store = this.shareStore(node, fn, isPair);
    const { slots } = this.plan.shape;
    this.forEachSum(sums, isPair, sizeOf(this.e.node(node).shape), this.prologue, (sum, low, element, guard, scope) => {
      const inner = new WgslScope(scope, scope.depth + 1);
      if (isPair) {
        scope.lines.push(`let all = joinPairs(${sum}, ${low});`);
        store.high(element, 'all.high', inner);
        store.low(element, 'all.low', inner);
      } else {
        scope.lines.push(`let all = join_${fn}(${sum}, ${slots});`);
        store.high(element, 'all', inner);
      }
      scope.lines.push(`if (slot == 0${guard}) {`, ...inner.lines, '}');
    });
  }

  /**
   * Code for each of a root's sums, in a loop where there are several: barriers are few in the code, because some drivers'
   * compilers take a time that grows with their square.
   */
  private forEachSum(
    sums: readonly string[],
    isPair: boolean,
    size: number,
    outer: WgslScope,
    visit: (sum: string, low: string, element: Index, guard: string, scope: WgslScope) => void,
  ): void {
    const { target } = this;
    const { tile } = this.plan.loop;
    const scope = new WgslScope(outer, outer.depth + 1);
    const copy = (names: readonly string[]): string => {
      const list = target.newName('list');
      outer.lines.push(`var ${list} = array<${this.program.laneType}, ${names.length}>(${names.join(', ')});`);
      return list;
    };
    const isLoop = sums.length > 1;
    const counter = target.newVariable(sums.length, scope.depth);
    const at = target.nameOf(counter);
    const [high, low] = isLoop
      ? [copy(sums), isPair ? copy(sums.map((sum) => `${sum}Low`)) : '']
      : [sums[0], `${sums[0]}Low`];
    let element = isLoop ? variableIndex(counter) : constantIndex(0);
    let guard = '';
    if (tile !== undefined) {
      const position = `tile * ${tile} + ${target.index(element)}`;
      guard = ` && ${position} < ${size}`;
      element = target.indexLet(`min(${position}, ${size - 1})`, size, scope);
    }
    visit(isLoop ? `${high}[${at}]` : high, isLoop ? `${low}[${at}]` : low, element, guard, scope);
    const opening = isLoop ? `for (var ${at} = 0; ${at} < ${sums.length}; ${at}++) {` : '{';
    outer.lines.push(opening, ...scope.lines, '}');
  }

  /** Where the workgroup's share of a root goes: with one block the root's own array. */
  private shareStore(node: NodeId, fn: ReduceFunction, isPair: boolean): { readonly high: Store; readonly low: Store } {
    const { blocks } = this.plan;
    const size = sizeOf(this.e.node(node).shape);
    const to =
      (array: LaneArray): Store =>
      (element, value, scope) =>
        scope.lines.push(`${this.target.element(array, this.blockElement(element, size))} = ${value};`);
    if (blocks === 1) {
      return { high: to(this.program.roots.get(node)!), low: isPair ? to(this.low.get(node)!) : never };
    }
    let known = this.combine.find((own) => own.node === node);
    if (known === undefined) {
      const arrays = this.program.memory.reserve(isPair ? [blocks * size, blocks * size] : [blocks * size]);
      known = { node, fn, size, blocks, partial: arrays[0], partialLow: arrays[1] };
      this.combine.push(known);
    }
    return { high: to(known.partial), low: isPair ? to(known.partialLow!) : never };
  }

  /** Position of an element in the share of this block. */
  private blockElement(element: Index, size: number): Index {
    if (this.plan.blocks === 1) return element;
    if (this.block === undefined) {
      const variable = this.target.newVariable(this.plan.blocks, 0);
      this.prologue.lines.unshift(`let ${this.target.nameOf(variable)} = block;`);
      this.block = variableIndex(variable);
    }
    return flattenIndices([this.block, element], [size, 1]);
  }
  /** A segment sum by the index that this loop's rows are grouped by. */
  private emitGroupSum(
    root: Root,
    groups: Groups,
    piece: Index,
    group: Index,
    row: Index,
    team: number,
    rows: WgslScope,
    body: WgslScope,
  ): void {
    const { target } = this;
    const { inputs, shape } = this.e.node(root.node);
    const inner = shape.slice(1);
    const size = sizeOf(inner);
    const isPieced = groups.groupOf !== undefined;
    let partial: LaneArray | undefined;
    if (isPieced) {
      [partial] = this.program.memory.reserve([groups.pieces * size]);
      this.join.push({ node: root.node, groups, inner: size, partial });
    }
    const sums: string[] = [];
    this.forEachKept(inner, (rest) => {
      const value = this.e.value(inputs[0], [row, ...rest], rows) as WgslValue;
      const sum = target.newAccumulator(true, 0, body);
      target.accumulate(sum, 'sum', value, rows);
      sums.push(sum.name);
    });
    const isFirst = team === 1 ? 'isInside' : `isInside && slot % ${team} == 0`;
    this.groupFinishers.push((end) =>
      this.forEachSum(sums, false, size, end, (sum, _, element, guard, scope) => {
        if (team > 1) scope.lines.push(`let all = join_sum(${sum}, ${team});`);
        const array = partial ?? this.program.roots.get(root.node)!;
        const place = flattenIndices([isPieced ? piece : group, element], [size, 1]);
        const store = `${target.element(array, place)} = ${team > 1 ? 'all' : sum};`;
        scope.lines.push(`if (${isFirst}${guard}) {`, store, '}');
      }),
    );
  }

  /** The elements of a root (of one group) that this workgroup sums up: all, or those of its tile. */
  private forEachKept(shape: readonly number[], visit: (index: readonly Index[]) => void): void {
    const size = sizeOf(shape);
    const { tile } = this.plan.loop;
    if (tile === undefined) {
      if (size > unrollLimit * 4) throw new Error(`a sum of ${size} elements needs tiles`);
      this.e.forEachLiteral(shape, (position) => visit(position.map(constantIndex)));
      return;
    }
    for (let k = 0; k < Math.min(tile, size); k++) {
      const element = this.target.indexLet(`min(tile * ${tile} + ${k}, ${size - 1})`, size, this.prologue);
      visit(this.e.reshapeIndex([element], [size], shape, this.prologue));
    }
  }

  /** The only element of this workgroup's tile. */
  private tileIndex(size: number): Index {
    return size === 1 ? constantIndex(0) : this.target.indexLet('tile', size, this.prologue);
  }
}

const never: Store = () => {
  throw new Error('a plain sum has no low part');
};
