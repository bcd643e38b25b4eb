// Gaussian algebra of one level as tensor ops: what data say of its coefficients, what they then say of the means, and draws.
import * as tf from '@tensorflow/tfjs-core';
import type { NamedTensors } from '../../kernels/trace/trace.js';
import { choleskySmall, literal, segmentSum, triangularSolve } from '../../kernels/ops/index.js';
import { columnsAt, partialMeans } from '../../models/linearHierarchy/levelTensors.js';
import { type OuterPlace, outerPlaces } from '../../models/linearHierarchy/links.js';

/** What is known of the coefficients of each group besides their prior: exp(−½ b'Ab + a'b). */
export interface Information {
  /** `[group, k, k]` */
  readonly precision: tf.Tensor;
  /** `[group, k]` */
  readonly shift: tf.Tensor;
}

/** Σ = C C': standard deviations `[k]` of a diagonal Σ, or C itself, `[k, k]`. */
export type CovarianceFactor = tf.Tensor;

/** What a level's draws and its message to the level above have in common; d of k coefficients deviate, and C is theirs. */
export interface Prepared {
  /** K with K K' = I + C'AC, `[group, d, d]` */
  readonly factor: tf.Tensor;
  /** K⁻¹C'A, `[group, d, k]` */
  readonly solvedPrecision: tf.Tensor;
  /** K⁻¹C'a, `[group, d]` */
  readonly solvedShift: tf.Tensor;
}

/** Covariates and parents of a level's groups. */
export interface LevelLinks {
  readonly size: number;
  readonly covariateCount: number;
  /** See `HierarchyLevel`. */
  readonly regressions?: readonly (readonly number[])[];
  /** `[group, q]`; undefined: the constant alone. */
  readonly covariates: tf.Tensor | undefined;
  /** `[group]`, int32; undefined: the next level is the population. */
  readonly parent: tf.Tensor | undefined;
  readonly parentGroups: number;
}

const column = (x: tf.Tensor): tf.Tensor => x.expandDims(-1);
const flat = (x: tf.Tensor): tf.Tensor => x.squeeze([x.rank - 1]);

function identity(k: number): tf.Tensor {
  return literal(
    Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0)),
    [k, k],
  );
}

/** C'X for each group; X `[group, k, m]`. */
const transposedTimes = (c: CovarianceFactor, x: tf.Tensor): tf.Tensor =>
  c.rank === 1 ? x.mul(column(c)) : byTriangle(c, (r) => x.slice([0, r, 0], [x.shape[0], 1, x.shape[2]!]), 1);

/** XC for each group; X `[group, m, k]`. */
const times = (x: tf.Tensor, c: CovarianceFactor): tf.Tensor =>
  c.rank === 1 ? x.mul(c) : byTriangle(c, (r) => x.slice([0, 0, r], [x.shape[0], x.shape[1]!, 1]), 2);

/** Part i along an axis: Σ over r from i of C_ri times part r; the zeros above the diagonal of C are left out. */
function byTriangle(c: tf.Tensor, part: (r: number) => tf.Tensor, axis: number): tf.Tensor {
  const k = c.shape[0];
  const parts = Array.from({ length: k }, (_, i) => {
    let sum = part(i).mul(c.slice([i, i], [1, 1]));
    for (let r = i + 1; r < k; r++) sum = sum.add(part(r).mul(c.slice([r, i], [1, 1])));
    return sum;
  });
  return tf.concat(parts, axis);
}

/** Nothing is divided by a standard deviation, so Σ may be singular. @param deviating coefficients that deviate; undefined: all */
export function prepare(
  { precision, shift }: Information,
  c: CovarianceFactor,
  deviating: readonly number[] | undefined,
): Prepared {
  const isPartial = deviating !== undefined;
  const left = transposedTimes(c, isPartial ? rowsAt(precision, deviating) : precision);
  const both = times(isPartial ? matrixColumnsAt(left, deviating) : left, c);
  const factor = choleskySmall(both.add(identity(c.shape[0])));
  const own = isPartial ? columnsAt(shift, deviating) : shift;
  return {
    factor,
    solvedPrecision: triangularSolve(factor, left),
    solvedShift: flat(triangularSolve(factor, transposedTimes(c, column(own)))),
  };
}

