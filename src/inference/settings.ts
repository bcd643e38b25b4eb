// What a user sets for a run of HMC or NUTS, with its defaults and its checks.
import { CHEES_TARGET_ACCEPTANCE, type CheesOptions, defaultCheesOptions } from './chees/chees.js';
import type { HmcOptions } from './hmc.js';
import { defaultHmcOptions } from './hmc.js';
import type { InitialPositions } from './initialise.js';
import type { BatchedLogDensity } from './logDensity.js';
import { defaultNutsOptions } from './nuts.js';
import type { LowRankLimits, MetricKind } from './phaseSpace/metric.js';
import { denseIndices, lowRankLimits } from './phaseSpace/metric.js';

/** Consecutive chains of a run. */
export interface ChainRange {
  readonly first: number;
  readonly count: number;
}

export interface SampleSettings {
  /** Default `nuts`. */
  readonly method?: 'nuts' | 'hmc' | 'chees';
  /** Chains of the whole run; default 4, and 64 for ChEES. */
  readonly chains?: number;
  /** Chains that this part of the run draws, at most the density's lanes; default all. Their draws are those of the whole run. */
  readonly part?: ChainRange;
  /** Warm-up transitions per chain; default 1000. */
  readonly warmup?: number;
  /** Transitions per chain after warm-up; default 1000. */
  readonly draws?: number;
  /** Integer or string; default 1. */
  readonly seed?: number | string;
  /** Acceptance rate that the step size is adapted to, in (0, 1); default 0.8, and 0.651 for ChEES (a harmonic mean there). */
  readonly targetAcceptance?: number;
  /** NUTS: default 10. */
  readonly maxTreeDepth?: number;
  /** Static HMC: length and jitter of the trajectory. */
  readonly hmc?: Partial<HmcOptions>;
  /** ChEES: first length and longest number of steps of the trajectory. */
  readonly chees?: Partial<CheesOptions>;
  /**
   * ChEES: number of superchains, each of chains that start at the same point; divides the chains. Chains k·M … (k+1)·M − 1 form
   * superchain k. Default: see `defaultSuperchains`.
   */
  readonly superchains?: number;
  /** Default diagonal. */
  readonly metric?: MetricKind;
  /** NUTS and HMC: false keeps the metric as it begins, and warm-up adapts the step size alone; default true. */
  readonly adaptsMetric?: boolean;
  /** Initial inverse masses (posterior variances as far as known), `[dimension]`; default 1. */
  readonly inverseMass?: ArrayLike<number>;
  /** Variances that the adapted metric shrinks towards, `[dimension]`; default 1e-3 (Stan's). */
  readonly priorVariances?: ArrayLike<number>;
  /** Initial step size; default 1. Searched from there when there is a warm-up, or when none is given. */
  readonly stepSize?: number;
  readonly initial?: InitialPositions;
  /** Name of an unconstrained dimension, for error messages. */
  readonly parameterNameOf?: (dimension: number) => string;
}

/** Settings with every default in place. */
export interface ResolvedSettings {
  readonly method: 'nuts' | 'hmc' | 'chees';
  readonly chains: number;
  /** As many as chains where every chain has a start of its own. */
  readonly superchains: number;
  readonly part: ChainRange;
  readonly warmup: number;
  readonly draws: number;
  readonly seed: number | string;
  readonly targetAcceptance: number;
  readonly maxTreeDepth: number;
  readonly hmc: HmcOptions;
  readonly chees: CheesOptions;
  readonly adaptsMetric: boolean;
  /** Dimensions of the metric's dense block; empty for a diagonal metric. */
  readonly denseIndices: Int32Array;
  /** Undefined where the metric is not to be of low rank. */
  readonly lowRank: LowRankLimits | undefined;
  readonly inverseMass: Float64Array;
  readonly priorVariances: Float64Array;
  readonly stepSize: number;
  readonly isStepSizeSearched: boolean;
  readonly initial: InitialPositions;
  readonly parameterNameOf?: (dimension: number) => string;
}

