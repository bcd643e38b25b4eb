// Columns of a level in tensor ops, where coefficients do not all deviate or do not all depend on the same covariates.
import * as tf from '@tensorflow/tfjs-core';
import { deviatingOf, outerStarts } from './links.js';
import type { HierarchyLevel } from './structure.js';

/** Column i of `[n, k]`, `[n]`. */
const columnAt = (x: tf.Tensor, i: number): tf.Tensor => x.slice([0, i], [x.shape[0], 1]).reshape([x.shape[0]]);

/** Columns of `[n, k]`, or elements of `[k]`. */
export function columnsAt(x: tf.Tensor, places: readonly number[]): tf.Tensor {
  const axis = x.rank - 1;
  return tf.concat(
    places.map((i) => (axis === 0 ? x.slice([i], [1]) : x.slice([0, i], [x.shape[0], 1]))),
    axis,
  );
}

/** Columns at their places among `size`, 0 elsewhere: the other way round than `columnsAt`. */
export function columnsTo(x: tf.Tensor, places: readonly number[], size: number): tf.Tensor {
  const zero = x.rank === 1 ? x.slice([0], [1]).mul(0) : x.slice([0, 0], [x.shape[0], 1]).mul(0);
  const own = (i: number): tf.Tensor => columnsAt(x, [places.indexOf(i)]);
  return tf.concat(
    Array.from({ length: size }, (_, i) => (places.includes(i) ? own(i) : zero)),
    x.rank - 1,
  );
}

/** Means `[group, k]` of a level whose regressions leave covariates out. @param above `[group, K]`, or `[1, K]` for all; @param z `[group, q]` */
export function partialMeans(
  level: Pick<HierarchyLevel, 'size' | 'covariateCount'> & Required<Pick<HierarchyLevel, 'regressions'>>,
  above: tf.Tensor,
  z: tf.Tensor,
): tf.Tensor {
  const starts = outerStarts(level);
  const means = level.regressions.map((own, i) =>
    own
      .map((covariate, j) => columnAt(above, starts[i] + j).mul(columnAt(z, covariate)))
      .reduce((sum, part) => sum.add(part)),
  );
  return tf.stack(means, 1);
}

/** All coefficients of a level, `[group, k]`: those that deviate, and the means of the others. @param means `[group, k]`, or `[k]` for all */
export function withMeans(level: HierarchyLevel, deviating: tf.Tensor, means: tf.Tensor): tf.Tensor {
  const places = deviatingOf(level);
  const all = means.rank === 2 ? means : tf.tile(means.expandDims(0), [level.groups, 1]);
  return tf.concat(
    Array.from({ length: level.size }, (_, i) =>
      places.includes(i) ? columnsAt(deviating, [places.indexOf(i)]) : columnsAt(all, [i]),
    ),
    1,
  );
}
