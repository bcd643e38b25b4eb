// What is reported of many experiments: effects Y(1) − Y(0) = 2τ in units of the outcome, baselines, spreads, and who they are due to.
import * as tf from '@tensorflow/tfjs-core';
import type { Coordinates } from '../../data/run/siteDescription.js';
import { literal } from '../../kernels/ops/index.js';
import { categoryEffects } from '../linearHierarchy/fixedBlock.js';
import { priorSds } from '../linearHierarchy/coefficientPrior.js';
import type { FixedPrior } from '../linearHierarchy/structure.js';
import type { ModelArray, Site, Tensors } from '../model.js';
import type { EffectSet, ExperimentsData } from './data.js';
import { type Component, experimentSites, shapeOf } from './sites.js';
import { attributeContrasts } from './campaignAttributes.js';
import { campaignsOf, type Coding, fixedSets, type Layout } from './layout.js';
import { type Poolable, spreadName } from './poolable.js';
import { horseshoeReport, horseshoeSites, inclusionOf } from '../shrinkage.js';
import type { ExperimentShrinkage } from './shrinkage.js';

export interface ExperimentTensors {
  /** τ̄ + u_i and β_i, `[customer][1 + k]`; undefined without effects of customers. */
  readonly own: tf.Tensor | undefined;
  /** τ̄ and β̄, `[1 + k]`. */
  readonly mean: tf.Tensor | undefined;
  /** All other coefficients. */
  readonly theta: tf.Tensor;
  /** With attributes: half the effect of each campaign and its baseline, `[campaign][2]`, and what they depend on attributes by, `[2 · width]`. */
  readonly campaign: { readonly own: tf.Tensor; readonly attributes: tf.Tensor } | undefined;
}

interface ExperimentsReport {
  readonly coords: Coordinates;
  readonly sites: readonly Site[];
  readonly compute: (parameters: Tensors, data: Tensors, values: ExperimentTensors) => Tensors;
  /** Data that it takes. */
  readonly data: Readonly<Record<string, ModelArray>>;
}

