// The model of many experiments (003 §4, A.2): one declared structure of customers' coefficients and sets of effects that sum to zero.
import * as tf from '@tensorflow/tfjs-core';
import type { PriorSpec } from '../../data/prior.js';
import { literal } from '../../kernels/ops/index.js';
import { estimatedIn } from '../linearHierarchy/coefficientPrior.js';
import { freeCoefficients } from '../linearHierarchy/fixedBlock.js';
import { hierarchyModel } from '../linearHierarchy/hierarchyModel.js';
import { poolingStart } from '../linearHierarchy/pooling.js';
import type { FixedBlock, FixedPrior, LinearHierarchy } from '../linearHierarchy/structure.js';
import type { Tensors } from '../model.js';
import type { ObservedModel } from '../modelEntry.js';
import { isShrunk, type ShrinkageOptions } from '../shrinkage.js';
import type { ExperimentsData } from './data.js';
import { describeExperiments } from './describe.js';
import { campaignsOf, codingOf, fixedSets, type Layout, layoutOf } from './layout.js';
import { pooledOf, type PoolingOptions } from './poolable.js';
import { experimentPooling } from './pooling.js';
import { experimentPriors } from './priors.js';
import { experimentsReport } from './report.js';
import { experimentShrinkage } from './shrinkage.js';
import { campaignTerm, customerTerm } from './terms.js';

export interface ExperimentsOptions extends ShrinkageOptions, PoolingOptions {
  readonly priors?: Readonly<Record<string, PriorSpec>>;
}

/**
 * y = τ_ij W + β_i'X + γ'Z + ε with τ_ij = τ̄ + τ_t + τ_c + γ_I'V + u_i and (u_i, β_i − β̄) ~ N(0, Ω). Parameters: sigma; with effects of
 * customers sigma_u, cholesky_u, mean (τ̄, β̄) and u (what is sampled of τ̄ + u_i and β_i); with attributes of campaigns sigma_campaign,
 * gamma_campaign and campaign (what is sampled of τ_c and its baseline); theta, all other coefficients (what is sampled of those that are shrunk or
 * pooled), the scales of a horseshoe on them, and sigma_pooled, the spreads of pooled sets, of half the effects and of baselines in turn.
 * Throws InputError for priors that do not suit.
 */
export function experimentsModel(data: ExperimentsData, options: ExperimentsOptions = {}): ObservedModel {
  const coding = codingOf(data, options);
  const layout = layoutOf(data, coding);
  const { rows, response, customers } = data;
  const campaigns = campaignsOf(data);
  const set = options.priors ?? {};
  const shrinkage = isShrunk(options) ? experimentShrinkage(options, set, data, layout) : undefined;
  const pooled = pooledOf(fixedSets(data.sets), options);
  const priors = experimentPriors(set, {
    size: layout.own.length,
    responseSd: response.sd,
    isShrunk: shrinkage !== undefined,
    hasAttributes: campaigns !== undefined,
    pooled,
  });
  const pooling = experimentPooling(data, layout, pooled, priors.pooled);
  const { dense, categories } = layout;
  const free = freeCoefficients({ dense, categories });
  const fixed: FixedBlock = {
    name: 'theta',
    dense,
    categories,
    prior: {
      kind: 'normal',
      sds: Array.from({ length: free }, () => priors.thetaSd),
      ...(shrinkage && { horseshoe: shrinkage.horseshoe }),
      ...(pooling && { pooling }),
    },
  };
  const structure: LinearHierarchy = {
    rows,
    y: data.y.map((value) => value - response.mean),
    terms: [
      ...(customers === null ? [] : [customerTerm(layout, customers.rowStart, priors)]),
      ...(campaigns === undefined ? [] : [campaignTerm(data, campaigns, priors)]),
    ],
    fixed,
    errors: { sigma: 'sigma', prior: priors.sigma },
  };
  const hierarchy = hierarchyModel(structure);
  const report = experimentsReport(data, layout, coding, fixed.prior, shrinkage, pooled);
  const toData = (x: tf.Tensor): tf.Tensor => x.add(literal(response.mean));
  return {
    name: 'experiments',
    parameters: hierarchy.parameters,
    data: { ...hierarchy.data, ...report.data },
    byObservation: hierarchy.byObservation,
    coords: report.coords,
    sites: report.sites,
    logPrior: (p, d) => hierarchy.logPrior(p, d),
    logLikelihood: (p, d) => hierarchy.logLikelihood(p, d),
    report: (p: Tensors, d: Tensors) => {
      const { coefficients, populations, fixed: theta } = hierarchy.evaluate(p, d);
      const hasCustomers = customers !== null;
      return report.compute(p, d, {
        own: hasCustomers ? coefficients[0][0] : undefined,
        mean: hasCustomers ? populations[0] : undefined,
        theta: theta!,
        campaign: campaigns && { own: coefficients.at(-1)![0], attributes: populations.at(-1)! },
      });
    },
    predict: (p, d) => toData(hierarchy.predict(p, d)),
    replicate: (p: Tensors, d: Tensors, noise: tf.Tensor) => toData(hierarchy.predict(p, d)).add(noise.mul(p.sigma)),
    observed: { name: data.responseName, values: data.y },
    start: startOf(data, layout, free, fixed.prior),
    structure,
    description: describeExperiments(data, priors, shrinkage, pooled),
  };
}

