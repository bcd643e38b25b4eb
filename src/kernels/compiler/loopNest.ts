// Generates the function of one loop nest: (start, end, block, lane offset) → the nest's arrays, or its block's share of them.
import { type NodeId, sizeOf, stridesOf } from '../program/tensorProgram.js';
import type { ReduceFunction } from '../program/tensorProgram.js';
import { FunctionBuilder } from '../wasm/encoder.js';
import type { MathFunction } from '../math/vectorMath.js';
import { type Root, unrollLimit } from './analysis.js';
import { emitElements } from './elements.js';
import { Expressions } from './expressions.js';
import { loopCopies, neutralElement, reductionFunction } from './loops.js';
import { constantIndex, flattenIndices, type Index, type IndexVariable, variableIndex } from './indexing.js';
import { Arithmetic, WasmScope, type WasmValue } from './values.js';
import { type Addresses, WasmTarget } from './wasmTarget.js';

/** A sorted index array over the rows of a nest: the outer loop runs over its segments. */
export interface SegmentPlan {
  readonly indexNode: NodeId;
  readonly count: number;
  /** Address of the first row of each segment, count + 1 numbers of i32. */
  readonly rowStartBase: number;
}

/** An array to which every block adds its own share; the shares are combined afterwards in the order of the blocks. */
export interface PartialArray {
  readonly node: NodeId;
  readonly fn: ReduceFunction;
  readonly base: number;
  /** Bytes of one block's share. */
  readonly bytes: number;
}

export interface NestPlan {
  readonly extent: number;
  readonly roots: readonly Root[];
  readonly segments: SegmentPlan | undefined;
  /** Roots that are accumulated over the rows, with where the shares go. With one block that is the array itself. */
  readonly partials: ReadonlyMap<NodeId, PartialArray>;
}

/** Parameters of every generated function. */
const parameterLocals = { start: 0, end: 1, block: 2, lanePointer: 3 } as const;

export function emitLoopNest(
  plan: NestPlan,
  addresses: Addresses,
  vectors: number,
  math: ReadonlyMap<MathFunction, number>,
): FunctionBuilder {
  const fn = new FunctionBuilder(['i32', 'i32', 'i32', 'i32'], []);
  const target = new WasmTarget(addresses, new Arithmetic(fn, vectors, math), parameterLocals.lanePointer);
  const emitter = new LoopNestEmitter(plan, new Expressions(addresses, target), target);
  fn.body.append(emitter.emit().code);
  return fn;
}

type Finish = (scope: WasmScope) => void;

class LoopNestEmitter {
  private readonly prologue = new WasmScope(undefined, 0);
  /** Executed when all rows are done. */
  private readonly finishers: Finish[] = [];
  /** Executed at the end of each segment. */
  private readonly segmentFinishers: Finish[] = [];

  constructor(
    private readonly plan: NestPlan,
    private readonly e: Expressions,
    private readonly target: WasmTarget,
  ) {}

  emit(): WasmScope {
    const { extent, segments } = this.plan;
    if (extent === 1) {
      for (const root of this.plan.roots) this.emitRoot(root, constantIndex(0), this.prologue, this.prologue);
      for (const finish of this.finishers) finish(this.prologue);
      return this.prologue;
    }
    if (segments === undefined) this.emitRows(this.prologue, undefined);
    else this.emitSegments(segments.count);
    for (const finish of this.finishers) finish(this.prologue);
    return this.prologue;
  }

  private emitSegments(count: number): void {
    const { fn } = this.target;
    const segments = this.plan.segments!;
    const local = fn.local('i32');
    const body = new WasmScope(this.prologue, 1);
    const segment = this.target.variable(local, count, 1);
    const first = fn.local('i32');
    const last = fn.local('i32');
    body.code.get(local).i32Const(2).op('i32_shl').mem('i32_load', segments.rowStartBase).set(first);
    body.code
      .get(local)
      .i32Const(2)
      .op('i32_shl')
      .mem('i32_load', segments.rowStartBase + 4)
      .set(last);
    this.emitRows(body, { segment, first, last });
    for (const finish of this.segmentFinishers) finish(body);
    closeLoop(this.prologue, body, local, parameterLocals.start, parameterLocals.end);
  }

