// What a generator of code must be able to say: the vocabulary that loop nests are written in, for WebAssembly and WGSL alike.
import type { BinaryFunction, NodeId, ReduceFunction, Shape, UnaryFunction } from '../program/tensorProgram.js';
import type { DataArray } from './memoryLayout.js';
import type { Index, IndexVariable } from './indexing.js';

/** A straight run of code at one nesting depth; inner scopes are appended to outer ones when their loops close. */
export class Scope {
  /** Values computed here, by what they are. */
  readonly memo = new Map<string, Value>();

  constructor(
    readonly parent: Scope | undefined,
    readonly depth: number,
  ) {}

  /** The enclosing scope of the given depth: where work that needs no more than that depth belongs. */
  at(depth: number): this {
    return depth >= this.depth || this.parent === undefined ? this : (this.parent as this).at(depth);
  }
}

/** A number known while generating, one that all chains share, or one for each chain (as truth values: `laneMask`). */
export type Value =
  | { readonly kind: 'literal'; readonly value: number }
  | { readonly kind: 'shared' | 'lanes' | 'laneMask'; readonly depth: number };

/** A mutable number that is summed up in. */
export type Accumulator = Exclude<Value, { kind: 'literal' | 'laneMask' }>;

export const literal = (value: number): { kind: 'literal'; value: number } => ({ kind: 'literal', value });

export function depthOf(value: Value): number {
  return value.kind === 'literal' ? 0 : value.depth;
}

/**
 * Emits into the scope where the operands are complete. Implementations narrow `Scope` and `Value` to their own.
 */
export interface Target {
  unary(fn: UnaryFunction, x: Value, scope: Scope): Value;
  binary(fn: BinaryFunction, a: Value, b: Value, scope: Scope): Value;
  select(condition: Value, yes: Value, no: Value, scope: Scope): Value;

  /** A mutable value, set to a literal in `scope`; read it only after the loop that changes it has closed. */
  newAccumulator(varies: boolean, initial: number, scope: Scope): Accumulator;
  /** accumulator ← accumulator ∘ value, executed in `scope` at every pass. */
  accumulate(accumulator: Accumulator, fn: ReduceFunction, value: Value, scope: Scope): void;
  /** A counted loop appended to `scope`; `body` fills the inner scope. */
  loop(scope: Scope, extent: number, body: (inner: Scope, variable: IndexVariable) => void): void;

  /** Quotient and remainder of an index that is not negative. */
  divideIndex(index: Index, divisor: number, scope: Scope): { quotient: Index; remainder: Index };
  /** The index where it is in 0 … extent − 1, else 0, so that a value that is not wanted can still be read. */
  clampIndex(index: Index, extent: number, scope: Scope): Index;
  /** The index as a number. */
  indexNumber(index: Index, scope: Scope): Value;
  /** 1 where low ≤ index < high, else 0. */
  indexWithin(index: Index, low: number, high: number, scope: Scope): Value;
  /** A shared number, which is a whole one below `extent`, as an index. */
  asIndex(value: Value, extent: number, scope: Scope): Index;
  /** An index read from the data, where it is stored as an integer. */
  storedIndex(name: string, position: Index, extent: number, scope: Scope): Index;

  /** Element `position` (row-major) of a parameter block. */
  loadParameter(name: string, position: Index, scope: Scope): Value;
  /** Element `position` of the array of a root. */
  loadRoot(id: NodeId, position: Index, scope: Scope): Value;
  /** An element of a data array or of a literal one; `key` names the array. */
  loadArray(key: string, array: DataArray, index: readonly Index[], scope: Scope): Value;
  /** Sets element `position` of the array of a root. */
  storeRoot(id: NodeId, position: Index, value: Value, scope: Scope): void;
}

/** Columns of a data array are stored one by one where the array has at most this many. */
export function isReadByColumns(shape: Shape, index: readonly Index[], limit: number): boolean {
  const inner = index.slice(1);
  const columns = shape.slice(1).reduce((product, extent) => product * extent, 1);
  return inner.length > 0 && inner.every((i) => i.terms.length === 0) && columns <= limit;
}
