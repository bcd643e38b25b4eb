// Normal algebra of groups with few rows, their coefficients integrated out by blocks of rows: tensor ops on one block a group.
import * as tf from '@tensorflow/tfjs-core';
import { choleskySmall, literal, triangularSolve } from '../../../kernels/ops/index.js';
import type { CovarianceFactor } from '../levels.js';

/** Rows y* = x'b + e, e ~ N(0, 1/ω), of groups with b = M + Cζ, ζ ~ N(0, I), each multiplied by √ω. */
export interface WeightedRows {
  /** √ω X C, `[group, row, k]` */
  readonly design: tf.Tensor;
  /** √ω (y* − XM), `[group, row]` */
  readonly residual: tf.Tensor;
  /** L with LL' = I + the design times its transpose, `[group, row, row]` */
  readonly factor: tf.Tensor;
}

const column = (x: tf.Tensor): tf.Tensor => x.expandDims(2);
const flat = (x: tf.Tensor): tf.Tensor => x.squeeze([2]);

/**
 * @param x `[group, row, k]` @param halves y − ½, `[group, row]` @param omega `[group, row]`
 * @param means `[group, k]` or `[k]`
 */
export function weightedRows(
  x: tf.Tensor,
  halves: tf.Tensor,
  omega: tf.Tensor,
  means: tf.Tensor,
  scale: CovarianceFactor,
): WeightedRows {
  const [groups, rows, k] = x.shape as [number, number, number];
  const root = omega.sqrt();
  const explained = x.mul(means.rank === 1 ? means : means.expandDims(1)).sum(2);
  const scaled =
    scale.rank === 1 ? x.mul(scale) : tf.matMul(x.reshape([groups * rows, k]), scale).reshape([groups, rows, k]);
  const design = scaled.mul(root.expandDims(2));
  return {
    design,
    residual: halves.div(root).sub(root.mul(explained)),
    factor: choleskySmall(tf.matMul(design, design, false, true).add(identity(rows))),
  };
}

/** Log density of the rows with the coefficients integrated out, what ω alone decides left out; and its derivatives. */
export interface IntegratedRows {
  readonly value: tf.Tensor;
  /** By the residual, `[group, row]`. */
  readonly byResidual: tf.Tensor;
  /** By C, the shape of C. */
  readonly byScale: tf.Tensor;
}

export function integrateRows({ design, residual, factor }: WeightedRows, scale: CovarianceFactor): IntegratedRows {
  const [groups, rows, k] = design.shape as [number, number, number];
  // V = LL': r'V⁻¹r = |s|², and Z'V⁻¹Z = M'M.
  const s = triangularSolve(factor, column(residual));
  const m = triangularSolve(factor, design);
  const score = m.mul(s).sum(1);
  const diagonal = factor.mul(identity(rows)).sum(2);
  return {
    value: s.square().sum().mul(-0.5).sub(diagonal.log().sum()),
    byResidual: flat(triangularSolve(factor, s, true)).neg(),
    byScale:
      scale.rank === 1
        ? score.square().sum(0).sub(m.square().sum(1).sum(0)).div(scale)
        : triangularSolve(
            scale,
            tf
              .matMul(score, score, true, false)
              .sub(tf.matMul(m.reshape([groups * rows, k]), m.reshape([groups * rows, k]), true, false)),
            true,
          ),
  };
}

/**
 * ζ drawn given the rows, `[group, k]`: a draw of the prior, moved by what its rows' residuals say (Matheron's rule).
 * @param prior standard normals `[group, k]` @param errors and `[group, row]`
 */
export function drawStandardised({ design, residual, factor }: WeightedRows, prior: tf.Tensor, errors: tf.Tensor) {
  const left = residual.sub(design.mul(prior.expandDims(1)).sum(2)).sub(errors);
  const solved = triangularSolve(factor, triangularSolve(factor, column(left)), true);
  return prior.add(design.mul(solved).sum(1));
}

function identity(k: number): tf.Tensor {
  return literal(
    Array.from({ length: k * k }, (_, at) => Number(at % (k + 1) === 0)),
    [k, k],
  );
}
