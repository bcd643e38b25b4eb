// Reverse-mode differentiation of tensor programs: one rule per operation, written with the same operations.
import type { ProgramBuilder } from './programBuilder.js';
import type { NodeId, ReduceFunction, Shape, TensorNode } from './tensorProgram.js';

/** Relative difference below which elements tie for a maximum or minimum. */
const tieTolerance = 1e-12;

/**
 * Nodes for the gradients of the scalar `output` with respect to each of `wrt`, appended to `builder`.
 * Sub-gradients: abs and sign at 0 give 0; max and min along axes share equally among ties; elementwise max and min take the
 * first argument at ties; floor, ceil, round and comparisons have gradient 0. Throws for operations without a rule.
 */
export function gradients(builder: ProgramBuilder, output: NodeId, wrt: readonly NodeId[]): NodeId[] {
  if (builder.shape(output).length !== 0) {
    throw new Error(`gradients need a scalar, got shape [${builder.shape(output).join(', ')}]`);
  }
  return pullback(builder, new Map([[output, builder.scalar(1)]]), wrt);
}

/**
 * Nodes for Σ over `cotangents` of the cotangent times the derivative of its node, with respect to each of `wrt`. Cotangents may
 * depend on `wrt` themselves and are taken as they are.
 */
export function pullback(
  builder: ProgramBuilder,
  cotangents: ReadonlyMap<NodeId, NodeId>,
  wrt: readonly NodeId[],
): NodeId[] {
  const last = Math.max(...cotangents.keys());
  const active = reachableFrom(builder, last, new Set(wrt));
  const adjoints = new Map<NodeId, NodeId>(cotangents);
  for (let id = last; id >= 0; id--) {
    const adjoint = adjoints.get(id);
    if (adjoint === undefined || !active.has(id)) continue;
    const node = builder.node(id);
    const contributions = rule(builder, id, node, adjoint);
    for (const [position, contribution] of contributions.entries()) {
      const input = node.inputs[position];
      if (contribution === undefined || !active.has(input)) continue;
      const value = reduceTo(builder, contribution, builder.shape(input));
      const before = adjoints.get(input);
      adjoints.set(input, before === undefined ? value : builder.add(before, value));
    }
  }
  return wrt.map((id) => adjoints.get(id) ?? builder.fill(0, builder.shape(id)));
}

/** Nodes up to `output` that depend on one of `sources`. */
function reachableFrom(builder: ProgramBuilder, output: NodeId, sources: ReadonlySet<NodeId>): Set<NodeId> {
  const active = new Set<NodeId>();
  for (let id = 0; id <= output; id++) {
    if (sources.has(id) || builder.node(id).inputs.some((input) => active.has(input))) active.add(id);
  }
  return active;
}

/** Sums over the axes along which an input of `shape` was broadcast. */
function reduceTo(builder: ProgramBuilder, x: NodeId, shape: Shape): NodeId {
  const own = builder.shape(x);
  const offset = own.length - shape.length;
  const axes = own.flatMap((extent, axis) =>
    axis < offset || (shape[axis - offset] === 1 && extent !== 1) ? [axis] : [],
  );
  return builder.reshape(axes.length === 0 ? x : builder.sum(x, axes), shape);
}

