// WGSL as a target of loop nests: one invocation holds a vector of lanes, every value is a `let` of the scope it belongs to.
import { type MathName, mathCall } from '../../webgpu/math/mathSource.js';
import { binaryScalar, unaryScalar } from '../../program/scalarFunctions.js';
import {
  type BinaryFunction,
  type NodeId,
  type ReduceFunction,
  stridesOf,
  type UnaryFunction,
} from '../../program/tensorProgram.js';
import { unrollLimit } from '../analysis.js';
import type { BoundProgram } from '../expressions.js';
import {
  flattenIndices,
  type Index,
  indexDepth,
  indexKey,
  indexRange,
  type IndexVariable,
  variableIndex,
} from '../indexing.js';
import type { DataArray } from '../memoryLayout.js';
import { isReadByColumns, literal, Scope, type Target } from '../target.js';
import { finite, joined, KernelUses, storedWord } from './kernelText.js';
import type { DeviceColumn, GpuColumn, LaneArray, WgslMemory } from './wgslMemory.js';

export class WgslScope extends Scope {
  declare readonly parent: WgslScope | undefined;
  readonly lines: string[] = [];
  /** Indices that are known here, by what they are. */
  readonly indices = new Map<string, Index>();
}

export type WgslValue =
  | { readonly kind: 'literal'; readonly value: number }
  /** `shared`: an f32; `lanes`: a vector of lanes. */
  | { readonly kind: 'shared' | 'lanes'; readonly name: string; readonly depth: number };

type WgslAccumulator = Exclude<WgslValue, { kind: 'literal' }>;

/** Lanes of one invocation as a WGSL type. */
export type LaneType = 'f32' | 'vec2f' | 'vec4f';

/** What all kernels of a program share. */
export interface WgslProgram extends BoundProgram {
  readonly memory: WgslMemory;
  readonly laneType: LaneType;
  /** Vector at which each parameter block starts in the buffer of parameters. */
  readonly parameters: ReadonlyMap<string, number>;
  readonly parameterVectors: number;
  readonly roots: ReadonlyMap<NodeId, LaneArray>;
  /** Data-only roots, computed on the host. */
  readonly computed: ReadonlyMap<NodeId, DataArray>;
}

const runTimeIndex = 1_000_000;

const operators: Partial<Record<BinaryFunction, string>> = { add: '+', sub: '-', mul: '*', div: '/' };
const comparisons: Partial<Record<BinaryFunction, string>> = {
  equal: '==',
  notEqual: '!=',
  less: '<',
  lessEqual: '<=',
  greater: '>',
  greaterEqual: '>=',
};
const builtins: Partial<Record<UnaryFunction | BinaryFunction, string>> = {
  abs: 'abs',
  floor: 'floor',
  ceil: 'ceil',
  sqrt: 'sqrt',
  min: 'min',
  max: 'max',
};

export class WgslTarget implements Target {
  readonly uses = new KernelUses();
  private names = 0;
  private variables = 0;
  private readonly groupBytes: number;

  constructor(readonly program: WgslProgram) {
    this.groupBytes = program.memory.groupBytes;
  }

  /** A name that nothing else has. */
  newName(prefix: string): string {
    return `${prefix}${this.names++}`;
  }

  /** The counter of a loop, named after its number. */
  newVariable(extent: number, depth: number): IndexVariable {
    const id = this.variables++;
    return { id, local: id, extent, depth };
  }

  nameOf(variable: IndexVariable): string {
    return `i_${variable.local}`;
  }

  /** An index as an i32 expression. */
  index({ constant, terms }: Index): string {
    const parts = terms.map(({ variable, coefficient }) =>
      coefficient === 1 ? this.nameOf(variable) : `${coefficient} * ${this.nameOf(variable)}`,
    );
    if (constant !== 0 || parts.length === 0) parts.push(String(constant));
    return parts.join(' + ');
  }

  // ---- arithmetic ----

  unary(fn: UnaryFunction, x: WgslValue, scope: WgslScope): WgslValue {
    if (x.kind === 'literal') return literal(unaryScalar[fn](x.value));
    const [type, name] = [this.typeOf(x), x.name];
    if (fn === 'neg') return this.define([x], scope, `-${name}`);
    if (fn === 'reciprocal') return this.define([x], scope, `${type}(1.0) / ${name}`);
    if (fn === 'not') return this.define([x], scope, `select(${type}(0.0), ${type}(1.0), ${name} == ${type}(0.0))`);
    const builtin = builtins[fn];
    return this.define([x], scope, `${builtin ?? this.math(fn as MathName, x.kind)}(${name})`);
  }

