// Functions of time as basis columns: seasons, trends with changepoints, and smooth variation by a low-rank Gaussian process or knots.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import type { ModelArray, Tensors } from '../model.js';

/** Rows are weeks, row-major. */
const matrix = (weeks: number, columns: number, at: (week: number, column: number) => number): ModelArray => ({
  shape: [weeks, columns],
  values: Float64Array.from({ length: weeks * columns }, (_, i) => at(Math.floor(i / columns), i % columns)),
});

/** sin_1 … sin_n, cos_1 … cos_n of the year, in PyMC-Marketing's order. */
export function fourierBasis(yearShare: Float64Array, order: number): ModelArray {
  return matrix(yearShare.length, 2 * order, (week, column) => {
    const angle = 2 * Math.PI * yearShare[week] * (1 + (column % order));
    return column < order ? Math.sin(angle) : Math.cos(angle);
  });
}

export function fourierNames(order: number): string[] {
  return ['sin', 'cos'].flatMap((name) => Array.from({ length: order }, (_, i) => `${name}_${i + 1}`));
}

/**
 * Time from 0 (first week) to 1 (last of `fitted`), then max(0, time − changepoint) for changepoints that cut it into equal parts. Straight on beyond.
 */
export function trendBasis(weeks: number, changepoints: number, fitted: number): ModelArray {
  return matrix(weeks, 1 + changepoints, (week, column) => {
    const time = week / Math.max(1, fitted - 1);
    return Math.max(0, time - column / (changepoints + 1));
  });
}

/** A smooth function of time: columns × standard deviations × standard normals. */
export interface SmoothBasis {
  /** `[week][column]`, each column with mean 0 over the weeks: the level belongs to the intercept. */
  readonly columns: ModelArray;
  /** Whether a length scale in weeks belongs to it. */
  readonly hasScale: boolean;
  /** Standard deviations of the coefficients, `[column]`, given `sd` and (for a Gaussian process) `scale` in weeks. */
  sds(parameters: Tensors): tf.Tensor;
  readonly ahead: SmoothAhead;
}

/** The function in later weeks, given what it is in the weeks of the columns: its prior goes on. */
interface SmoothAhead {
  /** Of so many weeks after the last one. */
  arrays(count: number): Readonly<Record<string, ModelArray>>;
  /** `[count]`. @param weights of the columns; parameters as `sds` takes them */
  mean(arrays: Tensors, weights: tf.Tensor, parameters: Tensors): tf.Tensor;
  /** `[count]`. */
  variance(arrays: Tensors, parameters: Tensors): tf.Tensor;
}

/** Half the width of the window of the approximation over half the width of the weeks (Riutort-Mayol et al. 2023, §4.2). */
const boundaryFactor = 1.5;
/** Shortest length scale, in weeks, that the number of columns is chosen for. */
const shortestScale = 8;

/**
 * Gaussian process with Matérn-5/2 covariance, approximated in the eigenfunctions of the Laplacian on [−L, L] (Solin and Särkkä 2020;
 * Riutort-Mayol et al. 2023): coefficients with the spectral density at the root of each eigenvalue as variance. Columns suffice for
 * length scales of eight weeks and more (their eq. for Matérn 5/2: 2.65 L / scale), at most 40.
 */