/** Gradient contributions to each input (before broadcasting is undone); undefined where there is none. */
function rule(b: ProgramBuilder, y: NodeId, node: TensorNode, dy: NodeId): (NodeId | undefined)[] {
  const { operation, inputs, shape } = node;
  switch (operation.op) {
    case 'parameter':
    case 'data':
    case 'constant':
    case 'iota':
      return [];
    case 'unary':
      return [unaryRule(b, operation.fn, inputs[0], y, dy)];
    case 'binary':
      return binaryRule(b, operation.fn, inputs[0], inputs[1], y, dy);
    case 'select': {
      const zero = b.scalar(0);
      return [undefined, b.select(inputs[0], dy, zero), b.select(inputs[0], zero, dy)];
    }
    case 'broadcast':
      return [dy];
    case 'reshape':
      return [b.reshape(b.broadcast(dy, shape), b.shape(inputs[0]))];
    case 'transpose': {
      const inverse = operation.permutation.map((_, axis) => operation.permutation.indexOf(axis));
      return [b.transpose(b.broadcast(dy, shape), inverse)];
    }
    case 'slice':
      return [sliceRule(b, b.shape(inputs[0]), operation.begin, operation.step, b.broadcast(dy, shape))];
    case 'pad':
      return [b.slice(b.broadcast(dy, shape), operation.before, b.shape(inputs[0]))];
    case 'concat': {
      let offset = 0;
      return inputs.map((input) => {
        const begin = shape.map((_, axis) => (axis === operation.axis ? offset : 0));
        offset += b.shape(input)[operation.axis];
        return b.slice(b.broadcast(dy, shape), begin, b.shape(input));
      });
    }
    case 'reduce':
      return [reduceRule(b, operation.fn, inputs[0], operation.axes, y, dy)];
    case 'gather': {
      const [table, indices] = inputs;
      const rows = b.shape(indices).reduce((product, extent) => product * extent, 1);
      const flat = b.reshape(b.broadcast(dy, shape), [rows, ...b.shape(table).slice(1)]);
      return [b.segmentSum(flat, b.reshape(indices, [rows]), b.shape(table)[0]), undefined];
    }
    case 'segmentSum':
      return [b.gather(b.broadcast(dy, shape), inputs[1]), undefined];
    case 'cumsum':
      return [b.cumsum(b.broadcast(dy, shape), operation.axis, operation.exclusive, !operation.reverse)];
    case 'cholesky':
      return [choleskyRule(b, y, b.broadcast(dy, shape))];
    case 'triangularSolve': {
      const [lower] = inputs;
      const dB = b.triangularSolve(lower, b.broadcast(dy, shape), !operation.transpose);
      const outer = operation.transpose ? b.matMul(y, b.swapLast(dB)) : b.matMul(dB, b.swapLast(y));
      return [b.mul(b.neg(outer), lowerMask(b, b.shape(lower).at(-1)!, 1)), dB];
    }
    default:
      throw new Error(`no gradient rule for ${(operation satisfies never as { op: string }).op}`);
  }
}

function unaryRule(b: ProgramBuilder, fn: string, x: NodeId, y: NodeId, dy: NodeId): NodeId | undefined {
  const one = b.scalar(1);
  const square = (v: NodeId): NodeId => b.mul(v, v);
  switch (fn) {
    case 'neg':
      return b.neg(dy);
    case 'abs':
      return b.mul(dy, b.unary('sign', x));
    case 'sign':
    case 'floor':
    case 'ceil':
    case 'round':
    case 'not':
    case 'isNaN':
      return undefined;
    case 'reciprocal':
      return b.neg(b.mul(dy, square(y)));
    case 'sqrt':
      return b.div(b.mul(dy, b.scalar(0.5)), y);
    case 'exp':
      return b.mul(dy, y);
    case 'log':
      return b.mul(dy, b.unary('reciprocal', x));
    case 'log1p':
      return b.div(dy, b.add(one, x));
    case 'expm1':
      return b.mul(dy, b.add(y, one));
    case 'sigmoid':
      return b.mul(dy, b.mul(y, b.sub(one, y)));
    case 'softplus':
      return b.mul(dy, b.unary('sigmoid', x));
    case 'sin':
      return b.mul(dy, b.unary('cos', x));
    case 'cos':
      return b.neg(b.mul(dy, b.unary('sin', x)));
    case 'tan':
      return b.mul(dy, b.add(one, square(y)));
    case 'asin':
      return b.div(dy, b.unary('sqrt', b.sub(one, square(x))));
    case 'acos':
      return b.neg(b.div(dy, b.unary('sqrt', b.sub(one, square(x)))));
    case 'atan':
      return b.div(dy, b.add(one, square(x)));
    case 'sinh':
      return b.mul(dy, b.unary('cosh', x));
    case 'cosh':
      return b.mul(dy, b.unary('sinh', x));
    case 'tanh':
      return b.mul(dy, b.sub(one, square(y)));
    case 'asinh':
      return b.div(dy, b.unary('sqrt', b.add(one, square(x))));
    case 'acosh':
      return b.div(dy, b.unary('sqrt', b.sub(square(x), one)));
    case 'atanh':
      return b.div(dy, b.sub(one, square(x)));
    case 'erf':
      return b.mul(b.mul(dy, b.scalar(2 / Math.sqrt(Math.PI))), b.unary('exp', b.neg(square(x))));
    case 'normalCdf':
      return b.mul(dy, b.unary('exp', b.sub(b.mul(b.scalar(-0.5), square(x)), b.scalar(0.5 * Math.log(2 * Math.PI)))));
    case 'normalLogCdf': {
      const logDensity = b.sub(b.mul(b.scalar(-0.5), square(x)), b.scalar(0.5 * Math.log(2 * Math.PI)));
      return b.mul(dy, b.unary('exp', b.sub(logDensity, y)));
    }
    case 'logGamma':
      return b.mul(dy, b.unary('digamma', x));
    case 'digamma':
      return b.mul(dy, b.unary('trigamma', x));
    default:
      throw new Error(`${fn} has no gradient rule`);
  }
}

