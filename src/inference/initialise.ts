// Initial positions: jitter around a centre until density and gradient are finite; a failure names the parameter.
import type { Coroutine } from './phaseSpace/requests.js';
import type { RandomKey } from './random/streams.js';
import { sites, stepKey } from './random/streams.js';

const INITIAL_ATTEMPTS = 100;

/** Where chains start, on the unconstrained scale. */
export interface InitialPositions {
  /** Centre of the jitter, one number or `[dimension]`; default 0. */
  readonly centre?: number | ArrayLike<number>;
  /** Half-width of the uniform jitter, one number or `[dimension]`; default 2. */
  readonly radius?: number | ArrayLike<number>;
  /** Exact positions `[chain][dimension]`, taken as they are instead of centre and radius. */
  readonly positions?: readonly ArrayLike<number>[];
}

/** No start could be found for a chain or a path. */
export class StartError extends Error {
  override readonly name: string = 'StartError';
}

/** The same, because the density is not finite: says what is not and, where it can be told, in which parameter. */
export class InitialisationError extends StartError {
  override readonly name = 'InitialisationError';

  constructor(
    readonly chain: number,
    readonly attempts: number,
    /** What is not finite at the last position tried. */
    readonly notFinite: 'log density' | 'gradient',
    /** Dimension that makes it so; undefined when the centre itself is no better. */
    readonly dimension: number | undefined,
    readonly parameter: string | undefined,
    /** Value of that dimension (unconstrained) at the last position tried. */
    readonly value: number | undefined,
  ) {
    const where =
      parameter === undefined
        ? 'at every position tried, the centre included'
        : `because of ${parameter} (unconstrained value ${value}); check its prior and the data it multiplies`;
    super(`initial positions of chain ${chain}: after ${attempts} attempts the ${notFinite} is not finite ${where}`);
  }
}

/** A position tried as a start, and what was found there. */
interface Trial {
  /** `[dimension]` */
  readonly position: Float64Array;
  /** `[dimension]` */
  readonly gradient: Float64Array;
  logDensity: number;
}

/** Puts a start with finite density and gradient into slot `point`; returns the evaluations it took. Throws InitialisationError. */
export function* initialise(
  dimension: number,
  point: number,
  key: RandomKey,
  chain: number,
  initial: InitialPositions = {},
  parameterNameOf: (dimension: number) => string = (dimension) => `dimension ${dimension}`,
): Coroutine<number> {
  const trial = { position: new Float64Array(dimension), gradient: new Float64Array(dimension), logDensity: NaN };
  const exact = initial.positions?.[chain];
  const attempts = exact ? 1 : INITIAL_ATTEMPTS;
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (exact) trial.position.set(exact);
    else jitter(trial.position, key, chain, attempt, initial);
    if (yield* isFiniteAt(trial, point)) return attempt + 1;
  }
  const notFinite = Number.isFinite(trial.logDensity) ? 'gradient' : 'log density';
  const failing = trial.position.slice();
  const blamed = yield* culprit(trial, point, failing, initial.centre ?? 0);
  throw new InitialisationError(
    chain,
    attempts,
    notFinite,
    blamed,
    blamed === undefined ? undefined : parameterNameOf(blamed),
    blamed === undefined ? undefined : failing[blamed],
  );
}

/** Whether log density and whole gradient are finite at the trial's position, which goes into the slot. */
function* isFiniteAt(trial: Trial, point: number): Coroutine<boolean> {
  const { position, gradient } = trial;
  const answers = yield [
    { kind: 'write', point, position },
    { kind: 'evaluate', point },
    { kind: 'read', point, vector: 'gradient', target: gradient },
  ];
  trial.logDensity = answers[1];
  return Number.isFinite(trial.logDensity) && gradient.every(Number.isFinite);
}

function jitter(
  position: Float64Array,
  key: RandomKey,
  chain: number,
  attempt: number,
  { centre = 0, radius = 2 }: InitialPositions,
): void {
  const stream = stepKey(key, chain, attempt).stream(sites.initialPosition);
  for (let i = 0; i < position.length; i++) position[i] = at(centre, i) + at(radius, i) * (2 * stream.uniform() - 1);
}

/**
 * A dimension that spoils the position: the first non-finite entry of the gradient; or, when the gradient is finite (or
 * all of it is not), found by bisection between the failing position and the centre, log₂(dimension) evaluations.
 */
function* culprit(
  trial: Trial,
  point: number,
  failing: Float64Array,
  centre: number | ArrayLike<number>,
): Coroutine<number | undefined> {
  const dimension = failing.length;
  if (dimension === 1) return 0;
  const { position, gradient } = trial;
  const bad = gradient.findIndex((slope) => !Number.isFinite(slope));
  if (bad >= 0 && gradient.some(Number.isFinite)) return bad;
  const isGoodWithFirstAtCentre = function* (count: number): Coroutine<boolean> {
    for (let i = 0; i < dimension; i++) position[i] = i < count ? at(centre, i) : failing[i];
    return yield* isFiniteAt(trial, point);
  };
  if (!(yield* isGoodWithFirstAtCentre(dimension))) return undefined;
  let [low, high] = [0, dimension];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (yield* isGoodWithFirstAtCentre(middle)) high = middle;
    else low = middle;
  }
  return low;
}

function at(value: number | ArrayLike<number>, index: number): number {
  return typeof value === 'number' ? value : value[index];
}
