// Where the marginal density has its mode, and how wide it is there: the start of chains and the map that makes it round.
import { deviatingCount, deviatingOf, outerPlaces } from '../../models/linearHierarchy/links.js';
import { loadingsPattern } from '../../models/linearHierarchy/levelStart.js';
import { poolingStart } from '../../models/linearHierarchy/pooling.js';
import { hasFactors } from '../../models/linearHierarchy/structure.js';
import type { StartingPoint } from '../../models/model.js';
import { cholesky } from '../linearAlgebra.js';
import { driveTogether, type Evaluating, newPoint, type Point } from '../optimise/evaluating.js';
import { lbfgs } from '../optimise/lbfgs.js';
import type { ModelDensity } from '../portableDensity.js';
import { identityMap, type Marginal, type ScaleMap, setMap } from './marginalDensity.js';
import { isFull } from './scales.js';
import { coordinateOf, signedScales, slopeAt, spreadAt, type Turns, turnsOf } from './spreads.js';

/** Rough values of what is sampled and how far it is known, `[dimension]`; with the turns of signed scales, 1 and 0 for the others. */
interface Guess {
  readonly centre: Float64Array;
  readonly sd: Float64Array;
  readonly units: Float64Array;
  readonly bends: Float64Array;
}

/**
 * The mode by L-BFGS, in coordinates that suit what the groups can say of their spreads (`turnsOf`), and the curvature there by differences
 * of gradients; directions in which it is flat, or curves upwards, get the width of the guess. Rejects with the signal's reason when it is
 * aborted.
 * @param density its map is changed
 */
export async function findMode(
  marginal: Marginal,
  start: Readonly<Record<string, StartingPoint>> | undefined,
  density: ModelDensity,
  signal?: AbortSignal,
): Promise<ScaleMap> {
  const signed = signedScales(marginal);
  const climbing = new Climbing(marginal, density, signal);
  /** The guess in coordinates that turn where they should, given its own scales. */
  const suited = async (guess: Guess): Promise<Guess> => {
    await climbing.inTurns(guess, at(uncorrelated(marginal, guess.centre)));
    const spreads = signed.map(({ at: i }) => spreadAt(guess.centre[i], guess.units[i], guess.bends[i]));
    return turned(guess, signed, turnsOf(marginal, density, signed, spreads));
  };
  let guess = firstGuess(marginal, start);
  if (isDegenerate(marginal)) return climbing.toDegenerateMode(keptLinear(guess, signed));
  guess = await suited(guess);
  guess = await suited({ ...guess, centre: (await climbing.inTurns(guess, climbFrom(guess))).position });
  return climbing.toMode(guess);
}

/** The mode of a density near the one that a map was made for, in the same coordinates, and how wide it is there. Rejects as `findMode` does. */
export async function refineMode(
  marginal: Marginal,
  { centre, map, units, bends }: ScaleMap,
  density: ModelDensity,
  signal?: AbortSignal,
): Promise<ScaleMap> {
  const { dimension } = marginal;
  const sd = centre.map((_, i) => Math.hypot(...map.subarray(i * dimension, (i + 1) * dimension)));
  const climbing = new Climbing(marginal, density, signal);
  const guess = { centre, sd, units, bends };
  return isDegenerate(marginal) ? climbing.toDegenerateMode(guess) : climbing.toMode(guess);
}

/** Correlations of nearly as many coefficients as groups, or of more, make the mode degenerate: it says nothing of widths. */
function isDegenerate({ term, groups }: Marginal): boolean {
  return term.levels.some((level, l) => isFull(level) && groups[l] < fewestGroups * deviatingCount(level));
}

