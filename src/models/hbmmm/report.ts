// The reported sites of the HBMMM, in the data's units: columns were only divided by scales, so every coefficient is divided back.
import * as tf from '@tensorflow/tfjs-core';
import { literal } from '../../kernels/ops/index.js';
import type { Coordinates } from '../../data/run/siteDescription.js';
import type { ThreeLevelData } from '../../data/threeLevelData.js';
import { columnsAt } from '../linearHierarchy/levelTensors.js';
import type { Site, Tensors } from '../model.js';
import { type Block, type Declaration, parameterNames } from './declare.js';

const dimensions = { channel: 'channel', control: 'control', trait: 'trait' } as const;
const column = (dimension: string): string => `${dimension}_column`;

export function hbmmmCoordinates({ data, design }: Declaration): Coordinates {
  const { channels, controls, traits } = design;
  const { channel, control, trait } = dimensions;
  return {
    [channel]: channels.names,
    [column(channel)]: channels.names,
    ...(controls.names.length > 0 && { [control]: controls.names, [column(control)]: controls.names }),
    ...(traits.names.length > 0 && { [trait]: traits.names }),
    [data.markets!.column]: data.markets!.names,
    [consumerDimension(data)]: data.units.names,
  };
}

export const consumerDimension = ({ units }: ThreeLevelData): string => units.dimensions[0];

/** Site list in the order of the summary: population first. */
export function hbmmmSiteList(declaration: Declaration, scale: 'sigma' | 'phi' | undefined): Site[] {
  const { data, design, blocks } = declaration;
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
  const dimensionOf = (sdSite: string): string[] =>
    sdSite.endsWith('alpha') ? [] : [sdSite === 'sigma_gamma' ? control : channel];
  const spreads = [...blocks.consumer, ...blocks.market].flatMap(({ sites }) => sites.map(({ spread }) => spread));
  const [market, consumer] = [data.markets!.column, consumerDimension(data)];
  return [
    site('mu_alpha', 'population', []),
    site('mu_beta', 'population', [channel]),
    ...(has.traits ? [site('theta', 'population', [channel, trait])] : []),
    ...(has.controls ? [site('mu_gamma', 'population', [control])] : []),
    site('ate', 'population', [channel]),
    ...(scale === undefined ? [] : [site(scale, 'population', [])]),
    ...spreads.flatMap(({ sdSite, correlationSite, isFull }) => {
      const own = dimensionOf(sdSite);
      const sd = site(sdSite, 'population', own);
      return isFull ? [sd, site(correlationSite, 'population', [own[0], column(own[0])], upper)] : [sd];
    }),
    site('mu_alpha_market', 'group', [market]),
    site('mu_beta_market', 'group', [market, channel]),
    ...(has.controls ? [site('gamma', 'group', [market, control])] : []),
    site('alpha', 'group', [consumer]),
    site('beta', 'group', [consumer, channel]),
  ];
}

/** Coefficients in model units: of consumers `[consumer, p]`, of markets `[market, size]`, of the population `[size]`. */
export interface HbmmmTensors {
  readonly consumer: tf.Tensor;
  readonly market: tf.Tensor;
  readonly population: tf.Tensor;
}

/** Every site from the constrained parameters and the coefficients. */
export function hbmmmReport(
  { design, blocks }: Declaration,
  parameters: Tensors,
  { consumer, market, population }: HbmmmTensors,
  scale: 'sigma' | 'phi' | undefined,
): Tensors {
  const { layout, channels, controls, traits } = design;
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
  if (scale !== undefined) out[scale] = parameters[parameterNames[scale]];
  const scalesOf = (sdSite: string): readonly number[] =>
    sdSite.endsWith('alpha') ? [1] : sdSite === 'sigma_gamma' ? controls.scales : channels.scales;
  for (const block of [...blocks.consumer, ...blocks.market])
    Object.assign(
      out,
      blockReport(block, parameters, (sdSite) => inverse(scalesOf(sdSite))),
    );
  return out;
}

function blockReport(
  { sds, cholesky, sites }: Block,
  parameters: Tensors,
  scales: (sdSite: string) => tf.Tensor,
): Tensors {
  const out: Record<string, tf.Tensor> = {};
  for (const { spread, members } of sites) {
    const own = columnsAt(parameters[sds], members).mul(scales(spread.sdSite));
    out[spread.sdSite] = spread.sdSite.endsWith('alpha') ? own.reshape([]) : own;
    if (cholesky !== undefined)
      out[spread.correlationSite] = tf.matMul(parameters[cholesky], parameters[cholesky], false, true);
  }
  return out;
}
