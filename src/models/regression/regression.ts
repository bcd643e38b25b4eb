// Linear regression on many columns: normal priors or a horseshoe, categories in sum-to-zero coding, normal or Student-t errors.
import * as tf from '@tensorflow/tfjs-core';
import type { PriorSpec } from '../../data/prior.js';
import { literal } from '../../kernels/ops/index.js';
import { fixedPredictor, freeCoefficients } from '../linearHierarchy/fixedBlock.js';
import { hierarchyModel } from '../linearHierarchy/hierarchyModel.js';
import type { FixedBlock, LinearHierarchy } from '../linearHierarchy/structure.js';
import type { Tensors } from '../model.js';
import type { ObservedModel } from '../modelEntry.js';
import type { ShrinkageOptions } from '../shrinkage.js';
import type { RegressionData } from './data.js';
import { describeRegression } from './describe.js';
import { regressionPriors } from './priors.js';
import { regressionReport } from './report.js';

export interface RegressionOptions extends ShrinkageOptions {
  /** Degrees of freedom of Student's t; undefined: normal errors. */
  readonly df?: number;
  readonly priors?: Readonly<Record<string, PriorSpec>>;
}

/**
 * y = α + x'β + Σ over categories of an effect of its level + ε. Parameters: sigma, theta `[1 + columns + free effects]` (the constant
 * first, in model units, about the response's mean) and the scales of the horseshoe. Throws InputError for priors that do not suit.
 */
export function regressionModel(data: RegressionData, options: RegressionOptions = {}): ObservedModel {
  const { x, categories, rows, response } = data;
  const priors = regressionPriors(data, options);
  const fixed: FixedBlock = {
    name: 'theta',
    dense: [new Float64Array(rows).fill(1), ...x.map(({ values }) => values)],
    categories: categories.map(({ codes, levels }) => ({
      levels: levels.length,
      levelOfRow: codes,
      multiplier: undefined,
    })),
    prior: priors.fixed,
  };
  const structure: LinearHierarchy = {
    rows,
    y: data.y.map((value) => value - response.mean),
    terms: [],
    fixed,
    errors: { sigma: 'sigma', prior: priors.sigma, ...(options.df !== undefined && { df: options.df }) },
  };
  const hierarchy = hierarchyModel(structure);
  const report = regressionReport(data, fixed);
  const means = (p: Tensors, d: Tensors): tf.Tensor =>
    fixedPredictor(fixed, hierarchy.evaluate(p, d).fixed!, d).add(literal(response.mean));
  return {
    name: 'regression',
    parameters: hierarchy.parameters,
    data: hierarchy.data,
    byObservation: hierarchy.byObservation,
    coords: report.coords,
    sites: report.sites,
    logPrior: (p, d) => hierarchy.logPrior(p, d),
    logLikelihood: (p, d) => hierarchy.logLikelihood(p, d),
    report: (p, d) => report.compute(p, hierarchy.evaluate(p, d).fixed!),
    predict: means,
    ...(options.df === undefined && {
      replicate: (p: Tensors, d: Tensors, noise: tf.Tensor) => means(p, d).add(noise.mul(p.sigma)),
    }),
    observed: { name: data.responseName, values: data.y },
    start: {
      sigma: { centre: [Math.log(response.sd)], sd: [0.3] },
      theta: { centre: new Float64Array(freeCoefficients(fixed)), sd: priors.startSds },
    },
    structure,
    description: describeRegression(data, options, priors),
  };
}
