// The generalised U-turn criterion over two adjoining stretches of trajectory, in one pass over the momenta.
import type { Correction, Momentum } from './correction.js';
import type { ArenaVector } from './vectorArena.js';
import type { VectorJob } from './vectorJob.js';

/** Momenta at the two ends of a stretch, in order of time, and the sum of all momenta on it. */
export interface Stretch {
  readonly begin: Momentum;
  readonly end: Momentum;
  readonly sum: Momentum;
}

/**
 * Adds to a job: the summed momenta of both stretches go to `total`. The answer, when the job is done, is the smallest of the products
 * p·M⁻¹ρ for the joined stretch (both ends; Betancourt 2017, appendix A.4.2), and for each stretch extended by the nearest momentum of the
 * other (both ends; the checks across subtrees that Stan added in 2.21). The trajectory turns when it is not positive. With a correction
 * the answer is to be asked for before anything else is written to the momenta, and their images are complete by then.
 */
export function addTurning(
  job: VectorJob,
  left: Stretch,
  right: Stretch,
  correction: Correction | undefined,
  inverseMass: ArenaVector,
  total: Momentum,
): () => number {
  // Two single states: the three checks are one.
  if (left.begin === left.end && right.begin === right.end) {
    const [first, last] = [left.begin, right.begin];
    const at = job.turningOfPair(
      first.momentum.address,
      last.momentum.address,
      inverseMass.address,
      total.momentum.address,
    );
    return () => {
      const [atFirst, atLast] = [job.total(at), job.total(at + 1)];
      if (!correction) return Math.min(atFirst, atLast);
      sumImages(left, right, total);
      return Math.min(atFirst + correction.product(first, total), atLast + correction.product(last, total));
    };
  }
  const at = job.turningOfStretches(
    left.begin.momentum.address,
    left.end.momentum.address,
    left.sum.momentum.address,
    right.begin.momentum.address,
    right.end.momentum.address,
    right.sum.momentum.address,
    inverseMass.address,
    total.momentum.address,
  );
  return () => {
    for (let i = 0; i < products.length; i++) products[i] = job.total(at + i);
    if (correction) {
      sumImages(left, right, total);
      addCorrection(left, right, correction, total, products);
    }
    return Math.min(products[0], products[1], products[2], products[3], products[4], products[5]);
  };
}

/** The six products of the criterion, while they are compared. */
const products = new Float64Array(6);

function sumImages(left: Stretch, right: Stretch, { image }: Momentum): void {
  for (let k = 0; k < image.length; k++) image[k] = left.sum.image[k] + right.sum.image[k];
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
