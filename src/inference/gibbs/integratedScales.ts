// The density of one term's scales with its coefficients integrated out, for trajectories: value and gradient as a tensor program.
import * as tf from '@tensorflow/tfjs-core';
import type { Device } from '../../kernels/device.js';
import { triangularSolve } from '../../kernels/ops/index.js';
import { deviatingCount } from '../../models/linearHierarchy/links.js';
import { covarianceLogPriors, isEvenAtZero, sigmaLogPrior } from '../../models/linearHierarchy/scalePriors.js';
import {
  hasFactors,
  type HierarchyLevel,
  isDiagonal,
  type LinearHierarchy,
  type NestedTerm,
} from '../../models/linearHierarchy/structure.js';
import type { Tensors } from '../../models/model.js';
import { invertLower } from '../linearAlgebra.js';
import { constrain } from '../transforms/transforms.js';
import type { ChainValues } from './chainValues.js';
import { factorOf, partialsWith } from './correlations.js';
import { typicalInformation } from './mixed/information.js';
import { type BoundProgram, compileProgram } from './program.js';
import { sumNames } from './rowSums.js';
import { covarianceFactor, scaleDimension, ScaleMove, toCoordinates } from './scaleMove.js';
import type { ScalarDensity } from './scalars/move.js';
import { turnsOf } from './scalars/signedSpreads.js';
import type { Reflection, ScalarPlan } from './scalars/tuning.js';
import { ratiosOfHorseshoes, relativeHorseshoes } from './shrinkage.js';
import { integratedInputs, logIntegrated, names, type StaticData } from './termProgram.js';
import { identity, logJacobianOfFactor, placedAt, triangle } from './triangles.js';

/** Given all else the scales are often known as well as in all: a trajectory ends where it is about independent of its start. */
export const scalePlan: ScalarPlan = {
  length: 1.6,
  jitter: [0.85, 1.15],
  target: 0.8,
  mostSteps: 24,
  renewals: [0.27, 0.3],
  averagedFrom: 0.27,
  byStates: [0.35, 0.45, 0.75, 0.9],
  longEnough: Infinity,
  farFromZero: 6,
  widestCrossing: 1,
};

const [logSigma, left, horseshoes] = ['log sigma', 'left', 'horseshoes'] as const;
const blockOf = {
  spreads: (level: number) => `spreads ${level}`,
  turns: (level: number) => `turns ${level}`,
  partials: (level: number) => `partials ${level}`,
} as const;

/**
 * Coordinates of a level's Σ: of standard deviations that have a sign or none, then of free partial correlations; or those of C⁻¹ with Σ = CC', in which
 * an inverse Wishart density is one of independent numbers (Bartlett 1933): the logs of its diagonal, then what is below it.
 */
type Kind = 'signed' | 'log' | 'inverse';

function kindOf({ covariance }: HierarchyLevel): Kind {
  if (isEvenAtZero(covariance)) return 'signed';
  if (hasFactors(covariance) || isDiagonal(covariance)) return 'log';
  return covariance.prior.kind === 'inverseWishart' ? 'inverse' : 'log';
}

/** A level's place among the coordinates: k of its diagonal, then those below the diagonal row by row. */
interface LevelPlace {
  readonly level: number;
  readonly kind: Kind;
  readonly k: number;
  readonly spreads: number;
  readonly partials: number;
  readonly isFull: boolean;
}

function placesOf({ levels }: NestedTerm): LevelPlace[] {
  let next = 1;
  return levels.map((level, j) => {
    const k = deviatingCount(level);
    const isFull = !isDiagonal(level.covariance);
    const [spreads, partials] = [next, next + k];
    next = partials + (isFull ? (k * (k - 1)) / 2 : 0);
    return { level: j, kind: kindOf(level), k, spreads, partials, isFull };
  });
}

/** Spreads that have signs; correlations with their coefficients turn along. */
export function scaleReflections(term: NestedTerm): Reflection[] {
  return placesOf(term).flatMap(({ kind, k, spreads, partials, isFull }) => {
    if (kind !== 'signed') return [];
    return Array.from({ length: k }, (_, i) => ({
      place: spreads + i,
      along: isFull ? partialsWith(i, k).map((at) => partials + at) : [],
    }));
  });
}

/**
 * Coordinates are log σ, then those of each level's covariance (see `Kind`): spreads with a sign as asinh(s/t), where t is where that turns from s to log s,
 * others as log s.
 */
export class IntegratedScales implements ScalarDensity {
  readonly dimension: number;
  private readonly places: readonly LevelPlace[];
  /** By lane, then by level. */
  private readonly turns = new Map<number, readonly Float64Array[]>();

  private constructor(
    private readonly structure: LinearHierarchy,
    private readonly index: number,
    readonly program: BoundProgram,
  ) {
    const term = structure.terms[index];
    this.dimension = scaleDimension(term);
    this.places = placesOf(term);
  }

