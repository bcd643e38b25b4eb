// A block of parameters that is shared by all places, one for each, or one for each around a common mean (partial pooling).
import type { Tensor } from '@tensorflow/tfjs-core';
import { normal } from '../distributions/index.js';
import type { ModelParameter, Site, StartingPoint, Tensors } from '../model.js';
import { interval, positive, real } from '../parameters.js';
import { priorLogDensity } from '../priors.js';
import type { Pooling } from './options.js';
import type { MediaMixPriors, Support } from './priors.js';

export interface BlockRequest {
  readonly name: string;
  /** The axis besides places, and its length; null for a block of one number. */
  readonly dim: { readonly name: string; readonly size: number } | null;
  readonly support: Support;
  readonly pooling: Pooling;
  /** Number of places. */
  readonly geos: number;
  /** With partial pooling: sample values themselves (centred) rather than standardised deviations; best where a place's weeks say much. */
  readonly centred?: boolean;
  /**
   * For positive blocks, `[1][size]`: what is sampled is value × exp(shift), called `NAME_level` (partial pooling: `NAME_mean_level`), where
   * that is better known than the value. Priors stay those of the value.
   */
  readonly shift?: (parameters: Tensors) => Tensor;
  /** A typical value to start from. */
  readonly start: number;
  /** Standard deviation to start with on the unconstrained scale. */
  readonly startSd?: number;
  /** A site for the common standard deviation of normal values around 0, in place of a fixed prior. */
  readonly learntSd?: string;
}

/** Parameters, prior and reported sites of a block. */
export interface Block {
  readonly parameters: readonly ModelParameter[];
  readonly start: Readonly<Record<string, StartingPoint>>;
  /** Scalars to be added up. */
  logPrior(parameters: Tensors): Tensor[];
  /** `[geos or 1][size]` */
  value(parameters: Tensors): Tensor;
  readonly sites: readonly Site[];
  report(parameters: Tensors): Tensors;
}

/** Dimensions whose levels are named without the dimension. */
const coefficientDims = ['channel', 'component', 'control', 'fourier_mode', 'changepoint'];

/** From this many places on, values by place are summarised as those of groups. */
const manyGeos = 9;

export function siteOver(name: string, axes: readonly (readonly [string, number])[], level?: Site['level']): Site {
  const geos = axes.find(([dim]) => dim === 'geo')?.[1] ?? 0;
  return {
    name,
    shape: axes.map(([, size]) => size),
    dims: axes.map(([dim]) => dim),
    coefficientDims,
    level: level ?? (geos >= manyGeos ? 'group' : 'population'),
  };
}

const constraintOf = { real: real().constraint, positive: positive().constraint, unit: interval(0, 1).constraint };
const link: Readonly<Record<Support, (value: number) => number>> = {
  real: (x) => x,
  positive: Math.log,
  unit: (x) => Math.log(x / (1 - x)),
};
const inverseLink: Readonly<Record<Support, (x: Tensor) => Tensor>> = {
  real: (x) => x,
  positive: (x) => x.exp(),
  unit: (x) => x.sigmoid(),
};

export function makeBlock(request: BlockRequest, priors: MediaMixPriors): Block {
  const { pooling, geos } = request;
  if (pooling === 'partial' && geos > 1) return partialBlock(request, priors);
  return plainBlock(request, geos > 1 && pooling === 'independent', priors);
}

const sizeOf = ({ dim }: BlockRequest): number => dim?.size ?? 1;
const axesOf = ({ dim, geos }: BlockRequest, byGeo: boolean): (readonly [string, number])[] => [
  ...(byGeo ? [['geo', geos] as const] : []),
  ...(dim === null ? [] : [[dim.name, dim.size] as const]),
];
const around = (size: number, centre: number, sd: number): StartingPoint => ({
  centre: new Float64Array(size).fill(centre),
  sd: new Float64Array(size).fill(sd),
});

