// Builds tensor programs and simplifies while building: equal nodes are shared, constants folded, views and broadcasts composed.
import { unaryScalar } from './scalarFunctions.js';
import { reduceBroadcast, simplifyBinary } from './simplify.js';
import {
  type BinaryFunction,
  broadcastShape,
  type NodeId,
  type Operation,
  pruneProgram,
  type ReduceFunction,
  sameShape,
  type Shape,
  sizeOf,
  stridesOf,
  type TensorNode,
  type TensorProgram,
  type UnaryFunction,
} from './tensorProgram.js';

/** Literals up to this many elements are folded and compared by value. */
const foldLimit = 4096;

export class ProgramBuilder {
  private readonly nodes: TensorNode[] = [];
  private readonly known = new Map<string, NodeId>();

  node(id: NodeId): TensorNode {
    return this.nodes[id];
  }

  shape(id: NodeId): Shape {
    return this.nodes[id].shape;
  }

  // ---- leaves ----

  parameter(name: string, shape: Shape): NodeId {
    return this.intern({ op: 'parameter', name }, [], shape, name);
  }

  data(name: string, shape: Shape): NodeId {
    return this.intern({ op: 'data', name }, [], shape, name);
  }

  constant(values: ArrayLike<number>, shape: Shape): NodeId {
    if (values.length > 1 && values.length <= foldLimit) {
      const first = values[0];
      let uniform = true;
      for (let i = 1; i < values.length && uniform; i++) uniform = Object.is(values[i], first);
      if (uniform) return this.fill(first, shape);
    }
    const key = values.length <= foldLimit ? Array.from(values, formatKey).join() : `#${this.nodes.length}`;
    return this.intern({ op: 'constant', values: Float64Array.from(values) }, [], shape, key);
  }

  scalar(value: number): NodeId {
    return this.constant([value], []);
  }

  /** The same value everywhere: a scalar that is broadcast, whatever the size. */
  fill(value: number, shape: Shape): NodeId {
    return this.broadcast(this.scalar(value), shape);
  }

  iota(length: number): NodeId {
    return this.intern({ op: 'iota' }, [], [length], '');
  }

  // ---- elementwise ----

  unary(fn: UnaryFunction, x: NodeId): NodeId {
    const { operation, inputs, shape } = this.nodes[x];
    if (operation.op === 'broadcast') return this.broadcast(this.unary(fn, inputs[0]), shape);
    if (operation.op === 'reshape') return this.reshape(this.unary(fn, inputs[0]), shape);
    if (operation.op === 'constant' && operation.values.length <= foldLimit) {
      return this.constant(operation.values.map(unaryScalar[fn]), shape);
    }
    if (operation.op === 'unary') {
      if (fn === operation.fn && (fn === 'neg' || fn === 'reciprocal')) return inputs[0];
      if (fn === 'log' && operation.fn === 'exp') return inputs[0];
      if (fn === 'reciprocal' && operation.fn === 'exp') return this.unary('exp', this.neg(inputs[0]));
      if (fn === 'reciprocal' && operation.fn === 'neg') return this.neg(this.unary('reciprocal', inputs[0]));
    }
    return this.intern({ op: 'unary', fn }, [x], shape, fn);
  }

  binary(fn: BinaryFunction, a: NodeId, b: NodeId): NodeId {
    const shape = broadcastShape(this.shape(a), this.shape(b));
    const inner = [this.withoutBroadcast(a), this.withoutBroadcast(b)];
    const simpler = simplifyBinary(this, fn, inner[0], inner[1]);
    if (simpler !== undefined) return this.broadcast(simpler, shape);
    const commutes = fn === 'add' || fn === 'mul' || fn === 'min' || fn === 'max' || fn === 'equal';
    if (commutes && inner[0] > inner[1]) inner.reverse();
    const ownShape = broadcastShape(this.shape(inner[0]), this.shape(inner[1]));
    return this.broadcast(this.intern({ op: 'binary', fn }, inner, ownShape, fn), shape);
  }

