// Algebra that the builder applies as it builds: neutral elements, signs, divisions, powers, and sums of what merely repeats.
import type { ProgramBuilder } from './programBuilder.js';
import { binaryScalar } from './scalarFunctions.js';
import {
  type BinaryFunction,
  broadcastShape,
  type NodeId,
  type ReduceFunction,
  type Shape,
  sizeOf,
} from './tensorProgram.js';

/** A simpler node for fn(x, z) where there is one: literals folded, neutral elements dropped, signs pulled out. */
export function simplifyBinary(b: ProgramBuilder, fn: BinaryFunction, x: NodeId, z: NodeId): NodeId | undefined {
  const left = b.uniformValue(x);
  const right = b.uniformValue(z);
  if (left !== undefined && right !== undefined) return b.scalar(binaryScalar[fn](left, right));
  switch (fn) {
    case 'add':
      if (left === 0) return z;
      if (right === 0) return x;
      if (negated(b, z) !== undefined) return b.sub(x, negated(b, z)!);
      if (negated(b, x) !== undefined) return b.sub(z, negated(b, x)!);
      return undefined;
    case 'sub':
      if (right === 0) return x;
      if (left === 0) return b.neg(z);
      return negated(b, z) !== undefined ? b.add(x, negated(b, z)!) : undefined;
    case 'mul':
      if (left === 1) return z;
      if (right === 1) return x;
      if (left === -1) return b.neg(z);
      return right === -1 ? b.neg(x) : undefined;
    case 'div':
      if (right === 1) return x;
      // A divisor that is shared by many dividends is inverted once.
      if (right !== undefined || sizeOf(b.shape(z)) < sizeOf(broadcastShape(b.shape(x), b.shape(z)))) {
        return b.mul(x, b.unary('reciprocal', z));
      }
      return left === 1 ? b.unary('reciprocal', z) : undefined;
    case 'pow':
      return right === undefined ? undefined : simplePower(b, x, right);
    default:
      return undefined;
  }
}

function negated(b: ProgramBuilder, id: NodeId): NodeId | undefined {
  const { operation, inputs } = b.node(id);
  return operation.op === 'unary' && operation.fn === 'neg' ? inputs[0] : undefined;
}

/** Powers that are products, roots or reciprocals. */
function simplePower(b: ProgramBuilder, x: NodeId, exponent: number): NodeId | undefined {
  switch (exponent) {
    case 1:
      return x;
    case 2:
      return b.mul(x, x);
    case 3:
      return b.mul(b.mul(x, x), x);
    case 0.5:
      return b.unary('sqrt', x);
    case -0.5:
      return b.unary('reciprocal', b.unary('sqrt', x));
    case -1:
      return b.unary('reciprocal', x);
    case -2:
      return b.unary('reciprocal', b.mul(x, x));
    default:
      return undefined;
  }
}

/** Reductions along axes on which the input merely repeats need no loop. */
export function reduceBroadcast(
  b: ProgramBuilder,
  fn: ReduceFunction,
  x: NodeId,
  axes: readonly number[],
  shape: Shape,
): NodeId | undefined {
  const { operation, inputs, shape: own } = b.node(x);
  if (operation.op !== 'broadcast') return undefined;
  const source = b.shape(inputs[0]);
  const padded = [...Array<number>(own.length - source.length).fill(1), ...source];
  const repeated = axes.filter((axis) => padded[axis] === 1);
  if (repeated.length === 0) return undefined;
  const times = sizeOf(repeated.map((axis) => own[axis]));
  const offset = own.length - source.length;
  const remaining = axes.filter((axis) => !repeated.includes(axis)).map((axis) => axis - offset);
  const rest = b.reduce(fn, inputs[0], remaining);
  const kept = b.reshape(
    rest,
    padded.filter((_, axis) => !axes.includes(axis)),
  );
  const scaled =
    fn === 'sum' ? b.mul(kept, b.scalar(times)) : fn === 'prod' ? b.binary('pow', kept, b.scalar(times)) : kept;
  return b.broadcast(scaled, shape);
}
