// How coefficients of groups follow the scalars: by what of them has about the same posterior whatever the scalars are.
import * as tf from '@tensorflow/tfjs-core';
import { triangularSolve } from '../../../kernels/ops/index.js';
import { levelMeans, type Placement } from '../../../models/linearHierarchy/hierarchyModel.js';
import { covarianceScales } from '../../../models/linearHierarchy/levelCovariance.js';
import { columnsAt } from '../../../models/linearHierarchy/levelTensors.js';
import type { HierarchyLevel, NestedTerm } from '../../../models/linearHierarchy/structure.js';
import type { Tensors } from '../../../models/model.js';
import { type CovarianceFactor, type Information, integrate, prepare, toLevelAbove } from '../levels.js';
import { linksOf } from './groupProgram.js';

/** Names of what describes the coefficients before they move, by term and level. */
export const followNames = {
  before: (t: number, l: number) => `before ${t} ${l}`,
  population: (t: number) => `population before ${t}`,
  kept: (t: number, l: number) => `kept ${t} ${l}`,
  unit: (t: number, l: number) => `unit ${t} ${l}`,
  information: (t: number, l: number) => `information ${t} ${l}`,
  standard: (t: number, l: number) => `standard ${t} ${l}`,
  precision: (t: number) => `precision ${t}`,
  shift: (t: number) => `shift ${t}`,
} as const;

/**
 * Coefficients follow the scalars so that a = (b − w²M) / (sw) stays as it is, w² = 1 / (1 + Is²): their deviations over their standard
 * deviations where the data say little of them (Is² small), the coefficients themselves where they say much, and between them what has about
 * the same posterior whatever M and s are. With correlations a is multiplied by L⁻¹.
 */
export const followByVariances: Placement = ({ level, term: t, index: l, means, sds, lower }, p, d) => {
  const names = followNames;
  const factor = lower?.mul(sds.expandDims(1));
  const variances = factor === undefined ? sds.square() : factor.square().sum(1);
  const spread = variances.mul(p[names.information(t, l)]).add(1);
  const outer = names.before(t, l + 1) in p ? p[names.before(t, l + 1)] : p[names.population(t)];
  const meansBefore = freeOf(level, levelMeans(level, `${t}_${l}`, outer, d));
  const given = freeOf(level, p[names.before(t, l)]).sub(meansBefore.mul(p[names.kept(t, l)]));
  const unit = p[names.unit(t, l)];
  const scale = spread.rsqrt();
  const moved =
    factor === undefined
      ? given.mul(unit.mul(sds).mul(scale))
      : tf.matMul(given, tf.matMul(factor.mul(scale.expandDims(1)), unit), false, true);
  const coefficients = moved.add(means.div(spread));
  const deviations = coefficients.sub(means).div(sds);
  const zeta = lower === undefined ? deviations : solveRows(lower, deviations);
  // |da/db| s … is 1/w of each coefficient of each group, constants left out.
  const logJacobian = spread
    .log()
    .sum()
    .mul(-0.5 * level.groups);
  return { coefficients, logPrior: zeta.square().sum().mul(-0.5).add(logJacobian) };
};

/** Columns of coefficients that deviate. */
const freeOf = ({ deviating }: Pick<HierarchyLevel, 'deviating'>, x: tf.Tensor): tf.Tensor =>
  deviating === undefined ? x : columnsAt(x, deviating);

/** L⁻¹x of each row x. */
function solveRows(lower: tf.Tensor, x: tf.Tensor): tf.Tensor {
  const k = lower.shape[0];
  const parts: tf.Tensor[] = [];
  for (let i = 0; i < k; i++) {
    let rest = x.slice([0, i], [x.shape[0], 1]);
    for (let j = 0; j < i; j++) rest = rest.sub(parts[j].mul(lower.slice([i, j], [1, 1])));
    parts.push(rest.div(lower.slice([i, i], [1, 1])));
  }
  return tf.concat(parts, 1);
}

