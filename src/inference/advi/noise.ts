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
  const basis = new Basis(half);
  for (const element of Array.from(family.noiseOrder)) {
    const own = noise.subarray(element * draws, element * draws + half);
    const before = family.noisePredecessors(element);
    const nearest = Array.from(before).slice(Math.max(0, before.length - room));
    basis.span(nearest, (i) => noise.subarray(i * draws, i * draws + half));
    stepKey(key, 0, element).stream(sites.approximation).fillNormal(own);
    basis.removeFrom(own);
    const size = Math.sqrt(dot(own, own) / half);
    for (let m = 0; m < half; m++) {
      own[m] /= size;
      noise[element * draws + half + m] = -own[m];
    }
  }
  return noise;
}

/** An orthonormal basis of some elements' noise; what the next list begins with as the last did is kept. */
class Basis {
  private list: number[] = [];
  /** Undefined where an element adds nothing to those before it. */
  private vectors: (Float64Array | undefined)[] = [];

  constructor(private readonly length: number) {}

  span(list: number[], noiseOf: (element: number) => Float64Array): void {
    let kept = 0;
    while (kept < list.length && list[kept] === this.list[kept]) kept++;
    this.vectors.length = kept;
    this.list = list;
    for (const element of list.slice(kept)) {
      const rest = noiseOf(element).slice();
      this.removeFrom(rest);
      const norm = Math.sqrt(dot(rest, rest));
      this.vectors.push(norm > 1e-6 * Math.sqrt(this.length) ? rest.map((value) => value / norm) : undefined);
    }
  }

  removeFrom(vector: Float64Array): void {
    for (let pass = 0; pass < 2; pass++) {
      for (const unit of this.vectors) if (unit !== undefined) subtractPart(vector, unit);
    }
  }
}

function subtractPart(vector: Float64Array, unit: Float64Array): void {
  const part = dot(vector, unit);
  for (let m = 0; m < vector.length; m++) vector[m] -= part * unit[m];
}
