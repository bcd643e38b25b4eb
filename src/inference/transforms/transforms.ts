// Constraint transforms: from unconstrained reals to each constrained set, with the log Jacobian, as tensor ops.
import * as tf from '@tensorflow/tfjs-core';
import { cumulativeSum, literal } from '../../kernels/ops/index.js';
import type { Constraint } from '../../models/parameters.js';

export interface Constrained {
  readonly value: tf.Tensor;
  /** Log absolute determinant of the Jacobian, summed over the block; undefined when it is constant. */
  readonly logJacobian: tf.Tensor | undefined;
}

/** Shape of the unconstrained block behind a constrained block of `shape`. Throws RangeError when the shape cannot hold the set. */
export function unconstrainedShape(constraint: Constraint, shape: readonly number[]): number[] {
  const last = shape.at(-1);
  switch (constraint.kind) {
    case 'real':
    case 'positive':
    case 'interval':
      return [...shape];
    case 'ordered':
      if (last === undefined) throw new RangeError('an ordered parameter needs at least one axis');
      return [...shape];
    case 'simplex':
    case 'sumToZero':
      if (last === undefined || last < 2)
        throw new RangeError(`a ${constraint.kind} parameter needs a last axis of at least 2`);
      return [...shape.slice(0, -1), last - 1];
    case 'choleskyCorrelation':
      if (last === undefined || last !== shape.at(-2)) {
        throw new RangeError('a choleskyCorrelation parameter needs two last axes of equal size');
      }
      return [...shape.slice(0, -2), (last * (last - 1)) / 2];
    default:
      throw new Error((constraint satisfies never as Constraint).kind);
  }
}

/** The constrained value of an unconstrained block, and the log Jacobian of the map. */
export function constrain(constraint: Constraint, x: tf.Tensor, shape: readonly number[]): Constrained {
  switch (constraint.kind) {
    case 'real':
      return { value: x, logJacobian: undefined };
    case 'positive':
      return { value: x.exp(), logJacobian: x.sum() };
    case 'interval': {
      const width = literal(constraint.upper - constraint.lower);
      const logJacobian = tf.softplus(x).add(tf.softplus(x.neg())).neg().add(width.log()).sum();
      return { value: literal(constraint.lower).add(width.mul(x.sigmoid())), logJacobian };
    }
    case 'ordered':
      return ordered(x);
    case 'simplex':
      return simplex(x);
    case 'sumToZero':
      return { value: sumToZero(x), logJacobian: undefined };
    case 'choleskyCorrelation':
      return choleskyCorrelation(x, shape.at(-1)!);
    default:
      throw new Error((constraint satisfies never as Constraint).kind);
  }
}

/** First element free, each further one an exponential step up (Stan reference manual, ordered vector). */
function ordered(x: tf.Tensor): Constrained {
  const axis = x.rank - 1;
  if (x.shape[axis] === 1) return { value: x, logJacobian: undefined };
  const first = lastAxisSlice(x, 0, 1);
  const steps = lastAxisSlice(x, 1, x.shape[axis] - 1);
  return { value: cumulativeSum(tf.concat([first, steps.exp()], axis), axis), logJacobian: steps.sum() };
}

/** Stick breaking (Stan reference manual, unit simplex), shifted so that 0 maps to equal shares. */
function simplex(x: tf.Tensor): Constrained {
  const axis = x.rank - 1;
  const free = x.shape[axis];
  const shift = literal(Array.from({ length: free }, (_, k) => -Math.log(free - k)));
  const logit = x.add(shift);
  const logBreak = tf.softplus(logit.neg()).neg();
  const logRest = tf.softplus(logit).neg();
  const logBefore = cumulativeSum(logRest, axis, { exclusive: true });
  const shares = logBreak.add(logBefore).exp();
  const last = logRest.sum(axis, true).exp();
  return { value: tf.concat([shares, last], axis), logJacobian: logBreak.add(logRest).add(logBefore).sum() };
}

/** An orthonormal (Helmert) map, so standard normal free elements give an isotropic normal on the plane of zero sums. */
function sumToZero(x: tf.Tensor): tf.Tensor {
  const axis = x.rank - 1;
  const free = x.shape[axis];
  const weights = literal(Array.from({ length: free }, (_, i) => 1 / Math.sqrt((i + 1) * (i + 2))));
  const counts = literal(Array.from({ length: free }, (_, i) => i + 1));
  const scaled = x.mul(weights);
  const zero = scaled.sum(axis, true).mul(0);
  const above = tf.concat([cumulativeSum(scaled, axis, { reverse: true }), zero], axis);
  return above.sub(tf.concat([zero, scaled.mul(counts)], axis));
}

/** Canonical partial correlations tanh(x) row by row (Lewandowski, Kurowicka and Joe 2009; Stan reference manual). */
function choleskyCorrelation(x: tf.Tensor, size: number): Constrained {
  const batch = x.shape.slice(0, -1);
  const zero = tf.zeros([...batch, 1]);
  const rows: tf.Tensor[] = [];
  const jacobians: tf.Tensor[] = [];
  let next = 0;
  for (let i = 0; i < size; i++) {
    const entries: tf.Tensor[] = [];
    // Log of what the row's squares leave over.
    let logRest: tf.Tensor = zero;
    for (let j = 0; j < i; j++) {
      const free = lastAxisSlice(x, next++, 1);
      const correlation = free.tanh();
      // log(1 − tanh²) without cancellation.
      const logShrink = literal(2 * Math.LN2)
        .sub(free.mul(2))
        .sub(tf.softplus(free.mul(-2)).mul(2));
      entries.push(correlation.mul(logRest.mul(0.5).exp()));
      jacobians.push(logShrink.add(logRest.mul(0.5)));
      logRest = logRest.add(logShrink);
    }
    entries.push(logRest.mul(0.5).exp());
    for (let j = i + 1; j < size; j++) entries.push(zero);
    rows.push(tf.concat(entries, -1));
  }
  const value = tf.stack(rows, batch.length);
  return { value, logJacobian: jacobians.length === 0 ? undefined : tf.concat(jacobians, -1).sum() };
}

function lastAxisSlice(x: tf.Tensor, begin: number, size: number): tf.Tensor {
  const axis = x.rank - 1;
  return x.slice(
    x.shape.map((_, k) => (k === axis ? begin : 0)),
    x.shape.map((extent, k) => (k === axis ? size : extent)),
  );
}
