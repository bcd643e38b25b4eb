// What a user sets for ADVI, with defaults and checks, and the family that comes of it.
import type { MarginalDensity } from '../importance/marginalFit.js';
import type { InitialPositions } from '../initialise.js';
import type { BatchedLogDensity } from '../logDensity.js';
import { type RandomKey, randomKey } from '../random/streams.js';
import { ConditionalFamily } from './conditionalFamily.js';
import { BLOCK, type Family } from './family.js';
import { LowRankFamily } from './lowRankFamily.js';
import { LEFT_FREE } from './noise.js';
import type { Standardisation } from './objective.js';
import { type DependencePattern, fullyDependent, independent } from './pattern.js';

/** What a user sets of the fit itself. */
export interface AdviOptions {
  /** Default: structured where a pattern is given, else mean-field. */
  readonly family?: Family['name'];
  /** Default: deterministic. */
  readonly variant?: 'deterministic' | 'stochastic';
  /** Of the low-rank family; default 5. */
  readonly rank?: number;
  /** Draws of a step, all lanes of one batch; default 16, and for the deterministic variant what the family needs, 32 at least. */
  readonly gradientDraws?: number;
  /** Deterministic: default L-BFGS. */
  readonly optimiser?: 'lbfgs' | 'newton';
  /** Stochastic: the first step, in sds of the start; default 0.1. */
  readonly stepSize?: number;
  /** Default 2,000 (deterministic) and 10,000. */
  readonly maxIterations?: number;
  /**
   * Deterministic: gain in ELBO that a step must promise, default 0.03, and 0.002 for mean-field and low-rank: their natural gradients know of no
   * dependence, and they climb slowly. Stochastic: error of the parameters in sds, default 0.03.
   */
  readonly tolerance?: number;
}

export interface AdviSettings extends AdviOptions {
  /** Declared dependence (`hierarchyPattern`): of the structured family, and of the fixed draws of the mean-field one. */
  readonly pattern?: DependencePattern;
  /** Chains and draws per chain that are handed out; default 4 and 1000. */
  readonly chains?: number;
  readonly draws?: number;
  readonly seed?: number | string;
  /** The approximation starts at the centre, or the first of the positions. */
  readonly initial?: InitialPositions;
  /** Rough posterior variances, `[dimension]`, with which it starts; default 1. */
  readonly inverseMass?: ArrayLike<number>;
  /** Deterministic: elements whose covariance is wanted by linear response. */
  readonly linearResponse?: ArrayLike<number>;
  /** On which k̂ is assessed where the joint density has too many dimensions. */
  readonly marginal?: MarginalDensity;
}

export interface ResolvedAdviSettings {
  readonly family: Family;
  readonly standardisation: Standardisation;
  readonly variant: 'deterministic' | 'stochastic';
  readonly gradientDraws: number;
  readonly optimiser: 'lbfgs' | 'newton';
  readonly stepSize: number;
  readonly maxIterations: number;
  readonly tolerance: number;
  readonly chains: number;
  readonly draws: number;
  readonly key: RandomKey;
  /** Rounding error of the density's values, relative. */
  readonly rounding: number;
  readonly linearResponse: Int32Array;
  readonly marginal: MarginalDensity | undefined;
}

/** Dimensions up to which fixed draws are made uncorrelated where nothing is declared. */
const MOST_UNCORRELATED = 100;
/** A mean-field family is well defined for any number of draws: beyond this many pairs more are not worth their time. */
const MOST_MEAN_FIELD_PAIRS = 32;

