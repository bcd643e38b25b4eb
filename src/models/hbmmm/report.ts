// The reported sites of the HBMMM, in the data's units: columns were only divided by scales, so every coefficient is divided back.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import type { Coordinates } from '../../data/run/siteDescription.js';
import type { ThreeLevelData } from '../../data/threeLevelData.js';
import { covarianceInDataUnits, factorsInDataUnits } from '../linearHierarchy/covarianceReport.js';
import { levelMeans } from '../linearHierarchy/hierarchyModel.js';
import { priorSds } from '../linearHierarchy/coefficientPrior.js';
import { identityMatrix } from '../linearHierarchy/levelCovariance.js';
import { columnsAt } from '../linearHierarchy/levelTensors.js';
import {
  type CoefficientPrior,
  hasFactors,
  type Hierarchy,
  type LevelCovariance,
} from '../linearHierarchy/structure.js';
import type { Site, Tensors } from '../model.js';
import { horseshoeReport, horseshoeSites, inclusionOf } from '../shrinkage.js';
import { type Declaration, parameterNames } from './declare.js';
import type { Layout } from './design.js';
import { isOfLevel, type Spread, type SpreadSites } from './spreads.js';

const dimensions = { channel: 'channel', control: 'control', trait: 'trait' } as const;
const column = (dimension: string): string => `${dimension}_column`;

export function hbmmmCoordinates({ data, design, priors }: Declaration): Coordinates {
  const { channels, controls, traits } = design;
  const factors = [...priors.spreads.consumer, ...priors.spreads.market].flatMap(({ sites, prior }) =>
    prior.kind === 'factors'
      ? [[factorDimension(sites), Array.from({ length: prior.factors }, (_, i) => `F${i + 1}`)] as const]
      : [],
  );
  const { channel, control, trait } = dimensions;
  return {
    [channel]: channels.names,
    [column(channel)]: channels.names,
    ...(controls.names.length > 0 && { [control]: controls.names, [column(control)]: controls.names }),
    ...(traits.names.length > 0 && { [trait]: traits.names }),
    [data.markets!.column]: data.markets!.names,
    [consumerDimension(data)]: data.units.names,
    ...Object.fromEntries(factors),
  };
}

export const consumerDimension = ({ units }: ThreeLevelData): string => units.dimensions[0];

/** Site list in the order of the summary: population first. */
export function hbmmmSiteList(declaration: Declaration, scale: 'sigma' | 'phi' | undefined): Site[] {
  const { data, design, priors } = declaration;
  const { channel, control, trait } = dimensions;
  const sizes: Record<string, number> = {
    ...Object.fromEntries(
      Object.entries(hbmmmCoordinates(declaration)).map(([dimension, names]) => [dimension, names.length]),
    ),
  };
  const site = (name: string, level: Site['level'], dims: readonly string[], isFixed?: Site['isFixed']): Site => ({
    name,
    level,
    dims,
    shape: dims.map((dim) => sizes[dim]),
    coefficientDims: [channel, control, trait, column(channel), column(control)],
    ...(isFixed && { isFixed }),
  });
  const upper = ([i, j]: readonly number[]): boolean => i <= j;
  const has = { controls: design.controls.names.length > 0, traits: design.traits.names.length > 0 };
  const dimensionOf = (sites: SpreadSites): string[] =>
    isOfLevel(sites) ? [] : [sites.sds === 'sigma_gamma' ? control : channel];
  const spreads = [...priors.spreads.consumer, ...priors.spreads.market];
  const ofSpread = ({ sites, isFull, prior }: Spread): Site[] => {
    const own = dimensionOf(sites);
    const correlations = (): Site => site(sites.correlations, 'population', [own[0], column(own[0])], upper);
    const sd = site(sites.sds, 'population', own);
    if (prior.kind !== 'factors') return isFull ? [sd, correlations()] : [sd];
    const loadings = {
      ...site(sites.loadings, 'population', [...own, factorDimension(sites)]),
      rotation: rotationOf(sites),
    };
    return [sd, correlations(), site(sites.uniques, 'population', own), loadings];
  };
  const [market, consumer] = [data.markets!.column, consumerDimension(data)];
  const scores = (group: string, own: readonly Spread[]): Site[] =>
    own.flatMap(({ sites, prior }) =>
      prior.kind === 'factors'
        ? [{ ...site(sites.scores, 'group', [group, factorDimension(sites)]), rotation: rotationOf(sites) }]
        : [],
    );
  const { horseshoe } = priors.population;
  return [
    site('mu_alpha', 'population', []),
    site('mu_beta', 'population', [channel]),
    ...(has.traits ? [site('theta', 'population', [channel, trait])] : []),
    ...(has.controls ? [site('mu_gamma', 'population', [control])] : []),
    site('ate', 'population', [channel]),
    ...(horseshoe === undefined
      ? []
      : [
          ...horseshoeSites(horseshoe).map((name) => site(name, 'population', [])),
          site(inclusionSites.beta, 'population', [channel]),
          ...(has.traits ? [site(inclusionSites.theta, 'population', [channel, trait])] : []),
          ...(has.controls ? [site(inclusionSites.gamma, 'population', [control])] : []),
        ]),
    ...(scale === undefined ? [] : [site(scale, 'population', [])]),
    ...spreads.flatMap(ofSpread),
    site('mu_alpha_market', 'group', [market]),
    site('mu_beta_market', 'group', [market, channel]),
    ...(has.controls ? [site('gamma', 'group', [market, control])] : []),
    site('alpha', 'group', [consumer]),
    site('beta', 'group', [consumer, channel]),
    ...scores(market, priors.spreads.market),
    ...scores(consumer, priors.spreads.consumer),
  ];
}

