// Tunes walks over a surrogate's density by trial walks on it: the metric, and the step size.
import { cholesky } from '../../linearAlgebra.js';
import { symmetricEigensystem } from '../../symmetricEigensystem.js';
import type { BoundProgram } from '../program.js';
import type { ScaleSurrogate } from './scaleSurrogate.js';
import { evaluateAt, setSurrogates, trajectoryLength, walk, type Walker } from './walk.js';

/** Trajectories of each stage: with the metric of the curvature, then twice of the covariance. */
const stages = [60, 150, 150] as const;
const target = 0.8;
const [firstStep, longestStep] = [0.3, 1.35];
/** Differences of coordinates in units of the surrogate's widths, and the least curvature in units of these that counts. */
const [difference, leastCurvature] = [1e-4, 0.08];

/** Metric and step size of the walks, from trial walks that begin at the references. */
export async function tuneWalks(program: BoundProgram, walkers: readonly Walker[]): Promise<void> {
  setSurrogates(program, walkers);
  const trials = walkers.map((walker): Walker => ({ ...walker, x: new Float64Array(walker.surrogate.dimension) }));
  await setMetricByCurvature(program, trials);
  for (const [stage, trajectories] of stages.entries()) {
    const seen = new Map<ScaleSurrogate, Float64Array[]>(trials.map(({ surrogate }) => [surrogate, []]));
    for (const { surrogate } of trials) surrogate.logStep = Math.log(firstStep);
    await walk(program, trials, { trajectories, length: trajectoryLength }, ({ surrogate, x }, rate) => {
      const own = seen.get(surrogate)!;
      own.push(x);
      surrogate.logStep = Math.min(
        Math.log(longestStep),
        surrogate.logStep + (own.length + 2) ** -0.6 * (rate - target),
      );
    });
    if (stage + 1 < stages.length) for (const [surrogate, own] of seen) setMetricByStates(surrogate, own);
  }
}

/** F F' = H⁻¹ with H the curvature at the references, all of it downwards. */
async function setMetricByCurvature(program: BoundProgram, trials: readonly Walker[]): Promise<void> {
  const { dimension: n } = trials[0].surrogate;
  for (const { surrogate } of trials) setToIdentity(surrogate);
  const hessians = trials.map(() => new Float64Array(n * n));
  for (let i = 0; i < n; i++) {
    const [up, down] = [difference, -difference].map((by) =>
      trials.map(({ x, surrogate }) => x.with(i, by * surrogate.widths[i])),
    );
    const above = await evaluateAt(program, trials, up);
    const below = await evaluateAt(program, trials, down);
    for (const [w, { surrogate }] of trials.entries()) {
      const distance = 2 * difference * surrogate.widths[i];
      for (let j = 0; j < n; j++) hessians[w][i * n + j] = (below[w].gradient[j] - above[w].gradient[j]) / distance;
    }
  }
  for (const [w, { surrogate }] of trials.entries()) {
    const units = surrogate.widths;
    const { values, vectors } = symmetricEigensystem(
      hessians[w].map((_, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        return 0.5 * (hessians[w][i * n + j] + hessians[w][j * n + i]) * units[i] * units[j];
      }),
      n,
    );
    for (const [m, vector] of vectors.entries()) {
      const scale = 1 / Math.sqrt(Math.max(Math.abs(values[m]), leastCurvature));
      for (let i = 0; i < n; i++) surrogate.round[i * n + m] = units[i] * vector[i] * scale;
    }
  }
}

/** F F' of the covariance of states seen. */
function setMetricByStates({ dimension: n, round }: ScaleSurrogate, seen: readonly Float64Array[]): void {
  const mean = new Float64Array(n);
  for (const x of seen) for (let i = 0; i < n; i++) mean[i] += x[i] / seen.length;
  const covariance = new Float64Array(n * n);
  for (const x of seen)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) covariance[i * n + j] += ((x[i] - mean[i]) * (x[j] - mean[j])) / seen.length;
  // Of few states, or of a walk that was stuck, it may be too narrow: with it counts the metric at hand, as that of so many states as coordinates.
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let own = 0;
      for (let m = 0; m < n; m++) own += round[i * n + m] * round[j * n + m];
      covariance[i * n + j] = (seen.length * covariance[i * n + j] + n * own) / (seen.length + n);
    }
  }
  const factor = cholesky(covariance, n);
  if (factor !== undefined) round.set(factor);
}

function setToIdentity({ dimension: n, round }: ScaleSurrogate): void {
  round.fill(0);
  for (let i = 0; i < n; i++) round[i * (n + 1)] = 1;
}
