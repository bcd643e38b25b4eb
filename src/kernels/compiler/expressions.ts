// Generates the value of any node at any symbolic index: views become index arithmetic, everything else is computed once
// per scope and remembered.
import { type NodeId, sizeOf, stridesOf, type TensorNode, type TensorProgram } from '../program/tensorProgram.js';
import { type Analysis, unrollLimit } from './analysis.js';
import {
  constantIndex,
  divideIndex,
  flattenIndices,
  type Index,
  indexDepth,
  indexKey,
  indexRange,
  type IndexVariable,
  offsetIndex,
  scaleIndex,
  variableIndex,
} from './indexing.js';
import type { DataArray, MemoryLayout, StoredArray } from './memoryLayout.js';
import { storageBytes } from './memoryLayout.js';
import { Arithmetic, depthOf, literal, Scope, type Value } from './values.js';

/** Where things are in memory, shared by all functions of a compiled program. */
export interface Addresses {
  readonly program: TensorProgram;
  readonly analysis: Analysis;
  readonly layout: MemoryLayout;
  readonly data: ReadonlyMap<string, DataArray>;
  /** Address of each parameter block, `[element][lane]`. */
  readonly parameters: ReadonlyMap<string, number>;
  /** Address of each root's array: `[element][lane]` where it varies between chains, `[element]` of f64 elsewhere. */
  readonly roots: ReadonlyMap<NodeId, number>;
  /** Lanes in memory (the stride between elements), a multiple of two. */
  readonly lanes: number;
}

/** The sorted index array that a loop nest's rows are grouped by, with the counter of the enclosing segment loop. */
export interface SegmentIndex {
  readonly indexNode: NodeId;
  readonly segment: IndexVariable;
  readonly row: IndexVariable;
}

const combine = { sum: 'add', prod: 'mul', max: 'max', min: 'min' } as const;
export const reductionFunction = combine;
export const neutralElement = { sum: 0, prod: 1, max: -Infinity, min: Infinity } as const;

/** Ids of indices that are computed while running start here; loop counters are numbered from 0. */
const runTimeIndex = 1_000_000;

/** Copies of the body of a loop that only adds up. */
export const loopCopies = 4;

export class Expressions {
  segmentIndex: SegmentIndex | undefined;
  private nextVariable = 0;

  constructor(
    readonly addresses: Addresses,
    readonly arithmetic: Arithmetic,
    /** Local that holds the byte offset of this call's chains. */
    private readonly lanePointer: number,
  ) {}

  get fn() {
    return this.arithmetic.fn;
  }

  variable(local: number, extent: number, depth: number): IndexVariable {
    return { id: this.nextVariable++, local, extent, depth };
  }

  node(id: NodeId): TensorNode {
    return this.addresses.program.nodes[id];
  }

  /** The element of node `id` at `index`, read from memory where the node has an array. */
  value(id: NodeId, index: readonly Index[], scope: Scope): Value {
    return this.remember(`${id}|${index.map(indexKey).join()}`, scope, () =>
      this.addresses.analysis.roots.has(id) ? this.loadRoot(id, index, scope) : this.compute(id, index, scope),
    );
  }

