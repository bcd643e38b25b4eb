// Fixed draws of the deterministic variant: antithetic pairs of normals whose first two moments are exact where the family needs them.
import { dot } from '../optimise/vectors.js';
import { normalsPerPass, NormalSource } from '../random/normalKernel.js';
import { type RandomKey, sites, type StepKey, stepKey } from '../random/streams.js';
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
  const firstHalf = new Float64Array(noiseCount * half);
  const rowOf = (element: number): Float64Array => firstHalf.subarray(element * half, (element + 1) * half);
  const room = half - LEFT_FREE;
  const basis = new Basis(half);
  const normals = new Normals();
  for (const element of Array.from(family.noiseOrder)) {
    const own = rowOf(element);
    const before = family.noisePredecessors(element);
    const nearest = Array.from(before).slice(Math.max(0, before.length - room));
    basis.span(nearest, rowOf);
    own.set(normals.of(stepKey(key, 0, element), half));
    basis.removeFrom(own, 1);
    const size = Math.sqrt(dot(own, own) / half);
    for (let m = 0; m < half; m++) own[m] /= size;
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

/** Standard normals of a step's stream for approximations, by the vector kernel: those of `fillNormal` up to rounding. */
export class Normals {
  private memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  private readonly source = new NormalSource(this.memory);
  private values = new Float64Array(0);

  /** Valid until the next call. */
  of(step: StepKey, count: number): Float64Array {
    const stream = step.stream(sites.approximation);
    if (stream.counter === undefined) throw new TypeError('a stream without a counter');
    const whole = Math.ceil(count / normalsPerPass) * normalsPerPass;
    if (this.values.length < whole) {
      const missing = whole * 8 - this.memory.buffer.byteLength;
      if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
      this.values = new Float64Array(this.memory.buffer, 0, whole);
    }
    this.source.fill(0, count + (count % 2), 8, stream.counter);
    return this.values.subarray(0, count);
  }
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

  /** Twice where little may be left, which would be mostly rounding after one pass. */
  removeFrom(vector: Float64Array, passes = 2): void {
    for (let pass = 0; pass < passes; pass++) {
      for (const unit of this.vectors) if (unit !== undefined) subtractPart(vector, unit);
    }
  }
}

function subtractPart(vector: Float64Array, unit: Float64Array): void {
  const part = dot(vector, unit);
  for (let m = 0; m < vector.length; m++) vector[m] -= part * unit[m];
}
