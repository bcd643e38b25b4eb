// A node's value while a program is replayed: one array for all chains, or one for each with the chain as last axis.
import * as tf from '@tensorflow/tfjs-core';
import { broadcastShape, type Shape } from '../program/tensorProgram.js';

export interface LaneTensor {
  readonly tensor: tf.Tensor;
  /** The shape of the node: that of the tensor without its lane axis. */
  readonly shape: Shape;
  readonly isPerLane: boolean;
}

/** The tensor with a lane axis, of length 1 where all lanes share it. */
export function withLaneAxis({ tensor, shape, isPerLane }: LaneTensor): tf.Tensor {
  return isPerLane ? tensor : tf.reshape(tensor, [...shape, 1]);
}

/** The tensor with one copy for every lane. */
export function repeated(value: LaneTensor, lanes: number): tf.Tensor {
  return value.isPerLane ? value.tensor : tf.tile(withLaneAxis(value), [...value.shape.map(() => 1), lanes]);
}

/** Axes up to which every backend broadcasts: wasm goes on with wrong numbers above six. */
const mostAxes = 4;

/** Applies an elementwise function to tensors that broadcast as their nodes do, with few axes. */
export function broadcasting(
  values: readonly LaneTensor[],
  fn: (tensors: readonly tf.Tensor[]) => tf.Tensor,
): tf.Tensor {
  const tensors = values.some(({ isPerLane }) => isPerLane)
    ? values.map(withLaneAxis)
    : values.map(({ tensor }) => tensor);
  const shape = broadcastShape(...tensors.map((tensor) => tensor.shape));
  if (shape.length <= mostAxes) return fn(tensors);
  return tf.reshape(fn(withMergedAxes(tensors, shape)), shape);
}

/** Neighbouring axes become one where every tensor either has both in full or is repeated along both. */
function withMergedAxes(tensors: readonly tf.Tensor[], shape: Shape): tf.Tensor[] {
  const extents = tensors.map((tensor) => [...new Array<number>(shape.length - tensor.rank).fill(1), ...tensor.shape]);
  const merged = extents.map((): number[] => []);
  let previous = '';
  for (const [axis, extent] of shape.entries()) {
    if (extent === 1) continue;
    const pattern = extents.map((own) => (own[axis] === 1 ? 'repeated' : 'full')).join();
    for (const [i, own] of extents.entries()) {
      if (pattern === previous) merged[i][merged[i].length - 1] *= own[axis];
      else merged[i].push(own[axis]);
    }
    previous = pattern;
  }
  return tensors.map((tensor, i) => tf.reshape(tensor, merged[i]));
}
