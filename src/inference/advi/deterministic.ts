// Deterministic ADVI (Giordano, Ingram and Broderick 2024): the ELBO over fixed draws, climbed to its maximum, with linear-response covariances.
import { conjugateGradient } from '../optimise/conjugateGradient.js';
import { driveAlone, newPoint, type Point } from '../optimise/evaluating.js';
import { lbfgs, type OptimiseStop } from '../optimise/lbfgs.js';
import { newtonConjugateGradient } from '../optimise/newton.js';
import type { RandomKey } from '../random/streams.js';
import { type Climb, type ClimbListener, type ElboAt, isUnbounded } from './climb.js';
import { fixedNoise } from './noise.js';
import type { ElboObjective } from './objective.js';

export interface DeterministicSettings {
  readonly optimiser: 'lbfgs' | 'newton';
  readonly maxIterations: number;
  /** Gain in ELBO that a step must promise. */
  readonly tolerance: number;
  /** Rounding error of the density's values, relative. */
  readonly rounding: number;
}

export interface DeterministicClimb extends Climb {
  /** The fixed draws, blocks `[noise][draw]`. */
  readonly noise: readonly Float64Array[];
}

const words: Readonly<Record<OptimiseStop, string>> = {
  converged: 'no step gained any more',
  precision: 'no step gained any more at working precision',
  iterations: 'the iterations ran out',
  notFinite: 'the log density was not finite at the start',
};

/** Iterations before the scales of the parameters are first taken anew from the approximation; each stage is twice as long as the last. */
const FIRST_STAGE = 3;
/** Steps that the climb remembers. */
const HISTORY = 15;

export async function climbDeterministically(
  objective: ElboObjective,
  key: RandomKey,
  { optimiser, maxIterations, tolerance, rounding }: DeterministicSettings,
  { onProgress, signal }: ClimbListener,
): Promise<DeterministicClimb> {
  const { family } = objective;
  const noise = fixedNoise(family, objective.draws, key);
  const elboTrace: ElboAt[] = [];
  let best = family.start();
  let isWide = false;
  const evaluate = async (point: Point): Promise<void> => {
    // An iterate beyond all bounds ends the climb: nothing further counts as higher.
    point.value = isWide ? NaN : await objective.closedForm(point.position, noise, point.gradient);
  };
  const onIterate = ({ position, value }: Point): void => {
    best = position;
    isWide = isUnbounded(position, family.dimension);
    const at = { iteration: elboTrace.length, elbo: value };
    elboTrace.push(at);
    onProgress?.(at);
  };
  let from = family.start();
  let [iterations, length] = [0, FIRST_STAGE];
  try {
    for (;;) {
      const scales = family.errorScales(from);
      const variances = scales.map((scale) => 1 / (scale * scale));
      await evaluate({ ...newPoint(from.length), position: from });
      const precondition = family.naturalise(from);
      const options = {
        maxIterations: Math.min(length, maxIterations - iterations),
        tolerance,
        rounding,
        onIterate,
        variances,
        precondition,
        history: HISTORY,
      };
      const climb = optimiser === 'newton' ? newtonConjugateGradient(from, options) : lbfgs(from, options);
      const result = await driveAlone(climb, evaluate, signal);
      iterations += result.iterations;
      length *= 2;
      from = result.point.position;
      if (result.stop === 'iterations' && iterations < maxIterations) continue;
      const { point, stop } = result;
      const why = isWide
        ? 'the approximation widens without end: the posterior is improper, or the draws are too few for the family'
        : words[stop];
      const isConverged = (stop === 'converged' || stop === 'precision') && !isWide;
      return { phi: point.position, iterations, isConverged, why, elboTrace, noise };
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
    return {
      phi: best,
      iterations: elboTrace.length,
      isConverged: false,
      why: 'stopped from outside',
      elboTrace,
      noise,
    };
  }
}

/** Step of gradient differences, in standard deviations: f64, and f32 of a GPU. */
const DIFFERENCE = { double: 1e-4, single: 1e-2 };

/**
 * Covariance of standardised elements by linear response: how the optimal means move when the density is tilted, the block of means of
 * the inverse of the negative Hessian of the ELBO (Giordano, Broderick and Jordan 2018, §3). Exact for Gaussian densities even where the family is mean-field.
 * `[k][k]`, symmetrised; NaN in the rows of elements for which conjugate gradients failed.
 */
export async function linearResponse(
  objective: ElboObjective,
  { phi, noise }: DeterministicClimb,
  indices: ArrayLike<number>,
  { rounding }: Pick<DeterministicSettings, 'rounding'>,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const size = indices.length;
  const at = newPoint(phi.length);
  at.position.set(phi);
  const evaluate = async (point: Point): Promise<void> => {
    point.value = await objective.closedForm(point.position, noise, point.gradient);
  };
  const product = {
    at,
    variances: new Float64Array(phi.length).fill(1),
    differenceStep: rounding > 1e-10 ? DIFFERENCE.single : DIFFERENCE.double,
  };
  const covariance = new Float64Array(size * size);
  for (let a = 0; a < size; a++) {
    const unit = new Float64Array(phi.length);
    unit[indices[a]] = 1;
    const solving = conjugateGradient(product, unit, { tolerance: 1e-3, maxIterations: Math.min(phi.length, 300) });
    const { solution, isConverged } = await driveAlone(solving, evaluate, signal);
    for (let b = 0; b < size; b++) covariance[a * size + b] = isConverged ? solution[indices[b]] : NaN;
  }
  return covariance.map((value, k) => (value + covariance[(k % size) * size + Math.floor(k / size)]) / 2);
}