/** Fills in defaults. Throws RangeError naming the setting that is out of range. */
export function resolveAdviSettings(settings: AdviSettings, density: BatchedLogDensity): ResolvedAdviSettings {
  const { dimension } = density;
  const variant = settings.variant ?? 'deterministic';
  const isDeterministic = variant === 'deterministic';
  const key = randomKey(settings.seed ?? 1);
  const family = familyOf(settings, dimension, key);
  const isSlow = family.name === 'mean-field' || family.name === 'low-rank';
  const wanted = isDeterministic ? 2 * pairsFor(family) : 16;
  const gradientDraws = wholeNumber('gradientDraws', settings.gradientDraws ?? wanted, 2);
  if (gradientDraws % 2 === 1) throw new RangeError(`gradientDraws: ${gradientDraws} is odd; draws come in pairs`);
  if (isDeterministic) {
    const least = 2 * (mostPredecessors(family) + LEFT_FREE + 1);
    if (family.name !== 'mean-field' && family.name !== 'low-rank' && gradientDraws < least) {
      throw new RangeError(
        `gradientDraws: ${gradientDraws}, but a ${family.name} family over fixed draws needs ${least}; use more, the stochastic variant or the mean-field family`,
      );
    }
  }
  const { initial = {}, inverseMass } = settings;
  const centre = initial.positions?.[0] ?? initial.centre ?? 0;
  const centres = typeof centre === 'number' ? new Float64Array(dimension).fill(centre) : Float64Array.from(centre);
  const scale = inverseMass ? Float64Array.from(inverseMass, Math.sqrt) : new Float64Array(dimension).fill(1);
  checkLength('initial', centres, dimension);
  checkLength('inverseMass', scale, dimension);
  if (!scale.every((value) => value > 0 && value < Infinity)) throw new RangeError('inverseMass: not all are positive');
  return {
    family,
    standardisation: { centre: centres, scale },
    variant,
    gradientDraws,
    optimiser: settings.optimiser ?? 'lbfgs',
    stepSize: positive('stepSize', settings.stepSize ?? 0.1),
    maxIterations: wholeNumber('maxIterations', settings.maxIterations ?? (isDeterministic ? 2000 : 10_000), 1),
    tolerance: positive('tolerance', settings.tolerance ?? (isDeterministic ? (isSlow ? 0.002 : 0.03) : 0.03)),
    chains: wholeNumber('chains', settings.chains ?? 4, 1),
    draws: wholeNumber('draws', settings.draws ?? 1000, 1),
    key,
    rounding: density.resident === undefined ? 1e-14 : 1e-7,
    linearResponse: isDeterministic ? Int32Array.from(settings.linearResponse ?? []) : new Int32Array(0),
    marginal: settings.marginal,
  };
}

function familyOf({ family, pattern, rank = 5 }: AdviSettings, dimension: number, key: RandomKey): Family {
  const name = family ?? (pattern === undefined ? 'mean-field' : 'structured');
  if (pattern !== undefined && pattern.dimension !== dimension) {
    throw new RangeError(`pattern: of ${pattern.dimension} elements, but the density has ${dimension} dimensions`);
  }
  const undeclared = (): DependencePattern =>
    dimension <= MOST_UNCORRELATED ? fullyDependent(dimension) : independent(dimension);
  switch (name) {
    case 'mean-field':
      return new ConditionalFamily(name, independent(dimension), pattern ?? undeclared());
    case 'full-rank':
      return new ConditionalFamily(name, fullyDependent(dimension));
    case 'low-rank':
      return new LowRankFamily(dimension, wholeNumber('rank', rank, 1), key);
    case 'structured':
      if (pattern === undefined) throw new RangeError('family: structured needs a model that declares its structure');
      return new ConditionalFamily(name, pattern);
    default:
      throw new RangeError(
        `family: ${String(name satisfies never)} is none of mean-field, full-rank, low-rank, structured`,
      );
  }
}

/** Predecessors of the element that has most. */
function mostPredecessors(family: Family): number {
  let most = 0;
  for (let i = 0; i < family.noiseCount; i++) most = Math.max(most, family.noisePredecessors(i).length);
  return most;
}

/**
 * Antithetic pairs of fixed draws, in whole blocks: twice the predecessors of any element and some more. A row of the family is fitted like a
 * regression on them; with hardly more pairs than predecessors it would fit what is not Gaussian in so few draws.
 */
function pairsFor(family: Family): number {
  const pairs = (BLOCK / 2) * Math.ceil((2 * mostPredecessors(family) + 4) / (BLOCK / 2));
  return family.name === 'mean-field' || family.name === 'low-rank' ? Math.min(pairs, MOST_MEAN_FIELD_PAIRS) : pairs;
}

function wholeNumber(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`${name}: ${value} is not a whole number of at least ${least}`);
  }
  return value;
}

function positive(name: string, value: number): number {
  if (!(value > 0 && value < Infinity)) throw new RangeError(`${name}: ${value} is not positive and finite`);
  return value;
}

function checkLength(name: string, values: ArrayLike<number>, dimension: number): void {
  if (values.length !== dimension) throw new RangeError(`${name}: ${values.length} values for ${dimension} dimensions`);
}
