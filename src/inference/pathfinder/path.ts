// Pathfinder on one path: climb by L-BFGS, make a normal approximation at every iterate, keep the one with the largest ELBO, draw from it.
import type { InitialPositions } from '../initialise.js';
import { type Evaluating, newPoint, type Point } from '../optimise/evaluating.js';
import { lbfgs, type OptimiseStop } from '../optimise/lbfgs.js';
import { startPoint } from '../optimise/startPoint.js';
import { type RandomKey, sites, stepKey } from '../random/streams.js';
import { drawFrom, isUsable, pathNormal, type PathNormal, type PathPair, updatedDiagonal } from './inverseHessian.js';

export interface PathSettings {
  readonly initial: InitialPositions;
  /** First diagonal of the inverse Hessian, `[dimension]`. */
  readonly variances: Float64Array;
  readonly history: number;
  readonly maxIterations: number;
  readonly tolerance: number;
  readonly rounding: number;
  /** Draws by which the ELBO of an iterate is estimated. */
  readonly elboDraws: number;
  /** Draws from the best approximation. */
  readonly draws: number;
}

export interface PathResult {
  readonly iterations: number;
  /** Evaluations of the density and its gradient, those for the ELBO and the draws included. */
  readonly evaluations: number;
  readonly stop: OptimiseStop;
  /** Iterate (counted from 1) whose approximation was taken; 0 where none had a finite ELBO. */
  readonly best: number;
  /** Its estimated ELBO; −∞ where there is none. */
  readonly elbo: number;
  /** The approximation taken; undefined where there is none. */
  readonly normal: PathNormal | undefined;
  /** Draws from it, evaluated. */
  readonly draws: readonly Point[];
}

/** Draws evaluated in one request: bounds the memory they take. */
const CHUNK = 64;

/** Single-path Pathfinder (Zhang, Carpenter, Gelman and Vehtari 2022, algorithm 1). Throws InitialisationError. */
export function* path(
  dimension: number,
  key: RandomKey,
  index: number,
  settings: PathSettings,
): Evaluating<PathResult> {
  const start = yield* startPoint(dimension, key, index, settings.initial);
  const iterates: Point[] = [];
  const { history, maxIterations, tolerance, rounding, variances } = settings;
  const climbed = yield* lbfgs(start.position, {
    history,
    maxIterations,
    tolerance,
    rounding,
    variances,
    onIterate: (point) => iterates.push(point),
  });
  const stages = stagesAlong(iterates, variances, history);
  const noise = (step: number, target: Float64Array): void =>
    stepKey(key, index, step).stream(sites.approximation).fillNormal(target);
  let evaluations = 1 + climbed.evaluations;
  let [best, elbo] = [0, -Infinity];
  const perChunk = Math.max(1, Math.floor(CHUNK / settings.elboDraws));
  for (let first = 1; first < stages.length; first += perChunk) {
    const chunk = stages.slice(first, first + perChunk).map(normalAt);
    const draws = chunk.map((normal, i) =>
      normal === undefined
        ? []
        : drawMany(normal, settings.elboDraws, (k, z) => noise((first + i) * settings.elboDraws + k, z)),
    );
    yield draws.flat().map(({ point }) => point);
    evaluations += draws.flat().length;
    draws.forEach((own, i) => {
      if (own.length === 0) return;
      const mean =
        own.reduce((sum, { point, logApproximation }) => sum + point.value - logApproximation, 0) / own.length;
      if (mean > elbo) [best, elbo] = [first + i, mean];
    });
  }
  const normal = best === 0 ? undefined : normalAt(stages[best]);
  const stop = climbed.stop;
  const draws: Point[] = [];
  const result = { iterations: climbed.iterations, stop, best, elbo, normal, draws };
  if (normal === undefined) return { ...result, evaluations };
  // Steps of the stream beyond those of any iterate.
  const offset = stages.length * settings.elboDraws;
  for (let first = 0; first < settings.draws; first += CHUNK) {
    const own = drawMany(normal, Math.min(CHUNK, settings.draws - first), (k, z) => noise(offset + first + k, z));
    yield own.map(({ point }) => point);
    draws.push(...own.map(({ point }) => point));
  }
  return { ...result, evaluations: evaluations + draws.length };
}

interface Drawn {
  readonly point: Point;
  readonly logApproximation: number;
}

function drawMany(normal: PathNormal, count: number, fill: (k: number, noise: Float64Array) => void): Drawn[] {
  const noise = new Float64Array(normal.mean.length);
  return Array.from({ length: count }, (_, k) => {
    fill(k, noise);
    const point = newPoint(noise.length);
    return { logApproximation: drawFrom(normal, noise, point.position), point };
  });
}

/** What an iterate's approximation is made of; kept instead of it, which would take several times the memory. */
interface Stage {
  readonly point: Point;
  readonly alpha: Float64Array;
  readonly pairs: readonly PathPair[];
}

function normalAt({ point, alpha, pairs }: Stage): PathNormal | undefined {
  return pathNormal(point.position, point.gradient, alpha, pairs);
}

function stagesAlong(iterates: readonly Point[], variances: Float64Array, history: number): Stage[] {
  let alpha = variances;
  let pairs: PathPair[] = [];
  return iterates.map((point, i) => {
    if (i > 0) {
      const before = iterates[i - 1];
      const pair: PathPair = {
        step: point.position.map((value, k) => value - before.position[k]),
        fall: before.gradient.map((value, k) => value - point.gradient[k]),
      };
      if (isUsable(pair)) {
        alpha = updatedDiagonal(alpha, pair);
        pairs = [...pairs.slice(pairs.length < history ? 0 : 1), pair];
      }
    }
    return { point, alpha, pairs };
  });
}