  binary(fn: BinaryFunction, a: WgslValue, b: WgslValue, scope: WgslScope): WgslValue {
    if (a.kind === 'literal' && b.kind === 'literal') return literal(binaryScalar[fn](a.value, b.value));
    const neutral = this.withNeutralLiteral(fn, a, b, scope);
    if (neutral !== undefined) return neutral;
    const kind = a.kind === 'lanes' || b.kind === 'lanes' ? 'lanes' : 'shared';
    const type = kind === 'lanes' ? this.program.laneType : 'f32';
    const [left, right] = [this.as(kind, a), this.as(kind, b)];
    const operator = operators[fn];
    if (operator !== undefined) return this.define([a, b], scope, `${left} ${operator} ${right}`);
    const truth = (condition: string): WgslValue =>
      this.define([a, b], scope, `select(${type}(0.0), ${type}(1.0), ${condition})`);
    const comparison = comparisons[fn];
    if (comparison !== undefined) return truth(`${left} ${comparison} ${right}`);
    if (fn === 'and' || fn === 'or') {
      const joined = fn === 'and' ? '&' : '|';
      return truth(`(${left} != ${type}(0.0)) ${joined} (${right} != ${type}(0.0))`);
    }
    return this.define([a, b], scope, `${builtins[fn] ?? this.math(fn as MathName, kind)}(${left}, ${right})`);
  }

  /** What 1 or 0 leaves of an operation. */
  private withNeutralLiteral(fn: BinaryFunction, a: WgslValue, b: WgslValue, scope: WgslScope): WgslValue | undefined {
    const left = a.kind === 'literal' ? a.value : undefined;
    const right = b.kind === 'literal' ? b.value : undefined;
    if (fn === 'mul' && (left === 1 || right === 1)) return left === 1 ? b : a;
    if (fn === 'mul' && (left === -1 || right === -1)) return this.unary('neg', left === -1 ? b : a, scope);
    if (fn === 'add' && (left === 0 || right === 0)) return left === 0 ? b : a;
    if (fn === 'sub' && right === 0) return a;
    return fn === 'div' && right === 1 ? a : undefined;
  }

  select(condition: WgslValue, yes: WgslValue, no: WgslValue, scope: WgslScope): WgslValue {
    if (condition.kind === 'literal') return condition.value !== 0 ? yes : no;
    const kind = [condition, yes, no].some((value) => value.kind === 'lanes') ? 'lanes' : 'shared';
    const type = kind === 'lanes' ? this.program.laneType : 'f32';
    const test = `${this.as(kind, condition)} != ${type}(0.0)`;
    return this.define([condition, yes, no], scope, `select(${this.as(kind, no)}, ${this.as(kind, yes)}, ${test})`);
  }

  /** A value as an expression of a kind. */
  as(kind: 'shared' | 'lanes', value: WgslValue): string {
    const type = kind === 'lanes' ? this.program.laneType : 'f32';
    if (value.kind === 'literal') return `${type}(${this.number(value.value)})`;
    return value.kind === kind || type === 'f32' ? value.name : `${type}(${value.name})`;
  }

  /** A number as WGSL text; what is not finite is made at run time, because a constant expression may not be. */
  number(value: number): string {
    const rounded = Math.fround(value);
    if (Number.isFinite(rounded)) {
      const text = String(rounded);
      return /[.e]/.test(text) ? text : `${text}.0`;
    }
    this.uses.zero = true;
    const bits = Number.isNaN(rounded) ? '0x7fc00000u' : rounded > 0 ? '0x7f800000u' : '0xff800000u';
    return `bitcast<f32>(${bits} ^ guard.zero)`;
  }

  private math(fn: MathName, kind: 'shared' | 'lanes'): string {
    const isLanes = kind === 'lanes' && this.program.laneType !== 'f32';
    (isLanes ? this.uses.laneMath : this.uses.sharedMath).add(fn);
    return mathCall(fn, isLanes ? this.program.laneType : 'f32');
  }

  private typeOf(value: WgslAccumulator): string {
    return value.kind === 'lanes' ? this.program.laneType : 'f32';
  }

  /** A `let` in the scope of the deepest operand. */
  private define(operands: readonly WgslValue[], scope: WgslScope, expression: string): WgslValue {
    const depth = Math.max(...operands.map((value) => (value.kind === 'literal' ? 0 : value.depth)));
    const kind = operands.some((value) => value.kind === 'lanes') ? 'lanes' : 'shared';
    return this.let(kind, scope.at(depth), expression);
  }

