// Generates the value of any node at any symbolic index: views become index arithmetic, everything else is computed once
// per scope and remembered.
import { type NodeId, sizeOf, stridesOf, type TensorNode, type TensorProgram } from '../program/tensorProgram.js';
import type { Analysis } from './analysis.js';
import type { DataArray } from './memoryLayout.js';
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
import { loopCopies, Loops, neutralElement, reductionFunction } from './loops.js';
import { depthOf, literal, type Scope, type Target, type Value } from './target.js';

/** The sorted index array that a loop nest's rows are grouped by, with the counter of the enclosing segment loop. */
export interface SegmentIndex {
  readonly indexNode: NodeId;
  readonly segment: IndexVariable;
  readonly row: IndexVariable;
}

/** The program that code is generated for, and the data bound to it. */
export interface BoundProgram {
  readonly program: TensorProgram;
  readonly analysis: Analysis;
  readonly data: ReadonlyMap<string, DataArray>;
}

export class Expressions extends Loops {
  segmentIndex: SegmentIndex | undefined;

  /** @param inlined roots that are computed where they are used, although they have an array */
  constructor(
    readonly bound: BoundProgram,
    target: Target,
    private readonly inlined: ReadonlySet<NodeId> = new Set(),
    longest?: number,
  ) {
    super(target, longest);
  }

  node(id: NodeId): TensorNode {
    return this.bound.program.nodes[id];
  }

  varies(id: NodeId): boolean {
    return this.bound.analysis.varies[id];
  }

  /** The element of node `id` at `index`, read from memory where the node has an array. */
  value(id: NodeId, index: readonly Index[], scope: Scope): Value {
    return this.remember(`${id}|${index.map(indexKey).join()}`, scope, () =>
      this.bound.analysis.roots.has(id) && !this.inlined.has(id)
        ? this.target.loadRoot(id, this.position(id, index), scope)
        : this.compute(id, index, scope),
    );
  }

  /** The element of a root as its array is to hold it, remembered for what else is computed at the same place. */
  computed(id: NodeId, index: readonly Index[], scope: Scope): Value {
    return this.remember(`${id}|${index.map(indexKey).join()}`, scope, () => this.compute(id, index, scope));
  }