  add(a: NodeId, b: NodeId): NodeId {
    return this.binary('add', a, b);
  }

  sub(a: NodeId, b: NodeId): NodeId {
    return this.binary('sub', a, b);
  }

  mul(a: NodeId, b: NodeId): NodeId {
    return this.binary('mul', a, b);
  }

  div(a: NodeId, b: NodeId): NodeId {
    return this.binary('div', a, b);
  }

  neg(x: NodeId): NodeId {
    return this.unary('neg', x);
  }

  select(condition: NodeId, yes: NodeId, no: NodeId): NodeId {
    const shape = broadcastShape(this.shape(condition), this.shape(yes), this.shape(no));
    const inner = [condition, yes, no].map((id) => this.withoutBroadcast(id));
    const known = this.uniformValue(inner[0]);
    if (inner[1] === inner[2]) return this.broadcast(inner[1], shape);
    if (known !== undefined) return this.broadcast(known !== 0 ? inner[1] : inner[2], shape);
    const ownShape = broadcastShape(...inner.map((id) => this.shape(id)));
    return this.broadcast(this.intern({ op: 'select' }, inner, ownShape, ''), shape);
  }

  // ---- views ----

  broadcast(x: NodeId, shape: Shape): NodeId {
    const { operation, inputs, shape: own } = this.nodes[x];
    if (sameShape(own, shape)) return x;
    if (operation.op === 'broadcast') return this.broadcast(inputs[0], shape);
    if (sizeOf(own) === sizeOf(shape)) return this.reshape(x, shape);
    return this.intern({ op: 'broadcast' }, [x], shape, '');
  }

  reshape(x: NodeId, shape: Shape): NodeId {
    const { operation, inputs, shape: own } = this.nodes[x];
    if (sizeOf(own) !== sizeOf(shape)) throw new Error(`cannot reshape [${own.join(', ')}] to [${shape.join(', ')}]`);
    if (sameShape(own, shape)) return x;
    if (operation.op === 'reshape') return this.reshape(inputs[0], shape);
    if (operation.op === 'constant') return this.constant(operation.values, shape);
    if (operation.op === 'broadcast' && sizeOf(this.shape(inputs[0])) === 1) {
      return this.broadcast(this.reshape(inputs[0], []), shape);
    }
    return this.intern({ op: 'reshape' }, [x], shape, '');
  }

  transpose(x: NodeId, permutation: readonly number[]): NodeId {
    const { operation, inputs, shape: own } = this.nodes[x];
    const shape = permutation.map((axis) => own[axis]);
    const moved = permutation.filter((axis) => own[axis] !== 1);
    if (moved.every((axis, i) => i === 0 || axis > moved[i - 1])) return this.reshape(x, shape);
    if (operation.op === 'transpose') {
      return this.transpose(
        inputs[0],
        permutation.map((axis) => operation.permutation[axis]),
      );
    }
    if (operation.op === 'constant') return this.foldView(operation.values, own, shape, permutation);
    return this.intern({ op: 'transpose', permutation }, [x], shape, permutation.join());
  }

  slice(x: NodeId, begin: readonly number[], shape: Shape, step?: readonly number[]): NodeId {
    const { operation, inputs, shape: own } = this.nodes[x];
    const steps = step ?? begin.map(() => 1);
    if (sameShape(own, shape) && begin.every((b) => b === 0) && steps.every((s) => s === 1)) return x;
    if (sizeOf(shape) === 0) return this.constant([], shape);
    for (const [axis, start] of begin.entries()) {
      const last = start + (shape[axis] - 1) * steps[axis];
      if (start < 0 || last < 0 || start >= own[axis] || last >= own[axis]) {
        throw new Error(
          `slice [${begin.join(', ')}] of shape [${shape.join(', ')}] leaves an array [${own.join(', ')}]`,
        );
      }
    }
    if (operation.op === 'constant') {
      const strides = stridesOf(own);
      return this.foldStrided(
        operation.values,
        begin.reduce((sum, b, axis) => sum + b * strides[axis], 0),
        steps.map((s, axis) => s * strides[axis]),
        shape,
      );
    }
    if (operation.op === 'broadcast' && sizeOf(this.shape(inputs[0])) === 1) return this.broadcast(inputs[0], shape);
    return this.intern({ op: 'slice', begin, step: steps }, [x], shape, `${begin.join()};${steps.join()}`);
  }

