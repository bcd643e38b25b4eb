// The generalised U-turn criterion over two adjoining stretches of trajectory, in one pass over the momenta.
import type { Metric } from './metric.js';
import { type ArenaVector, VectorArena } from './vectorArena.js';

/** A momentum `[dimension]` and its velocity M⁻¹ p over the metric's dense block. */
export interface Momentum {
  readonly momentum: ArenaVector;
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
export function smallestTurningProduct(
  left: Stretch,
  right: Stretch,
  block: Metric['block'],
  inverseMass: ArenaVector,
  total: ArenaVector,
  arena: VectorArena,
): number {
  const { kernels, results } = arena;
  const bytes = VectorArena.bytesOf(total.values.length);
  // Two single states: the three checks are one.
  if (left.begin === left.end && right.begin === right.end) {
    const [first, last] = [left.begin, right.begin];
    kernels.turningOfPair(
      first.momentum.address,
      last.momentum.address,
      inverseMass.address,
      total.address,
      bytes,
      results.byteOffset,
    );
    let atFirst = results[0];
    let atLast = results[1];
    block?.indices.forEach((i, row) => {
      atFirst += first.blockVelocity[row] * total.values[i];
      atLast += last.blockVelocity[row] * total.values[i];
    });
    return Math.min(atFirst, atLast);
  }
  kernels.turningOfStretches(
    left.begin.momentum.address,
    left.end.momentum.address,
    left.sum.momentum.address,
    right.begin.momentum.address,
    right.end.momentum.address,
    right.sum.momentum.address,
    inverseMass.address,
    total.address,
    bytes,
    results.byteOffset,
  );
  if (block) addBlockProducts(left, right, block.indices, total.values, results);
  return Math.min(results[0], results[1], results[2], results[3], results[4], results[5]);
}

/** The dense block's share of the six products. */
function addBlockProducts(
  left: Stretch,
  right: Stretch,
  indices: Int32Array,
  total: Float64Array,
  products: Float64Array,
): void {
  const [leftSum, rightSum] = [left.sum.momentum.values, right.sum.momentum.values];
  const [leftEnd, rightBegin] = [left.end.momentum.values, right.begin.momentum.values];
  for (let row = 0; row < indices.length; row++) {
    const i = indices[row];
    const leftward = leftSum[i] + rightBegin[i];
    const rightward = rightSum[i] + leftEnd[i];
    products[0] += left.begin.blockVelocity[row] * total[i];
    products[1] += right.end.blockVelocity[row] * total[i];
    products[2] += left.begin.blockVelocity[row] * leftward;
    products[3] += right.begin.blockVelocity[row] * leftward;
    products[4] += left.end.blockVelocity[row] * rightward;
    products[5] += right.end.blockVelocity[row] * rightward;
  }
}
