// Fixed draws of the deterministic variant: antithetic pairs of normals whose first two moments are exact where the family needs them.
import { dot } from '../optimise/vectors.js';
import { type RandomKey, sites, stepKey } from '../random/streams.js';
import type { Family } from './family.js';

/** Noise elements beyond this many before one are left correlated with it by chance. */
export const LEFT_FREE = 3;

/**
 * `[noiseCount][draws]`, the second half of the draws minus the first. Each element has mean 0 and variance 1 over the draws, and is
 * uncorrelated with the elements that precede it in the family, as many of the nearest as half the draws have room for. For a Gaussian
 * density with that pattern of dependence the ELBO over these draws is then the exact ELBO, up to a constant.
 */
export function fixedNoise(family: Family, draws: number, key: RandomKey): Float64Array {
  const half = draws / 2;
  const noise = new Float64Array(family.noiseCount * draws);
  const room = half - LEFT_FREE;
  for (let k = 0; k < family.noiseCount; k++) {
    const element = family.noiseOrder[k];
    const own = noise.subarray(element * draws, element * draws + half);
    const stream = stepKey(key, 0, element).stream(sites.approximation);
    const before = family.noisePredecessors(element);
    const nearest = Array.from(before).slice(Math.max(0, before.length - room));
    const others = orthonormal(nearest.map((i) => noise.subarray(i * draws, i * draws + half)));
    stream.fillNormal(own);
    for (let pass = 0; pass < 2; pass++) {
      for (const other of others) subtractPart(own, other);
    }
    const size = Math.sqrt(dot(own, own) / half);
    for (let m = 0; m < half; m++) {
      own[m] /= size;
      noise[element * draws + half + m] = -own[m];
    }
  }
  return noise;
}

function subtractPart(vector: Float64Array, unit: Float64Array): void {
  const part = dot(vector, unit);
  for (let m = 0; m < vector.length; m++) vector[m] -= part * unit[m];
}

/** Orthonormal vectors that span the same; those that add nothing are left out. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const vector of vectors) {
    const rest = vector.slice();
    for (const unit of basis) subtractPart(rest, unit);
    for (const unit of basis) subtractPart(rest, unit);
    const norm = Math.sqrt(dot(rest, rest));
    if (norm > 1e-6 * Math.sqrt(vector.length)) basis.push(rest.map((value) => value / norm));
  }
  return basis;
}
