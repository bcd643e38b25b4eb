// Updates of what a prior's standard deviations are made of. Of a horseshoe's scales: given the coefficients, then given these over their standard deviations.
import { shrunkSd } from '../../models/linearHierarchy/horseshoe.js';
import { pooledSpreads } from '../../models/linearHierarchy/pooling.js';
import type { CoefficientPrior, Horseshoe, LinearHierarchy } from '../../models/linearHierarchy/structure.js';
import { coefficientSds } from '../../models/linearHierarchy/values.js';
import { drawInverseGamma } from '../random/distributions.js';
import type { RandomStream } from '../random/streams.js';
import type { ChainValues, HorseshoeState, ShrinkageState } from './chainValues.js';
import { updateSpreads } from './spreads.js';
import { sliceSample } from './slice.js';

/** What all but their prior says of coefficients, to the second order where they are: log density slopes'δ − ½ δ'gram δ of a move δ. */
export interface LocalQuadratic {
  /** `[coefficient][coefficient]` */
  readonly gram: Float64Array;
  /** `[coefficient]` */
  readonly slopes: Float64Array;
}

/** Scales where a chain starts. */
export function startShrinkage(
  { horseshoe, pooling }: CoefficientPrior,
  sigma: number,
): { shrinkage: ShrinkageState } | undefined {
  if (pooling !== undefined) return { shrinkage: { sds: pooledSpreads(pooling) } };
  if (horseshoe === undefined) return undefined;
  const local = new Float64Array(horseshoe.places.length).fill(1);
  return { shrinkage: { local, global: scaleOfGlobal(horseshoe, sigma), slab: horseshoe.slab?.scale ?? Infinity } };
}

/**
 * New scales, and coefficients that follow them; both change in place.
 * @param quadratic undefined: coefficients stay, and no scale is drawn given the coefficients over their standard deviations
 */
export function updateShrinkage(
  stream: RandomStream,
  prior: CoefficientPrior,
  sigma: number,
  quadratic: LocalQuadratic | undefined,
  coefficients: Float64Array,
  shrinkage: ShrinkageState,
): void {
  if ('sds' in shrinkage) updateSpreads(stream, prior, quadratic, coefficients, shrinkage);
  else updateHorseshoe(stream, prior, sigma, quadratic, coefficients, shrinkage);
}

/**
 * New λ, τ and c. In turn: the scales given the coefficients, by inverse-gamma
 * auxiliaries without a slab (Makalic and Schmidt 2016), else by slices, since the normaliser of a coefficient's density then depends on all three;
 * what the λ have more and τ less, which no coefficient sees; and each scale given the coefficients over their standard deviations (Yu and Meng 2011).
 */
function updateHorseshoe(
  stream: RandomStream,
  prior: CoefficientPrior,
  sigma: number,
  quadratic: LocalQuadratic | undefined,
  coefficients: Float64Array,
  shrinkage: HorseshoeState,
): void {
  const { means } = prior;
  const horseshoe = prior.horseshoe!;
  const globalScale = scaleOfGlobal(horseshoe, sigma);
  const deviations = Float64Array.from(horseshoe.places, (i) => coefficients[i] - (means?.[i] ?? 0));
  if (horseshoe.slab === undefined) drawByAuxiliaries(stream, globalScale, deviations, shrinkage);
  else sliceGivenCoefficients(stream, horseshoe, globalScale, deviations, shrinkage);
  rescale(stream, globalScale, shrinkage);
  if (quadratic !== undefined)
    moveWithScales(stream, prior, globalScale, quadratic, deviations, coefficients, shrinkage);
}