  private emitRows(
    outer: WasmScope,
    inSegment: { segment: IndexVariable; first: number; last: number } | undefined,
  ): void {
    const local = this.target.fn.local('i32');
    const body = new WasmScope(outer, outer.depth + 1);
    const row = this.target.variable(local, this.plan.extent, body.depth);
    if (inSegment !== undefined) {
      this.e.segmentIndex = { indexNode: this.plan.segments!.indexNode, segment: inSegment.segment, row };
    }
    for (const root of this.plan.roots) this.emitRoot(root, variableIndex(row), body, outer);
    closeLoop(outer, body, local, inSegment?.first ?? parameterLocals.start, inSegment?.last ?? parameterLocals.end);
  }

  /** Code of one root for the current row. `outer` encloses the row loop. */
  private emitRoot(root: Root, at: Index, body: WasmScope, outer: WasmScope): void {
    switch (root.kind) {
      case 'reduce':
        return this.emitReduce(root, at, body);
      case 'segment':
        return this.emitSegmentSum(root, at, body, outer);
      default:
        return emitElements(this.e, root, at, body);
    }
  }

  private emitReduce(root: Root, at: Index, body: WasmScope): void {
    const { operation, inputs, shape } = this.e.node(root.node);
    if (operation.op !== 'reduce') throw new Error('not a reduction');
    const source = this.e.node(inputs[0]).shape;
    const keptAxes = source.flatMap((_, axis) => (operation.axes.includes(axis) ? [] : [axis]));
    const share = this.share(root.node, operation.fn, sizeOf(shape) <= unrollLimit);
    this.forEach(
      shape,
      body,
      (kept, scope) => {
        const index = source.map((_, axis) =>
          axis === root.loopAxis ? at : keptAxes.includes(axis) ? kept[keptAxes.indexOf(axis)] : undefined,
        );
        share(kept, this.e.reduceInside(inputs[0], operation.fn, index, scope) as WasmValue, scope);
      },
      loopCopies,
    );
  }

  private emitSegmentSum(root: Root, at: Index, body: WasmScope, outer: WasmScope): void {
    const { inputs, shape } = this.e.node(root.node);
    const [source, indices] = inputs;
    const { segments } = this.plan;
    const inner = shape.slice(1);
    if (segments?.indexNode === indices && segments.count === shape[0]) {
      const segment = variableIndex(this.e.segmentIndex!.segment);
      if (sizeOf(inner) <= unrollLimit) {
        this.forEach(inner, body, (rest, scope) => {
          const sum = this.target.newAccumulator(this.varies(root.node), 0, outer);
          this.target.accumulate(sum, 'sum', this.value(source, [at, ...rest], scope), scope);
          this.segmentFinishers.push((end) => this.storeElement(root.node, [segment, ...rest], sum, end));
        });
        return;
      }
      this.forEach(inner, outer, (rest, scope) => this.storeElement(root.node, [segment, ...rest], zero, scope));
      this.forEach(
        inner,
        body,
        (rest, scope) => {
          const value = this.value(source, [at, ...rest], scope);
          this.addInMemory(
            this.target.addresses.roots.get(root.node)!,
            root.node,
            [segment, ...rest],
            'sum',
            value,
            scope,
          );
        },
        loopCopies,
      );
      return;
    }
    const share = this.share(root.node, 'sum', false);
    this.forEach(inner, body, (rest, scope) => {
      const row = this.e.lookUp(indices, [at], shape[0], scope);
      share([row, ...rest], this.value(source, [at, ...rest], scope), scope);
    });
  }

  // ---- what the expressions give, in WebAssembly's own terms ----

  private value(id: NodeId, index: readonly Index[], scope: WasmScope): WasmValue {
    return this.e.value(id, index, scope) as WasmValue;
  }

  private forEach(
    extents: readonly number[],
    scope: WasmScope,
    body: (index: readonly Index[], inner: WasmScope) => void,
    copies = 1,
  ): void {
    this.e.forEach(extents, scope, (index, inner) => body(index, inner as WasmScope), copies);
  }