/** Climbs from guesses in their coordinates. */
class Climbing {
  constructor(
    private readonly marginal: Marginal,
    private readonly density: ModelDensity,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async inTurns<Result>({ units, bends }: Guess, search: Evaluating<Result>): Promise<Result> {
    setMap(this.density, { ...identityMap(this.marginal.dimension), units, bends });
    const [found] = await driveTogether([search], this.density, this.signal);
    return found;
  }

  async toDegenerateMode(guess: Guess): Promise<ScaleMap> {
    const steps = guess.sd.map((s) => differenceStep * s);
    return { ...(await this.inTurns(guess, climb(guess, steps))), ...turnsIn(guess) };
  }

  async toMode(guess: Guess): Promise<ScaleMap> {
    const { marginal } = this;
    let near = await this.inTurns(guess, climbFrom(guess));
    for (let again = inside(marginal, near, guess.sd); again !== undefined;) {
      const other = await this.inTurns(guess, climbFrom({ centre: again, sd: guess.sd }));
      again = other.value > near.value + betterBy ? inside(marginal, other, guess.sd) : undefined;
      if (other.value > near.value) near = other;
    }
    const steps = await this.inTurns(guess, widths(near, guess.sd));
    const mode = await this.inTurns(guess, climbFrom({ centre: near.position, sd: steps }));
    const curvature = await this.inTurns(guess, curvatureAt(mode, steps));
    const crossed = signedScales(marginal)
      .filter(({ at: i }) => Math.abs(mode.position[i]) < mirrored * steps[i])
      .map(({ at: i }) => i);
    const even = averaged(curvature, marginal, crossed);
    return { centre: mode.position, map: inverseTransposedFactor(even, mode.position, guess.sd), ...turnsIn(guess) };
  }
}

/** The same scales without correlations. */
function uncorrelated({ term, blocks }: Marginal, position: Float64Array): Float64Array {
  const alone = position.slice();
  for (const { covariance } of term.levels) {
    const block = blocks.find(({ name }) => !hasFactors(covariance) && name === covariance.cholesky);
    if (block !== undefined) alone.fill(0, block.offset, block.offset + block.size);
  }
  return alone;
}

/**
 * Where to climb from again: correlations run to ±1, where the density may be flat in what they are sampled as, and spreads to 0, where it is even, whether the mode is there or
 * not. Undefined where nothing has.
 */
function inside({ term, blocks }: Marginal, { position }: Point, sd: Float64Array): Float64Array | undefined {
  const start = position.slice();
  for (const { covariance } of term.levels) {
    if (hasFactors(covariance) || covariance.cholesky === undefined) continue;
    for (const { name, offset, size } of blocks) {
      for (let i = offset; i < offset + size; i++) {
        const x = position[i];
        if (name === covariance.cholesky) start[i] = Math.max(-nearlyOne, Math.min(nearlyOne, x));
        else if (name === covariance.sds && Math.abs(x) < sd[i]) start[i] = x < 0 ? -sd[i] : sd[i];
      }
    }
  }
  return start.some((x, i) => x !== position[i]) ? start : undefined;
}

const turnsIn = ({ units, bends }: Guess): Pick<ScaleMap, 'units' | 'bends'> => ({ units, bends });

/** Mode, and the map that makes the density round there. */
function* climb(guess: Guess, steps: Float64Array): Evaluating<Pick<ScaleMap, 'centre' | 'map'>> {
  const mode = yield* climbFrom(guess);
  return {
    centre: mode.position,
    map: inverseTransposedFactor(yield* curvatureAt(mode, steps), mode.position, guess.sd),
  };
}

/** One evaluation. */
function* at(position: Float64Array): Evaluating<void> {
  const point = newPoint(position.length);
  point.position.set(position);
  yield [point];
}

type Places = readonly { readonly at: number }[];

/** The same scales in coordinates with other turns. */
function turned({ centre, sd, units, bends }: Guess, signed: Places, turns: readonly (Turns | undefined)[]): Guess {
  const other = { centre: centre.slice(), sd: sd.slice(), units: units.slice(), bends: bends.slice() };
  for (const [n, { at }] of signed.entries()) {
    const own = turns[n];
    if (own === undefined) continue;
    const { unit, bend } = own;
    other.units[at] = unit;
    other.bends[at] = bend;
    other.centre[at] = coordinateOf(spreadAt(centre[at], units[at], bends[at]), unit, bend);
    other.sd[at] =
      own.sd ?? (sd[at] * slopeAt(centre[at], units[at], bends[at])) / slopeAt(other.centre[at], unit, bend);
  }
  return other;
}

/** The guess in units so large that signed scales are linear as far as any density reaches. */
function keptLinear(guess: Guess, signed: Places): Guess {
  return turned(
    guess,
    signed,
    signed.map(({ at }) => ({ unit: linearReach * guess.units[at], bend: 0 })),
  );
}

/**
 * How far along each direction the density goes before its slopes on both sides make a step of that size unstable: a Gaussian's standard deviation, and of a density that
 * is flat in the middle and steep at its edges what suits the edges.
 */
function* widths(mode: Point, sd: Float64Array): Evaluating<Float64Array> {
  const factors = Array.from({ length: 2 * widthOctaves + 1 }, (_, n) => 2 ** (n - widthOctaves));
  const pairs = Array.from(sd, (s, i) =>
    factors.map((factor) => [moved(mode, i, factor * s), moved(mode, i, -factor * s)] as const),
  );
  yield pairs.flat(2);
  return sd.map((s, i) => {
    // h² times the curvature over [−h, h]: h² / σ² of a Gaussian.
    const drops = pairs[i].map(([up, down], n) => (factors[n] * s * (down.gradient[i] - up.gradient[i])) / 2);
    const first = drops.findIndex((drop) => !(drop < 1));
    if (first < 0) return factors[factors.length - 1] * s;
    const [below, above] = [first === 0 ? undefined : drops[first - 1], drops[first]];
    if (!Number.isFinite(above)) return factors[Math.max(0, first - 1)] * s;
    // Between two steps as a power of h.
    const power = below !== undefined && below > 0 ? Math.log2(above / below) : 2;
    return factors[first] * s * above ** (-1 / Math.max(1, power));
  });
}

/**
 * The curvature averaged over what leaves the density as it is and chains come across: turns of factors, and the signs of spreads near 0 with those of
 * their correlations. Between directions that such a sign turns differently it is 0 on average.
 * @param crossed places of the spreads whose signs change
 */
function averaged(
  curvature: Float64Array,
  { term, blocks, dimension }: Marginal,
  crossed: readonly number[],
): Float64Array {
  const even = curvature.slice();
  const signs: ReadonlySet<number>[] = Array.from({ length: dimension }, () => new Set<number>());
  const turnedBy = (i: number, own: readonly number[]): void => {
    signs[i] = new Set(own.filter((sd) => crossed.includes(sd)));
  };
  const offsetOf = (name: string): number => blocks.find((block) => block.name === name)!.offset;
  for (const level of term.levels) {
    const { covariance } = level;
    const size = deviatingCount(level);
    const sds = offsetOf(covariance.sds);
    for (let i = 0; i < size; i++) turnedBy(sds + i, [sds + i]);
    if (hasFactors(covariance)) {
      const { factors, loadings } = covariance;
      const offset = offsetOf(loadings);
      if (factors === 1) continue;
      const place = (i: number, factor: number): number => offset + i * factors + factor;
      for (let i = 0; i < size * factors; i++) {
        for (let j = 0; j < dimension; j++) {
          even[(offset + i) * dimension + j] = 0;
          even[j * dimension + offset + i] = 0;
        }
      }
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) {
          let mean = 0;
          for (let f = 0; f < factors; f++) mean += curvature[place(i, f) * dimension + place(j, f)] / factors;
          for (let f = 0; f < factors; f++) even[place(i, f) * dimension + place(j, f)] = mean;
        }
      }
    } else if (covariance.cholesky !== undefined) {
      let next = offsetOf(covariance.cholesky);
      for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) turnedBy(next++, [sds + i, sds + j]);
    }
  }
  for (let i = 0; i < dimension; i++) {
    for (let j = 0; j < dimension; j++) {
      const isSame = signs[i].size === signs[j].size && [...signs[i]].every((sd) => signs[j].has(sd));
      if (!isSame) even[i * dimension + j] = 0;
    }
  }
  return even;
}