  pad(x: NodeId, before: readonly number[], after: readonly number[], value: number): NodeId {
    const shape = this.shape(x).map((extent, axis) => before[axis] + extent + after[axis]);
    if (sameShape(shape, this.shape(x))) return x;
    return this.intern({ op: 'pad', before, value }, [x], shape, `${before.join()};${formatKey(value)}`);
  }

  concat(xs: readonly NodeId[], axis: number): NodeId {
    const parts = xs.filter((x) => this.shape(x)[axis] > 0);
    if (parts.length === 0) return xs[0];
    if (parts.length === 1) return parts[0];
    const shape = [...this.shape(parts[0])];
    shape[axis] = parts.reduce((sum, x) => sum + this.shape(x)[axis], 0);
    for (const x of parts) {
      if (this.shape(x).some((extent, k) => k !== axis && extent !== shape[k])) {
        throw new Error(
          `concat along axis ${axis}: shapes ${xs.map((y) => `[${this.shape(y).join(', ')}]`).join(', ')} differ`,
        );
      }
    }
    return this.intern({ op: 'concat', axis }, parts, shape, String(axis));
  }

  // ---- reductions and indexing ----

  reduce(fn: ReduceFunction, x: NodeId, axes: readonly number[]): NodeId {
    const own = this.shape(x);
    const sorted = [...new Set(axes)].sort((a, b) => a - b);
    const shape = own.filter((_, axis) => !sorted.includes(axis));
    const real = sorted.filter((axis) => own[axis] !== 1);
    if (real.length === 0) return this.reshape(x, shape);
    if (real.length < sorted.length) {
      const squeezed = own.filter((extent, axis) => !(extent === 1 && sorted.includes(axis)));
      const renumbered = real.map((axis) => axis - sorted.filter((other) => other < axis && own[other] === 1).length);
      return this.reduce(fn, this.reshape(x, squeezed), renumbered);
    }
    if (sizeOf(own) === 0) return this.fill({ sum: 0, prod: 1, max: -Infinity, min: Infinity }[fn], shape);
    return (
      reduceBroadcast(this, fn, x, sorted, shape) ??
      this.intern({ op: 'reduce', fn, axes: sorted }, [x], shape, `${fn}${sorted.join()}`)
    );
  }

  sum(x: NodeId, axes?: readonly number[]): NodeId {
    return this.reduce('sum', x, axes ?? this.shape(x).map((_, axis) => axis));
  }

  gather(x: NodeId, indices: NodeId): NodeId {
    const shape = [...this.shape(indices), ...this.shape(x).slice(1)];
    const only = this.uniformValue(indices);
    if (only !== undefined) {
      const row = this.slice(
        x,
        this.shape(x).map((_, axis) => (axis === 0 ? only : 0)),
        [1, ...this.shape(x).slice(1)],
      );
      return this.broadcast(this.reshape(row, this.shape(x).slice(1)), shape);
    }
    return this.intern({ op: 'gather' }, [x, indices], shape, '');
  }

  segmentSum(x: NodeId, indices: NodeId, count: number): NodeId {
    if (this.shape(indices).length !== 1 || this.shape(indices)[0] !== this.shape(x)[0]) {
      throw new Error(
        `segmentSum needs one index per row of [${this.shape(x).join(', ')}], got [${this.shape(indices).join(', ')}]`,
      );
    }
    return this.intern({ op: 'segmentSum' }, [x, indices], [count, ...this.shape(x).slice(1)], '');
  }

