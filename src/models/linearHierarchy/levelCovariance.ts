// The covariance of a level's coefficients in tensor ops: its parameters, its factor, and Σ itself.
import * as tf from '@tensorflow/tfjs-core';
import { choleskySmall, literal, triangularSolve } from '../../kernels/ops/index.js';
import type { Tensors } from '../model.js';
import { choleskyCorrelation, type ParameterSpec, positive, real } from '../parameters.js';
import { deviatingCount } from './links.js';
import { hasFactors, type HierarchyLevel, type LevelCovariance } from './structure.js';

/** The most factors m of `size` coefficients that a covariance can tell apart: (size − m)² ≥ size + m. */
export function mostFactors(size: number): number {
  let most = 0;
  while ((size - most - 1) ** 2 >= size + most + 1 && most + 1 < size) most++;
  return most;
}

/** Throws RangeError where there are more factors than the covariance can tell apart. */
export function covarianceParameters(level: HierarchyLevel): Record<string, ParameterSpec> {
  const { covariance } = level;
  const size = deviatingCount(level);
  const { sds } = covariance;
  if (!hasFactors(covariance)) {
    const { cholesky } = covariance;
    return { [sds]: positive(size), ...(cholesky !== undefined && { [cholesky]: choleskyCorrelation(size, size) }) };
  }
  const { factors, loadings } = covariance;
  if (!(factors >= 1 && factors <= mostFactors(size))) {
    throw new RangeError(
      `${loadings}: ${factors} factors of ${size} coefficients; k factors of p need (p − k)² ≥ p + k`,
    );
  }
  return { [sds]: positive(size), [loadings]: real(size, factors) };
}

/** s and L of Σ = diag(s) L L' diag(s); of factors s is 1 and L the Cholesky factor of Σ. L undefined: Σ is diagonal. */
export function covarianceScales(
  covariance: LevelCovariance,
  parameters: Tensors,
): { readonly sds: tf.Tensor; readonly lower: tf.Tensor | undefined } {
  const sds = parameters[covariance.sds];
  if (hasFactors(covariance)) {
    const lower = factorCholesky(parameters[covariance.loadings], sds);
    return { sds: literal(Array.from({ length: sds.shape[0] }, () => 1)), lower };
  }
  return { sds, lower: covariance.cholesky === undefined ? undefined : parameters[covariance.cholesky] };
}

/** C with C C' = ΛΛ' + diag(ψ²). */
export function factorCholesky(loadings: tf.Tensor, uniques: tf.Tensor): tf.Tensor {
  return choleskySmall(factorMatrix(loadings, uniques));
}

/** Σ, `[k, k]`: what is identified of factors, and what their R-hat and ESS are to be computed on. */
export function covarianceMatrix(covariance: LevelCovariance, parameters: Tensors): tf.Tensor {
  const sds = parameters[covariance.sds];
  if (hasFactors(covariance)) return factorMatrix(parameters[covariance.loadings], sds);
  if (covariance.cholesky === undefined) return diagonal(sds.square());
  const lower = parameters[covariance.cholesky].mul(sds.expandDims(1));
  return tf.matMul(lower, lower, false, true);
}

/** E[z | v] = (I + Λ'Ψ⁻¹Λ)⁻¹ Λ'Ψ⁻¹ v, `[group][factor]`. @param deviations v = b − M, `[group][k]` */
export function expectedScores(loadings: tf.Tensor, uniques: tf.Tensor, deviations: tf.Tensor): tf.Tensor {
  const factors = loadings.shape[1]!;
  const weighted = loadings.div(uniques.square().expandDims(1));
  const precision = tf
    .matMul(loadings, weighted, true, false)
    .add(diagonal(literal(Array.from({ length: factors }, () => 1))));
  const root = choleskySmall(precision);
  const weights = triangularSolve(root, triangularSolve(root, weighted.transpose()), true);
  return tf.matMul(deviations, weights, false, true);
}

function factorMatrix(loadings: tf.Tensor, uniques: tf.Tensor): tf.Tensor {
  return tf.matMul(loadings, loadings, false, true).add(diagonal(uniques.square()));
}

function diagonal(x: tf.Tensor): tf.Tensor {
  return identityMatrix(x.shape[0]).mul(x);
}

/** The literal identity, `[k, k]`. */
export function identityMatrix(k: number): tf.Tensor {
  return literal(
    Array.from({ length: k * k }, (_, at) => Number(at % (k + 1) === 0)),
    [k, k],
  );
}