/** @param prior of theta */
export function experimentsReport(
  data: ExperimentsData,
  layout: Layout,
  { levels: codings, moderatorScales }: Coding,
  prior: FixedPrior,
  shrinkage: ExperimentShrinkage | undefined,
  pooled: readonly Poolable[],
): ExperimentsReport {
  const { customers, x, moderators, sets, rows, response } = data;
  const { places } = layout;
  const { kinds, sites, coords } = experimentSites(
    shapeOf(data, pooled),
    shrinkage && horseshoeSites(shrinkage.horseshoe),
  );
  const hasX = x.length > 0;
  const hasModerators = moderators.length > 0;

  const fixed = fixedSets(sets);
  const attributes = campaignsOf(data)?.attributes;
  /** Effects of the levels of a set about their average, and that average, which belongs to what all levels have in common. */
  const ofSet = (
    { theta, campaign }: ExperimentTensors,
    set: EffectSet,
    part: 'effect' | 'baseline',
  ): { effects: tf.Tensor; average: tf.Tensor } => {
    const levels = set.levels.length;
    if (set.attributes !== undefined)
      return aboutAverage(campaign!.own.slice([0, part === 'effect' ? 0 : 1], [levels, 1]).reshape([levels]));
    const effects = categoryEffects(layout, fixed.indexOf(set) + (part === 'effect' ? fixed.length : 0), theta);
    return codings[sets.indexOf(set)] === 'sumToZero'
      ? { effects, average: literal(0) }
      : aboutAverage(effects.slice([0], [levels]));
  };
  /** Coefficients of moderators, of a unit of each. */
  const slopes = (theta: tf.Tensor, from: number): tf.Tensor =>
    theta.slice([from], [moderators.length]).div(literal(moderatorScales));
  const shares = sets.map(sharesOf);
  const observed = kinds.includes('observed') ? observedCovariance(data) : undefined;

  const compute = (parameters: Tensors, d: Tensors, tensors: ExperimentTensors): Tensors => {
    const { own: coefficients, mean, theta } = tensors;
    const at = (from: number, length: number): tf.Tensor => theta.slice([from], [length]);
    const scalar = (from: tf.Tensor, place: number): tf.Tensor => from.slice([place], [1]).reshape([]);
    const baselines = sets.map((own) => ofSet(tensors, own, 'baseline'));
    const ofEffects = sets.map((own) => ofSet(tensors, own, 'effect'));
    const [base, shift] = [baselines, ofEffects].map((all) =>
      all.reduce((sum, { average }) => sum.add(average), literal(0)),
    );
    const tau = (mean === undefined ? scalar(theta, places.treatment!) : scalar(mean, 0)).add(shift);
    const effects = ofEffects.map((own) => own.effects);
    const ofCustomer = coefficients
      ?.slice([0, 0], [coefficients.shape[0], 1])
      .reshape([coefficients.shape[0]])
      .add(shift);
    // Moderators are centred, so on average over the rows they add nothing.
    const average = effects.reduce(
      (sum, effect, s) => sum.add(effect.mul(literal(shares[s])).sum()),
      ofCustomer === undefined ? tau : ofCustomer.mul(d.customer_share).sum(),
    );
    const spreads = kinds.map((kind) => spreadOf(kind, effects, theta, ofCustomer));
    const spread = spreads.length > 0 ? tf.stack(spreads).mul(2) : undefined;
    return {
      effect: tau.mul(2),
      average_effect: average.mul(2),
      ...(hasModerators && {
        effect_slope: slopes(theta, places.effect).mul(2),
        baseline_slope: slopes(theta, places.baseline),
      }),
      intercept: scalar(theta, places.intercept).add(base).add(literal(response.mean)),
      ...(hasX && { beta: mean === undefined ? at(places.x!, x.length) : mean.slice([1], [x.length]) }),
      sigma: parameters.sigma,
      ...(coefficients && { sigma_u: parameters.sigma_u.mul(literal([2, ...x.map(() => 1)])) }),
      ...(coefficients && hasX && { corr_u: tf.matMul(parameters.cholesky_u, parameters.cholesky_u, false, true) }),
      ...(spread && { spread }),
      ...(spread && kinds.length > 1 && { share_of_spread: spread.div(spread.sum()) }),
      ...Object.fromEntries(sets.map(({ name }, s) => [`effect_${name}`, effects[s].add(tau).mul(2)])),
      ...Object.fromEntries(sets.map(({ name }, s) => [`baseline_${name}`, baselines[s].effects])),
      ...ofPooled(parameters),
      ...inclusions(parameters),
      ...ofAttributes(parameters, tensors),
      ...(ofCustomer && { effect_of_customer: ofCustomer.mul(2) }),
      ...(coefficients && hasX && { beta_of_customer: coefficients.slice([0, 1], [coefficients.shape[0], x.length]) }),
    };
  };

  /** Effects of attributes by unit or label, and the spread of campaigns about them. */
  function ofAttributes(parameters: Tensors, { campaign }: ExperimentTensors): Tensors {
    if (attributes === undefined) return {};
    const { width } = attributes;
    const contrasts = attributeContrasts(attributes);
    const reported = contrasts.length / width;
    const of = (part: number): tf.Tensor =>
      tf
        .matMul(
          literal(contrasts, [reported, width]),
          campaign!.attributes.slice([part * width], [width]).reshape([width, 1]),
        )
        .reshape([reported]);
    return {
      effect_attribute: of(0).mul(2),
      baseline_attribute: of(1),
      sigma_campaign: parameters.sigma_campaign.mul(literal([2, 1])),
    };
  }

  /** Spreads of effects and of baselines of the pooled sets. */
  function ofPooled(parameters: Tensors): Tensors {
    return Object.fromEntries(
      pooled.map((name, p) => [
        spreadName(name),
        parameters[prior.pooling!.sds].slice([2 * p], [2]).mul(literal([2, 1])),
      ]),
    );
  }

  /** What the horseshoe says of each coefficient that it shrinks. */
  function inclusions(parameters: Tensors): Tensors {
    if (shrinkage === undefined) return {};
    const { horseshoe, rows: ofPlace } = shrinkage;
    const [first] = horseshoe.places;
    const sds = priorSds(prior, parameters).slice([first], [horseshoe.places.length]);
    const errors = parameters.sigma.reshape([]).mul(literal(Array.from(ofPlace, (count) => 1 / Math.sqrt(count))));
    const inclusion = inclusionOf(sds, errors);
    const names = [
      ...(hasModerators ? ['baseline_slope', 'effect_slope'].map((name) => [name, moderators.length] as const) : []),
      ...['baseline', 'effect'].flatMap((part) =>
        fixed.map(({ name, levels }) => [`${part}_${name}`, levels.length] as const),
      ),
    ];
    let next = 0;
    const own = names.map(([name, size]): [string, tf.Tensor] => {
      next += size;
      return [`inclusion_${name}`, inclusion.slice([next - size], [size])];
    });
    return { ...horseshoeReport(horseshoe, parameters, inclusion), ...Object.fromEntries(own) };
  }

  /** Finite-population standard deviation of a component of τ (Gelman 2005; 003, B.1). */
  function spreadOf(
    kind: Component,
    effects: readonly tf.Tensor[],
    theta: tf.Tensor,
    ofCustomer: tf.Tensor | undefined,
  ): tf.Tensor {
    if (kind === 'unobserved') {
      const deviation = ofCustomer!.sub(ofCustomer!.mean());
      return deviation
        .square()
        .sum()
        .div(ofCustomer!.shape[0] - 1)
        .sqrt();
    }
    if (kind === 'observed') {
      const parts = sets.flatMap(({ kind: own }, s) => (own === 'customer' ? [effects[s]] : []));
      if (hasModerators) parts.push(slopes(theta, places.effect));
      const gamma = parts.length === 1 ? parts[0] : tf.concat(parts, 0);
      const size = gamma.shape[0];
      return literal([...observed!], [size, size])
        .mul(gamma)
        .sum(1)
        .mul(gamma)
        .sum()
        .sqrt();
    }
    const s = sets.findIndex(({ kind: own }) => own === kind);
    const weight = literal(shares[s]);
    const deviation = effects[s].sub(effects[s].mul(weight).sum());
    return deviation.square().mul(weight).sum().sqrt();
  }

  const arrays: Record<string, ModelArray> = {};
  if (customers !== null) {
    const { rowStart } = customers;
    const values = Float64Array.from(customers.names, (_, i) => (rowStart[i + 1] - rowStart[i]) / rows);
    arrays.customer_share = { shape: [values.length], values };
  }
  return { coords, sites, data: arrays, compute };
}

