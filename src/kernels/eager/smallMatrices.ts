// Cholesky factors and triangular solves of batches of small matrices, column by column for all of a batch and all lanes at once.
import * as tf from '@tensorflow/tfjs-core';

/** Rows `from` … `to` − 1 of column `column`: [batch, rows, 1, lanes] of matrices [batch, k, k, lanes]. */
function columnPart(matrices: tf.Tensor4D, column: number, from: number, to: number): tf.Tensor4D {
  const [batch, , , lanes] = matrices.shape;
  return tf.slice4d(matrices, [0, from, column, 0], [batch, to - from, 1, lanes]);
}

/** Row `row`, columns `from` … `to` − 1, as a column. */
function rowPart(matrices: tf.Tensor4D, row: number, from: number, to: number): tf.Tensor4D {
  const [batch, , , lanes] = matrices.shape;
  return tf.reshape(tf.slice4d(matrices, [0, row, from, 0], [batch, 1, to - from, lanes]), [
    batch,
    to - from,
    1,
    lanes,
  ]);
}

function rows(x: tf.Tensor4D, from: number, to: number): tf.Tensor4D {
  const [batch, , columns, lanes] = x.shape;
  return tf.slice4d(x, [0, from, 0, 0], [batch, to - from, columns, lanes]);
}

/** Lower factors of the matrices [batch, k, k, lanes], read from their lower triangles; NaN where there is none. */
export function choleskyOfBatch(matrices: tf.Tensor4D): tf.Tensor4D {
  const [batch, k, , lanes] = matrices.shape;
  const columns: tf.Tensor4D[] = [];
  let isPositive: tf.Tensor | undefined;
  for (let j = 0; j < k; j++) {
    let column = columnPart(matrices, j, j, k);
    for (const [m, earlier] of columns.entries()) {
      // Columns are stored from their diagonal element on.
      const below = rows(earlier, j - m, k - m);
      column = tf.sub(column, tf.mul(below, rows(earlier, j - m, j - m + 1)));
    }
    const pivot = rows(column, 0, 1);
    const isUsable = tf.greater(pivot, 0);
    isPositive = isPositive === undefined ? isUsable : tf.logicalAnd(isPositive, isUsable);
    columns.push(tf.div(column, tf.sqrt(pivot)));
  }
  const padded = columns.map((column, j) =>
    tf.pad4d(column, [
      [0, 0],
      [j, 0],
      [0, 0],
      [0, 0],
    ]),
  );
  const factor = padded.length === 1 ? padded[0] : tf.concat4d(padded, 2);
  return tf.where(tf.broadcastTo(isPositive!, [batch, k, k, lanes]), factor, NaN);
}

/** X with L X = B, or L' X = B: L [batch, k, k, lanes or 1], B [batch, k, columns, lanes or 1]; reads the lower triangle of L. */
export function triangularSolveOfBatch(lower: tf.Tensor4D, b: tf.Tensor4D, transpose: boolean): tf.Tensor4D {
  const k = lower.shape[1];
  const solved: tf.Tensor4D[] = new Array<tf.Tensor4D>(k);
  /** Right-hand sides of the rows that are not solved yet. */
  let rest = b;
  for (let step = 0; step < k; step++) {
    const i = transpose ? k - 1 - step : step;
    const remaining = k - 1 - step;
    const x: tf.Tensor4D = tf.div(
      rows(rest, transpose ? remaining : 0, transpose ? k - step : 1),
      columnPart(lower, i, i, i + 1),
    );
    solved[i] = x;
    if (remaining === 0) break;
    const factors = transpose ? rowPart(lower, i, 0, i) : columnPart(lower, i, i + 1, k);
    rest = tf.sub(transpose ? rows(rest, 0, remaining) : rows(rest, 1, remaining + 1), tf.mul(factors, x));
  }
  return k === 1 ? solved[0] : tf.concat4d(solved, 1);
}