  cumsum(x: NodeId, axis: number, exclusive: boolean, reverse: boolean): NodeId {
    return this.intern({ op: 'cumsum', axis, exclusive, reverse }, [x], this.shape(x), `${axis}${exclusive}${reverse}`);
  }

  // ---- linear algebra ----

  /** Batched matrix product [..., m, k] × [..., k, n], as products summed over the last axis. */
  matMul(a: NodeId, b: NodeId): NodeId {
    const [m, k] = this.shape(a).slice(-2);
    const [k2, n] = this.shape(b).slice(-2);
    if (k !== k2) throw new Error(`matMul: [${this.shape(a).join(', ')}] × [${this.shape(b).join(', ')}]`);
    const batchA = this.shape(a).slice(0, -2);
    const batchB = this.shape(b).slice(0, -2);
    const left = this.reshape(a, [...batchA, m, 1, k]);
    const right = this.reshape(this.swapLast(b), [...batchB, 1, n, k]);
    const products = this.mul(left, right);
    return this.sum(products, [this.shape(products).length - 1]);
  }

  /** Transposes the last two axes. */
  swapLast(x: NodeId): NodeId {
    const rank = this.shape(x).length;
    return this.transpose(x, [...Array(rank - 2).keys(), rank - 1, rank - 2]);
  }

  cholesky(x: NodeId): NodeId {
    return this.intern({ op: 'cholesky' }, [x], this.shape(x), '');
  }

  triangularSolve(lower: NodeId, b: NodeId, transpose: boolean): NodeId {
    const batch = broadcastShape(this.shape(lower).slice(0, -2), this.shape(b).slice(0, -2));
    const shape = [...batch, ...this.shape(b).slice(-2)];
    const full = this.broadcast(lower, [...batch, ...this.shape(lower).slice(-2)]);
    return this.intern(
      { op: 'triangularSolve', transpose },
      [full, this.broadcast(b, shape)],
      shape,
      String(transpose),
    );
  }

  /** The program that computes `outputs`; nodes that none of them needs are left out. */
  finish(outputs: ReadonlyMap<string, NodeId>): TensorProgram {
    return pruneProgram(this.nodes, outputs);
  }

  // ---- helpers ----

  /** The value of a node that is the same literal everywhere. */
  uniformValue(id: NodeId): number | undefined {
    const { operation, inputs } = this.nodes[id];
    if (operation.op === 'constant' && operation.values.length === 1) return operation.values[0];
    return operation.op === 'broadcast' ? this.uniformValue(inputs[0]) : undefined;
  }

  private intern(operation: Operation, inputs: readonly NodeId[], shape: Shape, details: string): NodeId {
    const key = `${operation.op}|${details}|${inputs.join()}|${shape.join()}`;
    const found = this.known.get(key);
    if (found !== undefined) return found;
    this.nodes.push({ operation, inputs, shape: [...shape] });
    this.known.set(key, this.nodes.length - 1);
    return this.nodes.length - 1;
  }

  private withoutBroadcast(id: NodeId): NodeId {
    const { operation, inputs } = this.nodes[id];
    return operation.op === 'broadcast' ? inputs[0] : id;
  }

  private foldView(values: Float64Array, own: Shape, shape: Shape, permutation: readonly number[]): NodeId {
    const strides = stridesOf(own);
    return this.foldStrided(
      values,
      0,
      permutation.map((axis) => strides[axis]),
      shape,
    );
  }

  private foldStrided(values: Float64Array, offset: number, strides: readonly number[], shape: Shape): NodeId {
    const out = new Float64Array(sizeOf(shape));
    const own = stridesOf(shape);
    for (let i = 0; i < out.length; i++) {
      let position = offset;
      for (let axis = 0; axis < shape.length; axis++)
        position += (Math.floor(i / own[axis]) % shape[axis]) * strides[axis];
      out[i] = values[position];
    }
    return this.constant(out, shape);
  }
}

/** Distinguishes −0 from 0 in keys. */
function formatKey(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
