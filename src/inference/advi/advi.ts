// Automatic differentiation variational inference: fits a family to a density, judges the fit, and hands out draws as a sampler would.
import type { DrawListener } from '../chain.js';
import { judgeMarginal } from '../importance/marginalFit.js';
import { paretoSmooth } from '../importance/paretoSmoothing.js';
import { type FitVerdict, JOINT_DIMENSION_LIMIT, judgeFit, notAssessed } from '../importance/verdict.js';
import { handOutDraw } from '../independentDraws.js';
import { cholesky, solve } from '../linearAlgebra.js';
import type { BatchedLogDensity } from '../logDensity.js';
import { Normals } from '../random/normals.js';
import { sites, stepKey } from '../random/streams.js';
import type { ElboAt } from './climb.js';
import { climbDeterministically, type DeterministicClimb, linearResponse } from './deterministic.js';
import { BLOCK, LOG_2PI } from './family.js';
import { ElboObjective } from './objective.js';
import { type AdviSettings, type ResolvedAdviSettings, resolveAdviSettings } from './settings.js';
import { climbStochastically } from './stochastic.js';

export interface AdviListener extends Partial<DrawListener> {
  readonly onProgress?: (at: ElboAt) => void;
}

export interface AdviResult {
  readonly family: string;
  readonly variant: 'deterministic' | 'stochastic';
  /** Whether the stopping rule fired before iterations ran out. */
  readonly isConverged: boolean;
  /** Why the climb stopped, in words. */
  readonly why: string;
  readonly iterations: number;
  readonly gradientDraws: number;
  /** Evaluations of the density and its gradient, one for every draw. */
  readonly evaluations: number;
  readonly elboTrace: readonly ElboAt[];
  /** ELBO over the draws handed out, with its Monte-Carlo standard error. */
  readonly elbo: { readonly mean: number; readonly standardError: number };
  /** Of the approximation, unconstrained, `[dimension]`. */
  readonly mean: Float64Array;
  readonly sds: Float64Array;
  /** Covariance by linear response of the elements asked for, `[k][k]`; empty where none were. */
  readonly linearResponse: Float64Array;
  readonly verdict: FitVerdict;
}

/**
 * Fits an approximation and hands out `chains × draws` independent draws of it, whatever the lanes of the density. Rejects with RangeError for settings out of range,
 * with Error where the density is not finite at the start, and with the signal's reason when stopped.
 */
export async function advi(
  density: BatchedLogDensity,
  settings: AdviSettings = {},
  listener: AdviListener = {},
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<AdviResult> {
  const resolved = resolveAdviSettings(settings, density);
  const { family, standardisation, variant, gradientDraws, key } = resolved;
  const objective = new ElboObjective(density, family, standardisation, gradientDraws);
  const climbListener = { onProgress: listener.onProgress, signal };
  let deterministic: DeterministicClimb | undefined;
  if (variant === 'deterministic') {
    deterministic = await climbDeterministically(objective, key, resolved, climbListener);
  }
  const climb = deterministic ?? (await climbStochastically(objective, key, resolved, climbListener));
  signal?.throwIfAborted();
  if (climb.iterations === 0 && !climb.isConverged) throw new Error(`advi: ${climb.why}; give another start`);
  const { phi } = climb;
  const { scale, centre } = standardisation;
  const { dimension } = density;
  const wanted = resolved.linearResponse;
  const response =
    deterministic === undefined || wanted.length === 0
      ? new Float64Array(0)
      : await linearResponse(objective, deterministic, wanted, resolved, signal);
  const sampled = await handOut(density, phi, resolved, listener, signal);
  return {
    family: family.name,
    variant,
    isConverged: climb.isConverged,
    why: climb.why,
    iterations: climb.iterations,
    gradientDraws,
    evaluations: objective.evaluations + sampled.logRatios.length,
    elboTrace: climb.elboTrace,
    elbo: meanOf(sampled.logRatios),
    mean: centre.map((value, i) => value + scale[i] * phi[i]),
    sds: scale.map((value, i) => value * Math.sqrt(family.covariance(phi, [i])[0])),
    linearResponse: response.map(
      (value, k) => value * scale[wanted[Math.floor(k / wanted.length)]] * scale[wanted[k % wanted.length]],
    ),
    verdict: await judge(sampled, phi, resolved, dimension),
  };
}

interface Sampled {
  /** log p − log q of every draw. */
  readonly logRatios: Float64Array;
  /** Elements of every draw that the marginal density is of, empty without one. */
  readonly marginalPositions: readonly Float64Array[];
}

/** Draws are independent streams keyed by chain and index. */
async function handOut(
  density: BatchedLogDensity,
  phi: Float64Array,
  { family, standardisation, chains, draws, key, marginal }: ResolvedAdviSettings,
  listener: AdviListener,
  signal?: AbortSignal,
): Promise<Sampled> {
  const width = BLOCK;
  const objective = new ElboObjective(density, family, standardisation, width);
  const noise = family.array(family.noiseCount * width);
  const normals = new Normals();
  const position = new Float64Array(density.dimension);
  const logRatios = new Float64Array(chains * draws);
  const marginalPositions: Float64Array[] = [];
  for (let first = 0; first < logRatios.length; first += width) {
    const count = Math.min(width, logRatios.length - first);
    // A last block has room for more draws than are wanted.
    const streams = Array.from({ length: width }, (_, m) =>
      stepKey(key, 1 + Math.floor((first + m) / draws), (first + m) % draws).stream(sites.approximation),
    );
    noise.set(normals.interleaved(streams, family.noiseCount));
    await objective.evaluateDraws(phi, noise, count);
    signal?.throwIfAborted();
    for (let m = 0; m < count; m++) {
      const logDensity = objective.logDensities[m];
      objective.positionOf(m, position);
      logRatios[first + m] = logDensity - objective.logApproximation[m];
      if (marginal) marginalPositions.push(Float64Array.from(marginal.indices, (i) => position[i]));
      handOutDraw(listener, Math.floor((first + m) / draws), (first + m) % draws, position, logDensity);
    }
  }
  return { logRatios, marginalPositions };
}

/** k̂ of the joint density where that says something, else of the marginal density where there is one. */
async function judge(
  { logRatios, marginalPositions }: Sampled,
  phi: Float64Array,
  { family, standardisation, marginal }: ResolvedAdviSettings,
  dimension: number,
): Promise<FitVerdict> {
  if (dimension <= JOINT_DIMENSION_LIMIT) {
    return judgeFit(paretoSmooth(logRatios), dimension);
  }
  const size = marginal?.indices.length ?? 0;
  if (marginal === undefined || size > JOINT_DIMENSION_LIMIT) return notAssessed(dimension);
  const { indices } = marginal;
  const { centre, scale } = standardisation;
  const factor = cholesky(family.covariance(phi, indices), size);
  if (factor === undefined) return notAssessed(dimension);
  let constant = -0.5 * size * LOG_2PI;
  for (let i = 0; i < size; i++) constant -= Math.log(factor[i * (size + 1)] * scale[indices[i]]);
  return judgeMarginal(marginal, marginalPositions, (position) => {
    const white = position.map((x, i) => (x - centre[indices[i]]) / scale[indices[i]] - phi[indices[i]]);
    solve(factor, white);
    return constant - 0.5 * white.reduce((sum, z) => sum + z * z, 0);
  });
}

function meanOf(values: Float64Array): { mean: number; standardError: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / (values.length - 1) / values.length) };
}
