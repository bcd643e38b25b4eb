// Where the marginal density has its mode, and how wide it is there: the start of chains and the map that makes it round.
import { deviatingCount, deviatingOf, outerPlaces } from '../../models/linearHierarchy/links.js';
import { loadingsPattern } from '../../models/linearHierarchy/levelStart.js';
import { hasFactors } from '../../models/linearHierarchy/structure.js';
import type { StartingPoint } from '../../models/model.js';
import { cholesky } from '../linearAlgebra.js';
import { driveTogether, type Evaluating, newPoint, type Point } from '../optimise/evaluating.js';
import { lbfgs } from '../optimise/lbfgs.js';
import type { ModelDensity } from '../portableDensity.js';
import { identityMap, type Marginal, type ScaleMap, setMap } from './marginalDensity.js';
import { isFull } from './scales.js';

/** Rough values of what is sampled and how far it is known, `[dimension]`; in the units of signed scales, 1 for the others. */
interface Guess {
  readonly centre: Float64Array;
  readonly sd: Float64Array;
  readonly units: Float64Array;
}

/**
 * The mode by L-BFGS, first in units of the guess and then in those that suit what was found, and the curvature there by differences
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
  const inUnits = async <Result>(units: Float64Array, search: Evaluating<Result>): Promise<Result> => {
    setMap(density, { ...identityMap(marginal.dimension), units });
    const [found] = await driveTogether([search], density, signal);
    return found;
  };
  const signed = signedScales(marginal);
  const guess = firstGuess(marginal, start);
  // Correlations of nearly as many coefficients as groups, or of more, make the mode degenerate: it says nothing of units and widths.
  const { term, groups } = marginal;
  if (term.levels.some((level, l) => isFull(level) && groups[l] < fewestGroups * deviatingCount(level))) {
    const straight = keptLinear(guess, signed);
    return { ...(await inUnits(straight.units, climb(straight, differenceStep))), units: straight.units };
  }
  const better = await inUnits(guess.units, recount(guess, signed));
  return { ...(await inUnits(better.units, climb(better, averagingStep))), units: better.units };
}

/**
 * Mode, and the map that makes the density round there.
 * @param reach of differences, in standard deviations of the guess; where these are known, as far as the density, to average over it
 */
function* climb({ centre, sd }: Guess, reach: number): Evaluating<Pick<ScaleMap, 'centre' | 'map'>> {
  const mode = yield* climbFrom(centre, sd);
  const steps = sd.map((s) => reach * s);
  return { centre: mode.position, map: inverseTransposedFactor(yield* curvatureAt(mode, steps), mode.position, sd) };
}

/** Place of a signed scale, and the groups that it is the spread of. */
interface SignedScale {
  readonly at: number;
  readonly groups: number;
}

function signedScales({ blocks, kinds, term, groups }: Marginal): SignedScale[] {
  return term.levels.flatMap((level, l) => {
    const size = deviatingCount(level);
    const { offset } = blocks.find(({ name }) => name === level.covariance.sds)!;
    return kinds[l] === 'log' ? [] : Array.from({ length: size }, (_, i) => ({ at: offset + i, groups: groups[l] }));
  });
}

/** The guess in units so large that signed scales are linear as far as any density reaches. */
function keptLinear({ centre, sd, units }: Guess, signed: readonly SignedScale[]): Guess {
  const straight = { centre: centre.slice(), sd: sd.slice(), units: units.slice() };
  for (const { at } of signed) {
    straight.units[at] = linearReach * units[at];
    straight.centre[at] = Math.asinh(Math.sinh(centre[at]) / linearReach);
    straight.sd[at] = (sd[at] * Math.cosh(centre[at])) / (linearReach * Math.cosh(straight.centre[at]));
  }
  return straight;
}

/**
 * The mode in other units. Where the density falls much towards 0 (by `fall` from a mode at s) a scale's logarithm is rounder than the scale:
 * its right tail is heavy when groups are few, and its left one steep. With G groups, each estimated with an error e, the fall is about
 * G s² / 2e²: the unit is near e. Where it hardly falls the scale is kept linear as far as the density reaches, and of few groups less far.
 */
function* recount({ centre, sd, units }: Guess, signed: readonly SignedScale[]): Evaluating<Guess> {
  const mode = yield* climbFrom(centre, sd);
  const { position } = mode;
  const curvature = yield* curvatureAt(
    mode,
    sd.map((s) => differenceStep * s),
  );
  const nearZero = signed.map(({ at }) => moved(mode, at, nearlyZero * Math.tanh(position[at]) - position[at]));
  yield nearZero;
  const width = sd.map(
    (s, i) => 1 / Math.sqrt(Math.max(curvature[i * (sd.length + 1)], 1 / (widestRecounted * s) ** 2)),
  );
  const better = { centre: position.slice(), sd: width.slice(), units: units.slice() };
  for (const [n, { at, groups }] of signed.entries()) {
    const own = position[at];
    const scale = units[at] * Math.sinh(Math.abs(own));
    const densityOfScale = ({ value, position: w }: Point): number => value - Math.log(Math.cosh(w[at]));
    const fall = densityOfScale(mode) - densityOfScale(nearZero[n]);
    const reach = Math.min(farthest, groups);
    const unit =
      fall * reach > 1 ? scale * Math.sqrt(reach / fall) : reach * Math.max(scale, units[at] * Math.sinh(width[at]));
    better.units[at] = unit;
    better.centre[at] = Math.asinh((units[at] * Math.sinh(own)) / unit);
    better.sd[at] = (width[at] * units[at] * Math.cosh(own)) / (unit * Math.cosh(better.centre[at]));
  }
  return better;
}

function* climbFrom(centre: Float64Array, sd: Float64Array): Evaluating<Point> {
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

/** Steps of gradient differences, in standard deviations: of the guess, and of a Gaussian as curved as the density. */
const differenceStep = 0.01;
const averagingStep = 0.7;
/** Posterior standard deviations, at most, in those of the guess: while units are chosen, and at last. */
const widestRecounted = 3;
const widest = 20;
/** Multiples of a spread that may vanish up to which it is kept linear, at most. */
const farthest = 16;
/** Groups for each correlated coefficient from which on the mode says how wide a covariance is. Own choice. */
const fewestGroups = 2;
/** Multiples of the guess up to which `keptLinear` is linear. */
const linearReach = 1000;
/** Where the density near 0 is looked at, in units: some priors of correlated scales cannot be evaluated at 0 itself. */
const nearlyZero = 0.02;

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
  const { units } = identityMap(dimension);
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
  for (const { horseshoe } of priors) {
    if (horseshoe === undefined) continue;
    const { local, global, globalScale, isRelative, slab, places } = horseshoe;
    const logGlobal = Math.log(globalScale) + (isRelative ? sigma.centre[0] : 0);
    set(global, [logGlobal], [1], true);
    set(local, new Float64Array(places.length), new Float64Array(places.length).fill(1), true);
    if (slab !== undefined) set(slab.name, [Math.log(slab.scale)], [0.5], true);
  }
  return { centre, sd, units };
}
