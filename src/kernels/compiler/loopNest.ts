// Generates the function of one loop nest: (start, end, block, lane offset) → the nest's arrays, or its block's share of them.
import { type NodeId, sizeOf, stridesOf } from '../program/tensorProgram.js';
import type { ReduceFunction } from '../program/tensorProgram.js';
import { FunctionBuilder } from '../wasm/encoder.js';
import type { MathFunction } from '../math/vectorMath.js';
import { type Root, unrollLimit } from './analysis.js';
import type { Addresses } from './arrayAccess.js';
import { Expressions } from './expressions.js';
import { loopCopies, neutralElement, reductionFunction } from './loops.js';
import { constantIndex, flattenIndices, type Index, variableIndex } from './indexing.js';
import { Arithmetic, Scope, type Value } from './values.js';

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
  const expressions = new Expressions(addresses, new Arithmetic(fn, vectors, math), parameterLocals.lanePointer);
  const emitter = new LoopNestEmitter(plan, expressions);
  fn.body.append(emitter.emit().code);
  return fn;
}

type Finish = (scope: Scope) => void;

class LoopNestEmitter {
  private readonly prologue = new Scope(undefined, 0);
  /** Executed when all rows are done. */
  private readonly finishers: Finish[] = [];
  /** Executed at the end of each segment. */
  private readonly segmentFinishers: Finish[] = [];

  constructor(
    private readonly plan: NestPlan,
    private readonly e: Expressions,
  ) {}

  emit(): Scope {
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
    const { fn } = this.e;
    const segments = this.plan.segments!;
    const local = fn.local('i32');
    const body = new Scope(this.prologue, 1);
    const segment = this.e.variable(local, count, 1);
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
    outer: Scope,
    inSegment: { segment: ReturnType<Expressions['variable']>; first: number; last: number } | undefined,
  ): void {
    const local = this.e.fn.local('i32');
    const body = new Scope(outer, outer.depth + 1);
    const row = this.e.variable(local, this.plan.extent, body.depth);
    if (inSegment !== undefined) {
      this.e.segmentIndex = { indexNode: this.plan.segments!.indexNode, segment: inSegment.segment, row };
    }
    for (const root of this.plan.roots) this.emitRoot(root, variableIndex(row), body, outer);
    closeLoop(outer, body, local, inSegment?.first ?? parameterLocals.start, inSegment?.last ?? parameterLocals.end);
  }

  /** Code of one root for the current row. `outer` encloses the row loop. */
  private emitRoot(root: Root, at: Index, body: Scope, outer: Scope): void {
    switch (root.kind) {
      case 'store':
        return this.emitStore(root, at, body);
      case 'reduce':
        return this.emitReduce(root, at, body);
      case 'segment':
        return this.emitSegmentSum(root, at, body, outer);
      case 'scan':
        return this.emitScan(root, body);
      case 'cholesky':
        return this.emitCholesky(root, at, body);
      case 'triangularSolve':
        return this.emitTriangularSolve(root, at, body);
      default:
        throw new Error(root.kind satisfies never);
    }
  }

  private emitStore(root: Root, at: Index, body: Scope): void {
    const { shape } = this.e.node(root.node);
    this.forEachOther(shape, root.loopAxis, at, body, (index, scope) => {
      this.storeElement(root.node, index, this.e.compute(root.node, index, scope), scope);
    });
  }

  private emitReduce(root: Root, at: Index, body: Scope): void {
    const { operation, inputs, shape } = this.e.node(root.node);
    if (operation.op !== 'reduce') throw new Error('not a reduction');
    const source = this.e.node(inputs[0]).shape;
    const keptAxes = source.flatMap((_, axis) => (operation.axes.includes(axis) ? [] : [axis]));
    const share = this.share(root.node, operation.fn, sizeOf(shape) <= unrollLimit);
    this.e.forEach(
      shape,
      body,
      (kept, scope) => {
        const index = source.map((_, axis) =>
          axis === root.loopAxis ? at : keptAxes.includes(axis) ? kept[keptAxes.indexOf(axis)] : undefined,
        );
        share(kept, this.e.reduceInside(inputs[0], operation.fn, index, scope), scope);
      },
      loopCopies,
    );
  }

