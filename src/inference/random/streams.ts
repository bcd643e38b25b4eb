// Random streams keyed by (seed, chain, step, site): the same key gives the same numbers whatever else is drawn.
import seedrandom from 'seedrandom';
import { philox4x32 } from './philox.js';

/** The 64-bit key that a user's seed stands for. */
export interface RandomKey {
  readonly low: number;
  readonly high: number;
}

/** The Philox counter of a stream, in words: (block, site, step, chain) under a 64-bit key; blocks count from 0. */
export interface PhiloxCounter {
  readonly keyLow: number;
  readonly keyHigh: number;
  readonly chain: number;
  readonly step: number;
  readonly site: number;
}

/** Where in a transition a stream is used; part of the counter, so that no two uses share numbers. */
export const sites = {
  momentum: 0,
  /** Choices between states of a trajectory: joins of NUTS, acceptance of HMC. */
  trajectory: 1,
  stepSizeJitter: 2,
  initialPosition: 3,
  /** Noise of replicated data sets; the step is the draw. */
  predictive: 4,
  /** Directions of NUTS' doublings. */
  direction: 5,
  /** Normals of coefficients that are drawn given the scales. */
  coefficients: 11,
  /** Noise of an approximation's draws, and the choice among them by weight. */
  approximation: 12,
  resampling: 13,
  /** Whether what a surrogate proposes is accepted. */
  decision: 14,
  /** Gibbs: normals of the coefficients, and what the updates of scales take, one after another. */
  gibbsCoefficients: 6,
  gibbsScales: 7,
  gibbsFixed: 8,
  gibbsRows: 9,
  /** The n-th trial of a step-size search uses `stepSizeSearch + n`. */
  stepSizeSearch: 16,
  /** Gibbs: block b uses `gibbs + 3b` for the normals of its coefficients, and the two after it for scales and for Metropolis steps. */
  gibbs: 2 ** 16,
} as const;

/** Random numbers in order. What a sampler may ask for, so that a test can enumerate the outcomes instead. */
export interface RandomStream {
  /** Uniform on the open interval (0, 1). */
  uniform(): number;
  /** True with the given probability (above 1 counts as 1). */
  bernoulli(probability: number): boolean;
  /** Fills `target` with independent standard normals; element i depends on i and the stream alone. */
  fillNormal(target: Float64Array): void;
  /** Where a fresh stream's numbers come from, for devices that draw them themselves; absent for other generators. */
  readonly counter?: PhiloxCounter;
}

/** The randomness of one transition of one chain. */
export interface StepKey {
  stream(site: number): RandomStream;
}

/** Key of an integer (used as it is, up to 2^53 in size) or of any string (hashed by `seedrandom`). Throws RangeError otherwise. */
export function randomKey(seed: number | string): RandomKey {
  if (typeof seed === 'string') {
    const generator = seedrandom(seed);
    return { low: generator.int32() >>> 0, high: generator.int32() >>> 0 };
  }
  if (!Number.isSafeInteger(seed))
    throw new RangeError(`seed: ${seed} is not an integer below 2^53; give an integer or a string`);
  return { low: seed >>> 0, high: Math.floor(seed / 2 ** 32) >>> 0 };
}

/** Key of transition `step` of chain `chain`. */
export function stepKey(key: RandomKey, chain: number, step: number): StepKey {
  return { stream: (site) => new PhiloxStream(key, chain, step, site) };
}

/** Noise for the data set replicated from draw `draw` of chain `chain`. */
export function predictiveStream(seed: number | string, chain: number, draw: number): RandomStream {
  return stepKey(randomKey(seed), chain, draw).stream(sites.predictive);
}

/** Words of the block just computed: shared by all streams, which keep what they need of it. */
const words = new Uint32Array(4);

/** Philox blocks with counter (block, site, step, chain); each block of 128 bits makes two uniforms. */
export class PhiloxStream implements RandomStream {
  private block = 0;
  /** The second uniform of the last block, until it is used; 0 then. */
  private second = 0;

  constructor(
    private readonly key: RandomKey,
    private readonly chain: number,
    private readonly step: number,
    private readonly site: number,
  ) {}

  get counter(): PhiloxCounter {
    const { key, chain, step, site } = this;
    return { keyLow: key.low, keyHigh: key.high, chain, step, site };
  }

  uniform(): number {
    const { second } = this;
    if (second > 0) {
      this.second = 0;
      return second;
    }
    this.nextBlock();
    this.second = openUniform(words[2], words[3]);
    return openUniform(words[0], words[1]);
  }

  bernoulli(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** Box and Muller (1958): one block gives the pair (r cos φ, r sin φ). Starts at a fresh block. */
  fillNormal(target: Float64Array): void {
    this.second = 0;
    for (let i = 0; i < target.length; i += 2) {
      this.nextBlock();
      const radius = Math.sqrt(-2 * Math.log(openUniform(words[0], words[1])));
      const angle = 2 * Math.PI * openUniform(words[2], words[3]);
      target[i] = radius * Math.cos(angle);
      if (i + 1 < target.length) target[i + 1] = radius * Math.sin(angle);
    }
  }

  private nextBlock(): void {
    philox4x32(this.block++, this.site, this.step, this.chain, this.key.low, this.key.high, words);
  }
}

/** (k + ½)·2⁻⁵² for 52 random bits k: an exact double of 53 significant bits, never 0 and never 1. */
function openUniform(high: number, low: number): number {
  return ((high >>> 6) * 2 ** 26 + (low >>> 6) + 0.5) * 2 ** -52;
}