export function gaussianProcessBasis(weeks: number): SmoothBasis {
  const half = Math.max(1, (weeks - 1) / 2);
  const bound = boundaryFactor * half;
  const count = Math.max(3, Math.min(40, Math.ceil((2.65 * bound) / shortestScale)));
  const frequency = Array.from({ length: count }, (_, j) => ((j + 1) * Math.PI) / (2 * bound));
  const columns = matrix(
    weeks,
    count,
    (week, column) => Math.sin(frequency[column] * (week - half + bound)) / Math.sqrt(bound),
  );
  const squares = frequency.map((omega) => omega * omega);
  return {
    columns: withoutMeans(columns),
    hasScale: true,
    sds: ({ sd, scale }) => {
      // √S(ω), S(ω) = sd² (16/3) (√5/ℓ)⁵ (5/ℓ² + ω²)⁻³.
      const rate = scale.reciprocal().mul(Math.sqrt(5));
      const density = literal(squares).add(rate.square()).log().mul(-1.5);
      return density
        .add(rate.log().mul(2.5))
        .exp()
        .mul(Math.sqrt(16 / 3))
        .mul(sd);
    },
    ahead: {
      arrays: (later) => ({
        steps: { shape: [later], values: Float64Array.from({ length: later }, (_, i) => i + 1) },
        last: matrix(3, count, (order, column) => {
          const angle = frequency[column] * (half + bound);
          const own = [Math.sin(angle), frequency[column] * Math.cos(angle), -squares[column] * Math.sin(angle)];
          return own[order] / Math.sqrt(bound);
        }),
        means: { shape: [1, count], values: columnMeans(columns) },
      }),
      mean: ({ steps, last, means }, weights, { scale }) => {
        const state = tf.matMul(last, weights.reshape([count, 1]));
        const level = tf.matMul(means, weights.reshape([count, 1])).reshape([]);
        const [a, b, c] = transition(steps, scale);
        const at = (order: number): tf.Tensor => state.slice([order, 0], [1, 1]).reshape([]);
        return a
          .mul(at(0))
          .add(b.mul(at(1)))
          .add(c.mul(at(2)))
          .sub(level);
      },
      variance: ({ steps }, { sd, scale }) => {
        const [a, b, c] = transition(steps, scale);
        // Of value, slope and curvature, stationary: variances 1, λ²/3 and λ⁴, covariance of value and curvature −λ²/3.
        const rate2 = scale.reciprocal().square().mul(5);
        const known = a
          .square()
          .add(b.square().mul(rate2.div(3)))
          .add(c.square().mul(rate2.square()))
          .sub(a.mul(c).mul(rate2.mul(2 / 3)));
        return literal(1).sub(known).maximum(0).mul(sd.square());
      },
    },
  };
}

/**
 * Weights of value, slope and curvature now in the mean of a Matérn-5/2 process some weeks later, of which nothing else of its past says more (Hartikainen
 * and Särkkä 2010): e^(−λh) (1 + λh + λ²h²/2, h + λh², h²/2), λ = √5/ℓ.
 */
function transition(steps: tf.Tensor, scale: tf.Tensor): readonly [tf.Tensor, tf.Tensor, tf.Tensor] {
  const way = steps.mul(scale.reciprocal().mul(Math.sqrt(5)));
  const decay = way.neg().exp();
  return [
    decay.mul(way.add(1).add(way.square().mul(0.5))),
    decay.mul(steps).mul(way.add(1)),
    decay.mul(steps.square()).mul(0.5),
  ];
}

/** Values at knots every `spacing` weeks, straight lines between, independent with a common standard deviation (as Meridian's). */
export function knotBasis(weeks: number, spacing: number): SmoothBasis {
  const count = Math.max(2, Math.ceil((weeks - 1) / spacing) + 1);
  const step = (weeks - 1) / (count - 1);
  const share = (week: number, knot: number): number => Math.max(0, 1 - Math.abs(week / step - knot));
  const columns = matrix(weeks, count, share);
  return {
    columns: withoutMeans(columns),
    hasScale: false,
    sds: ({ sd }) => tf.onesLike(literal(new Array<number>(count).fill(1))).mul(sd),
    ahead: {
      arrays: (later) => {
        const means = columnMeans(columns);
        // Further knots, of which only the two around a week have a share in it.
        const squares = (week: number): number => {
          const knot = Math.floor(week / step);
          return [knot, knot + 1].reduce((sum, own) => sum + (own < count ? 0 : share(week, own) ** 2), 0);
        };
        return {
          later: matrix(later, count, (i, column) => share(weeks + i, column) - means[column]),
          squares: { shape: [later], values: Float64Array.from({ length: later }, (_, i) => squares(weeks + i)) },
        };
      },
      mean: ({ later }, weights) => tf.matMul(later, weights.reshape([count, 1])).reshape([later.shape[0]]),
      variance: ({ squares }, { sd }) => squares.mul(sd.square()),
    },
  };
}

function withoutMeans(columns: ModelArray): ModelArray {
  const [weeks, count] = columns.shape;
  const means = columnMeans(columns);
  return matrix(weeks, count, (week, column) => columns.values[week * count + column] - means[column]);
}

function columnMeans({ shape: [weeks, count], values }: ModelArray): Float64Array {
  const means = new Float64Array(count);
  for (let i = 0; i < weeks * count; i++) means[i % count] += values[i] / weeks;
  return means;
}
