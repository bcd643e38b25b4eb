// The generalised U-turn criterion over two adjoining stretches of trajectory, in one pass over the momenta.
import type { Metric } from './metric.js';

/** A momentum `[dimension]` and its velocity M⁻¹ p over the metric's dense block. */
export interface Momentum {
  readonly momentum: Float64Array;
  readonly blockVelocity: Float64Array;
}

/** Momenta at the two ends of a stretch, in order of time, and the sum of all momenta on it. */
export interface Stretch {
  readonly begin: Momentum;
  readonly end: Momentum;
  readonly sum: Momentum;
}

/**
 * Writes the summed momenta of both stretches to `total` and returns the smallest of the products p·M⁻¹ρ for the joined
 * stretch (both ends; Betancourt 2017, appendix A.4.2), and for each stretch extended by the nearest momentum of the other
 * (both ends; the checks across subtrees that Stan added in 2.21). The trajectory turns when it is not positive.
 */
export function smallestTurningProduct(left: Stretch, right: Stretch, metric: Metric, total: Float64Array): number {
  const isPair = left.begin === left.end && right.begin === right.end;
  return isPair
    ? turningOfPair(left.begin, right.begin, metric, total)
    : turningOfStretches(left, right, metric, total);
}

/** Two single states: the three checks are one. */
function turningOfPair(first: Momentum, last: Momentum, { inverseMass, block }: Metric, total: Float64Array): number {
  const [p, pLast] = [first.momentum, last.momentum];
  let atFirst = 0;
  let atLast = 0;
  for (let i = 0; i < total.length; i++) {
    const begin = p[i];
    const end = pLast[i];
    const joined = begin + end;
    total[i] = joined;
    const velocity = inverseMass[i] * joined;
    atFirst += begin * velocity;
    atLast += end * velocity;
  }
  block?.indices.forEach((i, row) => {
    atFirst += first.blockVelocity[row] * total[i];
    atLast += last.blockVelocity[row] * total[i];
  });
  return Math.min(atFirst, atLast);
}

function turningOfStretches(
  left: Stretch,
  right: Stretch,
  { inverseMass, block }: Metric,
  total: Float64Array,
): number {
  const leftSum = left.sum.momentum;
  const rightSum = right.sum.momentum;
  const leftBegin = left.begin.momentum;
  const leftEnd = left.end.momentum;
  const rightBegin = right.begin.momentum;
  const rightEnd = right.end.momentum;
  let whole0 = 0;
  let whole1 = 0;
  let left0 = 0;
  let left1 = 0;
  let right0 = 0;
  let right1 = 0;
  // Every entry is read once into a local: the compiler cannot know that `total` overlaps none of the others.
  for (let i = 0; i < total.length; i++) {
    const inverse = inverseMass[i];
    const before = leftSum[i];
    const after = rightSum[i];
    const begin = leftBegin[i];
    const beforeJoin = leftEnd[i];
    const afterJoin = rightBegin[i];
    const end = rightEnd[i];
    const joined = before + after;
    total[i] = joined;
    const whole = inverse * joined;
    const leftward = inverse * (before + afterJoin);
    const rightward = inverse * (after + beforeJoin);
    whole0 += begin * whole;
    whole1 += end * whole;
    left0 += begin * leftward;
    left1 += afterJoin * leftward;
    right0 += beforeJoin * rightward;
    right1 += end * rightward;
  }
  block?.indices.forEach((i, row) => {
    const leftward = leftSum[i] + rightBegin[i];
    const rightward = rightSum[i] + leftEnd[i];
    whole0 += left.begin.blockVelocity[row] * total[i];
    whole1 += right.end.blockVelocity[row] * total[i];
    left0 += left.begin.blockVelocity[row] * leftward;
    left1 += right.begin.blockVelocity[row] * leftward;
    right0 += left.end.blockVelocity[row] * rightward;
    right1 += right.end.blockVelocity[row] * rightward;
  });
  return Math.min(whole0, whole1, left0, left1, right0, right1);
}
