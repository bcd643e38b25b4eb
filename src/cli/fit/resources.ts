// The memory and disk statement before a fit starts, and the refusal when they do not fit.
import { statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { InputError } from '../../data/inputError.js';
import { sizeOf } from '../../kernels/program/tensorProgram.js';
import type { Site } from '../../models/model.js';

export interface Needs {
  /** Data, parameters and partial sums of the compiled program. */
  readonly programBytes: number;
  /** Positions, momenta and gradients that the sampler's trajectories hold. */
  readonly samplerBytes: number;
  /** Draws on disk. */
  readonly diskBytes: number;
}

/** Node, tfjs and DuckDB, measured on a small fit. */
const baseBytes = 200 * 2 ** 20;
/** Vectors of one chain: a trajectory keeps a few per doubling. */
const vectorsPerChain = (maxTreeDepth: number): number => 4 * (maxTreeDepth + 4);

export function estimateNeeds(options: {
  readonly programBytes: number;
  readonly dimension: number;
  readonly chains: number;
  readonly maxTreeDepth: number;
  readonly storedDraws: number;
  readonly sites: readonly Site[];
  /** Numbers per draw and observation to store as well. */
  readonly observations: number;
}): Needs {
  const { programBytes, dimension, chains, maxTreeDepth, storedDraws, sites, observations } = options;
  const scalars = sites.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return {
    programBytes,
    samplerBytes: dimension * chains * 8 * vectorsPerChain(maxTreeDepth),
    diskBytes: (scalars + observations) * chains * storedDraws * 8,
  };
}

/** One line on what the fit will take. Throws InputError with advice when memory or disk is too small. */
export function stateNeeds(needs: Needs, folder: string): string {
  const memory = baseBytes + needs.programBytes + needs.samplerBytes;
  const free = freemem();
  if (memory > free) {
    throw new InputError(
      `the fit needs about ${megabytes(memory)} of memory and ${megabytes(free)} are free; use fewer chains, precision: single, or a machine with more`,
    );
  }
  const { bavail, bsize } = statfsSync(folder);
  const disk = bavail * bsize;
  if (needs.diskBytes > disk) {
    throw new InputError(
      `the draws need about ${megabytes(needs.diskBytes)} and ${megabytes(disk)} are free in ${folder}; name the sites to keep (keep: [...]) or choose another --out`,
    );
  }
  return `memory: about ${megabytes(memory)} (program ${megabytes(needs.programBytes)}, trajectories ${megabytes(needs.samplerBytes)}, of ${megabytes(free)} free); draws on disk: ${megabytes(needs.diskBytes)} (of ${megabytes(disk)} free)`;
}

function megabytes(bytes: number): string {
  const mega = bytes / 1e6;
  return mega >= 1000 ? `${(mega / 1000).toFixed(1)} GB` : `${mega >= 10 ? mega.toFixed(0) : mega.toFixed(1)} MB`;
}
