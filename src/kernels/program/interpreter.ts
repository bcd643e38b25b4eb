// Plain f64 evaluation of tensor programs, one node after the other: the specification that every device is tested against.
import { binaryScalar, unaryScalar } from './scalarFunctions.js';
import {
  type NodeId,
  type ReduceFunction,
  type Shape,
  sizeOf,
  stridesOf,
  type TensorNode,
  type TensorProgram,
} from './tensorProgram.js';

/**
 * Evaluates every node of `program` in f64.
 * `inputs` holds parameters and data by name, row-major. The result maps each output's name to its values, row-major.
 * Throws when an input is missing or has the wrong length, and when an index of a gather or segment sum is out of range.
 */
export function interpret(
  program: TensorProgram,
  inputs: ReadonlyMap<string, ArrayLike<number>>,
): Map<string, Float64Array> {
  const values: Float64Array[] = [];
  for (const node of program.nodes) values.push(evaluate(program, node, values, inputs));
  return new Map([...program.outputs].map(([name, id]) => [name, values[id].slice()]));
}

function evaluate(
  program: TensorProgram,
  node: TensorNode,
  values: readonly Float64Array[],
  bound: ReadonlyMap<string, ArrayLike<number>>,
): Float64Array {
  const { operation, shape, inputs } = node;
  const size = sizeOf(shape);
  const shapeOf = (position: number): Shape => program.nodes[inputs[position]].shape;
  const input = (position: number): Float64Array => values[inputs[position]];
  /** Element of an input that is broadcast to this node's shape. */
  const broadcast = (position: number): ((index: number) => number) =>
    broadcastReader(input(position), shapeOf(position), shape);
  switch (operation.op) {
    case 'parameter':
    case 'data':
      return boundInput(bound, operation.name, shape);
    case 'constant':
      return operation.values;
    case 'iota':
      return Float64Array.from({ length: size }, (_, i) => i);
    case 'unary':
      return input(0).map(unaryScalar[operation.fn]);
    case 'binary': {
      const [a, b, fn] = [broadcast(0), broadcast(1), binaryScalar[operation.fn]];
      return tabulate(size, (i) => fn(a(i), b(i)));
    }
    case 'select': {
      const [condition, yes, no] = [broadcast(0), broadcast(1), broadcast(2)];
      return tabulate(size, (i) => (condition(i) !== 0 ? yes(i) : no(i)));
    }
    case 'broadcast':
      return tabulate(size, broadcast(0));
    case 'reshape':
      return input(0);
    case 'transpose': {
      const strides = stridesOf(shapeOf(0));
      const moved = operation.permutation.map((axis) => strides[axis]);
      return tabulate(size, (i) => input(0)[dot(coordinates(i, shape), moved)]);
    }
    case 'slice': {
      const strides = stridesOf(shapeOf(0));
      return tabulate(size, (i) => {
        const source = coordinates(i, shape).map((c, axis) => operation.begin[axis] + c * operation.step[axis]);
        return input(0)[dot(source, strides)];
      });
    }
    case 'pad': {
      const source = shapeOf(0);
      const strides = stridesOf(source);
      return tabulate(size, (i) => {
        const inside = coordinates(i, shape).map((c, axis) => c - operation.before[axis]);
        const isInside = inside.every((c, axis) => c >= 0 && c < source[axis]);
        return isInside ? input(0)[dot(inside, strides)] : operation.value;
      });
    }
    case 'concat':
      return concatenate(program, inputs, values, shape, operation.axis);
    case 'reduce':
      return reduce(operation.fn, input(0), shapeOf(0), shape, operation.axes);
    case 'gather': {
      const row = sizeOf(shapeOf(0).slice(1));
      return tabulate(size, (i) => {
        const index = checkedIndex(input(1)[Math.floor(i / row)], shapeOf(0)[0], 'gather');
        return input(0)[index * row + (i % row)];
      });
    }
    case 'segmentSum': {
      const row = sizeOf(shape.slice(1));
      const sums = new Float64Array(size);
      for (const [i, x] of input(0).entries()) {
        const index = checkedIndex(input(1)[Math.floor(i / row)], shape[0], 'segmentSum');
        sums[index * row + (i % row)] += x;
      }
      return sums;
    }
    case 'cumsum':
      return cumulativeSum(input(0), shape, operation.axis, operation.exclusive, operation.reverse);
    case 'cholesky':
      return forEachMatrix(shape, (offset, k, out) => choleskyAt(input(0), offset, k, out));
    case 'triangularSolve':
      return triangularSolve(input(0), input(1), shape, operation.transpose);
    default:
      throw new Error(`unknown operation ${(operation satisfies never as { op: string }).op}`);
  }
}

function boundInput(bound: ReadonlyMap<string, ArrayLike<number>>, name: string, shape: Shape): Float64Array {
  const values = bound.get(name);
  if (values === undefined) throw new Error(`the program needs an input '${name}' of shape [${shape.join(', ')}]`);
  if (values.length !== sizeOf(shape)) {
    throw new Error(
      `input '${name}' has ${values.length} values, its shape [${shape.join(', ')}] needs ${sizeOf(shape)}`,
    );
  }
  return Float64Array.from(values);
}

// ---- indices ----