const factorDimension = ({ scores }: SpreadSites): string => scores.replace('scores', 'factor');
const rotationOf = ({ loadings, sds, correlations }: SpreadSites): NonNullable<Site['rotation']> => ({
  loadings,
  judgedBy: [sds, correlations],
});
/** 1 − κ of mu_beta, theta and mu_gamma. */
const inclusionSites = { beta: 'inclusion_beta', theta: 'inclusion_theta', gamma: 'inclusion_gamma' } as const;

/** Coefficients in model units: of every level of the declaration, `[group, k]`, innermost first; of the population `[size]`. */
export interface HbmmmTensors {
  readonly levels: readonly tf.Tensor[];
  readonly population: tf.Tensor;
}

/** Every site from the constrained parameters and the coefficients. */
export function hbmmmReport(
  { design, blocks, priors }: Declaration,
  structure: Hierarchy,
  parameters: Tensors,
  { levels, population }: HbmmmTensors,
  d: Tensors,
): Tensors {
  const { layout, channels, controls, traits } = design;
  const [consumer, market] = [levels[0], levels[blocks.consumer.length]];
  const inverse = (scales: readonly number[]): tf.Tensor => literal(scales.map((s) => 1 / s));
  const perChannel = inverse(channels.scales);
  const at = (x: tf.Tensor, places: readonly number[], scales: tf.Tensor): tf.Tensor =>
    columnsAt(x, places).mul(scales);
  const first = (x: tf.Tensor): tf.Tensor => columnsAt(x, [0]).reshape([x.shape[0]]);
  const beta = at(
    consumer,
    layout.beta.map((_, i) => 1 + i),
    perChannel,
  );
  const out: Record<string, tf.Tensor> = {
    mu_alpha: population.slice([0], [1]).reshape([]),
    mu_beta: at(population, layout.beta, perChannel),
    ate: beta.mean(0),
    mu_alpha_market: first(market),
    mu_beta_market: at(market, layout.beta, perChannel),
    alpha: first(consumer),
    beta,
  };
  if (layout.traits > 0) {
    const perTrait = perChannel.expandDims(1).mul(inverse(traits.scales));
    out.theta = columnsAt(population, layout.theta).reshape([layout.channels, layout.traits]).mul(perTrait);
  }
  if (layout.controls > 0) {
    const perControl = inverse(controls.scales);
    out.mu_gamma = at(population, layout.gamma, perControl);
    out.gamma = at(market, layout.gamma, perControl);
  }
  for (const scale of ['sigma', 'phi'] as const)
    if (parameterNames[scale] in parameters) out[scale] = parameters[parameterNames[scale]];
  Object.assign(out, inclusionReport(priors.population, layout, parameters));
  const scalesOf = (sites: SpreadSites): readonly number[] =>
    isOfLevel(sites) ? [1] : sites.sds === 'sigma_gamma' ? controls.scales : channels.scales;
  for (const [l, block] of [...blocks.consumer, ...blocks.market].entries()) {
    const deviations = (): tf.Tensor =>
      columnsAt(
        levels[l].sub(levelMeans(structure.terms[0].levels[l], `0_${l}`, levels.at(l + 1) ?? population, d)),
        block.places,
      );
    for (const { spread, members } of block.spreads)
      Object.assign(
        out,
        spreadReport(block.covariance, spread, members, parameters, inverse(scalesOf(spread.sites)), deviations),
      );
  }
  return out;
}

/** How far a horseshoe leaves the population's coefficients alone; nothing where there is none. */
function inclusionReport(population: CoefficientPrior, layout: Layout, parameters: Tensors): Tensors {
  const { horseshoe } = population;
  if (horseshoe === undefined) return {};
  const { places } = horseshoe;
  const inclusion = inclusionOf(columnsAt(priorSds(population, parameters), places), literal(horseshoe.errorSds!));
  const own = (of: readonly number[], shape: number[]): tf.Tensor =>
    columnsAt(
      inclusion,
      of.map((place) => places.indexOf(place)),
    ).reshape(shape);
  return {
    ...horseshoeReport(horseshoe, parameters, inclusion),
    [inclusionSites.beta]: own(layout.beta, [layout.channels]),
    ...(layout.traits > 0 && { [inclusionSites.theta]: own(layout.theta, [layout.channels, layout.traits]) }),
    ...(layout.controls > 0 && { [inclusionSites.gamma]: own(layout.gamma, [layout.controls]) }),
  };
}

/** Standard deviations and correlations; of common factors what they leave, their loadings, and the scores expected from the coefficients. */
function spreadReport(
  covariance: LevelCovariance,
  { sites }: Spread,
  members: readonly number[],
  parameters: Tensors,
  scales: tf.Tensor,
  deviations: () => tf.Tensor,
): Tensors {
  if (hasFactors(covariance)) {
    const toDataUnits = identityMatrix(members.length).mul(scales);
    const { sd, correlation } = covarianceInDataUnits(covariance, parameters, toDataUnits);
    const { uniques, loadings, scores } = factorsInDataUnits(covariance, parameters, deviations(), toDataUnits);
    return {
      [sites.sds]: sd,
      [sites.correlations]: correlation,
      [sites.uniques]: uniques,
      [sites.loadings]: loadings,
      [sites.scores]: scores,
    };
  }
  const { cholesky } = covariance;
  const own = columnsAt(parameters[covariance.sds], members).mul(scales);
  return {
    [sites.sds]: isOfLevel(sites) ? own.reshape([]) : own,
    ...(cholesky !== undefined && {
      [sites.correlations]: tf.matMul(parameters[cholesky], parameters[cholesky], false, true),
    }),
  };
}