/** Horseshoes whose τ is relative to σ: of terms by number, −1 the fixed block's. */
export function relativeHorseshoes({
  terms,
  fixed,
}: LinearHierarchy): { readonly of: number; readonly scale: number }[] {
  const all = terms.map(({ population: { prior } }, t) => ({
    of: t,
    horseshoe: prior.kind === 'normal' ? prior.horseshoe : undefined,
  }));
  return [...all, { of: -1, horseshoe: fixed?.prior.horseshoe }].flatMap(({ of, horseshoe }) =>
    horseshoe?.isRelative ? [{ of, scale: horseshoe.globalScale }] : [],
  );
}

/** τ of each over what its scale is relative to σ: σ for which τ would be at its scale. */
export function ratiosOfHorseshoes(structure: LinearHierarchy, { terms, fixed }: ChainValues): number[] {
  return relativeHorseshoes(structure).map(({ of, scale }) => {
    const { shrinkage } = of < 0 ? fixed! : terms[of];
    return (shrinkage as HorseshoeState).global / scale;
  });
}

/** What horseshoes whose τ is relative to σ say of it, Σ log p(τ | σ); undefined where there are none. */
export function horseshoesOnSigma(
  structure: LinearHierarchy,
  values: ChainValues,
): ((sigma: number) => number) | undefined {
  const ratios = ratiosOfHorseshoes(structure, values);
  if (ratios.length === 0) return undefined;
  return (sigma) => ratios.reduce((sum, ratio) => sum + logHalfCauchy(ratio, sigma) - Math.log(sigma), 0);
}

const scaleOfGlobal = ({ globalScale, isRelative }: Horseshoe, sigma: number): number =>
  isRelative ? globalScale * sigma : globalScale;

/** Log density of a half-Cauchy, up to a constant for each scale. */
const logHalfCauchy = (x: number, scale: number): number => -Math.log1p((x / scale) ** 2);

/** Log density of log c, up to a constant. */
function logSlab({ df, scale }: NonNullable<Horseshoe['slab']>, log: number): number {
  return -df * log - 0.5 * df * scale ** 2 * Math.exp(-2 * log);
}

function drawByAuxiliaries(
  stream: RandomStream,
  globalScale: number,
  deviations: Float64Array,
  shrinkage: HorseshoeState,
): void {
  const { local, global } = shrinkage;
  let sum = 0;
  for (const [j, deviation] of deviations.entries()) {
    const auxiliary = drawInverseGamma(stream, 1, 1 + 1 / (local[j] * local[j]));
    local[j] = Math.sqrt(drawInverseGamma(stream, 1, 1 / auxiliary + 0.5 * (deviation / global) ** 2));
    sum += (deviation / local[j]) ** 2;
  }
  const auxiliary = drawInverseGamma(stream, 1, 1 / globalScale ** 2 + 1 / (global * global));
  const shape = (deviations.length + 1) / 2;
  shrinkage.global = Math.sqrt(drawInverseGamma(stream, shape, 1 / auxiliary + 0.5 * sum));
}

/** Updates exp(log) by a slice of a density of the logarithm. */
const sliceLog = (stream: RandomStream, x: number, width: number, density: (log: number) => number): number =>
  Math.exp(sliceSample(stream, Math.log(x), width, density));

function sliceGivenCoefficients(
  stream: RandomStream,
  { slab }: Horseshoe,
  globalScale: number,
  deviations: Float64Array,
  shrinkage: HorseshoeState,
): void {
  const { local } = shrinkage;
  const logNormal = (j: number, sd: number): number => -Math.log(sd) - 0.5 * (deviations[j] / sd) ** 2;
  for (let j = 0; j < local.length; j++) {
    local[j] = sliceLog(stream, local[j], 3, (log) => {
      const own = Math.exp(log);
      return log + logHalfCauchy(own, 1) + logNormal(j, shrunkSd(own, shrinkage.global, shrinkage.slab));
    });
  }
  const ofAll = (global: number, c: number): number =>
    local.reduce((sum, own, j) => sum + logNormal(j, shrunkSd(own, global, c)), 0);
  const width = 4 / Math.sqrt(local.length + 1);
  shrinkage.global = sliceLog(stream, shrinkage.global, width, (log) => {
    const global = Math.exp(log);
    return log + logHalfCauchy(global, globalScale) + ofAll(global, shrinkage.slab);
  });
  shrinkage.slab = sliceLog(
    stream,
    shrinkage.slab,
    1,
    (log) => logSlab(slab!, log) + ofAll(shrinkage.global, Math.exp(log)),
  );
}

