// The scales that marginal NUTS samples: σ, standard deviations and correlations, their priors, and the factors made of them.
import * as tf from '@tensorflow/tfjs-core';
import { priorSds, shrinkageLogPrior, shrinkageParameters } from '../../models/linearHierarchy/coefficientPrior.js';
import { factorCholesky } from '../../models/linearHierarchy/levelCovariance.js';
import { covarianceLogPriors, isEvenAtZero, sigmaLogPrior } from '../../models/linearHierarchy/scalePriors.js';
import { deviatingCount } from '../../models/linearHierarchy/links.js';
import {
  type CoefficientPrior,
  type Errors,
  hasFactors,
  type HierarchyLevel,
  isDiagonal,
  type NestedTerm,
} from '../../models/linearHierarchy/structure.js';
import type { LevelScales, ShrinkageValues } from '../../models/linearHierarchy/values.js';
import type { Tensors } from '../../models/model.js';
import type { PositionBlock } from '../compiledModel.js';
import { covarianceOfFactors } from '../linearHierarchy/factors.js';
import { choleskyFactor, shrinkageAt } from '../linearHierarchy/positions.js';
import { spreadAt } from './spreads.js';
import { constrain } from '../transforms/transforms.js';

/**
 * How standard deviations are sampled: as their logarithms, or with a sign that means nothing, under half their prior, in the coordinate of `spreads.ts`.
 * Near 0 that is linear: a spread that may vanish has no long tail there, as its log density is even and smooth. Then it goes as the variance: what many groups say
 * of a spread near 0 falls off like exp(−s⁴), too steeply at its edges for steps that suit its middle. At last it is logarithmic: the heavy tail of a spread of few groups
 * becomes a light one.
 */
export type ScaleKind = 'log' | 'signed';

/** Blocks of the position: σ as its logarithm, then by level the standard deviations, and unconstrained correlations; logs of horseshoes and of spreads of pooled coefficients. */
export function scaleBlocks(
  { levels }: NestedTerm,
  { sigma }: Errors,
  priors: readonly CoefficientPrior[],
): PositionBlock[] {
  const sizes: [string, number][] = [[sigma, 1]];
  for (const level of levels) {
    const { covariance } = level;
    const size = deviatingCount(level);
    sizes.push([covariance.sds, size]);
    if (hasFactors(covariance)) sizes.push([covariance.loadings, size * covariance.factors]);
    else if (covariance.cholesky !== undefined) sizes.push([covariance.cholesky, (size * (size - 1)) / 2]);
  }
  for (const { horseshoe, pooling } of priors) {
    if (pooling !== undefined) sizes.push([pooling.sds, pooling.priors.length]);
    if (horseshoe === undefined) continue;
    sizes.push([horseshoe.global, 1], [horseshoe.local, horseshoe.places.length]);
    if (horseshoe.slab !== undefined) sizes.push([horseshoe.slab.name, 1]);
  }
  let offset = 0;
  return sizes.map(([name, size]) => {
    const block = { name, offset, size };
    offset += size;
    return block;
  });
}

/** By level: signed where the prior allows it. */
export function scaleKinds({ levels }: NestedTerm): ScaleKind[] {
  return levels.map(({ covariance }) => (isEvenAtZero(covariance) ? 'signed' : 'log'));
}

/**
 * From the sampled blocks and the turns of signed scales: log prior with Jacobians, σ, by level the standard deviations (signs kept) or a factor of Σ, and the standard
 * deviations of the coefficients of no group.
 */