function aboutAverage(own: tf.Tensor): { effects: tf.Tensor; average: tf.Tensor } {
  const average = own.mean();
  return { effects: own.sub(average), average };
}

/** Share of the rows that have each level. */
function sharesOf({ levels, codes }: EffectSet): number[] {
  const counts = new Float64Array(levels.length);
  for (const code of codes) counts[code]++;
  return Array.from(counts, (count) => count / codes.length);
}

/** Covariances over the rows of what customers' observed effects multiply: indicators of the sets of kind customer, then moderators. */
function observedCovariance({ rows, sets, moderators }: ExperimentsData): Float64Array {
  const own = sets.filter(({ kind }) => kind === 'customer');
  const starts: number[] = [];
  let size = 0;
  for (const { levels } of own) {
    starts.push(size);
    size += levels.length;
  }
  const first = size;
  size += moderators.length;
  const products = new Float64Array(size * size);
  const means = new Float64Array(size);
  const touched = own.length + moderators.length;
  const columns = new Int32Array(touched);
  const values = new Float64Array(touched).fill(1);
  for (let row = 0; row < rows; row++) {
    for (const [s, { codes }] of own.entries()) columns[s] = starts[s] + codes[row];
    for (const [m, moderator] of moderators.entries()) {
      columns[own.length + m] = first + m;
      values[own.length + m] = moderator.values[row];
    }
    for (let i = 0; i < touched; i++) {
      means[columns[i]] += values[i];
      for (let j = 0; j < touched; j++) products[columns[i] * size + columns[j]] += values[i] * values[j];
    }
  }
  return products.map((sum, at) => sum / rows - (means[Math.floor(at / size)] / rows) * (means[at % size] / rows));
}