  private let(kind: 'shared' | 'lanes', target: WgslScope, expression: string): WgslAccumulator {
    const name = this.newName('v');
    target.lines.push(`let ${name} = ${expression};`);
    return { kind, name, depth: target.depth };
  }

  // ---- loops ----

  newAccumulator(varies: boolean, initial: number, scope: WgslScope): WgslAccumulator {
    const kind = varies ? 'lanes' : 'shared';
    const name = this.newName('sum');
    scope.lines.push(`var ${name} = ${this.as(kind, literal(finite(initial)))};`);
    return { kind, name, depth: scope.depth };
  }

  accumulate(accumulator: WgslAccumulator, fn: ReduceFunction, value: WgslValue, scope: WgslScope): void {
    scope.lines.push(`${accumulator.name} = ${joined(fn, accumulator.name, this.as(accumulator.kind, value))};`);
  }

  loop(scope: WgslScope, extent: number, body: (inner: WgslScope, variable: IndexVariable) => void): void {
    const inner = new WgslScope(scope, scope.depth + 1);
    const variable = this.newVariable(extent, inner.depth);
    body(inner, variable);
    const name = this.nameOf(variable);
    scope.lines.push(`for (var ${name} = 0; ${name} < ${extent}; ${name}++) {`, ...inner.lines, '}');
  }

  // ---- indices ----

  divideIndex(index: Index, divisor: number, scope: WgslScope): { quotient: Index; remainder: Index } {
    const target = scope.at(indexDepth(index));
    const extent = Math.floor(indexRange(index).max / divisor) + 1;
    return {
      quotient: this.indexLet(`(${this.index(index)}) / ${divisor}`, extent, target),
      remainder: this.indexLet(`(${this.index(index)}) % ${divisor}`, divisor, target),
    };
  }

  clampIndex(index: Index, extent: number, scope: WgslScope): Index {
    const target = scope.at(indexDepth(index));
    const text = this.index(index);
    return this.knownIndex(`clamped ${indexKey(index)} ${extent}`, target, () =>
      this.indexLet(`select(0, ${text}, ${within(text, 0, extent)})`, extent, target),
    );
  }

  indexNumber(index: Index, scope: WgslScope): WgslValue {
    return this.let('shared', scope.at(indexDepth(index)), `f32(${this.index(index)})`);
  }

  indexWithin(index: Index, low: number, high: number, scope: WgslScope): WgslValue {
    const text = this.index(index);
    const target = scope.at(indexDepth(index));
    return this.let('shared', target, `select(0.0, 1.0, ${within(text, low, high)})`);
  }

  asIndex(value: WgslValue, extent: number, scope: WgslScope): Index {
    if (value.kind !== 'shared') throw new Error('an index must be the same for all chains');
    const target = scope.at(value.depth);
    return this.knownIndex(`index ${value.name} ${extent}`, target, () =>
      this.indexLet(`i32(${value.name})`, extent, target),
    );
  }

  storedIndex(name: string, position: Index, extent: number, scope: WgslScope): Index {
    const column = this.program.memory.indices(`indices ${name}`, this.program.data.get(name)!);
    if ('constant' in column) return { constant: column.constant, terms: [] };
    return this.indexFrom(column, position, extent, scope);
  }

  /** An index read from a column of integers. */
  indexFrom(column: DeviceColumn, position: Index, extent: number, scope: WgslScope): Index {
    const target = scope.at(indexDepth(position));
    return this.knownIndex(`${column.name} ${indexKey(position)} ${extent}`, target, () =>
      this.indexLet(this.stored(column, this.index(position), true), extent, target),
    );
  }

  /** An index variable with a value, set in `target`. */
  indexLet(expression: string, extent: number, target: WgslScope): Index {
    const id = this.variables++;
    const variable: IndexVariable = { id: runTimeIndex + id, local: id, extent, depth: target.depth };
    target.lines.push(`let ${this.nameOf(variable)} = ${expression};`);
    return variableIndex(variable);
  }

  private knownIndex(key: string, target: WgslScope, make: () => Index): Index {
    for (let at: WgslScope | undefined = target; at !== undefined; at = at.parent) {
      const found = at.indices.get(key);
      if (found !== undefined) return found;
    }
    const index = make();
    target.indices.set(key, index);
    return index;
  }

  // ---- memory ----

  loadParameter(name: string, position: Index, scope: WgslScope): WgslValue {
    const start = this.program.parameters.get(name);
    if (start === undefined) throw new Error(`parameter ${name} has no address`);
    this.uses.parameters = true;
    this.uses.bytes.set(`parameter ${name}`, indexSpan(position) * this.elementBytes);
    return this.let('lanes', scope.at(indexDepth(position)), `parameters[${this.vector(start, position)}]`);
  }

