// Multi-path Pathfinder: paths side by side on the lanes of a density, their draws weighted by Pareto smoothed importance sampling.
import type { DrawListener } from '../chain.js';
import { judgeMarginal, type MarginalDensity } from '../importance/marginalFit.js';
import { paretoSmooth } from '../importance/paretoSmoothing.js';
import { resample, resampleDistinct } from '../importance/resample.js';
import { type FitVerdict, judgeFit, JOINT_DIMENSION_LIMIT, notAssessed } from '../importance/verdict.js';
import { handOutDraw } from '../independentDraws.js';
import { type InitialPositions, StartError } from '../initialise.js';
import type { BatchedLogDensity } from '../logDensity.js';
import { driveTogether, type Point } from '../optimise/evaluating.js';
import { randomKey, sites, stepKey } from '../random/streams.js';
import { logDensityOf, marginalNormal, type PathNormal, variancesOf } from './inverseHessian.js';
import { path, type PathResult } from './path.js';

/** What a user sets of the paths. */
export interface PathfinderOptions {
  /** Paths from different starts; default 8. */
  readonly paths?: number;
  /** Draws from each path's approximation, of which those handed out are chosen; default 500. */
  readonly drawsPerPath?: number;
  /** Draws by which the ELBO of an iterate is estimated; default 25. */
  readonly elboDraws?: number;
  /** Pairs of the inverse Hessian; default 6. */
  readonly history?: number;
  /** Of a path; default 1000. */
  readonly maxIterations?: number;
  /** Gain in log density that a step must promise; default 1e-5. */
  readonly tolerance?: number;
}

export interface PathfinderSettings extends PathfinderOptions {
  /** Chains and draws per chain that are handed out; default 4 and 1000. */
  readonly chains?: number;
  readonly draws?: number;
  readonly seed?: number | string;
  readonly initial?: InitialPositions;
  /** Rough posterior variances, `[dimension]`; default 1. */
  readonly inverseMass?: ArrayLike<number>;
  /** On which k̂ is assessed where the joint density has too many dimensions. */
  readonly marginal?: MarginalDensity;
}

export interface PathfinderResult {
  /** By path. */
  readonly paths: readonly Omit<PathResult, 'draws' | 'normal'>[];
  /** k̂ of the draws of all paths against the posterior, or its marginal. */
  readonly verdict: FitVerdict;
  /** 1 / Σ w² of the smoothed weights. */
  readonly effectiveSize: number;
  /** Evaluations of the density and its gradient. */
  readonly evaluations: number;
  /** Starts for chains: distinct draws chosen by weight, `[chain][dimension]`. */
  readonly starts: (chains: number) => Float64Array[];
  /** Variances of the approximation with the largest ELBO, `[dimension]`: a first metric. */
  readonly variances: Float64Array;
}

/**
 * Multi-path Pathfinder (Zhang et al. 2022, algorithm 2), but for the weights: every draw is weighted against the mixture of all paths'
 * approximations instead of its own path's (Elvira et al. 2019, scheme N3), so that a narrow approximation of one path does no harm where
 * others cover. The weights are smoothed over all paths together, and draws are chosen by them. The draws handed out are independent of the number of lanes.
 * Rejects with RangeError for settings out of range, StartError when no path gave an approximation or has a start, and the signal's reason.
 */
export async function pathfinder(
  density: BatchedLogDensity,
  settings: PathfinderSettings = {},
  listener: Partial<DrawListener> = {},
  options: { readonly signal?: AbortSignal } = {},
): Promise<PathfinderResult> {
  const { paths: count = 8, chains = 4, draws = 1000, drawsPerPath = 500, elboDraws = 25, history = 6 } = settings;
  const { maxIterations = 1000, tolerance = 1e-5, seed = 1, initial = {} } = settings;
  for (const [name, value] of Object.entries({
    paths: count,
    chains,
    drawsPerPath,
    elboDraws,
    history,
    maxIterations,
  })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new RangeError(`${name}: ${value} is not a whole number of at least 1`);
  }
  const { dimension } = density;
  if (settings.inverseMass && settings.inverseMass.length !== dimension) {
    throw new RangeError(`inverseMass: ${settings.inverseMass.length} values for ${dimension} dimensions`);
  }
  const variances = settings.inverseMass
    ? Float64Array.from(settings.inverseMass)
    : new Float64Array(dimension).fill(1);
  // A GPU evaluates in f32: values differ by that much between neighbouring points.
  const rounding = density.resident === undefined ? 1e-14 : 1e-7;
  const key = randomKey(seed);
  const pathSettings = {
    initial,
    variances,
    history,
    maxIterations,
    tolerance,
    rounding,
    elboDraws,
    draws: drawsPerPath,
  };
  const coroutines = Array.from({ length: count }, (_, index) => path(dimension, key, index, pathSettings));
  const results = await driveTogether(coroutines, density, options.signal);
  const all = results.flatMap((result) => result.draws);
  if (all.length === 0) throw new StartError('pathfinder: no path found an approximation with a finite ELBO');
  const normals = results.flatMap(({ normal }) => normal ?? []);
  const smoothed = paretoSmooth(all.map(({ position, value }) => value - mixtureLogDensity(normals, position)));
  const verdict =
    dimension > JOINT_DIMENSION_LIMIT
      ? await judgeOnMarginal(settings.marginal, normals, all, options.signal)
      : judgeFit(smoothed, dimension);
  const choice = stepKey(key, count, 0);
  const chosen = resample(smoothed.logWeights, chains * draws, choice.stream(sites.resampling));
  chosen.forEach((number, k) => {
    const { position, value } = all[number];
    handOutDraw(listener, Math.floor(k / draws), k % draws, position, value);
  });
  const best = results.reduce((a, b) => (b.elbo > a.elbo ? b : a));
  return {
    paths: results.map(({ iterations, evaluations, stop, best: iterate, elbo }) => ({
      iterations,
      evaluations,
      stop,
      best: iterate,
      elbo,
    })),
    verdict,
    effectiveSize: smoothed.effectiveSize,
    evaluations: results.reduce((sum, { evaluations }) => sum + evaluations, 0),
    starts: (number) =>
      Array.from(
        resampleDistinct(smoothed.logWeights, number, stepKey(key, count, 1).stream(sites.resampling)),
        (i) => all[i].position,
      ),
    variances: variancesOf(best.normal!),
  };
}

/** k̂ of the mixture's draws, before any weights, on the marginal density of some elements where there is one. */
async function judgeOnMarginal(
  marginal: MarginalDensity | undefined,
  normals: readonly PathNormal[],
  draws: readonly Point[],
  signal?: AbortSignal,
): Promise<FitVerdict> {
  const [{ position }] = draws;
  const size = marginal?.indices.length ?? 0;
  if (marginal === undefined || size > JOINT_DIMENSION_LIMIT) return notAssessed(position.length);
  const { indices } = marginal;
  const marginals = normals.map((normal) => marginalNormal(normal, indices));
  if (!marginals.every((normal) => normal !== undefined)) return notAssessed(position.length);
  const elements = draws.map((draw) => Float64Array.from(indices, (i) => draw.position[i]));
  return judgeMarginal(marginal, elements, (at) => mixtureLogDensity(marginals, at), signal);
}

/** Of the mixture of normals, each with the same weight. */
function mixtureLogDensity(normals: readonly PathNormal[], position: Float64Array): number {
  const logDensities = normals.map((normal) => logDensityOf(normal, position));
  const most = Math.max(...logDensities);
  return most + Math.log(logDensities.reduce((sum, value) => sum + Math.exp(value - most), 0) / normals.length);
}
