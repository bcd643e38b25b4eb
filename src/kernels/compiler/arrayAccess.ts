// Reads and writes elements of arrays at symbolic indices: addresses computed once per scope, loads in the form that is needed.
import { type NodeId, sizeOf, stridesOf, type TensorNode, type TensorProgram } from '../program/tensorProgram.js';
import { type Analysis, unrollLimit } from './analysis.js';
import {
  constantIndex,
  flattenIndices,
  type Index,
  indexDepth,
  indexKey,
  indexRange,
  type IndexVariable,
  variableIndex,
} from './indexing.js';
import type { DataArray, MemoryLayout, StoredArray } from './memoryLayout.js';
import { storageBytes } from './memoryLayout.js';
import { type Arithmetic, literal, type Scope, type Value } from './values.js';

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

/** Ids of indices that are computed while running start here; loop counters are numbered from 0. */
export const runTimeIndex = 1_000_000;

export class ArrayAccess {
  private nextVariable = 0;

  constructor(
    readonly addresses: Addresses,
    readonly arithmetic: Arithmetic,
    /** Local that holds the byte offset of this call's chains. */
    protected readonly lanePointer: number,
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

  protected loadRoot(id: NodeId, index: readonly Index[], scope: Scope): Value {
    const base = this.addresses.roots.get(id)!;
    const position = flattenIndices(index, stridesOf(this.node(id).shape));
    if (this.addresses.analysis.varies[id]) return this.loadLanes(base, position, scope);
    return this.loadDouble(base, position, scope);
  }

  protected loadData(name: string, index: readonly Index[], scope: Scope): Value {
    const array = this.addresses.data.get(name);
    if (array === undefined) throw new Error(`data ${name} is missing`);
    return this.loadArray(`data ${name}`, array, index, scope);
  }

  /** An index read from the data, where it is stored as an integer. */
  protected storedIndex(name: string, position: Index, extent: number, scope: Scope): Index {
    const array = this.addresses.data.get(name)!;
    const column = this.addresses.layout.indices(`indices ${name}`, array);
    if ('constant' in column) return constantIndex(column.constant);
    const target = scope.at(indexDepth(position));
    return this.indexLocal(`index|${name}|${indexKey(position)}|${extent}`, extent, target, () => {
      this.pushStored(column, position, target);
    });
  }

  /** A variable for an index that `push` leaves on the stack, computed once per scope. */
  protected indexLocal(key: string, extent: number, target: Scope, push: () => void): Index {
    let local = this.findAddress(target, key);
    if (local === undefined) {
      local = this.fn.local('i32');
      push();
      target.code.set(local);
      target.addresses.set(key, local);
    }
    return variableIndex({ id: runTimeIndex + local, local, extent, depth: target.depth });
  }

  protected pushIndex(index: Index, scope: Scope): void {
    scope.code.i32Const(index.constant);
    for (const { variable, coefficient } of index.terms) {
      scope.code.get(variable.local).i32Const(coefficient).op('i32_mul', 'i32_add');
    }
  }

  protected findAddress(scope: Scope, key: string): number | undefined {
    for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
      const found = at.addresses.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private loadDouble(base: number, position: Index, scope: Scope): Value {
    const target = scope.at(indexDepth(position));
    return this.arithmetic.stored(target, (load) => {
      target.code.mem(load, this.pushAddress(target, base, position, 8, undefined));
    });
  }

  /** Reads a data array: by columns where all but the first index are literals, else row-major. */
  protected loadArray(key: string, array: DataArray, index: readonly Index[], scope: Scope): Value {
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