  // ---- accumulation over the rows ----

  /**
   * How a root collects contributions: in locals that are stored when the rows are done, or in memory that is cleared first.
   */
  private share(
    node: NodeId,
    fn: ReduceFunction,
    inLocals: boolean,
  ): (index: readonly Index[], value: WasmValue, scope: WasmScope) => void {
    const partial = this.plan.partials.get(node)!;
    const { shape } = this.e.node(node);
    const pointer = this.sharePointer(partial, this.varies(node));
    if (inLocals) {
      return (index, value, scope) => {
        const sum = this.target.newAccumulator(this.varies(node), neutralElement[fn], this.prologue);
        this.target.accumulate(sum, fn, value, scope);
        this.finishers.push((end) => this.storeAt(partial.base, node, index, sum, end, pointer));
      };
    }
    this.forEach(shape, this.prologue, (index, scope) => {
      const neutral: WasmValue = { kind: 'literal', value: neutralElement[fn] };
      this.storeAt(partial.base, node, index, neutral, scope, pointer);
    });
    return (index, value, scope) => this.addInMemory(partial.base, node, index, fn, value, scope, pointer);
  }

  /** A local with the byte offset of this block's share (and of this call's chains). */
  private sharePointer(partial: PartialArray, varies: boolean): number {
    const local = this.target.fn.local('i32');
    this.prologue.code.get(parameterLocals.block).i32Const(partial.bytes).op('i32_mul');
    if (varies) this.prologue.code.get(parameterLocals.lanePointer).op('i32_add');
    this.prologue.code.set(local);
    return local;
  }

  private addInMemory(
    base: number,
    node: NodeId,
    index: readonly Index[],
    fn: ReduceFunction,
    value: WasmValue,
    scope: WasmScope,
    pointer?: number,
  ): void {
    const position = flattenIndices(index, stridesOf(this.e.node(node).shape));
    const { code } = scope;
    if (!this.varies(node)) {
      const offset = this.target.pushAddress(scope, base, position, 8, pointer);
      this.target.pushAddress(scope, base, position, 8, pointer);
      code.mem('f64_load', offset);
      this.target.arithmetic.pushShared(code, value);
      code.op(`f64_${reductionFunction[fn]}`).mem('f64_store', offset);
      return;
    }
    const stride = this.target.addresses.lanes * 8;
    const lanePointer = pointer ?? parameterLocals.lanePointer;
    for (let v = 0; v < this.target.arithmetic.vectors; v++) {
      const offset = this.target.pushAddress(scope, base, position, stride, lanePointer) + v * 16;
      this.target.pushAddress(scope, base, position, stride, lanePointer);
      code.mem('v128_load', offset);
      this.target.arithmetic.pushLane(code, value, v, scope);
      code.op(`f64x2_${reductionFunction[fn]}`).mem('v128_store', offset);
    }
  }

  private storeElement(node: NodeId, index: readonly Index[], value: WasmValue, scope: WasmScope): void {
    this.storeAt(this.target.addresses.roots.get(node)!, node, index, value, scope);
  }

  private storeAt(
    base: number,
    node: NodeId,
    index: readonly Index[],
    value: WasmValue,
    scope: WasmScope,
    pointer?: number,
  ): void {
    const position = flattenIndices(index, stridesOf(this.e.node(node).shape));
    this.target.storeAt(base, this.varies(node), position, value, scope, pointer);
  }

  private varies(node: NodeId): boolean {
    return this.e.varies(node);
  }
}

const zero: WasmValue = { kind: 'literal', value: 0 };

/** Appends `for (counter = first; counter < last; counter++) body` to the outer scope. */
function closeLoop(outer: WasmScope, body: WasmScope, counter: number, first: number, last: number): void {
  outer.code.get(first).set(counter).get(counter).get(last).op('i32_lt_s').if().loop().append(body.code);
  outer.code.get(counter).i32Const(1).op('i32_add').tee(counter).get(last).op('i32_lt_s').branchIf(0).op('end', 'end');
}
