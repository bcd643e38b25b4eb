// Sums along axes: by products with ones, because most tfjs backends would transpose first, and in blocks for sums that f32 cannot hold.
import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../program/tensorProgram.js';

/** Terms that are added up in f32 before the host goes on in f64. */
const blockLength = 256;

/** Sum of x over `axes`, which are dropped. */
export function sumOver(x: tf.Tensor, axes: readonly number[]): tf.Tensor {
  const shape = x.shape.filter((_, axis) => !axes.includes(axis));
  let sum = x;
  // Runs of neighbouring axes, the last first.
  const remaining = [...axes].sort((a, b) => a - b);
  while (remaining.length > 0) {
    const last = remaining.pop()!;
    let first = last;
    while (remaining.at(-1) === first - 1) first = remaining.pop()!;
    sum = sumOfRun(sum, first, last);
  }
  return tf.reshape(sum, shape);
}

function sumOfRun(x: tf.Tensor, first: number, last: number): tf.Tensor {
  const [outer, length, inner] = [x.shape.slice(0, first), x.shape.slice(first, last + 1), x.shape.slice(last + 1)];
  const [batch, count, width] = [outer, length, inner].map(sizeOf);
  const flat = tf.reshape(x, [batch, count, width]);
  const isNative = width === 1 || tf.getBackend() === 'tensorflow';
  const sum = isNative ? tf.sum(flat, 1) : tf.matMul(tf.ones([1, 1, count]), flat);
  return tf.reshape(sum, [...outer, ...inner]);
}

/**
 * Sums of x over `axes` by blocks: [blocks, …the other axes]. The first of the `axes` runs slowest; the caller adds up the blocks.
 */
export function blockSums(x: tf.Tensor, axes: readonly number[]): tf.Tensor {
  const others = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...axes, ...others];
  const leading = order.every((axis, position) => axis === position) ? x : tf.transpose(x, order);
  const rest = others.map((axis) => x.shape[axis]);
  const [count, width] = [sizeOf(axes.map((axis) => x.shape[axis])), sizeOf(rest)];
  const blocks = Math.ceil(count / blockLength);
  if (blocks === 1) return tf.expandDims(sumOver(x, axes), 0);
  const flat = tf.reshape<tf.Rank.R2>(leading, [count, width]);
  const missing = blocks * blockLength - count;
  const whole =
    missing === 0
      ? flat
      : tf.pad2d(flat, [
          [0, missing],
          [0, 0],
        ]);
  return tf.reshape(sumOver(tf.reshape(whole, [blocks, blockLength, width]), [1]), [blocks, ...rest]);
}