  /** The element computed from the node's inputs, whether or not the node has an array. */
  compute(id: NodeId, index: readonly Index[], scope: Scope): Value {
    const { operation, inputs, shape } = this.node(id);
    switch (operation.op) {
      case 'parameter': {
        const base = this.addresses.parameters.get(operation.name);
        if (base === undefined) throw new Error(`parameter ${operation.name} has no address`);
        return this.loadLanes(base, flattenIndices(index, stridesOf(shape)), scope);
      }
      case 'data':
        return this.loadData(operation.name, index, scope);
      case 'constant':
        return this.loadArray(`constant${id}`, { shape, values: operation.values }, index, scope);
      case 'iota':
        return this.indexValue(index[0], scope);
      case 'unary':
        return this.arithmetic.unary(operation.fn, this.broadcastInput(inputs[0], index, scope), scope);
      case 'binary':
        return this.arithmetic.binary(
          operation.fn,
          this.broadcastInput(inputs[0], index, scope),
          this.broadcastInput(inputs[1], index, scope),
          scope,
        );
      case 'select': {
        const [condition, yes, no] = inputs.map((input) => this.broadcastInput(input, index, scope));
        return this.arithmetic.select(condition, yes, no, scope);
      }
      case 'broadcast':
        return this.broadcastInput(inputs[0], index, scope);
      case 'reshape':
        return this.value(inputs[0], this.reshapeIndex(index, shape, this.node(inputs[0]).shape, scope), scope);
      case 'transpose': {
        const source = operation.permutation.map((_, axis) => index[operation.permutation.indexOf(axis)]);
        return this.value(inputs[0], source, scope);
      }
      case 'slice': {
        const source = index.map((i, axis) => offsetIndex(scaleIndex(i, operation.step[axis]), operation.begin[axis]));
        return this.value(inputs[0], source, scope);
      }
      case 'pad':
        return this.padded(inputs[0], index, operation.before, operation.value, scope);
      case 'concat':
        return this.concatenated(inputs, index, operation.axis, scope);
      case 'reduce': {
        const kept = index;
        const source = this.node(inputs[0]).shape;
        let next = 0;
        const full = source.map((_, axis) => (operation.axes.includes(axis) ? undefined : kept[next++]));
        return this.reduceInside(inputs[0], operation.fn, full, scope);
      }
      case 'gather': {
        const rank = this.node(inputs[1]).shape.length;
        const row = this.lookUp(inputs[1], index.slice(0, rank), this.node(inputs[0]).shape[0], scope);
        return this.value(inputs[0], [row, ...index.slice(rank)], scope);
      }
      case 'segmentSum':
      case 'cumsum':
      case 'cholesky':
      case 'triangularSolve':
        throw new Error(`${operation.op} is computed by its own loop`);
      default:
        throw new Error((operation satisfies never as { op: string }).op);
    }
  }

  /**
   * Reduction of node `id` over the axes whose index is undefined: written out when short, a loop when long.
   */
  reduceInside(id: NodeId, fn: keyof typeof combine, index: readonly (Index | undefined)[], scope: Scope): Value {
    const { shape } = this.node(id);
    const open = index.flatMap((i, axis) => (i === undefined ? [axis] : []));
    if (open.length === 0) return this.value(id, index as Index[], scope);
    const count = sizeOf(open.map((axis) => shape[axis]));
    if (count <= unrollLimit) {
      const terms: Value[] = [];
      this.forEachLiteral(
        open.map((axis) => shape[axis]),
        (position) => {
          const full = index.map((i, axis) => i ?? constantIndex(position[open.indexOf(axis)]));
          terms.push(this.value(id, full, scope));
        },
      );
      return this.balanced(combine[fn], terms, scope);
    }
    const longest = open.reduce((best, axis) => (shape[axis] > shape[best] ? axis : best));
    const outer = scope.at(index.reduce((depth, i) => Math.max(depth, i === undefined ? 0 : indexDepth(i)), 0));
    const varies = this.addresses.analysis.varies[id];
    // Short bodies are repeated, each with a sum of its own: one sum would wait for itself at every step.
    const copies = count === shape[longest] ? loopCopies : 1;
    const sums = Array.from({ length: copies }, () => this.newAccumulator(varies, neutralElement[fn], outer));
    this.repeatedLoop(outer, shape[longest], copies, (inner, place, copy) => {
      const narrowed = index.map((i, axis) => (axis === longest ? place : i));
      this.accumulate(sums[copy], fn, this.reduceInside(id, fn, narrowed, inner), inner);
    });
    return this.balanced(combine[fn], sums, outer);
  }

  /** A mutable value, set to a literal in `scope`; read it only after the loop that changes it has closed. */
  newAccumulator(varies: boolean, initial: number, scope: Scope): Exclude<Value, { kind: 'literal' | 'laneMask' }> {
    if (!varies) {
      const local = this.fn.local('f64');
      scope.code.f64Const(initial).set(local);
      return { kind: 'shared', local, depth: scope.depth };
    }
    const locals = Array.from({ length: this.arithmetic.vectors }, () => {
      const local = this.fn.local('v128');
      scope.code.f64x2Const(initial).set(local);
      return local;
    });
    return { kind: 'lanes', locals, depth: scope.depth };
  }

