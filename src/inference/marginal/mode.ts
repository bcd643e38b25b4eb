// Where the marginal density has its mode, and how wide it is there: the start of chains and the map that makes it round.
import { hasFactors } from '../../models/linearHierarchy/structure.js';
import type { StartingPoint } from '../../models/model.js';
import { cholesky } from '../linearAlgebra.js';
import { driveTogether, type Evaluating, newPoint, type Point } from '../optimise/evaluating.js';
import { lbfgs } from '../optimise/lbfgs.js';
import type { ModelDensity } from '../portableDensity.js';
import type { Marginal } from './marginalDensity.js';

/** θ = centre + map · ξ, with ξ of about unit variance. */
export interface ScaleMap {
  /** `[dimension]`. */
  readonly centre: Float64Array;
  /** `[dimension][dimension]`, upper triangular. */
  readonly map: Float64Array;
}

/** Rough values of the scales and how far they are known, `[dimension]`. */
interface Guess {
  readonly centre: Float64Array;
  readonly sd: Float64Array;
}

/**
 * The mode by L-BFGS and the Hessian there by differences of gradients; directions in which it is flat, or curves upwards, get
 * the width of the guess. Rejects with the signal's reason when it is aborted.
 * @param density with the identity as its map
 */
export async function findMode(
  marginal: Marginal,
  start: Readonly<Record<string, StartingPoint>> | undefined,
  density: ModelDensity,
  signal?: AbortSignal,
): Promise<ScaleMap> {
  const guess = firstGuess(marginal, start);
  const [found] = await driveTogether([climb(guess)], density, signal);
  return found;
}

function* climb({ centre, sd }: Guess): Evaluating<ScaleMap> {
  const dimension = centre.length;
  const { point } = yield* lbfgs(centre, { variances: sd.map((s) => s * s), maxIterations: 200 });
  const mode = point.position.slice();
  const steps = sd.map((s) => differenceStep * s);
  const moved = (i: number, step: number): Point => {
    const at = newPoint(dimension);
    at.position.set(mode);
    at.position[i] += step;
    return at;
  };
  const pairs = Array.from(steps, (step, i) => [moved(i, step), moved(i, -step)]);
  yield pairs.flat();
  const curvature = new Float64Array(dimension * dimension);
  for (let i = 0; i < dimension; i++) {
    for (let j = 0; j < dimension; j++) {
      const slope = (pairs[i][1].gradient[j] - pairs[i][0].gradient[j]) / (2 * steps[i]);
      curvature[i * dimension + j] += slope / 2;
      curvature[j * dimension + i] += slope / 2;
    }
  }
  return { centre: mode, map: inverseTransposedFactor(curvature, mode, sd) };
}

/** Steps of gradient differences, in standard deviations of the guess. */
const differenceStep = 0.01;
/** Posterior standard deviations, at most, in those of the guess. */
const widest = 20;

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
  const centre = new Float64Array(dimension);
  const sd = new Float64Array(dimension).fill(0.5);
  const place = new Map(blocks.map(({ name, offset }) => [name, offset]));
  const set = (name: string, values: ArrayLike<number>, sds: ArrayLike<number>, isLog: boolean): void => {
    const offset = place.get(name)!;
    for (let i = 0; i < values.length; i++) {
      const scale = isLog ? 1 : Math.exp(values[i]);
      centre[offset + i] = isLog ? values[i] : scale;
      sd[offset + i] = sds[i] * scale;
    }
  };
  const sigma = start?.[errors.sigma] ?? { centre: [Math.log(data.residualSd)], sd: [0.1] };
  set(errors.sigma, sigma.centre, sigma.sd, true);
  let spreads = data.columnSizes.map((size) => data.residualSd / size);
  for (const [l, { size, covariance, covariates, covariateCount: q }] of term.levels.entries()) {
    const known = start?.[covariance.sds];
    const own = known ?? { centre: spreads.map(Math.log), sd: new Float64Array(size).fill(0.3) };
    set(covariance.sds, own.centre, own.sd, kinds[l] === 'log');
    if (hasFactors(covariance)) {
      const { factors, loadings } = covariance;
      const scale = (at: number): number => Math.exp(own.centre[Math.floor(at / factors)]);
      // Loadings of 0 are a saddle. Widths are such that what can be rotated gets about the width of the circle.
      const pattern = Float64Array.from({ length: size * factors }, (_, at) => {
        const angle = (Math.PI * (Math.floor(at / factors) + 0.5) * ((at % factors) + 1)) / size;
        return 0.5 * scale(at) * Math.cos(angle);
      });
      set(
        loadings,
        pattern,
        pattern.map((_, at) => scale(at) / widest),
        true,
      );
    } else if (covariance.cholesky !== undefined) {
      const correlations = start?.[covariance.cholesky];
      if (correlations !== undefined) set(covariance.cholesky, correlations.centre, correlations.sd, true);
    }
    const sizes = Float64Array.from({ length: q }, (_, j) => {
      let squares = 0;
      for (let g = 0; g < declared[l]; g++) squares += covariates[g * q + j] ** 2;
      return Math.sqrt(squares / declared[l]) || 1;
    });
    spreads = Float64Array.from({ length: size * q }, (_, i) => spreads[Math.floor(i / q)] / sizes[i % q]);
  }
  for (const { horseshoe } of priors) {
    if (horseshoe === undefined) continue;
    const { local, global, globalScale, isRelative, slab, places } = horseshoe;
    const logGlobal = Math.log(globalScale) + (isRelative ? sigma.centre[0] : 0);
    set(global, [logGlobal], [1], true);
    set(local, new Float64Array(places.length), new Float64Array(places.length).fill(1), true);
    if (slab !== undefined) set(slab.name, [Math.log(slab.scale)], [0.5], true);
  }
  return { centre, sd };
}