export function scaleTensors(
  term: NestedTerm,
  errors: Errors,
  priors: readonly CoefficientPrior[],
  kinds: readonly ScaleKind[],
  sampled: Tensors,
  { units, bends }: { readonly units: Tensors; readonly bends: Tensors },
) {
  const logSigma = sampled[errors.sigma].reshape([]);
  const sigma = logSigma.exp();
  const constrained: Record<string, tf.Tensor> = { [errors.sigma]: sigma };
  const logJacobians: tf.Tensor[] = [logSigma];
  const factors: Record<string, tf.Tensor> = {};
  for (const [l, level] of term.levels.entries()) {
    const { covariance } = level;
    const size = deviatingCount(level);
    const raw = sampled[covariance.sds];
    const { signed, logSlope } =
      kinds[l] === 'log'
        ? { signed: raw.exp(), logSlope: raw }
        : signedSpreads(raw, units[covariance.sds], bends[covariance.sds]);
    const sds = kinds[l] === 'log' ? signed : signed.abs();
    logJacobians.push(logSlope.sum());
    constrained[covariance.sds] = sds;
    if (hasFactors(covariance)) {
      const loadings = sampled[covariance.loadings].reshape([size, covariance.factors]);
      constrained[covariance.loadings] = loadings;
      factors[factorName(l)] = factorCholesky(loadings, sds);
      continue;
    }
    factors[factorName(l)] = signed;
    if (covariance.cholesky === undefined) continue;
    const free = sampled[covariance.cholesky];
    const { value, logJacobian } = constrain({ kind: 'choleskyCorrelation' }, free, [size, size]);
    constrained[covariance.cholesky] = value;
    if (logJacobian !== undefined) logJacobians.push(logJacobian);
    factors[factorName(l)] = signed.reshape([size, 1]).mul(value);
  }
  const shrinkage: tf.Tensor[] = [];
  for (const prior of priors) {
    for (const name of Object.keys(shrinkageParameters(prior))) {
      constrained[name] = sampled[name].exp();
      logJacobians.push(sampled[name].sum());
    }
    const ofScales = shrinkageLogPrior(prior, sigma, constrained);
    if (ofScales !== undefined) shrinkage.push(ofScales);
  }
  const logPrior = tf.addN(
    [sigmaLogPrior(errors, constrained), ...covarianceLogPriors(term, constrained), ...shrinkage, ...logJacobians].map(
      (x) => x.reshape([]),
    ),
  );
  const sds = priors.map((prior) => priorSds(prior, constrained));
  return { logPrior, sigma, ...factors, [priorSdsName]: sds.length === 1 ? sds[0] : tf.concat(sds, 0) };
}

/** See `spreadAt`: s, and log ds/dw with half the prior for each sign. */
function signedSpreads(w: tf.Tensor, unit: tf.Tensor, bend: tf.Tensor) {
  const q = unit.mul(w.sinh());
  // √(1 + 4 bend q²) = 1 + 2 bend s².
  const t = bend.mul(q.square()).mul(4).add(1).sqrt();
  const half = t.add(1).mul(0.5);
  const logSlope = unit.mul(w.cosh().mul(0.5)).log().add(half.log().mul(0.5)).sub(t.log());
  return { signed: q.div(half.sqrt()), logSlope };
}

/** Name of the tensor that holds the prior standard deviations of the population and after it of the fixed block. */
export const priorSdsName = 'prior sds';

/** Name of the tensor that holds a level's standard deviations `[k]`, or the factor `[k, k]` of its covariance. */
export const factorName = (level: number): string => `factor ${level}`;

export const isFull = ({ covariance }: HierarchyLevel): boolean => !isDiagonal(covariance);

/** σ, and by level the covariance, with signs folded away. */
export interface NaturalScales {
  readonly sigma: number;
  readonly levels: readonly LevelScales[];
  /** Scales of horseshoes or spreads of pooled coefficients, of the population and of the fixed block. */
  readonly shrinkages: readonly (ShrinkageValues | undefined)[];
}

/** The scales themselves from the sampled blocks. Turning the signs of s also turns those of correlations: L becomes D L D, D = diag(sign s). */
export function naturalScales(
  { levels }: NestedTerm,
  priors: readonly CoefficientPrior[],
  kinds: readonly ScaleKind[],
  blocks: readonly PositionBlock[],
  theta: Float64Array,
  { units, bends }: { readonly units: Float64Array; readonly bends: Float64Array },
): NaturalScales {
  const at = (name: string, of = theta): Float64Array => {
    const { offset, size } = blocks.find((block) => block.name === name)!;
    return of.subarray(offset, offset + size);
  };
  return {
    sigma: Math.exp(theta[0]),
    shrinkages: priors.map((prior) => shrinkageAt(prior, (name) => at(name).map(Math.exp))),
    levels: levels.map((level, l) => {
      const { covariance } = level;
      const size = deviatingCount(level);
      const raw = at(covariance.sds);
      const [unit, bend] = [at(covariance.sds, units), at(covariance.sds, bends)];
      const sds = raw.map((x, i) => (kinds[l] === 'log' ? Math.exp(x) : Math.abs(spreadAt(x, unit[i], bend[i]))));
      if (hasFactors(covariance))
        return covarianceOfFactors({ loadings: at(covariance.loadings).slice(), uniques: sds });
      if (covariance.cholesky === undefined) return { sds, lower: undefined };
      const lower = choleskyFactor(at(covariance.cholesky), size);
      if (kinds[l] === 'log') return { sds, lower };
      return { sds, lower: lower.map((x, at) => x * sign(raw[Math.floor(at / size)]) * sign(raw[at % size])) };
    }),
  };
}

const sign = (x: number): number => (x < 0 ? -1 : 1);