  /** The element computed from the node's inputs, whether or not the node has an array. */
  compute(id: NodeId, index: readonly Index[], scope: Scope): Value {
    const { operation, inputs, shape } = this.node(id);
    switch (operation.op) {
      case 'parameter':
        return this.target.loadParameter(operation.name, this.position(id, index), scope);
      case 'data':
        return this.loadArray(`data ${operation.name}`, this.bound.data.get(operation.name)!, index, scope);
      case 'constant':
        return this.loadArray(`constant${id}`, { shape, values: operation.values }, index, scope);
      case 'iota':
        return index[0].terms.length === 0 ? literal(index[0].constant) : this.target.indexNumber(index[0], scope);
      case 'unary':
        return this.target.unary(operation.fn, this.broadcastInput(inputs[0], index, scope), scope);
      case 'binary':
        return this.target.binary(
          operation.fn,
          this.broadcastInput(inputs[0], index, scope),
          this.broadcastInput(inputs[1], index, scope),
          scope,
        );
      case 'select': {
        const [condition, yes, no] = inputs.map((input) => this.broadcastInput(input, index, scope));
        return this.target.select(condition, yes, no, scope);
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
  reduceInside(
    id: NodeId,
    fn: keyof typeof reductionFunction,
    index: readonly (Index | undefined)[],
    scope: Scope,
  ): Value {
    const { shape } = this.node(id);
    const open = index.flatMap((i, axis) => (i === undefined ? [axis] : []));
    if (open.length === 0) return this.value(id, index as Index[], scope);
    const count = sizeOf(open.map((axis) => shape[axis]));
    if (count <= this.longest) {
      const terms: Value[] = [];
      this.forEachLiteral(
        open.map((axis) => shape[axis]),
        (position) => {
          const full = index.map((i, axis) => i ?? constantIndex(position[open.indexOf(axis)]));
          terms.push(this.value(id, full, scope));
        },
      );
      return this.balanced(reductionFunction[fn], terms, scope);
    }
    const longest = open.reduce((best, axis) => (shape[axis] > shape[best] ? axis : best));
    const outer = scope.at(index.reduce((depth, i) => Math.max(depth, i === undefined ? 0 : indexDepth(i)), 0));
    const varies = this.varies(id);
    // Short bodies are repeated, each with a sum of its own: one sum would wait for itself at every step.
    const copies = count === shape[longest] ? loopCopies : 1;
    const sums = Array.from({ length: copies }, () => this.target.newAccumulator(varies, neutralElement[fn], outer));
    this.repeatedLoop(outer, shape[longest], copies, (inner, place, copy) => {
      const narrowed = index.map((i, axis) => (axis === longest ? place : i));
      this.target.accumulate(sums[copy], fn, this.reduceInside(id, fn, narrowed, inner), inner);
    });
    return this.balanced(reductionFunction[fn], sums, outer);
  }

  /** The index into `extent` rows that an index node holds at a position. */
  lookUp(id: NodeId, position: readonly Index[], extent: number, scope: Scope): Index {
    const segments = this.segmentIndex;
    if (segments?.indexNode === id && indexKey(position[0]) === indexKey(variableIndex(segments.row))) {
      return variableIndex(segments.segment);
    }
    const { operation } = this.node(id);
    if (operation.op === 'data')
      return this.target.storedIndex(operation.name, this.position(id, position), extent, scope);
    const value = this.value(id, position, scope);
    if (value.kind === 'literal') return constantIndex(value.value);
    if (value.kind !== 'shared') throw new Error('gather and segmentSum need indices that do not depend on parameters');
    return this.target.asIndex(value, extent, scope);
  }

  /** Row-major position of an element of a node. */
  private position(id: NodeId, index: readonly Index[]): Index {
    return flattenIndices(index, stridesOf(this.node(id).shape));
  }

  private loadArray(key: string, array: DataArray, index: readonly Index[], scope: Scope): Value {
    const position = flattenIndices(index, stridesOf(array.shape));
    if (position.terms.length === 0) return literal(array.values[position.constant]);
    return this.target.loadArray(key, array, index, scope);
  }

  private remember(key: string, scope: Scope, make: () => Value): Value {
    for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
      const found = at.memo.get(key);
      if (found !== undefined) return found;
    }
    const value = make();
    scope.at(depthOf(value)).memo.set(key, value);
    return value;
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

  reshapeIndex(index: readonly Index[], from: readonly number[], to: readonly number[], scope: Scope): Index[] {
    let rest = flattenIndices(index, stridesOf(from));
    const out: Index[] = to.map(() => constantIndex(0));
    for (let axis = to.length - 1; axis >= 0; axis--) {
      if (to[axis] === 1) continue;
      const divided = axis === 0 ? { quotient: constantIndex(0), remainder: rest } : divideIndex(rest, to[axis]);
      const { quotient, remainder } = divided ?? this.target.divideIndex(rest, to[axis], scope);
      out[axis] = remainder;
      rest = quotient;
    }
    return out;
  }

  /** 1 where low ≤ index < high, as a shared number; a literal where that is certain. */
  private within(index: Index, low: number, high: number, scope: Scope): Value {
    const { min, max } = indexRange(index);
    if (min >= low && max < high) return literal(1);
    if (max < low || min >= high) return literal(0);
    return this.target.indexWithin(index, low, high, scope);
  }

  /** The index limited to 0 … extent − 1, so that a value that is not wanted can still be read. */
  private clamped(index: Index, extent: number, scope: Scope): Index {
    const { min, max } = indexRange(index);
    return min >= 0 && max < extent ? index : this.target.clampIndex(index, extent, scope);
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
      inside = this.target.binary('mul', inside, this.within(moved, 0, shape[axis], scope), scope);
      return moved;
    });
    if (inside.kind === 'literal' && (inside as { value: number }).value === 0) return literal(fillValue);
    const limited = source.map((i, axis) => this.clamped(i, shape[axis], scope));
    return this.target.select(inside, this.value(id, limited, scope), literal(fillValue), scope);
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
        result = result === undefined ? value : this.target.select(here, value, result, scope);
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
    return this.target.binary(fn, left, right, scope);
  }
}