  private emitSegmentSum(root: Root, at: Index, body: Scope, outer: Scope): void {
    const { inputs, shape } = this.e.node(root.node);
    const [source, indices] = inputs;
    const { segments } = this.plan;
    const inner = shape.slice(1);
    if (segments?.indexNode === indices && segments.count === shape[0]) {
      const segment = variableIndex(this.e.segmentIndex!.segment);
      if (sizeOf(inner) <= unrollLimit) {
        this.e.forEach(inner, body, (rest, scope) => {
          const sum = this.e.newAccumulator(this.varies(root.node), 0, outer);
          this.e.accumulate(sum, 'sum', this.e.value(source, [at, ...rest], scope), scope);
          this.segmentFinishers.push((end) => this.storeElement(root.node, [segment, ...rest], sum, end));
        });
        return;
      }
      this.e.forEach(inner, outer, (rest, scope) => this.storeElement(root.node, [segment, ...rest], zero, scope));
      this.e.forEach(
        inner,
        body,
        (rest, scope) => {
          const value = this.e.value(source, [at, ...rest], scope);
          this.addInMemory(this.e.addresses.roots.get(root.node)!, root.node, [segment, ...rest], 'sum', value, scope);
        },
        loopCopies,
      );
      return;
    }
    const share = this.share(root.node, 'sum', false);
    this.e.forEach(inner, body, (rest, scope) => {
      const row = this.e.lookUp(indices, [at], shape[0], scope);
      share([row, ...rest], this.e.value(source, [at, ...rest], scope), scope);
    });
  }

  private emitScan(root: Root, body: Scope): void {
    const { operation, inputs, shape } = this.e.node(root.node);
    if (operation.op !== 'cumsum') throw new Error('not a scan');
    const { axis, exclusive, reverse } = operation;
    const others = shape.map((extent, k) => (k === axis ? 1 : extent));
    this.e.forEach(others, body, (start, outer) => {
      const sum = this.e.newAccumulator(this.varies(root.node), 0, outer);
      this.e.loop(outer, shape[axis], (scope, counter) => {
        const forward = variableIndex(counter);
        const place: Index = reverse
          ? { constant: shape[axis] - 1, terms: forward.terms.map((t) => ({ ...t, coefficient: -t.coefficient })) }
          : forward;
        const index = start.map((i, k) => (k === axis ? place : i));
        const value = this.e.value(inputs[0], index, scope);
        if (exclusive) this.storeElement(root.node, index, sum, scope);
        this.e.accumulate(sum, 'sum', value, scope);
        if (!exclusive) this.storeElement(root.node, index, sum, scope);
      });
    });
  }

  private emitCholesky(root: Root, at: Index, body: Scope): void {
    const { inputs, shape } = this.e.node(root.node);
    const k = shape.at(-1)!;
    const { arithmetic } = this.e;
    this.forEachOther(shape.slice(0, -2), root.loopAxis, at, body, (batch, scope) => {
      const lower: Value[][] = [];
      for (let i = 0; i < k; i++) {
        lower.push([]);
        for (let j = 0; j <= i; j++) {
          let rest = this.e.value(inputs[0], [...batch, constantIndex(i), constantIndex(j)], scope);
          for (let p = 0; p < j; p++) {
            rest = arithmetic.binary('sub', rest, arithmetic.binary('mul', lower[i][p], lower[j][p], scope), scope);
          }
          lower[i].push(
            i === j ? arithmetic.unary('sqrt', rest, scope) : arithmetic.binary('div', rest, lower[j][j], scope),
          );
        }
      }
      for (let i = 0; i < k; i++) {
        for (let j = 0; j < k; j++) {
          const index = [...batch, constantIndex(i), constantIndex(j)];
          this.storeElement(root.node, index, j <= i ? lower[i][j] : zero, scope);
        }
      }
    });
  }

  private emitTriangularSolve(root: Root, at: Index, body: Scope): void {
    const { operation, inputs, shape } = this.e.node(root.node);
    if (operation.op !== 'triangularSolve') throw new Error('not a triangular solve');
    const [k, columns] = shape.slice(-2);
    const { arithmetic } = this.e;
    this.forEachOther(shape.slice(0, -2), root.loopAxis, at, body, (batch, outer) => {
      const lower = (i: number, j: number, scope: Scope): Value =>
        this.e.value(inputs[0], [...batch, constantIndex(i), constantIndex(j)], scope);
      this.e.forEach([columns], outer, ([column], scope) => {
        const solution: Value[] = [];
        for (let step = 0; step < k; step++) {
          const i = operation.transpose ? k - 1 - step : step;
          let rest = this.e.value(inputs[1], [...batch, constantIndex(i), column], scope);
          for (let done = 0; done < step; done++) {
            const j = operation.transpose ? k - 1 - done : done;
            const coefficient = operation.transpose ? lower(j, i, scope) : lower(i, j, scope);
            rest = arithmetic.binary('sub', rest, arithmetic.binary('mul', coefficient, solution[j], scope), scope);
          }
          solution[i] = arithmetic.binary('div', rest, lower(i, i, scope), scope);
        }
        for (let i = 0; i < k; i++) {
          this.storeElement(root.node, [...batch, constantIndex(i), column], solution[i], scope);
        }
      });
    });
  }