function binaryRule(
  b: ProgramBuilder,
  fn: string,
  x: NodeId,
  z: NodeId,
  y: NodeId,
  dy: NodeId,
): (NodeId | undefined)[] {
  const zero = b.scalar(0);
  switch (fn) {
    case 'add':
      return [dy, dy];
    case 'sub':
      return [dy, b.neg(dy)];
    case 'mul':
      return [b.mul(dy, z), b.mul(dy, x)];
    case 'div': {
      const scaled = b.div(dy, z);
      return [scaled, b.neg(b.mul(scaled, y))];
    }
    case 'pow': {
      const positive = b.binary('greater', x, zero);
      const slope = b.mul(z, b.binary('pow', x, b.sub(z, b.scalar(1))));
      // x⁰ is constant, also at x = 0.
      const base = b.select(b.binary('equal', z, zero), zero, b.mul(dy, slope));
      const safe = b.select(positive, x, b.scalar(1));
      return [base, b.select(positive, b.mul(dy, b.mul(y, b.unary('log', safe))), zero)];
    }
    case 'max':
    case 'min': {
      const first = b.binary(fn === 'max' ? 'greaterEqual' : 'lessEqual', x, z);
      return [b.select(first, dy, zero), b.select(first, zero, dy)];
    }
    case 'mod':
      // The whole number of divisors, rounded: floor(x / z) would be off by one where x / z rounds.
      return [dy, b.neg(b.mul(dy, b.unary('round', b.div(b.sub(x, y), z))))];
    case 'atan2': {
      const scale = b.div(dy, b.add(b.mul(x, x), b.mul(z, z)));
      return [b.mul(scale, z), b.neg(b.mul(scale, x))];
    }
    default:
      return [undefined, undefined];
  }
}

function sliceRule(
  b: ProgramBuilder,
  source: Shape,
  begin: readonly number[],
  step: readonly number[],
  dy: NodeId,
): NodeId {
  const reversed = step.findIndex((s) => s === -1);
  if (reversed !== -1) {
    // A reversed axis is undone by reversing the adjoint.
    const shape = b.shape(dy);
    const last = shape[reversed] - 1;
    const at = (value: number, other: number): number[] => shape.map((_, axis) => (axis === reversed ? value : other));
    const forward = b.slice(dy, at(last, 0), shape, at(-1, 1));
    const start = begin.map((first, axis) => (axis === reversed ? first - last : first));
    const steps = step.map((s, axis) => (axis === reversed ? 1 : s));
    return sliceRule(b, source, start, steps, forward);
  }
  const strided = step.findIndex((s) => s !== 1);
  if (strided === -1) {
    const after = source.map((extent, axis) => extent - begin[axis] - b.shape(dy)[axis]);
    return b.pad(dy, begin, after, 0);
  }
  // Spread the strided axis out by summing each of its rows into its place, then treat the rest as plain slices.
  const rank = source.length;
  const forward = [strided, ...Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== strided)];
  const backward = forward.map((_, axis) => forward.indexOf(axis));
  const rows = b.transpose(dy, forward);
  const count = b.shape(rows)[0];
  const places = b.constant(
    Array.from({ length: count }, (_, i) => begin[strided] + i * step[strided]),
    [count],
  );
  const spread = b.transpose(b.segmentSum(rows, places, source[strided]), backward);
  const unit = (list: readonly number[], value: number): number[] =>
    list.map((v, axis) => (axis === strided ? value : v));
  return sliceRule(b, source, unit(begin, 0), unit(step, 1), spread);
}

