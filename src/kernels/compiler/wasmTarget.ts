// WebAssembly as a target of loop nests: addresses computed once per scope, loads in the form that is needed.
import {
  type BinaryFunction,
  type NodeId,
  type ReduceFunction,
  stridesOf,
  type UnaryFunction,
} from '../program/tensorProgram.js';
import { unrollLimit } from './analysis.js';
import type { BoundProgram } from './expressions.js';
import {
  constantIndex,
  flattenIndices,
  type Index,
  indexDepth,
  indexKey,
  indexRange,
  type IndexVariable,
  offsetIndex,
  variableIndex,
} from './indexing.js';
import type { DataArray, MemoryLayout, StoredColumn } from './memoryLayout.js';
import { storageBytes } from './memoryLayout.js';
import { reductionFunction } from './loops.js';
import { isReadByColumns, literal, type Target } from './target.js';
import { type Arithmetic, WasmScope, type WasmValue } from './values.js';

type WasmAccumulator = Exclude<WasmValue, { kind: 'literal' | 'laneMask' }>;

/** Where things are in memory, shared by all functions of a compiled program. */
export interface Addresses extends BoundProgram {
  readonly layout: MemoryLayout;
  /** Address of each parameter block, `[element][lane]`. */
  readonly parameters: ReadonlyMap<string, number>;
  /** Address of each root's array: `[element][lane]` where it varies between chains, `[element]` of f64 elsewhere. */
  readonly roots: ReadonlyMap<NodeId, number>;
  /** Lanes in memory (the stride between elements), a multiple of two. */
  readonly lanes: number;
}

/** Ids of indices that are computed while running start here; loop counters are numbered from 0. */
const runTimeIndex = 1_000_000;

export class WasmTarget implements Target {
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

  unary(fn: UnaryFunction, x: WasmValue, scope: WasmScope): WasmValue {
    return this.arithmetic.unary(fn, x, scope);
  }

  binary(fn: BinaryFunction, a: WasmValue, b: WasmValue, scope: WasmScope): WasmValue {
    return this.arithmetic.binary(fn, a, b, scope);
  }

  select(condition: WasmValue, yes: WasmValue, no: WasmValue, scope: WasmScope): WasmValue {
    return this.arithmetic.select(condition, yes, no, scope);
  }