function tabulate(size: number, element: (index: number) => number): Float64Array {
  const out = new Float64Array(size);
  for (let i = 0; i < size; i++) out[i] = element(i);
  return out;
}

/** Coordinates of the element at flat `index`. */
function coordinates(index: number, shape: Shape): number[] {
  const strides = stridesOf(shape);
  return shape.map((extent, axis) => Math.floor(index / strides[axis]) % extent);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}

function broadcastReader(values: Float64Array, own: Shape, shape: Shape): (index: number) => number {
  if (own.length === shape.length && own.every((extent, axis) => extent === shape[axis])) return (i) => values[i];
  const ownStrides = stridesOf(own);
  const offset = shape.length - own.length;
  const strides = shape.map((_, axis) => (axis < offset || own[axis - offset] === 1 ? 0 : ownStrides[axis - offset]));
  return (i) => values[dot(coordinates(i, shape), strides)];
}

function checkedIndex(index: number, extent: number, op: string): number {
  if (!Number.isInteger(index) || index < 0 || index >= extent) {
    throw new Error(`${op}: index ${index} is outside 0 … ${extent - 1}`);
  }
  return index;
}

// ---- operations over axes ----

function concatenate(
  program: TensorProgram,
  inputs: readonly NodeId[],
  values: readonly Float64Array[],
  shape: Shape,
  axis: number,
): Float64Array {
  const out = new Float64Array(sizeOf(shape));
  const strides = stridesOf(shape);
  let start = 0;
  for (const id of inputs) {
    const own = program.nodes[id].shape;
    for (const [i, x] of values[id].entries()) out[dot(coordinates(i, own), strides) + start * strides[axis]] = x;
    start += own[axis];
  }
  return out;
}

const reductions: Readonly<Record<ReduceFunction, { start: number; combine: (a: number, b: number) => number }>> = {
  sum: { start: 0, combine: (a, b) => a + b },
  prod: { start: 1, combine: (a, b) => a * b },
  max: { start: -Infinity, combine: Math.max },
  min: { start: Infinity, combine: Math.min },
};

function reduce(fn: ReduceFunction, x: Float64Array, own: Shape, shape: Shape, axes: readonly number[]): Float64Array {
  const { start, combine } = reductions[fn];
  const outStrides = stridesOf(shape);
  let position = 0;
  const strides = own.map((_, axis) => (axes.includes(axis) ? 0 : outStrides[position++]));
  const out = new Float64Array(sizeOf(shape)).fill(start);
  for (const [i, value] of x.entries()) {
    const target = dot(coordinates(i, own), strides);
    out[target] = combine(out[target], value);
  }
  return out;
}

function cumulativeSum(
  x: Float64Array,
  shape: Shape,
  axis: number,
  exclusive: boolean,
  reverse: boolean,
): Float64Array {
  const out = new Float64Array(x.length);
  const stride = stridesOf(shape)[axis];
  const length = shape[axis];
  for (let i = 0; i < x.length; i++) {
    if (Math.floor(i / stride) % length !== 0) continue;
    let sum = 0;
    for (let step = 0; step < length; step++) {
      const at = i + (reverse ? length - 1 - step : step) * stride;
      out[at] = exclusive ? sum : sum + x[at];
      sum += x[at];
    }
  }
  return out;
}

// ---- small matrices ----

function forEachMatrix(shape: Shape, fill: (offset: number, k: number, out: Float64Array) => void): Float64Array {
  const k = shape[shape.length - 1];
  const out = new Float64Array(sizeOf(shape));
  for (let offset = 0; offset < out.length; offset += k * k) fill(offset, k, out);
  return out;
}

/** Lower factor of the matrix at `offset`, read from its lower triangle; all of it NaN where it is not positive definite. */
function choleskyAt(matrix: Float64Array, offset: number, k: number, out: Float64Array): void {
  for (let i = 0; i < k; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[offset + i * k + j];
      for (let m = 0; m < j; m++) sum -= out[offset + i * k + m] * out[offset + j * k + m];
      if (i === j && !(sum > 0)) {
        out.fill(NaN, offset, offset + k * k);
        return;
      }
      out[offset + i * k + j] = i === j ? Math.sqrt(sum) : sum / out[offset + j * k + j];
    }
  }
}

/** Forward substitution for L X = B, backward substitution for L' X = B; only the lower triangle of L is read. */
function triangularSolve(lower: Float64Array, b: Float64Array, shape: Shape, transpose: boolean): Float64Array {
  const [k, columns] = shape.slice(-2);
  const x = b.slice();
  const batches = sizeOf(shape.slice(0, -2));
  for (let batch = 0; batch < batches; batch++) {
    const at = (i: number, j: number): number => lower[batch * k * k + i * k + j];
    const place = (i: number, column: number): number => (batch * k + i) * columns + column;
    for (let column = 0; column < columns; column++) {
      for (let step = 0; step < k; step++) {
        const i = transpose ? k - 1 - step : step;
        let sum = x[place(i, column)];
        if (transpose) for (let j = i + 1; j < k; j++) sum -= at(j, i) * x[place(j, column)];
        else for (let j = 0; j < i; j++) sum -= at(i, j) * x[place(j, column)];
        x[place(i, column)] = sum / at(i, i);
      }
    }
  }
  return x;
}
