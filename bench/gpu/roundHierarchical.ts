// The hierarchical logistic regression in coordinates that are round: the same posterior as `hierarchicalLogistic`, for a whole fit of it.
import type * as tf from '@tensorflow/tfjs-core';
import { gatherRows } from '../../src/kernels/ops/index.js';
import { bernoulliLogit, normal } from '../../src/models/distributions/index.js';
import { defineModel, type Model } from '../../src/models/model.js';
import { real } from '../../src/models/parameters.js';
import { coefficients, type HierarchicalData, roughSds } from './hierarchical.js';

/** Means and spreads of the coefficients. */
export const populationSize = 2 * coefficients;

/** Where the population's parameters (means, then signed spreads) lie, and how they vary together: centre + factor × standard. */
export interface PopulationCoordinates {
  /** `[populationSize]` */
  readonly centre: Float64Array;
  /** `[populationSize][populationSize]` */
  readonly factor: Float64Array;
}

/** From the model's rough sds, for the first fit. */
export function roughCoordinates(groups: number): PopulationCoordinates {
  const { meanSd, logSpreadSd } = roughSds(groups);
  const spread = 0.4;
  const sds = [...meanSd, ...logSpreadSd.map((sd) => Math.min(0.3, sd * spread))];
  const factor = new Float64Array(populationSize ** 2);
  sds.forEach((sd, i) => (factor[i * (populationSize + 1)] = sd));
  return { centre: Float64Array.from(sds, (_, i) => (i < coefficients ? 0 : spread)), factor };
}

/**
 * What ten rows say of a coefficient, as a precision: with it the energy of a pilot fit (10,000 rows) is about uncorrelated with the common
 * scale of the spreads.
 */
const information = 0.57;

/**
 * β_g = μ + s ∘ z_g with z_g ~ N(0, I), in three ways rounder than (μ, log τ, z):
 * - spreads carry a sign that means nothing while they are sampled, τ = |s|: log τ has a long tail where few groups leave room for τ = 0;
 * - sampled is a = z √(1 + I s²), whose posterior sd is about 1 whatever s is. That of z shrinks as s grows: the common scale of all spreads
 *   would go with an energy that momenta of so many dimensions change only little by little;
 * - μ and s are a linear map of standard parameters, from a pilot fit to some of the groups.
 */
export function roundHierarchical(data: HierarchicalData, { centre, factor }: PopulationCoordinates): Model {
  const { rows, groups, x, y, group } = data;
  const part = (first: number): { shape: number[]; values: Float64Array } => ({
    shape: [coefficients, populationSize],
    values: factor.slice(first * populationSize, (first + coefficients) * populationSize),
  });
  const vector = (first: number): { shape: number[]; values: Float64Array } => ({
    shape: [coefficients],
    values: centre.slice(first, first + coefficients),
  });
  type Tensors = Readonly<Record<string, tf.Tensor>>;
  const muOf = ({ population }: Tensors, data: Tensors): tf.Tensor =>
    data.muFactor.mul(population).sum(1).add(data.muCentre);
  const spreadOf = ({ population }: Tensors, data: Tensors): tf.Tensor =>
    data.spreadFactor.mul(population).sum(1).add(data.spreadCentre);
  const width = (s: tf.Tensor): tf.Tensor => s.square().mul(information).add(1).sqrt();
  const betaOf = (parameters: Tensors, data: Tensors): tf.Tensor => {
    const s = spreadOf(parameters, data);
    return muOf(parameters, data).add(s.div(width(s)).mul(parameters.a));
  };
  return defineModel({
    name: 'hierarchical logistic regression, round',
    data: {
      x: { shape: [rows, coefficients], values: x },
      y: { shape: [rows], values: y },
      group,
      muFactor: part(0),
      spreadFactor: part(coefficients),
      muCentre: vector(0),
      spreadCentre: vector(coefficients),
    },
    parameters: { population: real(populationSize), a: real(groups, coefficients) },
    logPrior: (parameters, data) => {
      const s = spreadOf(parameters, data);
      return normal
        .logDensity(muOf(parameters, data))
        .sum()
        .add(normal.logDensity(s).sum())
        .add(normal.logDensity(parameters.a, 0, width(s)).sum());
    },
    logLikelihood: (parameters, data) =>
      bernoulliLogit.logDensity(data.y, gatherRows(betaOf(parameters, data), data.group).mul(data.x).sum(1)),
    derived: {
      sites: { mu: [coefficients], tau: [coefficients], beta: [groups, coefficients] },
      compute: (parameters, data) => ({
        mu: muOf(parameters, data),
        tau: spreadOf(parameters, data).abs(),
        beta: betaOf(parameters, data),
      }),
    },
    start: {
      population: { centre: new Float64Array(populationSize), sd: new Float64Array(populationSize).fill(1) },
      a: { centre: new Float64Array(groups * coefficients), sd: new Float64Array(groups * coefficients).fill(1) },
    },
  });
}

/** Means, spreads and, in `beta` `[group][coefficient]`, all coefficients at a position. */
export function valuesAt(
  { centre, factor }: PopulationCoordinates,
  position: Float64Array,
  population: Float64Array,
  beta?: Float64Array,
): void {
  for (let i = 0; i < populationSize; i++) {
    let value = centre[i];
    for (let j = 0; j < populationSize; j++) value += factor[i * populationSize + j] * position[j];
    population[i] = value;
  }
  if (beta) {
    const scales = Float64Array.from({ length: coefficients }, (_, k) => {
      const s = population[coefficients + k];
      return s / Math.sqrt(1 + information * s * s);
    });
    for (let i = 0, k = 0; i < beta.length; i++) {
      beta[i] = population[k] + scales[k] * position[populationSize + i];
      if (++k === coefficients) k = 0;
    }
  }
  for (let k = coefficients; k < populationSize; k++) population[k] = Math.abs(population[k]);
}