/** Rows of matrices `[group, k, m]`, and columns of `[group, m, k]`. */
function rowsAt(x: tf.Tensor, places: readonly number[]): tf.Tensor {
  const [groups, , m] = x.shape as [number, number, number];
  return tf.concat(
    places.map((i) => x.slice([0, i, 0], [groups, 1, m])),
    1,
  );
}

function matrixColumnsAt(x: tf.Tensor, places: readonly number[]): tf.Tensor {
  const [groups, m] = x.shape as [number, number, number];
  return tf.concat(
    places.map((i) => x.slice([0, 0, i], [groups, m, 1])),
    2,
  );
}

/** What is known of the means when the coefficients are integrated out: (A⁻¹ + Σ)⁻¹ and its shift, by Woodbury's identity. */
export function integrate({ precision, shift }: Information, { solvedPrecision, solvedShift }: Prepared): Information {
  return {
    precision: precision.sub(tf.matMul(solvedPrecision, solvedPrecision, true, false)),
    shift: shift.sub(flat(tf.matMul(solvedPrecision, column(solvedShift), true, false))),
  };
}

/** Deviations b − M drawn given the means M, `[group, d]`: C K⁻ᵀ(K⁻¹C'(a − A M) + ε). */
export function drawDeviations(
  { factor, solvedPrecision, solvedShift }: Prepared,
  c: CovarianceFactor,
  means: tf.Tensor,
  noise: tf.Tensor,
): tf.Tensor {
  const centre = solvedShift.sub(flat(tf.matMul(solvedPrecision, column(means)))).add(noise);
  const deviations = triangularSolve(factor, column(centre), true);
  return flat(c.rank === 1 ? deviations.mul(column(c)) : tf.matMul(c, deviations));
}

/** Means of a level's groups, `[group, k]` (or `[k]`, equal for all), from the coefficients above, `[groups above, k·q]` or `[k·q]`. */
export function levelMeans(links: LevelLinks, above: tf.Tensor): tf.Tensor {
  const { size, covariateCount: q, covariates, parent, regressions } = links;
  const own = parent === undefined ? above : tf.gather(above, parent);
  if (covariates === undefined) return own;
  if (regressions !== undefined)
    return partialMeans({ ...links, regressions }, parent === undefined ? own.expandDims(0) : own, covariates);
  const regression = own.reshape(parent === undefined ? [1, size, q] : [own.shape[0], size, q]);
  return regression.mul(covariates.expandDims(1)).sum(2);
}

/** Information on the means of a level's groups as information on the coefficients above; of the population: `[1, …]`. */
export function toLevelAbove(links: LevelLinks, { precision, shift }: Information): Information {
  const { size, covariateCount: q, covariates, parent, parentGroups } = links;
  const groups = shift.shape[0];
  const length = size * q;
  let [wide, wideShift] = [precision, shift];
  if (covariates !== undefined && links.regressions !== undefined)
    [wide, wideShift] = partialProducts(links, covariates, precision, shift);
  else if (covariates !== undefined) {
    const z = covariates.reshape([groups, 1, q]);
    // Index i·q + c: coefficient i, covariate c.
    const spread = column(shift).mul(z);
    wideShift = spread.reshape([groups, length]);
    const rows = precision.reshape([groups, size, 1, size]).mul(covariates.reshape([groups, 1, q, 1]));
    wide = rows
      .reshape([groups, length, size, 1])
      .mul(covariates.reshape([groups, 1, 1, q]))
      .reshape([groups, length, length]);
  }
  if (parent === undefined) {
    return { precision: wide.sum(0, true), shift: wideShift.sum(0, true) };
  }
  return { precision: segmentSum(wide, parent, parentGroups), shift: segmentSum(wideShift, parent, parentGroups) };
}

/** The same products where regressions leave covariates out: row and column a of the coefficient and times the covariate that place a stands for. */
function partialProducts(
  links: LevelLinks,
  covariates: tf.Tensor,
  precision: tf.Tensor,
  shift: tf.Tensor,
): [tf.Tensor, tf.Tensor] {
  const { coefficients, z } = placesAbove(links, covariates);
  const both = matrixColumnsAt(rowsAt(precision, coefficients), coefficients);
  return [both.mul(z.expandDims(1)).mul(z.expandDims(2)), columnsAt(shift, coefficients).mul(z)];
}