  // ---- accumulation over the rows ----

  /**
   * How a root collects contributions: in locals that are stored when the rows are done, or in memory that is cleared first.
   */
  private share(
    node: NodeId,
    fn: ReduceFunction,
    inLocals: boolean,
  ): (index: readonly Index[], value: Value, scope: Scope) => void {
    const partial = this.plan.partials.get(node)!;
    const { shape } = this.e.node(node);
    const pointer = this.sharePointer(partial, this.varies(node));
    if (inLocals) {
      return (index, value, scope) => {
        const sum = this.e.newAccumulator(this.varies(node), neutralElement[fn], this.prologue);
        this.e.accumulate(sum, fn, value, scope);
        this.finishers.push((end) => this.storeAt(partial.base, node, index, sum, end, pointer));
      };
    }
    this.e.forEach(shape, this.prologue, (index, scope) => {
      const neutral: Value = { kind: 'literal', value: neutralElement[fn] };
      this.storeAt(partial.base, node, index, neutral, scope, pointer);
    });
    return (index, value, scope) => this.addInMemory(partial.base, node, index, fn, value, scope, pointer);
  }

  /** A local with the byte offset of this block's share (and of this call's chains). */
  private sharePointer(partial: PartialArray, varies: boolean): number {
    const local = this.e.fn.local('i32');
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
    value: Value,
    scope: Scope,
    pointer?: number,
  ): void {
    const position = flattenIndices(index, stridesOf(this.e.node(node).shape));
    const { code } = scope;
    if (!this.varies(node)) {
      const offset = this.e.pushAddress(scope, base, position, 8, pointer);
      this.e.pushAddress(scope, base, position, 8, pointer);
      code.mem('f64_load', offset);
      this.e.arithmetic.pushShared(code, value);
      code.op(`f64_${reductionFunction[fn]}`).mem('f64_store', offset);
      return;
    }
    const stride = this.e.addresses.lanes * 8;
    const lanePointer = pointer ?? parameterLocals.lanePointer;
    for (let v = 0; v < this.e.arithmetic.vectors; v++) {
      const offset = this.e.pushAddress(scope, base, position, stride, lanePointer) + v * 16;
      this.e.pushAddress(scope, base, position, stride, lanePointer);
      code.mem('v128_load', offset);
      this.e.arithmetic.pushLane(code, value, v, scope);
      code.op(`f64x2_${reductionFunction[fn]}`).mem('v128_store', offset);
    }
  }

  private storeElement(node: NodeId, index: readonly Index[], value: Value, scope: Scope): void {
    this.storeAt(this.e.addresses.roots.get(node)!, node, index, value, scope);
  }

  private storeAt(
    base: number,
    node: NodeId,
    index: readonly Index[],
    value: Value,
    scope: Scope,
    pointer?: number,
  ): void {
    const position = flattenIndices(index, stridesOf(this.e.node(node).shape));
    if (this.varies(node)) this.e.storeLanes(base, position, value, scope, pointer);
    else this.e.storeShared(base, position, value, scope, pointer);
  }

  private varies(node: NodeId): boolean {
    return this.e.addresses.analysis.varies[node];
  }

  /** All positions of a shape whose `axis` is fixed at `at`. */
  private forEachOther(
    shape: readonly number[],
    axis: number,
    at: Index,
    body: Scope,
    visit: (index: readonly Index[], scope: Scope) => void,
  ): void {
    const others = shape.map((extent, k) => (k === axis ? 1 : extent));
    this.e.forEach(others, body, (index, scope) =>
      visit(
        index.map((i, k) => (k === axis ? at : i)),
        scope,
      ),
    );
  }
}

const zero: Value = { kind: 'literal', value: 0 };

/** Appends `for (counter = first; counter < last; counter++) body` to the outer scope. */
function closeLoop(outer: Scope, body: Scope, counter: number, first: number, last: number): void {
  outer.code.get(first).set(counter).get(counter).get(last).op('i32_lt_s').if().loop().append(body.code);
  outer.code.get(counter).i32Const(1).op('i32_add').tee(counter).get(last).op('i32_lt_s').branchIf(0).op('end', 'end');
}
