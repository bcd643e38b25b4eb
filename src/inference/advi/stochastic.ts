// Stochastic ADVI: path-derivative gradients of fresh draws, averaged iterates, step sizes halved until the halving changes nothing.
import { turn } from '../optimise/evaluating.js';
import { type RandomKey, sites, stepKey } from '../random/streams.js';
import { BLOCK, blockSizes, type Family } from './family.js';
import { IterateBlocks, rootMeanSquare } from './iterateBlocks.js';
import type { ElboObjective } from './objective.js';
import { type Climb, type ClimbListener, isUnbounded } from './climb.js';

export interface StochasticSettings {
  readonly stepSize: number;
  readonly maxIterations: number;
  /** Error of the averaged iterates that ends a step size, root mean square in posterior standard deviations. */
  readonly tolerance: number;
}

/** Iterations of a block, and blocks before the first look. */
const ITERATES = 20;
const FIRST_LOOK = 6;
/** R-hat of the iterates below which they count as stationary (Welandawe et al. 2022, §4.1). */
const STATIONARY = 1.1;
/** Change of the average by the last halving, in units of the tolerance, that counts as none. */
const SAME = 2;
/** Share of draws of a step that may fail. */
const MOST_FAILURES = 0.5;
const MOMENTUM = 0.9;
/** Standard errors of a block's ELBO by which it must lie below the best one to count as fallen, and blocks in a row that may. */
const FALL = 5;
const MOST_FALLS = 5;

/**
 * Climbs with steps g/√(mean g²) of a constant size until the iterates are stationary by R-hat and the Monte-Carlo error of their average is below the
 * tolerance; then halves the step size and goes on from the average (Dhaka et al. 2020; Welandawe et al. 2022, whose step this is). The bias of
 * a constant step is proportional to it, so the change from one step size to the next estimates what is left: it ends when that is small.
 */
