// What a Hamiltonian sampler tells about itself: divergences, tree-depth hits and the energy Bayesian fraction of missing information.
import { meanOf } from './draws.js';

/** Sampler records of one chain after warm-up, each `[draw]`. */
export interface SamplerTrace {
  /** Hamiltonian at the accepted point. */
  readonly energy: Float64Array;
  /** Non-zero where the trajectory diverged. */
  readonly divergent: ArrayLike<number>;
  /** Depth of the trajectory tree; null for samplers without trees (static HMC). */
  readonly treeDepth: ArrayLike<number> | null;
}

/** The same, counted per chain. */
export interface SamplerStatistics {
  readonly drawsPerChain: number;
  /** `[chain]` number of divergent transitions. */
  readonly divergences: readonly number[];
  /** `[chain]` number of transitions that reached `maxTreeDepth`; null for samplers without trees. */
  readonly maxTreeDepthHits: readonly number[] | null;
  /** The limit on the depth in force; null for samplers without trees. */
  readonly maxTreeDepth: number | null;
  /** `[chain]` energy Bayesian fraction of missing information; NaN where undefined. */
  readonly ebfmi: readonly number[];
}

/**
 * E-BFMI of one chain: Σ (E_n − E_{n−1})² / Σ (E_n − Ē)² (Betancourt 2016, "Diagnosing suboptimal cotangent disintegrations",
 * §3). NaN for fewer than two draws, non-finite or constant energies.
 */
export function ebfmi(energy: Float64Array): number {
  if (energy.length < 2) return NaN;
  const mean = meanOf(energy);
  let steps = 0;
  let spread = 0;
  for (let i = 0; i < energy.length; i++) {
    if (i > 0) steps += (energy[i] - energy[i - 1]) ** 2;
    spread += (energy[i] - mean) ** 2;
  }
  return spread > 0 ? steps / spread : NaN;
}

/**
 * Counts the records of all chains.
 * @param maxTreeDepth the sampler's limit on tree depth; null when it builds no trees
 * @throws RangeError when there is no chain.
 */
export function samplerStatistics(traces: readonly SamplerTrace[], maxTreeDepth: number | null): SamplerStatistics {
  if (traces.length === 0) throw new RangeError('sampler records of at least one chain are needed, none were given');
  return {
    drawsPerChain: traces[0].energy.length,
    divergences: traces.map(({ divergent }) => countWhere(divergent, (flag) => flag !== 0)),
    maxTreeDepthHits:
      maxTreeDepth === null
        ? null
        : traces.map(({ treeDepth }) => (treeDepth ? countWhere(treeDepth, (depth) => depth >= maxTreeDepth) : 0)),
    maxTreeDepth,
    ebfmi: traces.map(({ energy }) => ebfmi(energy)),
  };
}

function countWhere(values: ArrayLike<number>, matches: (value: number) => boolean): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (matches(values[i])) count++;
  return count;
}