function* climbFrom({ centre, sd }: Pick<Guess, 'centre' | 'sd'>): Evaluating<Point> {
  const { point } = yield* lbfgs(centre, { variances: sd.map((s) => s * s), maxIterations: 200 });
  return point;
}

function moved({ position }: Point, i: number, step: number): Point {
  const at = newPoint(position.length);
  at.position.set(position);
  at.position[i] += step;
  return at;
}

/** The negative Hessian, `[dimension][dimension]`. */
function* curvatureAt(mode: Point, steps: Float64Array): Evaluating<Float64Array> {
  const dimension = steps.length;
  const pairs = Array.from(steps, (step, i) => [moved(mode, i, step), moved(mode, i, -step)]);
  yield pairs.flat();
  const curvature = new Float64Array(dimension * dimension);
  for (let i = 0; i < dimension; i++) {
    for (let j = 0; j < dimension; j++) {
      const slope = (pairs[i][1].gradient[j] - pairs[i][0].gradient[j]) / (2 * steps[i]);
      curvature[i * dimension + j] += slope / 2;
      curvature[j * dimension + i] += slope / 2;
    }
  }
  return curvature;
}

/** Step of gradient differences, in standard deviations of the guess. */
const differenceStep = 0.01;
/** Of a correlation, as its inverse hyperbolic tangent: beyond this it has run away. */
const nearlyOne = 1;
/** Gain of the log density for which it is climbed again. */
const betterBy = 1e-4;
/** Octaves around the guess in which widths are looked for. */
const widthOctaves = 4;
/** Widths from 0 within which chains change a spread's sign. */
const mirrored = 3;
/** Posterior standard deviations, at most, in those of the guess. */
const widest = 20;
/** Groups for each correlated coefficient from which on the mode says how wide a covariance is. Own choice. */
const fewestGroups = 2;
/** Multiples of the guess up to which `keptLinear` is linear. */
const linearReach = 1000;