  loadRoot(id: NodeId, position: Index, scope: WgslScope): WgslValue {
    const computed = this.program.computed.get(id);
    if (computed !== undefined) return this.loadWhole(`root ${id}`, computed, position, scope);
    return this.let('lanes', scope.at(indexDepth(position)), this.element(this.program.roots.get(id)!, position));
  }

  storeRoot(id: NodeId, position: Index, value: WgslValue, scope: WgslScope): void {
    scope.lines.push(`${this.element(this.program.roots.get(id)!, position)} = ${this.as('lanes', value)};`);
  }

  loadArray(key: string, array: DataArray, index: readonly Index[], scope: WgslScope): WgslValue {
    const strides = stridesOf(array.shape);
    if (isReadByColumns(array.shape, index, unrollLimit * 4)) {
      const start = flattenIndices(index.slice(1), strides.slice(1)).constant;
      const column = this.program.memory.column(`${key} column ${start}`, array, start, strides[0], array.shape[0]);
      return this.loadColumn(column, index[0], scope);
    }
    // Column after column, so that neighbours in a loop over the rows read neighbours in memory.
    if (index.length === 2 && array.shape[0] > array.shape[1]) {
      const [rows, columns] = array.shape;
      const turned = { shape: [columns, rows], values: transposed(array) };
      const position = flattenIndices([index[1], index[0]], [rows, 1]);
      return this.loadWhole(`${key} by columns`, turned, position, scope);
    }
    return this.loadWhole(key, array, flattenIndices(index, strides), scope);
  }

  /** Element `position` of a lane array, as something that can be read or assigned. */
  element(array: LaneArray, position: Index): string {
    this.touch(array, array.elements);
    return `lanes${array.page}[${this.vector(array.start, position)}]`;
  }

  /** Notes that the kernel reads or writes so many elements of an array of lanes. */
  touch({ page, start }: Pick<LaneArray, 'page' | 'start'>, elements: number): void {
    this.uses.lanePages.add(page);
    this.uses.bytes.set(`lanes ${page} ${start}`, elements * this.elementBytes);
  }

  /** An element of a column of integers (`isIndex`) or numbers, at an i32 expression. */
  stored(column: DeviceColumn, position: string, isIndex: boolean): string {
    const { parts, storage, length } = column;
    this.uses.bytes.set(column.name, length * ({ u8: 1, u16: 2, i32: 4, f32: 4 } as const)[storage]);
    for (const { page } of parts) this.uses.dataPages.add(page);
    const convert = (text: string): string => (isIndex || storage === 'f32' ? text : `f32(${text})`);
    if (parts.length === 1) return convert(storedWord(column, 0, position));
    this.uses.splitColumns.set(column.name, column);
    return convert(`${column.name}(${position})`);
  }

  private loadWhole(key: string, array: DataArray, position: Index, scope: WgslScope): WgslValue {
    if (position.terms.length === 0) return literal(array.values[position.constant]);
    return this.loadColumn(this.program.memory.column(key, array, 0, 1, array.values.length), position, scope);
  }

  private loadColumn(column: GpuColumn, position: Index, scope: WgslScope): WgslValue {
    if ('constant' in column) return literal(column.constant);
    return this.let('shared', scope.at(indexDepth(position)), this.stored(column, this.index(position), false));
  }

  private get elementBytes(): number {
    return this.program.memory.groupCount * this.groupBytes;
  }

  /** Vector of lanes of an element of an array that starts at vector `start`. */
  private vector(start: number, position: Index): string {
    const { groupCount } = this.program.memory;
    if (position.terms.length === 0) return `${start + position.constant * groupCount} + group`;
    return `${start} + (${this.index(position)}) * ${groupCount} + group`;
  }
}

/** Whether low ≤ an index < high. Not by `&&`, which is a branch: SwiftShader takes minutes and gigabytes to compile a hundred. */
const within = (index: string, low: number, high: number): string => `(${index} >= ${low}) & (${index} < ${high})`;

/** Elements that an index reaches, at most. */
function indexSpan(index: Index): number {
  const { min, max } = indexRange(index);
  return max - min + 1;
}

const turnedArrays = new WeakMap<object, Float64Array>();

/** [rows, columns] as [columns, rows]; made once for each array. */
function transposed({ shape: [rows, columns], values }: DataArray): Float64Array {
  let turned = turnedArrays.get(values);
  if (turned === undefined) {
    turned = new Float64Array(values.length);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column];
    turnedArrays.set(values, turned);
  }
  return turned;
}