  static async create(
    structure: LinearHierarchy,
    index: number,
    device: Device,
    chains: number,
    data: StaticData,
  ): Promise<IntegratedScales> {
    const term = structure.terms[index];
    const places = placesOf(term);
    const { parameters, arrays } = integratedInputs(structure, index, data);
    const gradientsBy: string[] = [logSigma];
    const shapes: Record<string, readonly number[]> = { ...parameters, [logSigma]: [], [left]: [] };
    const relative = relativeHorseshoes(structure).length;
    if (relative > 0) shapes[horseshoes] = [relative];
    for (const { level, kind, k, isFull } of places) {
      shapes[blockOf.spreads(level)] = [k];
      gradientsBy.push(blockOf.spreads(level));
      if (kind === 'signed') shapes[blockOf.turns(level)] = [k];
      if (!isFull || k === 1) continue;
      shapes[blockOf.partials(level)] = [(k * (k - 1)) / 2];
      gradientsBy.push(blockOf.partials(level));
    }
    const fn: Parameters<typeof compileProgram>[4] = (p, d) => {
      const log = p[logSigma];
      const precision = log.mul(-2).exp();
      const scales: Record<string, tf.Tensor> = { [structure.errors.sigma]: log.exp() };
      const given: Record<string, tf.Tensor> = { ...p, 'inverse variance': precision };
      const parts = [log.mul(1 - structure.rows)];
      for (const place of places) {
        const { factor, logJacobian } = scalesOfLevel(term, place, p, scales);
        given[names.scale(place.level)] = factor;
        parts.push(logJacobian);
      }
      const { value, total = p[left] } = logIntegrated(structure, index, given, d);
      parts.push(total.mul(precision).mul(-0.5), sigmaLogPrior(structure.errors, scales));
      parts.push(...covarianceLogPriors(term, scales));
      if (horseshoes in p) parts.push(logOfHorseshoes(p[horseshoes], log));
      return { value: parts.reduce((sum, part) => sum.add(part), value) };
    };
    const program = await compileProgram(device, chains, shapes, arrays, fn, {}, { gradientsBy });
    const density = new IntegratedScales(structure, index, program);
    for (let lane = 0; lane < chains; lane++) program.setScalar(left, lane, data.projectedSquares + data.residual);
    return density;
  }

  /** Hands a chain what a pass over the rows gave. */
  setSums(lane: number, shift: Float64Array, total: number): void {
    this.program.set(sumNames.shift, lane, shift);
    this.program.setScalar(left, lane, total);
  }

  /** Takes what a chain's scales depend on besides rows and population. @param information as `informationAt` gives it */
  begin(lane: number, values: ChainValues, information: readonly Float64Array[]): void {
    const { program, places } = this;
    const turns = information.map(turnsOf);
    this.turns.set(lane, turns);
    for (const { level, kind } of places) if (kind === 'signed') program.set(blockOf.turns(level), lane, turns[level]);
    if (program.has(horseshoes)) program.set(horseshoes, lane, ratiosOfHorseshoes(this.structure, values));
  }

  /** What the rows say of a coefficient of a typical group of each level. */
  informationAt({ sigma, terms }: ChainValues): Float64Array[] {
    const { structure, index } = this;
    const weights = new Float64Array(structure.rows).fill(1 / (sigma * sigma));
    return typicalInformation(structure.terms[index], weights, terms[index].levels);
  }

  scalarsOf(lane: number, values: ChainValues): Float64Array {
    const { levels } = values.terms[this.index];
    const scalars = toCoordinates(ScaleMove.scalesOf(values, this.index));
    for (const { level, kind, k, spreads, partials } of this.places) {
      const { sds, lower } = levels[level];
      const turns = this.turns.get(lane)![level];
      if (kind === 'signed')
        scalars.set(
          sds.map((sd, i) => Math.asinh(sd / turns[i])),
          spreads,
        );
      else if (kind === 'log') scalars.set(sds.map(Math.log), spreads);
      else {
        const inverse = invertLower(covarianceFactor(sds, lower), k);
        for (let i = 0, at = partials; i < k; i++) {
          scalars[spreads + i] = Math.log(inverse[i * (k + 1)]);
          for (let j = 0; j < i; j++) scalars[at++] = inverse[i * k + j];
        }
      }
    }
    return scalars;
  }

  set(lane: number, scalars: Float64Array): void {
    this.program.setScalar(logSigma, lane, scalars[0]);
    for (const { name, offset, size } of this.blocks) {
      this.program.set(name, lane, scalars.subarray(offset, offset + size));
    }
  }

  run(): void | Promise<void> {
    return this.program.run();
  }

  value(lane: number): number {
    return this.program.readScalar('value', lane);
  }

