// Elementwise choices that keep values and gradients finite.
import * as tf from '@tensorflow/tfjs-core';

/**
 * `fn(x)` where `condition` holds and `otherwise` elsewhere. Elements outside the condition are replaced by `safeValue`
 * before `fn` sees them, so that neither its value nor its gradient there can be NaN:
 * `safeWhere(x.greater(0), x, tf.log, -Infinity)`. Shapes broadcast; `fn` must be elementwise and finite at `safeValue`.
 */
export function safeWhere(
  condition: tf.Tensor,
  x: tf.Tensor,
  fn: (x: tf.Tensor) => tf.Tensor,
  otherwise: tf.Tensor | number,
  safeValue = 1,
): tf.Tensor {
  const guarded = tf.where(condition, x, safeValue);
  return tf.where(condition, fn(guarded), otherwise);
}

/**
 * log Σ exp(x) along `axis` (default: all axes). Does not overflow, and is −Infinity, with gradient 0, where every element is
 * −Infinity (tfjs's own gives NaN).
 */
export function logSumExp(x: tf.Tensor, axis?: number | number[], keepDims = false): tf.Tensor {
  // Rounded up, the largest element still prevents overflow but has no gradient to be cancelled.
  const largest = tf.ceil(tf.max(x, axis, true));
  const shift = tf.where(tf.isFinite(largest), largest, 0);
  const total = tf.sum(tf.exp(tf.sub(x, shift)), axis, true);
  const result = tf.add(safeWhere(tf.greater(total, 0), total, tf.log, -Infinity), shift);
  return keepDims ? result : tf.reshape(result, tf.sum(x, axis).shape);
}