/** Coefficient of each place of the level above, and the covariate that it is multiplied with, `[group, K]`. */
function placesAbove(links: LevelLinks, covariates: tf.Tensor): { coefficients: number[]; z: tf.Tensor } {
  const places: readonly OuterPlace[] = outerPlaces(links);
  const z = columnsAt(
    covariates,
    places.map(({ covariate }) => covariate),
  );
  return { coefficients: places.map(({ coefficient }) => coefficient), z };
}

/** Sums over the groups of a parent of deviation ⊗ covariates, `[groups above, k·q]`; over all groups where the next level is the population. */
export function sumsByParent(links: LevelLinks, deviations: tf.Tensor): tf.Tensor {
  const { size, covariateCount: q, covariates, parent, parentGroups } = links;
  const wide =
    covariates === undefined
      ? deviations
      : column(deviations)
          .mul(covariates.expandDims(1))
          .reshape([deviations.shape[0], size * q]);
  return parent === undefined ? wide.sum(0, true) : segmentSum(wide, parent, parentGroups);
}

/** Gradients by the coefficients of the level above, or of the population, `[groups above, K]`, from those by a level's means, `[group, k]`. */
export function slopesAbove(links: LevelLinks, slopes: tf.Tensor): tf.Tensor {
  const { covariates, regressions, parent, parentGroups } = links;
  if (covariates === undefined || regressions === undefined) return sumsByParent(links, slopes);
  const { coefficients, z } = placesAbove(links, covariates);
  const wide = columnsAt(slopes, coefficients).mul(z);
  return parent === undefined ? wide.sum(0, true) : segmentSum(wide, parent, parentGroups);
}

/** The population's coefficients given what is known of them, from blocks `prior precision`, `prior mean` and `noise population`. */
export function drawPopulation({ precision, shift }: Information, p: NamedTensors): tf.Tensor {
  const length = p['prior mean'].shape[0];
  const prior = p['prior precision'];
  return drawGaussian(
    precision.reshape([length, length]).add(diagonalMatrix(prior)),
    shift.reshape([length]).add(prior.mul(p['prior mean'])),
    p['noise population'],
  );
}

/** A draw of N(Λ⁻¹η, Λ⁻¹), `[k]`; Λ `[k, k]`. */
function drawGaussian(precision: tf.Tensor, shift: tf.Tensor, noise: tf.Tensor): tf.Tensor {
  const factor = choleskySmall(precision);
  const centre = triangularSolve(factor, column(shift)).add(column(noise));
  return flat(triangularSolve(factor, centre, true));
}

/** Diagonal matrix of a vector `[k]`. */
export const diagonalMatrix = (x: tf.Tensor): tf.Tensor => identity(x.shape[0]).mul(x);

/** Sum over groups of log ∫ exp(−½ b'Ab + a'b) N(b; M, Σ) db, without what depends on the means: Σ ½|K⁻¹C'a|² − log|K|. */
export function logIntegral({ factor, solvedShift }: Prepared): tf.Tensor {
  return solvedShift.square().sum().mul(0.5).sub(logDiagonal(factor));
}

/** log ∫ exp(−½ γ'Aγ + a'γ) N(γ; m, D) dγ up to −½ log|D|; A `[1, k, k]`, a `[1, k]`, D⁻¹ diagonal. */
export function logIntegralOfPopulation(
  { precision, shift }: Information,
  prior: tf.Tensor,
  mean: tf.Tensor,
): tf.Tensor {
  const k = mean.shape[0];
  const factor = choleskySmall(precision.reshape([k, k]).add(diagonalMatrix(prior)));
  const solved = triangularSolve(factor, column(shift.reshape([k]).add(prior.mul(mean))));
  const own = mean.square().mul(prior).sum().mul(0.5);
  return solved.square().sum().mul(0.5).sub(logDiagonal(factor)).sub(own);
}

/** Sum of the logs of the diagonals of `[…, k, k]`. */
function logDiagonal(factor: tf.Tensor): tf.Tensor {
  return factor
    .mul(identity(factor.shape[factor.rank - 1]))
    .sum(-1)
    .log()
    .sum();
}
