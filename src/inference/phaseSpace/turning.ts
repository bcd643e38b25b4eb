// The generalised U-turn criterion over two adjoining stretches of trajectory, in one pass over the momenta.
import type { Correction, Momentum } from './correction.js';
import { type ArenaVector, VectorArena } from './vectorArena.js';

/** Momenta at the two ends of a stretch, in order of time, and the sum of all momenta on it. */
export interface Stretch {
  readonly begin: Momentum;
  readonly end: Momentum;
  readonly sum: Momentum;
}

/**
 * Writes the summed momenta of both stretches, and their image, to `total` and returns the smallest of the products p·M⁻¹ρ for the joined
 * stretch (both ends; Betancourt 2017, appendix A.4.2), and for each stretch extended by the nearest momentum of the other
 * (both ends; the checks across subtrees that Stan added in 2.21). The trajectory turns when it is not positive.
 */
export function smallestTurningProduct(
  left: Stretch,
  right: Stretch,
  correction: Correction | undefined,
  inverseMass: ArenaVector,
  total: Momentum,
  arena: VectorArena,
): number {
  const { kernels, results } = arena;
  const bytes = VectorArena.bytesOf(total.momentum.values.length);
  for (let k = 0; k < total.image.length; k++) total.image[k] = left.sum.image[k] + right.sum.image[k];
  // Two single states: the three checks are one.
  if (left.begin === left.end && right.begin === right.end) {
    const [first, last] = [left.begin, right.begin];
    kernels.turningOfPair(
      first.momentum.address,
      last.momentum.address,
      inverseMass.address,
      total.momentum.address,
      bytes,
      results.byteOffset,
    );
    if (correction) {
      results[0] += correction.product(first, total);
      results[1] += correction.product(last, total);
    }
    return Math.min(results[0], results[1]);
  }
  kernels.turningOfStretches(
    left.begin.momentum.address,
    left.end.momentum.address,
    left.sum.momentum.address,
    right.begin.momentum.address,
    right.end.momentum.address,
    right.sum.momentum.address,
    inverseMass.address,
    total.momentum.address,
    bytes,
    results.byteOffset,
  );
  if (correction) addCorrection(left, right, correction, total, results);
  return Math.min(results[0], results[1], results[2], results[3], results[4], results[5]);
}

/** The correction's share of the six products. */
function addCorrection(
  left: Stretch,
  right: Stretch,
  correction: Correction,
  total: Momentum,
  products: Float64Array,
): void {
  products[0] += correction.product(left.begin, total);
  products[1] += correction.product(right.end, total);
  products[2] += correction.product(left.begin, left.sum) + correction.product(left.begin, right.begin);
  products[3] += correction.product(right.begin, left.sum) + correction.product(right.begin, right.begin);
  products[4] += correction.product(left.end, right.sum) + correction.product(left.end, left.end);
  products[5] += correction.product(right.end, right.sum) + correction.product(right.end, left.end);
}
