// Draws of all chains in one array, with the half-chains that split R-hat and ESS work on marked as ranges of it.
import { drawsPerChain } from './draws.js';
import type { Chains } from './draws.js';

/** Equal-length half-chains as ranges of an array in the pooled layout: half-chain k is `[starts[k], starts[k] + length)`. */
export interface HalfChains {
  readonly starts: Int32Array;
  readonly length: number;
}

/**
 * One scalar's draws, `[chain][draw]` in one array. Of an odd number of draws the middle one belongs to no half-chain
 * (as in posterior's `split_chains`): it counts for moments and quantiles only.
 */
export interface PooledDraws {
  readonly values: Float64Array;
  readonly halves: HalfChains;
}

/** Half-chains of `chains` chains of `draws` draws in the pooled layout; a single draw cannot be split and stays whole. */
export function halfChains(chains: number, draws: number): HalfChains {
  if (draws === 1) return { starts: Int32Array.from({ length: chains }, (_, c) => c), length: 1 };
  const length = Math.floor(draws / 2);
  const starts = new Int32Array(2 * chains);
  for (let c = 0; c < chains; c++) {
    starts[2 * c] = c * draws;
    starts[2 * c + 1] = (c + 1) * draws - length;
  }
  return { starts, length };
}

/** Copies chains of equal length into the pooled layout. */
export function poolDraws(chains: Chains): PooledDraws {
  const draws = drawsPerChain(chains);
  const values = new Float64Array(chains.length * draws);
  chains.forEach((chain, c) => values.set(chain, c * draws));
  return { values, halves: halfChains(chains.length, draws) };
}

/** The values of all half-chains end to end, `[halfChain][draw]`, without the middle draws of odd chains. */
export function halfChainValues(values: Float64Array, halves: HalfChains): Float64Array {
  const { starts, length } = halves;
  if (starts.length * length === values.length) return values;
  const out = new Float64Array(starts.length * length);
  for (let k = 0; k < starts.length; k++) out.set(values.subarray(starts[k], starts[k] + length), k * length);
  return out;
}