  /** accumulator ← accumulator ∘ value, executed in `scope` at every pass. */
  accumulate(
    accumulator: Exclude<Value, { kind: 'literal' | 'laneMask' }>,
    fn: keyof typeof combine,
    value: Value,
    scope: Scope,
  ): void {
    const name = combine[fn];
    if (accumulator.kind === 'shared') {
      scope.code.get(accumulator.local);
      this.arithmetic.pushShared(scope.code, value);
      scope.code.op(`f64_${name}`).set(accumulator.local);
      return;
    }
    for (const [v, local] of accumulator.locals.entries()) {
      scope.code.get(local);
      this.arithmetic.pushLane(scope.code, value, v, scope);
      scope.code.op(`f64x2_${name}`).set(local);
    }
  }

  /** A counted loop appended to `scope`; `body` fills the inner scope. */
  loop(scope: Scope, extent: number, body: (inner: Scope, variable: IndexVariable) => void): void {
    const local = this.fn.local('i32');
    const inner = new Scope(scope, scope.depth + 1);
    body(inner, this.variable(local, extent, inner.depth));
    scope.code.i32Const(0).set(local).loop().append(inner.code);
    scope.code.get(local).i32Const(1).op('i32_add').tee(local).i32Const(extent).op('i32_lt_u').branchIf(0).op('end');
  }

  /** A loop whose body stands `copies` times in a row, and what is left over after it. */
  private repeatedLoop(
    scope: Scope,
    extent: number,
    copies: number,
    body: (inner: Scope, place: Index, copy: number) => void,
  ): void {
    const passes = Math.floor(extent / copies);
    this.loop(scope, passes, (inner, variable) => {
      for (let copy = 0; copy < copies; copy++) {
        body(inner, offsetIndex(scaleIndex(variableIndex(variable), copies), copy), copy);
      }
    });
    for (let rest = passes * copies; rest < extent; rest++) body(scope, constantIndex(rest), rest - passes * copies);
  }

  /**
   * Runs `body` for every position of an index space: written out when small, else loops over its longest axes. `copies` of
   * the body stand in the innermost loop.
   */
  forEach(
    extents: readonly number[],
    scope: Scope,
    body: (index: readonly Index[], inner: Scope) => void,
    copies = 1,
  ): void {
    const visit = (index: readonly (Index | undefined)[], inner: Scope): void => {
      const open = index.flatMap((i, axis) => (i === undefined ? [axis] : []));
      const count = sizeOf(open.map((axis) => extents[axis]));
      if (count <= unrollLimit) {
        this.forEachLiteral(
          open.map((axis) => extents[axis]),
          (position) =>
            body(
              index.map((i, axis) => i ?? constantIndex(position[open.indexOf(axis)])),
              inner,
            ),
        );
        return;
      }
      const longest = open.reduce((best, axis) => (extents[axis] > extents[best] ? axis : best));
      this.repeatedLoop(inner, extents[longest], count === extents[longest] ? copies : 1, (deeper, place) =>
        visit(
          index.map((i, axis) => (axis === longest ? place : i)),
          deeper,
        ),
      );
    };
    visit(
      extents.map(() => undefined),
      scope,
    );
  }

  /** Pushes the address (without its static offset) of element `position` of an array, and returns the offset to add. */
  pushAddress(scope: Scope, base: number, position: Index, elementBytes: number, pointer: number | undefined): number {
    const target = scope.at(indexDepth(position));
    const moving: Index = { constant: 0, terms: position.terms };
    // Addresses are unsigned: the moving part starts at 0, and what its terms subtract at most is in the static offset.
    const { min } = indexRange(moving);
    const offset = base + (position.constant + min) * elementBytes;
    if (position.terms.length === 0) {
      if (pointer === undefined) scope.code.i32Const(0);
      else scope.code.get(pointer);
      return offset;
    }
    const key = `${pointer ?? ''}|${indexKey(moving)}|${elementBytes}`;
    let local = this.findAddress(scope, key);
    if (local === undefined) {
      local = this.fn.local('i32');
      target.code.i32Const(-min * elementBytes);
      if (pointer !== undefined) target.code.get(pointer).op('i32_add');
      for (const { variable, coefficient } of position.terms) {
        target.code
          .get(variable.local)
          .i32Const(coefficient * elementBytes)
          .op('i32_mul', 'i32_add');
      }
      target.code.set(local);
      target.addresses.set(key, local);
    }
    scope.code.get(local);
    return offset;
  }