/** τ → eτ, λ → λ/e: no standard deviation changes, with a slab or without; density e^(1−K) p(eτ) Π p(λ_j/e) of log e (Liu and Sabatti 2000). */
function rescale(stream: RandomStream, globalScale: number, shrinkage: HorseshoeState): void {
  const { local, global } = shrinkage;
  const factor = sliceLog(stream, 1, 4 / Math.sqrt(local.length + 1), (log) => {
    const e = Math.exp(log);
    return local.reduce(
      (sum, own) => sum + logHalfCauchy(own / e, 1),
      logHalfCauchy(e * global, globalScale) + (1 - local.length) * log,
    );
  });
  shrinkage.global = factor * global;
  for (let j = 0; j < local.length; j++) local[j] /= factor;
}

/** Every λ, then τ and c, the coefficients over their standard deviations staying as they are. */
function moveWithScales(
  stream: RandomStream,
  prior: CoefficientPrior,
  globalScale: number,
  { gram, slopes: given }: LocalQuadratic,
  deviations: Float64Array,
  coefficients: Float64Array,
  shrinkage: HorseshoeState,
): void {
  const { places, slab } = prior.horseshoe!;
  const size = coefficients.length;
  const slopes = given.slice();
  const { local } = shrinkage;
  const sds = coefficientSds(prior, shrinkage);
  const standardised = deviations.map((own, j) => own / sds[places[j]]);
  /** Moves a coefficient that is shrunk. */
  const move = (j: number, sd: number): void => {
    const after = standardised[j] * sd;
    const step = after - deviations[j];
    deviations[j] = after;
    coefficients[places[j]] += step;
    for (let i = 0; i < size; i++) slopes[i] -= gram[places[j] * size + i] * step;
  };
  for (const [j, place] of places.entries()) {
    const sdOf = (own: number): number => shrunkSd(own, shrinkage.global, shrinkage.slab);
    local[j] = sliceLog(stream, local[j], 2, (log) => {
      const own = Math.exp(log);
      const step = standardised[j] * sdOf(own) - deviations[j];
      return log + logHalfCauchy(own, 1) + step * (slopes[place] - 0.5 * gram[place * size + place] * step);
    });
    move(j, sdOf(local[j]));
  }
  const steps = new Float64Array(places.length);
  const likelihood = (sdOf: (own: number) => number): number => {
    for (const [j, own] of local.entries()) steps[j] = standardised[j] * sdOf(own) - deviations[j];
    let change = 0;
    for (const [j, place] of places.entries()) {
      let product = 0;
      for (const [k, other] of places.entries()) product += gram[place * size + other] * steps[k];
      change += steps[j] * (slopes[place] - 0.5 * product);
    }
    return change;
  };
  shrinkage.global = sliceLog(stream, shrinkage.global, 1, (log) => {
    const global = Math.exp(log);
    return log + logHalfCauchy(global, globalScale) + likelihood((own) => shrunkSd(own, global, shrinkage.slab));
  });
  for (const [j, own] of local.entries()) move(j, shrunkSd(own, shrinkage.global, shrinkage.slab));
  if (slab === undefined) return;
  shrinkage.slab = sliceLog(
    stream,
    shrinkage.slab,
    1,
    (log) => logSlab(slab, log) + likelihood((own) => shrunkSd(own, shrinkage.global, Math.exp(log))),
  );
  for (const [j, own] of local.entries()) move(j, shrunkSd(own, shrinkage.global, shrinkage.slab));
}
