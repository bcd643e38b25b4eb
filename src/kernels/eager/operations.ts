// Every operation of a tensor program as stock tfjs operations on tensors with a trailing lane axis.
import * as tf from '@tensorflow/tfjs-core';
import { sizeOf, type TensorNode } from '../program/tensorProgram.js';
import { asReal, asTruth, binaryTensor, unaryTensor } from './elementwise.js';
import { broadcasting, type LaneTensor, repeated, withLaneAxis } from './laneTensor.js';
import { choleskyOfBatch, triangularSolveOfBatch } from './smallMatrices.js';
import { sumOver } from './sums.js';

const reductions = { max: tf.max, min: tf.min, prod: tf.prod };

/** float32 tells integers apart up to here. */
const largestInteger = 2 ** 24;

/**
 * The value of a node that is neither parameter nor data, from the values of its inputs: [shape…, lanes] where one of these has a
 * lane axis, else [shape…]. Call it inside tf.tidy. Truth values are of type bool.
 */
export function evaluateNode(node: TensorNode, inputs: readonly LaneTensor[], lanes: number): tf.Tensor {
  const { operation, shape } = node;
  const isPerLane = inputs.some((input) => input.isPerLane);
  const laneShape = isPerLane ? [lanes] : [];
  const outShape = [...shape, ...laneShape];
  const first = (): tf.Tensor => asReal(inputs[0].tensor);
  switch (operation.op) {
    case 'parameter':
    case 'data':
      throw new Error(`${operation.op} ${operation.name} is bound, not computed`);
    case 'constant':
      return tf.tensor(Float32Array.from(operation.values), outShape, 'float32');
    case 'iota':
      return tf.range(0, shape[0], 1, 'float32');
    case 'unary':
      return unaryTensor[operation.fn](inputs[0].tensor);
    case 'binary':
      return broadcasting(inputs, ([a, b]) => binaryTensor[operation.fn](a, b));
    case 'select':
      return broadcasting(inputs, ([condition, yes, no]) => tf.where(asTruth(condition), asReal(yes), asReal(no)));
    case 'broadcast': {
      const missing = shape.length - inputs[0].shape.length;
      const x = first();
      return tf.broadcastTo(tf.reshape(x, [...new Array<number>(missing).fill(1), ...x.shape]), outShape);
    }
    case 'reshape':
      return tf.reshape(first(), outShape);
    case 'transpose':
      return tf.transpose(first(), isPerLane ? [...operation.permutation, shape.length] : [...operation.permutation]);
    case 'slice':
      return slice(first(), operation.begin, operation.step, shape);
    case 'pad': {
      const own = inputs[0].shape;
      const amounts = shape.map((extent, axis): [number, number] => {
        const before = operation.before[axis];
        return [before, extent - own[axis] - before];
      });
      return tf.pad(first(), [...amounts, ...laneShape.map((): [number, number] => [0, 0])], operation.value);
    }
    case 'concat':
      return tf.concat(
        inputs.map((input) => asReal(isPerLane ? repeated(input, lanes) : input.tensor)),
        operation.axis,
      );
    case 'reduce':
      return operation.fn === 'sum'
        ? sumOver(first(), operation.axes)
        : reductions[operation.fn](first(), [...operation.axes]);
    case 'gather':
      return byLane(inputs, lanes, ([rows, indices]) => gather(rows, indices));
    case 'segmentSum':
      return byLane(inputs, lanes, ([rows, indices]) => segmentSum(rows, indices, shape[0]));
    case 'cumsum':
      return tf.cumsum(first(), operation.axis, operation.exclusive, operation.reverse);
    case 'cholesky': {
      const k = shape[shape.length - 1];
      return tf.reshape(choleskyOfBatch(tf.reshape(first(), [-1, k, k, isPerLane ? lanes : 1])), outShape);
    }
    case 'triangularSolve': {
      const [k, columns] = shape.slice(-2);
      const [lower, b] = inputs.map(withLaneAxis).map(asReal);
      const matrices = (y: tf.Tensor, width: number): tf.Tensor4D => tf.reshape(y, [-1, k, width, y.shape[y.rank - 1]]);
      return tf.reshape(
        triangularSolveOfBatch(matrices(lower, k), matrices(b, columns), operation.transpose),
        outShape,
      );
    }
    default:
      throw new Error(`unknown operation ${(operation satisfies never as { op: string }).op}`);
  }
}

/** Axes of `begin`, then a lane axis if there is one, which is taken whole. */
function slice(x: tf.Tensor, begin: readonly number[], step: readonly number[], shape: readonly number[]): tf.Tensor {
  const backwards = step.flatMap((s, axis) => (s < 0 ? [axis] : []));
  const turned = backwards.length > 0 ? tf.reverse(x, backwards) : x;
  const starts = begin.map((start, axis) => (step[axis] < 0 ? x.shape[axis] - 1 - start : start));
  const rest = x.shape.slice(begin.length);
  const all = [...starts, ...rest.map(() => 0)];
  if (step.every((s) => Math.abs(s) === 1)) return tf.slice(turned, all, [...shape, ...rest]);
  const steps = [...step.map(Math.abs), ...rest.map(() => 1)];
  const ends = [...starts.map((start, axis) => start + (shape[axis] - 1) * steps[axis] + 1), ...rest];
  return tf.stridedSlice(turned, all, ends, steps);
}

/** `fn` on all lanes at once where the indices are shared, else lane by lane. */
function byLane(inputs: readonly LaneTensor[], lanes: number, fn: (inputs: LaneTensor[]) => tf.Tensor): tf.Tensor {
  const [, indices] = inputs;
  if (!indices.isPerLane) return fn([...inputs]);
  const ofLane = (lane: number): LaneTensor[] =>
    inputs.map(({ tensor, shape, isPerLane }) => ({
      tensor: isPerLane
        ? tf.reshape(tf.slice(tensor, [...shape.map(() => 0), lane], [...shape, 1]), [...shape])
        : tensor,
      shape,
      isPerLane: false,
    }));
  return tf.stack(
    Array.from({ length: lanes }, (_, lane) => fn(ofLane(lane))),
    -1,
  );
}

function asIndices({ tensor }: LaneTensor, extent: number): tf.Tensor1D {
  if (tensor.dtype !== 'int32' && extent > largestInteger) {
    throw new RangeError(
      `computed indices into ${extent} rows: float32 counts to ${largestInteger}; use the device cpu`,
    );
  }
  return tf.reshape(tf.cast(tensor, 'int32'), [-1]);
}

function gather(rows: LaneTensor, indices: LaneTensor): tf.Tensor {
  const table = asReal(rows.tensor);
  const picked = tf.gather(table, asIndices(indices, rows.shape[0]));
  return tf.reshape(picked, [...indices.shape, ...table.shape.slice(1)]);
}

function segmentSum(rows: LaneTensor, indices: LaneTensor, count: number): tf.Tensor {
  const x = asReal(rows.tensor);
  const [n, width] = [x.shape[0], sizeOf(x.shape.slice(1))];
  const positions = tf.reshape(asIndices(indices, count), [n, 1]);
  const sums = tf.scatterND(positions, tf.reshape(x, [n, width]), [count, width]);
  return tf.reshape(sums, [count, ...x.shape.slice(1)]);
}
