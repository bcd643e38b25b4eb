// The steps that random tensor functions are made of: tame values, known distances to kinks.
import * as tf from '@tensorflow/tfjs-core';
import {
  choleskySmall,
  cumulativeProduct,
  cumulativeSum,
  digamma,
  gatherRows,
  literal,
  logGamma,
  logSumExp,
  normalCdf,
  normalLogCdf,
  safeWhere,
  segmentSum,
  triangularSolve,
} from '../../src/kernels/ops/index.js';

export type Random = () => number;

/** Mulberry32 (T. Ettinger, 2017): small, and the same everywhere. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** State of one run of a random function: every run with the same seed takes the same choices. */
export class Run {
  readonly margins: tf.Tensor[] = [];

  constructor(
    private readonly random: Random,
    readonly pool: tf.Tensor[],
    readonly indices: tf.Tensor,
    private readonly indexLimit: number,
    private readonly keepMargins: boolean,
  ) {}

  below(count: number): number {
    return Math.floor(this.random() * count);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** An intermediate of at least the given rank. */
  operand(rank = 0): tf.Tensor {
    const fitting = this.pool.filter((x) => x.rank >= rank);
    const recent = fitting.slice(-6);
    return recent.length > 0 ? this.pick(recent) : tf.reshape(this.pick(this.pool), [-1, 1]);
  }

  /** An intermediate that broadcasts against `x`. */
  partner(x: tf.Tensor): tf.Tensor {
    const fits = (y: tf.Tensor): boolean =>
      y.shape.every((extent, k) => {
        const other = x.shape[x.rank - y.rank + k] ?? 1;
        return extent === 1 || other === 1 || extent === other;
      });
    const fitting = this.pool.filter(fits);
    return fitting.length > 0 && this.random() < 0.8 ? this.pick(fitting) : tf.mean(this.operand());
  }

  get indexCount(): number {
    return this.indexLimit;
  }

  /** Notes a quantity that must not be near 0. */
  kink(distance: () => tf.Tensor): void {
    if (this.keepMargins) this.margins.push(tf.min(tf.abs(distance())));
  }
}

const positive = (x: tf.Tensor): tf.Tensor => x.softplus().add(0.3);
export const bounded = (x: tf.Tensor): tf.Tensor => x.tanh();

type Step = (run: Run) => tf.Tensor;

const smoothUnary: readonly ((x: tf.Tensor) => tf.Tensor)[] = [
  (x) => bounded(x).exp(),
  (x) => positive(x).log(),
  (x) => x.sin(),
  (x) => x.cos(),
  (x) => x.tanh(),
  (x) => x.sigmoid(),
  (x) => x.softplus(),
  (x) => bounded(x).square(),
  (x) => x.square().add(0.5).sqrt(),
  (x) => positive(x).rsqrt(),
  (x) => x.atan(),
  (x) => x.erf(),
  (x) => x.square().log1p(),
  (x) => bounded(x).expm1(),
  (x) => x.sin().add(1.7).reciprocal(),
  (x) => x.asinh(),
  (x) => x.neg(),
  (x) => bounded(x).mul(0.7).tan(),
  (x) => bounded(x).mul(0.9).asin(),
  (x) => bounded(x).mul(0.9).acos(),
  (x) => bounded(x).mul(0.9).atanh(),
  (x) => bounded(x).sinh(),
  (x) => bounded(x).cosh(),
  (x) => positive(x).add(1).acosh(),
  (x) => x.mul(1.5).add(0.1),
  (x) => tf.logSigmoid(x),
  (x) => tf.elu(x),
  (x) => positive(x).pow(2.5),
  (x) => bounded(x).pow(3),
  (x) => logGamma(positive(x)),
  (x) => digamma(positive(x).add(0.5)),
  (x) => normalCdf(x),
  (x) => normalLogCdf(x),
  (x) => bounded(x).mul(literal(Math.E)),
];

const unary: Step = (run) => run.pick(smoothUnary)(run.operand());

const kinkedUnary: Step = (run) => {
  const x = run.operand();
  switch (run.below(8)) {
    case 0:
      run.kink(() => x);
      return x.abs();
    case 1:
      run.kink(() => x);
      return x.relu();
    case 2:
      run.kink(() => x);
      return x.sign().add(x);
    case 3:
      run.kink(() => x.mul(Math.PI).sin());
      return x.floor().mul(0.1).add(x);
    case 4:
      run.kink(() => x);
      return tf.leakyRelu(x, 0.1);
    case 5:
      run.kink(() => x.abs().sub(0.8));
      return x.clipByValue(-0.8, 0.8);
    case 6:
      run.kink(() => x);
      return safeWhere(x.greater(0), x, (y) => y.add(0.1).log(), -2, 1);
    default:
      run.kink(() => x.mul(Math.PI).sin());
      return tf.mod(x, 1).add(x.mul(0.1));
  }
};

const binary: Step = (run) => {
  const x = run.operand();
  const y = run.partner(x);
  switch (run.below(11)) {
    case 0:
      return x.add(y);
    case 1:
      return x.sub(y);
    case 2:
      return bounded(x).mul(y);
    case 3:
      return x.div(y.sin().add(1.5));
    case 4:
      run.kink(() => x.sub(y));
      return x.maximum(y);
    case 5:
      run.kink(() => x.sub(y));
      return x.minimum(y);
    case 6:
      return positive(bounded(x)).pow(bounded(y));
    case 7:
      return tf.atan2(x, positive(y));
    case 8:
      run.kink(() => x.sub(y));
      return tf.where(x.greater(y), x.sin(), y.mul(0.5));
    case 9:
      return tf.squaredDifference(bounded(x), bounded(y));
    default:
      run.kink(() => tf.concat([x.flatten(), y.flatten()]));
      return tf.where(tf.logicalOr(x.less(0), y.less(0)), x.add(y), y.square().tanh());
  }
};

const reduction: Step = (run) => {
  const x = run.operand(1);
  const axis = run.below(x.rank) - (run.below(2) === 0 ? x.rank : 0);
  const keepDims = run.below(2) === 0;
  const gap = (y: tf.Tensor) => (): tf.Tensor => {
    const top = tf.max(y, axis, true);
    return top.sub(tf.max(tf.where(y.equal(top), -1e3, y), axis, true));
  };
  switch (run.below(9)) {
    case 0:
      return tf.sum(x, axis, keepDims);
    case 1:
      return tf.mean(x, axis, keepDims);
    case 2:
      run.kink(gap(x));
      return tf.max(x, axis, keepDims);
    case 3:
      run.kink(gap(x.neg()));
      return tf.min(x, axis, keepDims);
    case 4:
      return tf.prod(bounded(x).add(0.2), axis, keepDims);
    case 5:
      return logSumExp(x, axis, keepDims);
    case 6:
      return tf.logSumExp(x, axis, keepDims);
    case 7:
      return tf.softmax(x, axis < 0 || axis === x.rank - 1 ? -1 : x.rank - 1);
    default:
      return tf.sum(bounded(x));
  }
};

const view: Step = (run) => {
  const x = run.operand(1);
  const axis = run.below(x.rank);
  const extent = x.shape[axis];
  const along = (value: number, other: (k: number) => number): number[] =>
    x.shape.map((_, k) => (k === axis ? value : other(k)));
  switch (run.below(12)) {
    case 0:
      return x.flatten();
    case 1: {
      const order = x.shape.map((_, k) => k);
      for (let k = order.length - 1; k > 0; k--) {
        const other = run.below(k + 1);
        [order[k], order[other]] = [order[other], order[k]];
      }
      return x.transpose(order);
    }
    case 2: {
      const start = run.below(extent);
      const length = 1 + run.below(extent - start);
      return tf.slice(
        x,
        along(start, () => 0),
        along(length, (k) => x.shape[k]),
      );
    }
    case 3: {
      const step = 1 + run.below(2);
      return tf.stridedSlice(
        x,
        along(run.below(extent), () => 0),
        [...x.shape],
        along(step, () => 1),
      );
    }
    case 4:
      return tf.reverse(x, axis);
    case 5:
      return x.size <= 32 ? tf.concat([x, x.sin()], axis) : x.sum(axis);
    case 6:
      return x.size <= 32 && x.rank < 4 ? tf.stack([x, x.cos()], axis) : x.mean(axis);
    case 7:
      return x.size <= 16
        ? tf.tile(
            x,
            along(2, () => 1),
          )
        : x.max();
    case 8:
      return x.rank < 4 ? tf.expandDims(x, axis) : x.flatten();
    case 9:
      return x.size <= 32
        ? tf.pad(
            x,
            x.shape.map((_, k) => (k === axis ? [1, 1] : [0, 0])),
            0.25,
          )
        : x.sum(axis);
    case 10:
      return run.pick(tf.unstack(x, axis));
    default:
      return extent > 1 ? tf.split(x, [1, extent - 1], axis)[1] : x.squeeze([axis]);
  }
};

/** Index arithmetic that keeps the shared int32 data inside `extent`. */
function indicesBelow(run: Run, extent: number): tf.Tensor {
  return extent >= run.indexCount ? run.indices : tf.mod(run.indices, tf.scalar(extent, 'int32')).toInt();
}

const indexing: Step = (run) => {
  const x = run.operand(1);
  const axis = run.below(x.rank);
  switch (run.below(6)) {
    case 0:
      return x.size <= 32 ? gatherRows(x, indicesBelow(run, x.shape[0])) : x.sum(axis);
    case 1:
      return x.size <= 32 ? tf.gather(x, indicesBelow(run, x.shape[axis]), axis) : x.mean(axis);
    case 2: {
      const rows = x.shape[0];
      const list = Array.from({ length: rows }, () => run.below(3));
      return segmentSum(x, tf.tensor1d(list, 'int32'), 3);
    }
    case 3:
      return segmentSum(gatherRows(x.flatten(), indicesBelow(run, x.size)), run.indices, run.indexCount);
    case 4:
      return cumulativeSum(x, axis, { exclusive: run.below(2) === 0, reverse: run.below(2) === 0 });
    default:
      return cumulativeProduct(bounded(x), axis, { exclusive: run.below(2) === 0, reverse: run.below(2) === 0 });
  }
};

const matrices: Step = (run) => {
  const x = run.operand(2);
  const [rows, columns] = x.shape.slice(-2);
  if (rows > 4 || columns > 8 || x.size > 64) return x.mean(-1);
  const small = bounded(x);
  const gram = tf.matMul(small, small, false, true).add(tf.eye(rows));
  switch (run.below(4)) {
    case 0:
      return gram.mul(0.3);
    case 1:
      return choleskySmall(gram);
    case 2:
      return triangularSolve(choleskySmall(gram), small, run.below(2) === 0);
    default:
      return x.rank === 2 ? tf.einsum('ij,ik->jk', small, small) : gram.mean(-1);
  }
};

export const steps: readonly Step[] = [
  unary,
  unary,
  unary,
  kinkedUnary,
  binary,
  binary,
  binary,
  reduction,
  reduction,
  view,
  view,
  indexing,
  matrices,
];
