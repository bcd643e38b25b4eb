// Fixed draws of the deterministic variant: antithetic pairs of normals whose first two moments are exact where the family needs them.
import { Normals } from '../random/normals.js';
import { type RandomKey, sites, stepKey } from '../random/streams.js';
import { BLOCK, blockSizes, type Family } from './family.js';

/** Noise elements beyond this many before one are left correlated with it by chance. */
export const LEFT_FREE = 3;

/**
 * Blocks `[noiseCount][draw]` of all draws, the second half of which is minus the first. Each element has mean 0 and variance 1 over the draws, and is
 * uncorrelated with the elements that precede it in the family, as many of the nearest as half the draws have room for. For a Gaussian
 * density with that pattern of dependence the ELBO over these draws is then the exact ELBO, up to a constant.
 */
export function fixedNoise(family: Family, draws: number, key: RandomKey): Float64Array[] {
  const { noiseCount } = family;
  const half = draws / 2;
  const firstHalf = new Normals().of(stepKey(key, 0, 0).stream(sites.approximation), noiseCount * half).slice();
  const basis = new Basis(firstHalf, half, family.noisePredecessors);
  for (const element of Array.from(family.noiseOrder)) {
    basis.span(family.noisePredecessors(element), half - LEFT_FREE);
    basis.removeFrom(firstHalf, element * half, 1);
    normalise(firstHalf, element * half, half);
  }
  return blockSizes(draws).map((count, b) => {
    const noise = family.array(noiseCount * count);
    for (let i = 0; i < noiseCount; i++) {
      for (let m = 0; m < count; m++) {
        const draw = b * BLOCK + m;
        noise[i * count + m] = draw < half ? firstHalf[i * half + draw] : -firstHalf[i * half + draw - half];
      }
    }
    return noise;
  });
}

/** An orthonormal basis of some elements' noise; what the next list begins with as the last did is kept. */
class Basis {
  private list: ArrayLike<number> = [];
  private from = 0;
  private size = 0;
  private readonly vectors: Float64Array;

  /** @param noise `[element][draw]` */
  constructor(
    private readonly noise: Float64Array,
    private readonly length: number,
    private readonly predecessors: (element: number) => ArrayLike<number>,
  ) {
    this.vectors = new Float64Array(length * length);
  }

  /** Spans the noise of the last `most` elements of a list. An element that adds nothing to those before it has a vector of zeros. */
  span(list: ArrayLike<number>, most: number): void {
    const { noise, length, vectors } = this;
    const from = Math.max(0, list.length - most);
    let kept = 0;
    if (from === this.from) {
      const shared = Math.min(this.size, list.length - from);
      while (kept < shared && list[from + kept] === this.list[from + kept]) kept++;
    }
    [this.list, this.from, this.size] = [list, from, kept];
    for (; this.size < list.length - from; this.size++) {
      const at = this.size * length;
      const element = list[from + this.size] * length;
      for (let m = 0; m < length; m++) vectors[at + m] = noise[element + m];
      // Where the basis is of its predecessors it is without their part already.
      if (!this.isListOf(this.predecessors(list[from + this.size]))) this.removeFrom(vectors, at, 2);
      let squares = 0;
      for (let m = at; m < at + length; m++) squares += vectors[m] * vectors[m];
      const factor = squares > 1e-12 * length ? 1 / Math.sqrt(squares) : 0;
      for (let m = at; m < at + length; m++) vectors[m] *= factor;
    }
  }

  private isListOf(other: ArrayLike<number>): boolean {
    if (this.from > 0 || other.length !== this.size) return false;
    for (let k = 0; k < this.size; k++) if (other[k] !== this.list[k]) return false;
    return true;
  }

  /** From the vector at a place of `values`; twice where little may be left, which would be mostly rounding after one pass. */
  removeFrom(values: Float64Array, place: number, passes: number): void {
    const { vectors, length } = this;
    const end = this.size * length;
    for (let pass = 0; pass < passes; pass++) {
      for (let unit = 0; unit < end; unit += length) {
        let part = 0;
        for (let m = 0; m < length; m++) part += values[place + m] * vectors[unit + m];
        for (let m = 0; m < length; m++) values[place + m] -= part * vectors[unit + m];
      }
    }
  }
}

/** Scales a stretch to a mean square of 1. */
function normalise(values: Float64Array, from: number, length: number): void {
  let squares = 0;
  for (let m = from; m < from + length; m++) squares += values[m] * values[m];
  const factor = 1 / Math.sqrt(squares / length);
  for (let m = from; m < from + length; m++) values[m] *= factor;
}