/** A level under the normal approximation of the rows: ζ ~ N(K⁻ᵀ K⁻¹C'(a − AM), (KK')⁻¹), KK' = I + C'AC. */
interface Approximated {
  readonly level: HierarchyLevel;
  readonly information: Information;
  /** K, of those that deviate, `[group, d, d]` */
  readonly factor: tf.Tensor;
  readonly scale: CovarianceFactor;
}

/** All levels of a term, each with the levels below integrated out. @param scales C by level */
function approximate(term: NestedTerm, t: number, scales: readonly CovarianceFactor[], d: Tensors): Approximated[] {
  let information: Information = { precision: d[followNames.precision(t)], shift: d[followNames.shift(t)] };
  return linksOf(term, t, d).map((link, l) => {
    const own = information;
    const level = term.levels[l];
    const prepared = prepare(own, scales[l], level.deviating);
    if (l + 1 < term.levels.length) information = toLevelAbove(link, integrate(own, prepared));
    return { level, information: own, factor: prepared.factor, scale: scales[l] };
  });
}

const column = (x: tf.Tensor): tf.Tensor => x.expandDims(2);
const solve = (factor: tf.Tensor, x: tf.Tensor, isTransposed: boolean): tf.Tensor =>
  triangularSolve(factor, column(x), isTransposed).squeeze([2]);

/** K⁻¹C'(a − AM). @param means of all coefficients */
function centreOf(
  { level, information: { precision, shift }, factor, scale }: Approximated,
  means: tf.Tensor,
): tf.Tensor {
  const left = freeOf(level, shift.sub(precision.mul(means.expandDims(-2)).sum(2)));
  return solve(factor, scale.rank === 1 ? left.mul(scale) : tf.matMul(left, scale), false);
}

/** Coefficients follow the scalars so that u = K'ζ − K⁻¹C'(a − AM) stays as it is: about standard normal, whatever the scalars are. */
export const followByApproximation =
  (term: NestedTerm): Placement =>
  ({ term: t, index: l, means, allMeans }, p, d) => {
    const scales = term.levels.map(({ covariance }) => {
      const { sds, lower } = covarianceScales(covariance, p);
      return lower === undefined ? sds : lower.mul(sds.expandDims(1));
    });
    const own = approximate(term, t, scales, d)[l];
    const { factor, scale } = own;
    const zeta = solve(factor, centreOf(own, allMeans).add(p[followNames.standard(t, l)]), true);
    const coefficients = means.add(scale.rank === 1 ? zeta.mul(scale) : tf.matMul(zeta, scale, false, true));
    return { coefficients, logPrior: zeta.square().sum().mul(-0.5).sub(logDiagonal(factor)) };
  };

/** u of every level from its coefficients. @param scales C by level */
export function standardise(
  term: NestedTerm,
  t: number,
  scales: readonly CovarianceFactor[],
  coefficients: readonly tf.Tensor[],
  population: tf.Tensor,
  d: Tensors,
): tf.Tensor[] {
  return approximate(term, t, scales, d).map((own, l) => {
    const { level, factor, scale } = own;
    const means = levelMeans(level, `${t}_${l}`, coefficients[l + 1] ?? population, d);
    const deviations = freeOf(level, coefficients[l].sub(means));
    const zeta = scale.rank === 1 ? deviations.div(scale) : solveRows(scale, deviations);
    return tf.matMul(factor, column(zeta), true, false).squeeze([2]).sub(centreOf(own, means));
  });
}

/** Sum of the logs of the diagonals of `[group, k, k]`. */
function logDiagonal(factor: tf.Tensor): tf.Tensor {
  const k = factor.shape[2]!;
  const parts = Array.from({ length: k }, (_, i) => factor.slice([0, i, i], [factor.shape[0], 1, 1]).log().sum());
  return parts.reduce((sum, part) => sum.add(part));
}