  newAccumulator(varies: boolean, initial: number, scope: WasmScope): WasmAccumulator {
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

  accumulate(accumulator: WasmAccumulator, fn: ReduceFunction, value: WasmValue, scope: WasmScope): void {
    const name = reductionFunction[fn];
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

  loop(scope: WasmScope, extent: number, body: (inner: WasmScope, variable: IndexVariable) => void): void {
    const local = this.fn.local('i32');
    const inner = new WasmScope(scope, scope.depth + 1);
    body(inner, this.variable(local, extent, inner.depth));
    scope.code.i32Const(0).set(local).loop().append(inner.code);
    scope.code.get(local).i32Const(1).op('i32_add').tee(local).i32Const(extent).op('i32_lt_u').branchIf(0).op('end');
  }

  divideIndex(index: Index, divisor: number, scope: WasmScope): { quotient: Index; remainder: Index } {
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

  indexNumber(index: Index, scope: WasmScope): WasmValue {
    const target = scope.at(indexDepth(index));
    const local = this.fn.local('f64');
    this.pushIndex(index, target);
    target.code.op('f64_convert_i32_s').set(local);
    return { kind: 'shared', local, depth: target.depth };
  }

  indexWithin(index: Index, low: number, high: number, scope: WasmScope): WasmValue {
    const target = scope.at(indexDepth(index));
    const local = this.fn.local('f64');
    this.pushIndex(offsetIndex(index, -low), target);
    target.code
      .i32Const(high - low)
      .op('i32_lt_u', 'f64_convert_i32_s')
      .set(local);
    return { kind: 'shared', local, depth: target.depth };
  }

  clampIndex(index: Index, extent: number, scope: WasmScope): Index {
    const target = scope.at(indexDepth(index));
    return this.indexLocal(`clamped|${indexKey(index)}|${extent}`, extent, target, () => {
      const local = this.fn.local('i32');
      this.pushIndex(index, target);
      target.code.tee(local).i32Const(0).get(local).i32Const(extent).op('i32_lt_u', 'select');
    });
  }

  asIndex(value: WasmValue, extent: number, scope: WasmScope): Index {
    if (value.kind !== 'shared') throw new Error('an index must be the same for all chains');
    const target = scope.at(value.depth);
    return this.indexLocal(`index|${value.local}|${extent}`, extent, target, () => {
      target.code.get(value.local).op('i32_trunc_sat_f64_s');
    });
  }

  storeRoot(id: NodeId, position: Index, value: WasmValue, scope: WasmScope): void {
    this.storeAt(this.addresses.roots.get(id)!, this.addresses.analysis.varies[id], position, value, scope);
  }

  storeAt(base: number, varies: boolean, position: Index, value: WasmValue, scope: WasmScope, pointer?: number): void {
    if (varies) this.storeLanes(base, position, value, scope, pointer);
    else this.storeShared(base, position, value, scope, pointer);
  }

  /** Pushes the address (without its static offset) of element `position` of an array, and returns the offset to add. */
  pushAddress(
    scope: WasmScope,
    base: number,
    position: Index,
    elementBytes: number,
    pointer: number | undefined,
  ): number {
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

  private storeLanes(
    base: number,
    position: Index,
    value: WasmValue,
    scope: WasmScope,
    pointer = this.lanePointer,
  ): void {
    for (let v = 0; v < this.arithmetic.vectors; v++) {
      const offset = this.pushAddress(scope, base, position, this.addresses.lanes * 8, pointer);
      this.arithmetic.pushLane(scope.code, value, v, scope);
      scope.code.mem('v128_store', offset + v * 16);
    }
  }

  private storeShared(base: number, position: Index, value: WasmValue, scope: WasmScope, pointer?: number): void {
    const offset = this.pushAddress(scope, base, position, 8, pointer);
    this.arithmetic.pushShared(scope.code, value);
    scope.code.mem('f64_store', offset);
  }

  private loadLanes(base: number, position: Index, scope: WasmScope, pointer = this.lanePointer): WasmValue {
    const target = scope.at(indexDepth(position));
    const locals = Array.from({ length: this.arithmetic.vectors }, (_, v) => {
      const offset = this.pushAddress(target, base, position, this.addresses.lanes * 8, pointer);
      const local = this.fn.local('v128');
      target.code.mem('v128_load', offset + v * 16).set(local);
      return local;
    });
    return { kind: 'lanes', locals, depth: target.depth };
  }

  loadParameter(name: string, position: Index, scope: WasmScope): WasmValue {
    const base = this.addresses.parameters.get(name);
    if (base === undefined) throw new Error(`parameter ${name} has no address`);
    return this.loadLanes(base, position, scope);
  }

  loadRoot(id: NodeId, position: Index, scope: WasmScope): WasmValue {
    const base = this.addresses.roots.get(id)!;
    return this.addresses.analysis.varies[id]
      ? this.loadLanes(base, position, scope)
      : this.loadDouble(base, position, scope);
  }

  storedIndex(name: string, position: Index, extent: number, scope: WasmScope): Index {
    const array = this.addresses.data.get(name)!;
    const column = this.addresses.layout.indices(`indices ${name}`, array);
    if ('constant' in column) return constantIndex(column.constant);
    const target = scope.at(indexDepth(position));
    return this.indexLocal(`index|${name}|${indexKey(position)}|${extent}`, extent, target, () => {
      this.pushStored(column, position, target);
    });
  }

  /** A variable for an index that `push` leaves on the stack, computed once per scope. */
  private indexLocal(key: string, extent: number, target: WasmScope, push: () => void): Index {
    let local = this.findAddress(target, key);
    if (local === undefined) {
      local = this.fn.local('i32');
      push();
      target.code.set(local);
      target.addresses.set(key, local);
    }
    return variableIndex({ id: runTimeIndex + local, local, extent, depth: target.depth });
  }

  private pushIndex(index: Index, scope: WasmScope): void {
    scope.code.i32Const(index.constant);
    for (const { variable, coefficient } of index.terms) {
      scope.code.get(variable.local).i32Const(coefficient).op('i32_mul', 'i32_add');
    }
  }

  private findAddress(scope: WasmScope, key: string): number | undefined {
    for (let at: WasmScope | undefined = scope; at !== undefined; at = at.parent) {
      const found = at.addresses.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private loadDouble(base: number, position: Index, scope: WasmScope): WasmValue {
    const target = scope.at(indexDepth(position));
    return this.arithmetic.stored(target, (load) => {
      target.code.mem(load, this.pushAddress(target, base, position, 8, undefined));
    });
  }

  /** Reads a data array: by columns where all but the first index are literals, else row-major. */
  loadArray(key: string, array: DataArray, index: readonly Index[], scope: WasmScope): WasmValue {
    const strides = stridesOf(array.shape);
    const { layout } = this.addresses;
    if (isReadByColumns(array.shape, index, unrollLimit * 4)) {
      const start = flattenIndices(index.slice(1), strides.slice(1)).constant;
      const column = layout.column(`${key}|column ${start}`, array, start, strides[0], array.shape[0]);
      return 'constant' in column ? literal(column.constant) : this.loadStored(column, index[0], scope);
    }
    const column = layout.column(key, array, 0, 1, array.values.length);
    return 'constant' in column
      ? literal(column.constant)
      : this.loadStored(column, flattenIndices(index, strides), scope);
  }

  private loadStored(array: StoredColumn, position: Index, scope: WasmScope): WasmValue {
    if (array.storage === 'f64') return this.loadDouble(array.base, position, scope);
    const target = scope.at(indexDepth(position));
    this.pushStored(array, position, target);
    target.code.op(array.storage === 'f32' ? 'f64_promote_f32' : 'f64_convert_i32_s');
    const local = this.fn.local('f64');
    target.code.set(local);
    return { kind: 'shared', local, depth: target.depth };
  }

  /** Pushes an element as it is stored: an i32, an f32 or an f64. */
  private pushStored(array: StoredColumn, position: Index, scope: WasmScope): void {
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
