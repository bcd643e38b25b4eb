// Deterministic ADVI (Giordano, Ingram and Broderick 2024): the ELBO over fixed draws, climbed to its maximum, with linear-response covariances.
import { conjugateGradient } from '../optimise/conjugateGradient.js';
import { driveAlone, newPoint, type Point } from '../optimise/evaluating.js';
import { lbfgs, type LbfgsOptions, type OptimiseResult, type OptimiseStop } from '../optimise/lbfgs.js';
import { newtonConjugateGradient } from '../optimise/newton.js';
import type { RandomKey } from '../random/streams.js';
import { type Climb, type ClimbListener, type ElboAt, isUnbounded } from './climb.js';
import type { Family } from './family.js';
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

/** Iterations after which scales and preconditioner are first taken anew from the approximation, and how much longer each stage is than the last. */
const FIRST_STAGE = 2;
const STAGE_GROWTH = 1.5;
/** Steps that the climb remembers. */
const HISTORY = 10;

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
  const common = { tolerance, rounding, onIterate };
  try {
    const { point, stop, iterations } = await (optimiser === 'newton'
      ? climbInStages(family, maxIterations, (from, options) =>
          driveAlone(newtonConjugateGradient(from, { ...common, ...options }), evaluate, signal),
        )
      : driveAlone(
          lbfgs(family.start(), { ...common, renew: inStages(family), maxIterations, history: HISTORY }),
          evaluate,
          signal,
        ));
    const why = isWide
      ? 'the approximation widens without end: the posterior is improper, or the draws are too few for the family'
      : words[stop];
    const isConverged = (stop === 'converged' || stop === 'precision') && !isWide;
    return { phi: point.position, iterations, isConverged, why, elboTrace, noise };
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

/** The natural gradient's preconditioner at the start and at the end of every stage, when the iterate has just been evaluated. */
function inStages(family: Family): LbfgsOptions['renew'] {
  let iterate = 0;
  let [next, length] = [0, FIRST_STAGE];
  return ({ position }) => {
    if (iterate++ < next) return undefined;
    next += Math.round(length);
    length *= STAGE_GROWTH;
    return family.naturalise(position);
  };
}

/** Climbs with scales taken anew for every stage. */
async function climbInStages(
  family: Family,
  maxIterations: number,
  climb: (
    from: Float64Array,
    options: { readonly variances: Float64Array; readonly maxIterations: number },
  ) => Promise<OptimiseResult>,
): Promise<OptimiseResult> {
  let from = family.start();
  let [iterations, length] = [0, FIRST_STAGE];
  for (;;) {
    const variances = family.errorScales(from).map((scale) => 1 / (scale * scale));
    const most = Math.min(Math.round(length), maxIterations - iterations);
    const result = await climb(from, { variances, maxIterations: most });
    iterations += result.iterations;
    if (result.stop !== 'iterations' || iterations >= maxIterations) return { ...result, iterations };
    from = result.point.position;
    length *= STAGE_GROWTH;
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