export async function climbStochastically(
  objective: ElboObjective,
  key: RandomKey,
  { stepSize: firstStepSize, maxIterations, tolerance }: StochasticSettings,
  { onProgress, signal }: ClimbListener,
): Promise<Climb> {
  const { family, draws } = objective;
  let phi = family.start();
  const size = phi.length;
  const noise = blockSizes(draws).map((count) => family.array(family.noiseCount * count));
  const fresh = new Float64Array(family.noiseCount * draws);
  const gradient = new Float64Array(size);
  const squares = new Float64Array(size);
  const velocity = new Float64Array(size);
  const elboTrace: { iteration: number; elbo: number }[] = [];
  const judged = judgedParameters(family);
  let blocks = new IterateBlocks(size, ITERATES, judged);
  let stepSize = firstStepSize;
  let previous: Float64Array | undefined;
  let [blockElbo, blockSquares, blockSteps, falls] = [0, 0, 0, 0];
  let [best, bestElbo] = [phi.slice(), -Infinity];
  let scales = family.errorScales(phi);
  let stepsOfSize = 0;
  let standing = 'the first block of iterations did not end';
  let turnEnds = performance.now();
  const end = (iterations: number, isConverged: boolean, why: string, at = phi): Climb => ({
    phi: at,
    iterations,
    isConverged,
    why,
    elboTrace,
  });
  const restart = (): void => {
    stepSize /= 2;
    falls = 0;
    scales = family.errorScales(phi);
    velocity.fill(0);
    squares.fill(0);
    stepsOfSize = 0;
    blocks = new IterateBlocks(size, ITERATES, judged);
  };
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    turnEnds = await turn(turnEnds);
    if (signal?.aborted) return end(iteration - 1, false, 'stopped from outside');
    stepKey(key, 0, iteration).stream(sites.approximation).fillNormal(fresh);
    noise.forEach((block, b) =>
      block.set(fresh.subarray(b * BLOCK * family.noiseCount, b * BLOCK * family.noiseCount + block.length)),
    );
    const { elbo, failures } = await objective.pathGradient(phi, noise, gradient);
    stepsOfSize++;
    if (failures > MOST_FAILURES * draws) {
      return end(iteration, false, `the log density was not finite at ${failures} of ${draws} draws`, best);
    }
    for (let i = 0; i < size; i++) {
      // In units of errors that matter, so that steps shrink with the approximation. The mean square is over all steps of this size, not a decaying
      // one: steps then have one length throughout. Those of the way there are forgotten, whose slopes may have been far steeper.
      const slope = gradient[i] / scales[i];
      squares[i] += (slope * slope - squares[i]) / stepsOfSize;
      velocity[i] = MOMENTUM * velocity[i] + (1 - MOMENTUM) * slope;
      phi[i] += (stepSize * velocity[i]) / (Math.sqrt(squares[i]) + 1e-12) / scales[i];
    }
    if (Number.isFinite(elbo)) {
      blockSteps++;
      const deviation = elbo - blockElbo;
      blockElbo += deviation / blockSteps;
      blockSquares += deviation * (elbo - blockElbo);
    }
    if (!blocks.add(phi)) continue;
    scales = family.errorScales(phi);
    const noiseOfBlock = Math.sqrt(blockSquares) / blockSteps;
    falls = blockElbo < bestElbo - FALL * noiseOfBlock ? falls + 1 : 0;
    if (blockElbo > bestElbo) [best, bestElbo] = [phi.slice(), blockElbo];
    elboTrace.push({ iteration, elbo: blockElbo });
    onProgress?.({ iteration, elbo: blockElbo });
    [blockElbo, blockSquares, blockSteps] = [0, 0, 0];
    if (falls >= MOST_FALLS) {
      // Steps too long for the family: back to the best block, with half of them.
      standing = `the ELBO fell at step size ${stepSize}`;
      phi = best.slice();
      restart();
      continue;
    }
    if (isUnbounded(phi, family.dimension))
      return end(iteration, false, 'the approximation widens without end: the posterior is improper or nearly flat');
    if (blocks.length < FIRST_LOOK || blocks.length % 2 === 1) continue;
    const { average, rhat, error } = blocks.window(scales, tolerance);
    if (!(rhat < STATIONARY)) {
      standing = `the iterates were still moving (R-hat ${rhat.toFixed(2)} at step size ${stepSize})`;
      continue;
    }
    if (!(error < tolerance)) {
      standing = `the averaged iterates were still uncertain (Monte-Carlo error ${error.toFixed(3)} sd at step size ${stepSize})`;
      continue;
    }
    const change = previous === undefined ? Infinity : distance(average, previous, scales, judged);
    if (change < SAME * tolerance) {
      return end(
        iteration,
        true,
        `halving the step size changed the averaged iterates by ${change.toFixed(3)} sd`,
        average,
      );
    }
    standing = `halving the step size still changed the averaged iterates (by ${change.toFixed(2)} sd)`;
    previous = average;
    phi = average.slice();
    restart();
  }
  const last = blocks.length >= FIRST_LOOK ? blocks.window(family.errorScales(phi), tolerance).average : phi;
  return end(maxIterations, false, `${maxIterations} iterations were not enough: ${standing}`, last);
}

/** Means and log scales: of all elements, and of the global ones, which may be few among thousands and are the slowest. */
function judgedParameters({ dimension, globals }: Family): Int32Array[] {
  const all = Int32Array.from({ length: 2 * dimension }, (_, i) => i);
  if (globals.length === 0) return [all];
  return [all, Int32Array.from([...globals, ...globals.map((i) => dimension + i)])];
}

/** Root mean square difference in units of `scales`: the largest of the sets. */
function distance(a: Float64Array, b: Float64Array, scales: Float64Array, judged: readonly Int32Array[]): number {
  const differences = a.map((value, i) => (value - b[i]) * scales[i]);
  return Math.max(...judged.map((set) => rootMeanSquare(set, differences)));
}
