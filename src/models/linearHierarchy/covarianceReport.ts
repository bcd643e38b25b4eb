// The covariance of a level as it is reported, in the data's units: standard deviations, correlations, common factors.
import * as tf from '@tensorflow/tfjs-core';
import type { Tensors } from '../model.js';
import { covarianceScales, expectedScores, identityMatrix } from './levelCovariance.js';
import { type FactorCovariance, hasFactors, type LevelCovariance } from './structure.js';

/** Standard deviations `[k]` and correlations `[k, k]` of T'ΣT. @param t turns row vectors from model to data units; undefined: they are the same */
export function covarianceInDataUnits(
  covariance: LevelCovariance,
  parameters: Tensors,
  t: tf.Tensor | undefined,
): { readonly sd: tf.Tensor; readonly correlation: tf.Tensor } {
  const { sds, lower } = covarianceScales(covariance, parameters);
  const k = sds.shape[0];
  const factor = sds.reshape([k, 1]).mul(lower ?? identityMatrix(k));
  const rows = t === undefined ? factor : tf.matMul(t, factor, true, false);
  const sd = t === undefined && !hasFactors(covariance) ? sds : rows.square().sum(1).sqrt();
  const scaled = rows.div(sd.reshape([k, 1]));
  return { sd, correlation: tf.matMul(scaled, scaled, false, true) };
}

/**
 * Loadings T'Λ, what factors leave (standard deviations of T'ΨT), and the scores expected from the coefficients, which have no units.
 * @param deviations of the coefficients from their means, `[group, k]`, in model units
 */
export function factorsInDataUnits(
  covariance: FactorCovariance,
  parameters: Tensors,
  deviations: tf.Tensor,
  t: tf.Tensor | undefined,
): { readonly uniques: tf.Tensor; readonly loadings: tf.Tensor; readonly scores: tf.Tensor } {
  const [loadings, uniques] = [parameters[covariance.loadings], parameters[covariance.sds]];
  return {
    uniques: t === undefined ? uniques : t.mul(uniques.expandDims(1)).square().sum(0).sqrt(),
    loadings: t === undefined ? loadings : tf.matMul(t, loadings, true, false),
    scores: expectedScores(loadings, uniques, deviations),
  };
}