  /** Stores a value that varies between chains (or is the same for all) in a lane array. */
  storeLanes(base: number, position: Index, value: Value, scope: Scope, pointer = this.lanePointer): void {
    for (let v = 0; v < this.arithmetic.vectors; v++) {
      const offset = this.pushAddress(scope, base, position, this.addresses.lanes * 8, pointer);
      this.arithmetic.pushLane(scope.code, value, v, scope);
      scope.code.mem('v128_store', offset + v * 16);
    }
  }

  storeShared(base: number, position: Index, value: Value, scope: Scope, pointer?: number): void {
    const offset = this.pushAddress(scope, base, position, 8, pointer);
    this.arithmetic.pushShared(scope.code, value);
    scope.code.mem('f64_store', offset);
  }

  loadLanes(base: number, position: Index, scope: Scope, pointer = this.lanePointer): Value {
    const target = scope.at(indexDepth(position));
    const locals = Array.from({ length: this.arithmetic.vectors }, (_, v) => {
      const offset = this.pushAddress(target, base, position, this.addresses.lanes * 8, pointer);
      const local = this.fn.local('v128');
      target.code.mem('v128_load', offset + v * 16).set(local);
      return local;
    });
    return { kind: 'lanes', locals, depth: target.depth };
  }

  /** The index into `extent` rows that an index node holds at a position. */
  lookUp(id: NodeId, position: readonly Index[], extent: number, scope: Scope): Index {
    const segments = this.segmentIndex;
    if (segments?.indexNode === id && indexKey(position[0]) === indexKey(variableIndex(segments.row))) {
      return variableIndex(segments.segment);
    }
    const { operation, shape } = this.node(id);
    if (operation.op === 'data')
      return this.storedIndex(operation.name, flattenIndices(position, stridesOf(shape)), extent, scope);
    const value = this.value(id, position, scope);
    if (value.kind === 'literal') return constantIndex(value.value);
    if (value.kind !== 'shared') throw new Error('gather and segmentSum need indices that do not depend on parameters');
    const target = scope.at(value.depth);
    return this.indexLocal(`index|${value.local}|${extent}`, extent, target, () => {
      target.code.get(value.local).op('i32_trunc_sat_f64_s');
    });
  }

  /** An index read from the data, where it is stored as an integer. */
  private storedIndex(name: string, position: Index, extent: number, scope: Scope): Index {
    const array = this.addresses.data.get(name)!;
    const column = this.addresses.layout.indices(`indices ${name}`, array);
    if ('constant' in column) return constantIndex(column.constant);
    const target = scope.at(indexDepth(position));
    return this.indexLocal(`index|${name}|${indexKey(position)}|${extent}`, extent, target, () => {
      this.pushStored(column, position, target);
    });
  }

  /** A variable for an index that `push` leaves on the stack, computed once per scope. */
  private indexLocal(key: string, extent: number, target: Scope, push: () => void): Index {
    let local = this.findAddress(target, key);
    if (local === undefined) {
      local = this.fn.local('i32');
      push();
      target.code.set(local);
      target.addresses.set(key, local);
    }
    return variableIndex({ id: runTimeIndex + local, local, extent, depth: target.depth });
  }

  // ---- pieces ----