/** K'⁻¹ with KK' the curvature, made positive definite. */
function inverseTransposedFactor(curvature: Float64Array, mode: Float64Array, sd: Float64Array): Float64Array {
  const dimension = mode.length;
  const isKnown = curvature.every(Number.isFinite);
  let least = 1 / (widest * widest);
  let factor: Float64Array | undefined;
  for (; factor === undefined; least *= 4) {
    const matrix = isKnown ? curvature.slice() : new Float64Array(dimension * dimension);
    for (let i = 0; i < dimension; i++) matrix[i * (dimension + 1)] += least / (sd[i] * sd[i]);
    factor = cholesky(matrix, dimension);
  }
  const map = new Float64Array(dimension * dimension);
  for (let column = 0; column < dimension; column++) {
    for (let i = dimension - 1; i >= 0; i--) {
      let rest = i === column ? 1 : 0;
      for (let j = i + 1; j < dimension; j++) rest -= factor[j * dimension + i] * map[j * dimension + column];
      map[i * dimension + column] = rest / factor[i * (dimension + 1)];
    }
  }
  return map;
}

/** The model's own start where it has one; else what the residuals and the sizes of the columns suggest. */
function firstGuess(marginal: Marginal, start: Readonly<Record<string, StartingPoint>> | undefined): Guess {
  const { term, groups: declared, errors, priors, blocks, dimension, kinds, data } = marginal;
  const { units, bends } = identityMap(dimension);
  const centre = new Float64Array(dimension);
  const sd = new Float64Array(dimension).fill(0.5);
  const place = new Map(blocks.map(({ name, offset }) => [name, offset]));
  const set = (name: string, values: ArrayLike<number>, sds: ArrayLike<number>, isLog: boolean): void => {
    const offset = place.get(name)!;
    for (let i = 0; i < values.length; i++) {
      if (!isLog) units[offset + i] = Math.exp(values[i]);
      const s = Math.exp(values[i]) / units[offset + i];
      centre[offset + i] = isLog ? values[i] : Math.asinh(s);
      sd[offset + i] = isLog ? sds[i] : (sds[i] * s) / Math.hypot(1, s);
    }
  };
  const sigma = start?.[errors.sigma] ?? { centre: [Math.log(data.residualSd)], sd: [0.1] };
  set(errors.sigma, sigma.centre, sigma.sd, true);
  let spreads = data.columnSizes.map((size) => data.residualSd / size);
  for (const [l, level] of term.levels.entries()) {
    const { covariance, covariates, covariateCount: q } = level;
    const deviating = deviatingOf(level);
    const size = deviating.length;
    const own = start?.[covariance.sds] ?? {
      centre: Float64Array.from(deviating, (i) => Math.log(spreads[i])),
      sd: new Float64Array(size).fill(0.3),
    };
    set(covariance.sds, own.centre, own.sd, kinds[l] === 'log');
    if (hasFactors(covariance)) {
      const { factors, loadings } = covariance;
      const spread = Float64Array.from(own.centre, Math.exp);
      const pattern = loadingsPattern(spread, factors);
      // Widths are such that what can be rotated gets about the width of the circle.
      const width = pattern.map((_, at) => spread[Math.floor(at / factors)] / widest);
      set(loadings, pattern, width, true);
    } else if (covariance.cholesky !== undefined) {
      const correlations = start?.[covariance.cholesky];
      if (correlations !== undefined) set(covariance.cholesky, correlations.centre, correlations.sd, true);
    }
    const sizes = Float64Array.from({ length: q }, (_, j) => {
      let squares = 0;
      for (let g = 0; g < declared[l]; g++) squares += covariates[g * q + j] ** 2;
      return Math.sqrt(squares / declared[l]) || 1;
    });
    const inner = spreads;
    spreads = Float64Array.from(outerPlaces(level), (place) => inner[place.coefficient] / sizes[place.covariate]);
  }
  for (const { horseshoe, pooling } of priors) {
    if (pooling !== undefined) {
      const own = start?.[pooling.sds] ?? poolingStart(pooling)[pooling.sds];
      set(pooling.sds, own.centre, own.sd, true);
    }
    if (horseshoe === undefined) continue;
    const { local, global, globalScale, isRelative, slab, places } = horseshoe;
    const logGlobal = Math.log(globalScale) + (isRelative ? sigma.centre[0] : 0);
    set(global, [logGlobal], [1], true);
    set(local, new Float64Array(places.length), new Float64Array(places.length).fill(1), true);
    if (slab !== undefined) set(slab.name, [Math.log(slab.scale)], [0.5], true);
  }
  return { centre, sd, units, bends };
}