  gradient(lane: number, target: Float64Array): void {
    target[0] = this.program.readScalar(`gradient ${logSigma}`, lane);
    for (const { name, offset, size } of this.blocks)
      this.program.read(`gradient ${name}`, lane, target.subarray(offset, offset + size));
  }

  accept(lane: number, scalars: Float64Array, values: ChainValues): void {
    values.sigma = Math.exp(scalars[0]);
    for (const { level, kind, k, spreads, partials, isFull } of this.places) {
      const { sds, lower } = values.terms[this.index].levels[level];
      const turns = this.turns.get(lane)![level];
      const own = scalars.subarray(spreads, spreads + k);
      const below = scalars.slice(partials, isFull ? partials + (k * (k - 1)) / 2 : partials);
      if (kind === 'inverse') {
        const factor = invertLower(lowerTriangle(own.map(Math.exp), below), k);
        for (let i = 0; i < k; i++) sds[i] = Math.hypot(...factor.subarray(i * k, (i + 1) * k));
        lower!.set(factor.map((x, at) => x / sds[Math.floor(at / k)]));
        continue;
      }
      for (let i = 0; i < k; i++) {
        sds[i] = kind === 'signed' ? turns[i] * Math.abs(Math.sinh(own[i])) : Math.exp(own[i]);
        if (isFull && kind === 'signed' && own[i] < 0) for (const at of partialsWith(i, k)) below[at] *= -1;
      }
      if (isFull) factorOf(below, k, lower!);
    }
  }

  /** Blocks of the program besides log σ, and their places among the scalars. */
  private get blocks(): { readonly name: string; readonly offset: number; readonly size: number }[] {
    return this.places.flatMap(({ level, k, spreads, partials, isFull }) => [
      { name: blockOf.spreads(level), offset: spreads, size: k },
      ...(isFull && k > 1 ? [{ name: blockOf.partials(level), offset: partials, size: (k * (k - 1)) / 2 }] : []),
    ]);
  }
}

/** A lower triangle by its diagonal and what is below, row by row. */
function lowerTriangle(diagonal: Float64Array, below: Float64Array): Float64Array {
  const k = diagonal.length;
  const lower = new Float64Array(k * k);
  for (let i = 0, at = 0; i < k; i++) {
    for (let j = 0; j < i; j++) lower[i * k + j] = below[at++];
    lower[i * (k + 1)] = diagonal[i];
  }
  return lower;
}

/** C of a level's Σ = CC' and the log Jacobian of its coordinates; its scales, without signs, are added to `scales`. */
function scalesOfLevel(
  { levels }: NestedTerm,
  { level, kind, k }: LevelPlace,
  p: Tensors,
  scales: Record<string, tf.Tensor>,
): { readonly factor: tf.Tensor; readonly logJacobian: tf.Tensor } {
  const { covariance } = levels[level];
  if (hasFactors(covariance)) throw new Error('scales of factors are not moved');
  const x = p[blockOf.spreads(level)];
  const partials = p[blockOf.partials(level)];
  if (kind === 'inverse') {
    const places = triangle(k).filter(([i, j]) => i > j);
    const below =
      partials === undefined
        ? undefined
        : placedAt(
            partials,
            places.map(([i, j], at) => [at, i * k + j]),
            k * k,
          );
    const diagonal = identity(k).mul(x.exp().expandDims(0));
    const inverse = below === undefined ? diagonal : below.reshape([k, k]).add(diagonal);
    const factor = triangularSolve(inverse, identity(k));
    const sds = factor.square().sum(1).sqrt();
    const lower = factor.div(sds.expandDims(1));
    scales[covariance.sds] = sds;
    scales[covariance.cholesky!] = lower;
    // dC = Π B_ii^−(k + 1) dB of B = C⁻¹.
    return { factor, logJacobian: logJacobianOfFactor(sds, lower).sub(x.sum().mul(k)) };
  }
  const turn = p[blockOf.turns(level)];
  const spreads = kind === 'signed' ? turn.mul(x.sinh()) : x.exp();
  const bySpreads = kind === 'signed' ? x.cosh().mul(turn).log().sum() : x.sum();
  scales[covariance.sds] = kind === 'signed' ? spreads.abs() : spreads;
  if (covariance.cholesky === undefined) return { factor: spreads, logJacobian: bySpreads };
  const { value, logJacobian } = constrain({ kind: 'choleskyCorrelation' }, partials, [k, k]);
  scales[covariance.cholesky] = value;
  return { factor: value.mul(spreads.expandDims(1)), logJacobian: bySpreads.add(logJacobian!) };
}

/** Σ log p(τ | σ) of horseshoes whose τ is relative to σ; see `ratiosOfHorseshoes`. */
function logOfHorseshoes(ratios: tf.Tensor, log: tf.Tensor): tf.Tensor {
  return ratios.mul(log.neg().exp()).square().log1p().add(log).sum().neg();
}
