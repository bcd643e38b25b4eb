// k̂ of an approximation on the exact marginal density of some elements of the position, where that of the joint density says little.
import type { BatchedLogDensity } from '../logDensity.js';
import { driveTogether, type Evaluating, newPoint } from '../optimise/evaluating.js';
import { paretoSmooth } from './paretoSmoothing.js';
import { type FitVerdict, judgeFit } from './verdict.js';

/** The exact marginal density of some elements of the position, with everything else integrated out. */
export interface MarginalDensity {
  readonly density: BatchedLogDensity;
  /** Elements of the position that the marginal's position consists of, in its order. */
  readonly indices: ArrayLike<number>;
}

/**
 * The verdict from draws of an approximation, of each the elements that the marginal density is of.
 * @param logApproximation log density of the approximation's own marginal at such elements
 */
export async function judgeMarginal(
  { density, indices }: MarginalDensity,
  draws: readonly Float64Array[],
  logApproximation: (elements: Float64Array) => number,
  signal?: AbortSignal,
): Promise<FitVerdict> {
  const points = draws.map((elements) => {
    const point = newPoint(indices.length);
    point.position.set(elements);
    return point;
  });
  const all = function* (): Evaluating<void> {
    yield points;
  };
  await driveTogether([all()], density, signal);
  const ratios = points.map(({ position, value }) => value - logApproximation(position));
  return judgeFit(paretoSmooth(ratios), indices.length, 'the marginal posterior of the scales');
}
