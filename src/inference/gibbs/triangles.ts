// Triangular factors of covariances as tensor ops.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';

/** x'M, M of zeros and ones at the places (from, to). */
export function placedAt(x: tf.Tensor, places: readonly (readonly [number, number])[], size: number): tf.Tensor {
  const from = x.shape[0];
  const matrix = Array.from({ length: from * size }, () => 0);
  for (const [i, j] of places) matrix[i * size + j] = 1;
  return tf.matMul(x.expandDims(0), literal(matrix, [from, size])).reshape([size]);
}

/** Places of a lower triangle, row by row. */
export const triangle = (k: number): (readonly [row: number, column: number])[] =>
  Array.from({ length: k }, (_, i) => Array.from({ length: i + 1 }, (_own, j) => [i, j] as const)).flat();

export function identity(k: number): tf.Tensor {
  return literal(
    Array.from({ length: k * k }, (_, at) => Number(at % (k + 1) === 0)),
    [k, k],
  );
}

/** log |∂(s, L) / ∂C| of C = diag(s) L, lower triangles: dC = Π s_i^i / L_ii ds dL, i from 0. */
export function logJacobianOfFactor(sds: tf.Tensor, lower: tf.Tensor): tf.Tensor {
  const k = sds.shape[0];
  const powers = literal(Array.from({ length: k }, (_, i) => i));
  return lower.mul(identity(k)).sum(1).log().sub(sds.log().mul(powers)).sum();
}