function plainBlock(request: BlockRequest, byGeo: boolean, priors: MediaMixPriors): Block {
  const { name, support, geos, start, startSd = 0.5, learntSd, shift } = request;
  const axes = axesOf(request, byGeo);
  const shape = axes.map(([, size]) => size);
  const rows = byGeo ? geos : 1;
  const asMatrix = (x: Tensor): Tensor => x.reshape([rows, sizeOf(request)]);
  const site = siteOver(name, axes);
  const size = rows * sizeOf(request);
  const parameter: ModelParameter = { name, constraint: constraintOf[support], dims: site.dims, shape };
  if (learntSd !== undefined) {
    // Centred: a year of weeks says much of each coefficient.
    const sdPrior = priors.of(learntSd, 'positive');
    return {
      parameters: [parameter, { name: learntSd, ...positive(), shape: [] }],
      start: { [name]: around(size, start, startSd), [learntSd]: around(1, Math.log(0.1), 0.5) },
      logPrior: (p) => [priorLogDensity(sdPrior, p[learntSd]), normal.logDensity(p[name], 0, p[learntSd]).sum()],
      value: (p) => asMatrix(p[name]),
      sites: [site, siteOver(learntSd, [])],
      report: (p) => ({ [name]: p[name], [learntSd]: p[learntSd] }),
    };
  }
  const prior = priors.of(name, support);
  if (shift !== undefined) {
    const level = `${name}_level`;
    const value = (p: Tensors): Tensor => asMatrix(p[level]).mul(shift(p).neg().exp());
    return {
      parameters: [{ ...parameter, name: level }],
      start: { [level]: around(size, link[support](start), startSd) },
      logPrior: (p) => [priorLogDensity(prior, value(p)).sum(), shift(p).sum().mul(-rows)],
      value,
      sites: [site],
      report: (p) => ({ [name]: value(p).reshape(shape) }),
    };
  }
  return {
    parameters: [parameter],
    start: { [name]: around(size, link[support](start), startSd) },
    logPrior: (p) => [priorLogDensity(prior, p[name]).sum()],
    value: (p) => asMatrix(p[name]),
    sites: [site],
    report: (p) => ({ [name]: p[name] }),
  };
}

/** link(value) ~ N(mean, sd²): sampled itself where centred, else as mean + sd z. */
function partialBlock(request: BlockRequest, priors: MediaMixPriors): Block {
  const { name, support, geos, start, startSd = 0.5, centred = false, shift } = request;
  const size = sizeOf(request);
  const byGeo = axesOf(request, true);
  const common = axesOf(request, false);
  const commonShape = common.map(([, extent]) => extent);
  const shape = byGeo.map(([, extent]) => extent);
  const [meanSite, sd] = [`${name}_mean`, `${name}_sd`];
  const mean = shift === undefined ? meanSite : `${meanSite}_level`;
  const own = `${name}_${centred ? 'own' : 'z'}`;
  const prior = priors.partial(name, support);
  const asRow = (x: Tensor): Tensor => x.reshape([1, size]);
  const asMatrix = (x: Tensor): Tensor => x.reshape([geos, size]);
  const linked = (p: Tensors): Tensor =>
    centred ? asMatrix(p[own]) : asRow(p[mean]).add(asMatrix(p[own]).mul(asRow(p[sd])));
  const dimsOf = (axes: readonly (readonly [string, number])[]) => axes.map(([dim]) => dim);
  const unshifted = (x: Tensor, p: Tensors): Tensor => (shift === undefined ? x : x.sub(shift(p)));
  const value = (p: Tensors): Tensor => inverseLink[support](unshifted(linked(p), p));
  const meanOf = (p: Tensors): Tensor => unshifted(asRow(p[mean]), p);
  const centre = link[support](start);
  return {
    parameters: [
      { name: mean, ...real(), dims: dimsOf(common), shape: commonShape },
      { name: sd, ...positive(), dims: dimsOf(common), shape: commonShape },
      { name: own, ...real(), dims: dimsOf(byGeo), shape },
    ],
    start: {
      [mean]: around(size, centre, startSd),
      [sd]: around(size, Math.log(0.2), 0.5),
      [own]: centred ? around(geos * size, centre, startSd) : around(geos * size, 0, 0.7),
    },
    logPrior: (p) => [
      priorLogDensity(prior.mean, meanOf(p)).sum(),
      priorLogDensity(prior.sd, p[sd]).sum(),
      (centred ? normal.logDensity(asMatrix(p[own]), asRow(p[mean]), asRow(p[sd])) : normal.logDensity(p[own])).sum(),
    ],
    value,
    sites: [siteOver(name, byGeo), siteOver(meanSite, common), siteOver(sd, common)],
    report: (p) => ({
      [name]: value(p).reshape(shape),
      [meanSite]: meanOf(p).reshape(commonShape),
      [sd]: p[sd],
    }),
  };
}