/** Fills in defaults. Throws RangeError naming the setting that is out of range. */
export function resolveSettings(settings: SampleSettings, density: BatchedLogDensity): ResolvedSettings {
  const { dimension, lanes } = density;
  const method = settings.method ?? 'nuts';
  const chains = wholeNumber('chains', settings.chains ?? defaultChains(method), 1);
  const part = settings.part ?? { first: 0, count: chains };
  if (wholeNumber('part.first', part.first, 0) + wholeNumber('part.count', part.count, 1) > chains)
    throw new RangeError(`part: ${part.count} chains from chain ${part.first}, but the run has ${chains}`);
  if (part.count > lanes)
    throw new RangeError(`chains: ${part.count}, but the density evaluates ${lanes} lanes; compile it with more`);
  const warmup = wholeNumber('warmup', settings.warmup ?? 1000, 0);
  const stepSize = settings.stepSize ?? 1;
  if (!(stepSize > 0 && stepSize < Infinity)) throw new RangeError(`stepSize: ${stepSize} is not positive and finite`);
  const targetAcceptance = settings.targetAcceptance ?? (method === 'chees' ? CHEES_TARGET_ACCEPTANCE : 0.8);
  if (!(targetAcceptance > 0 && targetAcceptance < 1)) {
    throw new RangeError(`targetAcceptance: ${targetAcceptance} is not between 0 and 1`);
  }
  const initial = settings.initial ?? {};
  if (initial.positions && initial.positions.length < chains) {
    throw new RangeError(
      `initial.positions: ${initial.positions.length} given for ${chains} chains; give one per chain`,
    );
  }
  initial.positions?.forEach((position, chain) => checkLength(`initial.positions[${chain}]`, position, dimension));
  for (const name of ['centre', 'radius'] as const) {
    const value = initial[name];
    if (value !== undefined && typeof value !== 'number') checkLength(`initial.${name}`, value, dimension);
  }
  if (method === 'chees' && part.count < chains)
    throw new RangeError(`part: chees adapts over all ${chains} chains; draw them in one run`);
  const metric = settings.metric ?? { kind: 'diagonal' };
  return {
    method,
    chains,
    superchains: method === 'chees' ? superchainCount(settings.superchains, chains) : chains,
    part,
    warmup,
    draws: wholeNumber('draws', settings.draws ?? 1000, 0),
    seed: settings.seed ?? 1,
    targetAcceptance,
    maxTreeDepth: wholeNumber('maxTreeDepth', settings.maxTreeDepth ?? defaultNutsOptions.maxTreeDepth, 1),
    hmc: hmcOptions({ ...defaultHmcOptions, ...settings.hmc }),
    chees: cheesOptions({ ...defaultCheesOptions, ...settings.chees }),
    adaptsMetric: settings.adaptsMetric ?? true,
    denseIndices: denseIndices(metric, dimension),
    lowRank: lowRankLimits(metric, dimension, method === 'chees' ? chains : 1),
    inverseMass: variances('inverseMass', settings.inverseMass, 1, dimension),
    priorVariances: variances('priorVariances', settings.priorVariances, 1e-3, dimension),
    stepSize,
    isStepSizeSearched: warmup > 0 || settings.stepSize === undefined,
    initial,
    parameterNameOf: settings.parameterNameOf,
  };
}

function hmcOptions(options: HmcOptions): HmcOptions {
  const { integrationTime, stepSizeJitter, lengthJitter, maxLeapfrogSteps } = options;
  if (!(integrationTime > 0 && integrationTime < Infinity)) {
    throw new RangeError(`hmc.integrationTime: ${integrationTime} is not positive and finite`);
  }
  if (!(stepSizeJitter >= 0 && stepSizeJitter < 1))
    throw new RangeError(`hmc.stepSizeJitter: ${stepSizeJitter} is not in [0, 1)`);
  if (!(lengthJitter >= 0 && lengthJitter < 1))
    throw new RangeError(`hmc.lengthJitter: ${lengthJitter} is not in [0, 1)`);
  wholeNumber('hmc.maxLeapfrogSteps', maxLeapfrogSteps, 1);
  return options;
}

function cheesOptions(options: CheesOptions): CheesOptions {
  const { trajectoryLength, maxLeapfrogSteps } = options;
  if (!(trajectoryLength > 0 && trajectoryLength < Infinity)) {
    throw new RangeError(`chees.trajectoryLength: ${trajectoryLength} is not positive and finite`);
  }
  wholeNumber('chees.maxLeapfrogSteps', maxLeapfrogSteps, 1);
  return options;
}

/** Chains of a run that does not say. */
export function defaultChains(method: SampleSettings['method']): number {
  return method === 'chees' ? 64 : 4;
}

/** Most superchains that are formed unasked. */
const MOST_SUPERCHAINS = 16;
/** Fewer would tell little of whether chains forget where they start. */
const FEWEST_SUPERCHAINS = 4;

/**
 * Superchains of a run that does not say: the largest number up to 16 that divides the chains into superchains of at least two; as
 * many as chains where that is below 4.
 */
export function defaultSuperchains(chains: number): number {
  for (let count = Math.min(MOST_SUPERCHAINS, Math.floor(chains / 2)); count >= FEWEST_SUPERCHAINS; count--) {
    if (chains % count === 0) return count;
  }
  return chains;
}

function superchainCount(given: number | undefined, chains: number): number {
  if (given === undefined) return defaultSuperchains(chains);
  if (chains % wholeNumber('superchains', given, 1) !== 0)
    throw new RangeError(`superchains: ${given} does not divide ${chains} chains; choose numbers that do`);
  return given;
}

function wholeNumber(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least)
    throw new RangeError(`${name}: ${value} is not a whole number of at least ${least}`);
  return value;
}

function checkLength(name: string, values: ArrayLike<number>, dimension: number): void {
  if (values.length !== dimension) throw new RangeError(`${name}: ${values.length} values for ${dimension} dimensions`);
}

function variances(
  name: string,
  values: ArrayLike<number> | undefined,
  fallback: number,
  dimension: number,
): Float64Array {
  if (!values) return new Float64Array(dimension).fill(fallback);
  checkLength(name, values, dimension);
  const copy = Float64Array.from(values);
  const bad = copy.findIndex((value) => !(value > 0 && value < Infinity));
  if (bad >= 0) throw new RangeError(`${name}: ${copy[bad]} at dimension ${bad} is not positive and finite`);
  return copy;
}