  private remember(key: string, scope: Scope, make: () => Value): Value {
    for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
      const found = at.memo.get(key);
      if (found !== undefined) return found;
    }
    const value = make();
    scope.at(depthOf(value)).memo.set(key, value);
    return value;
  }

  private findAddress(scope: Scope, key: string): number | undefined {
    for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
      const found = at.addresses.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private broadcastInput(id: NodeId, index: readonly Index[], scope: Scope): Value {
    const { shape } = this.node(id);
    const aligned = index.slice(index.length - shape.length);
    return this.value(
      id,
      shape.map((extent, axis) => (extent === 1 ? constantIndex(0) : aligned[axis])),
      scope,
    );
  }

  private reshapeIndex(index: readonly Index[], from: readonly number[], to: readonly number[], scope: Scope): Index[] {
    let rest = flattenIndices(index, stridesOf(from));
    const out: Index[] = to.map(() => constantIndex(0));
    for (let axis = to.length - 1; axis >= 0; axis--) {
      if (to[axis] === 1) continue;
      const divided = axis === 0 ? { quotient: constantIndex(0), remainder: rest } : divideIndex(rest, to[axis]);
      const { quotient, remainder } = divided ?? this.divideAtRunTime(rest, to[axis], scope);
      out[axis] = remainder;
      rest = quotient;
    }
    return out;
  }

  private divideAtRunTime(index: Index, divisor: number, scope: Scope): { quotient: Index; remainder: Index } {
    const target = scope.at(indexDepth(index));
    const quotient = this.fn.local('i32');
    const remainder = this.fn.local('i32');
    this.pushIndex(index, target);
    target.code.tee(quotient).i32Const(divisor).op('i32_rem_u').set(remainder);
    target.code.get(quotient).i32Const(divisor).op('i32_div_u').set(quotient);
    const extent = Math.floor(indexRange(index).max / divisor) + 1;
    return {
      quotient: variableIndex(this.variable(quotient, extent, target.depth)),
      remainder: variableIndex(this.variable(remainder, divisor, target.depth)),
    };
  }

  private pushIndex(index: Index, scope: Scope): void {
    scope.code.i32Const(index.constant);
    for (const { variable, coefficient } of index.terms) {
      scope.code.get(variable.local).i32Const(coefficient).op('i32_mul', 'i32_add');
    }
  }

  private indexValue(index: Index, scope: Scope): Value {
    if (index.terms.length === 0) return literal(index.constant);
    const target = scope.at(indexDepth(index));
    const local = this.fn.local('f64');
    this.pushIndex(index, target);
    target.code.op('f64_convert_i32_s').set(local);
    return { kind: 'shared', local, depth: target.depth };
  }

  /** 1 where low ≤ index < high, as a shared number; a literal where that is certain. */
  private within(index: Index, low: number, high: number, scope: Scope): Value {
    const { min, max } = indexRange(index);
    if (min >= low && max < high) return literal(1);
    if (max < low || min >= high) return literal(0);
    const target = scope.at(indexDepth(index));
    const local = this.fn.local('f64');
    this.pushIndex(offsetIndex(index, -low), target);
    target.code
      .i32Const(high - low)
      .op('i32_lt_u', 'f64_convert_i32_s')
      .set(local);
    return { kind: 'shared', local, depth: target.depth };
  }

  /** The index limited to 0 … extent − 1, so that a value that is not wanted can still be read. */
  private clamped(index: Index, extent: number, scope: Scope): Index {
    const { min, max } = indexRange(index);
    if (min >= 0 && max < extent) return index;
    const key = `clamped|${indexKey(index)}|${extent}`;
    const known = this.findAddress(scope, key);
    const target = scope.at(indexDepth(index));
    const local = known ?? this.fn.local('i32');
    if (known === undefined) {
      this.pushIndex(index, target);
      target.code.tee(local).i32Const(0).get(local).i32Const(extent).op('i32_lt_u', 'select').set(local);
      target.addresses.set(key, local);
    }
    // Named after its local, so that equal indices are equal wherever they are asked for.
    return variableIndex({ id: runTimeIndex + local, local, extent, depth: target.depth });
  }

  private padded(
    id: NodeId,
    index: readonly Index[],
    before: readonly number[],
    fillValue: number,
    scope: Scope,
  ): Value {
    const { shape } = this.node(id);
    let inside: Value = literal(1);
    const source = index.map((i, axis) => {
      const moved = offsetIndex(i, -before[axis]);
      inside = this.arithmetic.binary('mul', inside, this.within(moved, 0, shape[axis], scope), scope);
      return moved;
    });
    if (inside.kind === 'literal' && (inside as { value: number }).value === 0) return literal(fillValue);
    const limited = source.map((i, axis) => this.clamped(i, shape[axis], scope));
    return this.arithmetic.select(inside, this.value(id, limited, scope), literal(fillValue), scope);
  }

  private concatenated(ids: readonly NodeId[], index: readonly Index[], axis: number, scope: Scope): Value {
    let result: Value | undefined;
    let begin = 0;
    for (const id of ids) {
      const extent = this.node(id).shape[axis];
      const here = this.within(index[axis], begin, begin + extent, scope);
      if (here.kind !== 'literal' || here.value !== 0) {
        const moved = this.clamped(offsetIndex(index[axis], -begin), extent, scope);
        const value = this.value(
          id,
          index.map((i, k) => (k === axis ? moved : i)),
          scope,
        );
        result = result === undefined ? value : this.arithmetic.select(here, value, result, scope);
      }
      begin += extent;
    }
    return result!;
  }

  private balanced(fn: 'add' | 'mul' | 'max' | 'min', terms: readonly Value[], scope: Scope): Value {
    if (terms.length === 1) return terms[0];
    const half = Math.ceil(terms.length / 2);
    const left = this.balanced(fn, terms.slice(0, half), scope);
    const right = this.balanced(fn, terms.slice(half), scope);
    return this.arithmetic.binary(fn, left, right, scope);
  }

  forEachLiteral(extents: readonly number[], body: (position: readonly number[]) => void): void {
    const strides = stridesOf(extents);
    for (let i = 0; i < sizeOf(extents); i++)
      body(strides.map((stride, axis) => Math.floor(i / stride) % extents[axis]));
  }

  private loadRoot(id: NodeId, index: readonly Index[], scope: Scope): Value {
    const base = this.addresses.roots.get(id)!;
    const position = flattenIndices(index, stridesOf(this.node(id).shape));
    if (this.addresses.analysis.varies[id]) return this.loadLanes(base, position, scope);
    return this.loadDouble(base, position, scope);
  }

  private loadDouble(base: number, position: Index, scope: Scope): Value {
    const target = scope.at(indexDepth(position));
    return this.arithmetic.stored(target, (load) => {
      target.code.mem(load, this.pushAddress(target, base, position, 8, undefined));
    });
  }

  private loadData(name: string, index: readonly Index[], scope: Scope): Value {
    const array = this.addresses.data.get(name);
    if (array === undefined) throw new Error(`data ${name} is missing`);
    return this.loadArray(`data ${name}`, array, index, scope);
  }

  /** Reads a data array: by columns where all but the first index are literals, else row-major. */
  private loadArray(key: string, array: DataArray, index: readonly Index[], scope: Scope): Value {
    const strides = stridesOf(array.shape);
    const position = flattenIndices(index, strides);
    if (position.terms.length === 0) return literal(array.values[position.constant]);
    const rows = array.shape[0];
    const inner = index.slice(1);
    const { layout } = this.addresses;
    if (inner.length > 0 && inner.every((i) => i.terms.length === 0) && sizeOf(array.shape) / rows <= unrollLimit * 4) {
      const start = flattenIndices(inner, strides.slice(1)).constant;
      const column = layout.column(`${key}|column ${start}`, array, start, strides[0], rows);
      return 'constant' in column ? literal(column.constant) : this.loadStored(column, index[0], scope);
    }
    const column = layout.column(key, array, 0, 1, array.values.length);
    return 'constant' in column ? literal(column.constant) : this.loadStored(column, position, scope);
  }

  private loadStored(array: StoredArray, position: Index, scope: Scope): Value {
    if (array.storage === 'f64') return this.loadDouble(array.base, position, scope);
    const target = scope.at(indexDepth(position));
    this.pushStored(array, position, target);
    target.code.op(array.storage === 'f32' ? 'f64_promote_f32' : 'f64_convert_i32_s');
    const local = this.fn.local('f64');
    target.code.set(local);
    return { kind: 'shared', local, depth: target.depth };
  }

  /** Pushes an element as it is stored: an i32, an f32 or an f64. */
  private pushStored(array: StoredArray, position: Index, scope: Scope): void {
    const loads = {
      u8: 'i32_load8_u',
      u16: 'i32_load16_u',
      i32: 'i32_load',
      f32: 'f32_load',
      f64: 'f64_load',
    } as const;
    const offset = this.pushAddress(scope, array.base, position, storageBytes[array.storage], undefined);
    scope.code.mem(loads[array.storage], offset);
  }
}