function reduceRule(
  b: ProgramBuilder,
  fn: ReduceFunction,
  x: NodeId,
  axes: readonly number[],
  y: NodeId,
  dy: NodeId,
): NodeId {
  const source = b.shape(x);
  const kept = source.map((extent, axis) => (axes.includes(axis) ? 1 : extent));
  const expand = (v: NodeId): NodeId => b.broadcast(b.reshape(v, kept), source);
  switch (fn) {
    case 'sum':
      return expand(dy);
    case 'max':
    case 'min': {
      // A device may compute x twice with different rounding: what is this close to the extreme counts as a tie.
      const slack = b.mul(b.scalar(fn === 'max' ? -tieTolerance : tieTolerance), b.unary('sign', y));
      const bound = b.reshape(b.mul(y, b.add(b.scalar(1), slack)), kept);
      const ties = b.binary(fn === 'max' ? 'greaterEqual' : 'lessEqual', x, bound);
      const share = b.div(dy, b.sum(ties, axes));
      return b.mul(expand(share), ties);
    }
    case 'prod':
      return b.mul(expand(dy), productOfOthers(b, x, axes));
    default:
      throw new Error(`no gradient rule for reduction ${fn satisfies never as string}`);
  }
}

/** For each element the product of the others along `axes`: right also where elements are zero. */
function productOfOthers(b: ProgramBuilder, x: NodeId, axes: readonly number[]): NodeId {
  const source = b.shape(x);
  const others = source.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...others, ...axes];
  const size = axes.reduce((product, axis) => product * source[axis], 1);
  const batch = others.map((axis) => source[axis]);
  const rows = b.reshape(b.transpose(x, order), [...batch, 1, size]);
  const positions = b.iota(size);
  const diagonal = b.binary('equal', b.reshape(positions, [size, 1]), b.reshape(positions, [1, size]));
  const products = b.reduce('prod', b.select(diagonal, b.scalar(1), rows), [batch.length + 1]);
  const inOrder = b.reshape(
    products,
    order.map((axis) => source[axis]),
  );
  return b.transpose(
    inOrder,
    order.map((_, axis) => order.indexOf(axis)),
  );
}

/** A k × k literal: `diagonal` on the diagonal, 1 below, 0 above. */
function lowerMask(b: ProgramBuilder, k: number, diagonal: number): NodeId {
  const values = new Float64Array(k * k);
  for (let i = 0; i < k; i++) for (let j = 0; j <= i; j++) values[i * k + j] = i === j ? diagonal : 1;
  return b.constant(values, [k, k]);
}

/** Murray (2016), Differentiation of the Cholesky decomposition: ½ (S + S') with S = L⁻ᵀ Φ(Lᵀ dL) L⁻¹. */
function choleskyRule(b: ProgramBuilder, lower: NodeId, dLower: NodeId): NodeId {
  const k = b.shape(lower).at(-1)!;
  const masked = b.mul(dLower, lowerMask(b, k, 1));
  const phi = b.mul(b.matMul(b.swapLast(lower), masked), lowerMask(b, k, 0.5));
  const left = b.triangularSolve(lower, phi, true);
  const both = b.swapLast(b.triangularSolve(lower, b.swapLast(left), true));
  return b.mul(b.scalar(0.5), b.add(both, b.swapLast(both)));
}