/** Customers' spreads start at a tenth of the response's over that of their columns; everything else where nothing has an effect. */
function startOf(
  { rows, response, customers, sets }: ExperimentsData,
  { own }: Layout,
  free: number,
  prior: FixedPrior,
) {
  const constant = (length: number, value: number): Float64Array => new Float64Array(length).fill(value);
  const perRows = response.sd / Math.sqrt(rows / (free + 1));
  const start = {
    sigma: { centre: [Math.log(response.sd)], sd: [1 / Math.sqrt(2 * rows)] },
    theta: { centre: constant(free, 0), sd: constant(free, perRows) },
  };
  // What is sampled of those that are shrunk or pooled is about as wide as the posterior's own standard deviation.
  for (const place of estimatedIn(prior)?.places ?? []) start.theta.sd[place] = 1;
  const campaigns = campaignsOf({ sets });
  const ofCampaigns = campaigns && {
    sigma_campaign: { centre: constant(2, Math.log(0.1 * response.sd)), sd: constant(2, 0.3) },
    gamma_campaign: {
      centre: constant(2 * campaigns.attributes!.width, 0),
      sd: constant(2 * campaigns.attributes!.width, perRows),
    },
    campaign: {
      centre: constant(2 * campaigns.levels.length, 0),
      sd: constant(2 * campaigns.levels.length, perRows),
    },
  };
  const { horseshoe, pooling } = prior;
  const ofScales = horseshoe && {
    [horseshoe.global]: { centre: [Math.log(horseshoe.globalScale)], sd: [1] },
    ...(horseshoe.slab && { [horseshoe.slab.name]: { centre: [Math.log(horseshoe.slab.scale)], sd: [0.5] } }),
  };
  const population = { ...start, ...ofScales, ...(pooling && poolingStart(pooling)), ...ofCampaigns };
  if (customers === null) return population;
  const groups = customers.names.length;
  const spreads = own.map((column) => Math.sqrt(column.reduce((sum, x) => sum + x * x, 0) / rows));
  const pairs = (own.length * (own.length - 1)) / 2;
  return {
    ...population,
    sigma_u: { centre: spreads.map((sd) => Math.log((0.1 * response.sd) / sd)), sd: constant(own.length, 0.3) },
    ...(pairs > 0 && { cholesky_u: { centre: constant(pairs, 0), sd: constant(pairs, 0.2) } }),
    mean: { centre: constant(own.length, 0), sd: spreads.map((sd) => response.sd / sd / Math.sqrt(rows)) },
    u: { centre: constant(groups * own.length, 0), sd: constant(groups * own.length, 1) },
  };
}
