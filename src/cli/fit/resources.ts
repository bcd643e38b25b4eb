// The memory and disk statement before a fit starts, and the refusal when they do not fit.
import { statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { InputError } from '../../data/inputError.js';
import { scalarCount } from './drawSink.js';
import type { Site } from '../../models/model.js';
import type { ProgramMemory } from '../../inference/threads/index.js';

/** Bytes by purpose. */
interface MemoryNeeds {
  readonly data: number;
  /** Parameters, gradients and partial sums of the compiled program, of all its copies. */
  readonly program: number;
  /** Phase space: positions, momenta and gradients that the sampler's trajectories hold. */
  readonly trajectories: number;
  /** Running moments of the sites whose draws are not kept. */
  readonly moments: number;
}

export interface Needs {
  readonly host: MemoryNeeds;
  /** In the memory of the device, where it has its own. */
  readonly device: MemoryNeeds | undefined;
  /** Draws on disk. */
  readonly diskBytes: number;
}

/** Node, tfjs and DuckDB, measured on a small fit. */
const baseBytes = 200 * 2 ** 20;
/** Vectors of one chain: a trajectory keeps a few per doubling. */
/** Bytes of the moments of a scalar of one chain: six doubles, or six pairs of floats. */
const momentBytes = 48;
const vectorsPerChain = (maxTreeDepth: number): number => 4 * (maxTreeDepth + 4);

export function estimateNeeds(options: {
  readonly program: ProgramMemory;
  readonly dimension: number;
  readonly chains: number;
  readonly maxTreeDepth: number;
  /** Draws and gradients that a low-rank metric is learnt from, of all chains; on the host. */
  readonly windowBytes: number;
  readonly storedDraws: number;
  readonly sites: readonly Site[];
  /** Sites of which moments are kept, and whether the device keeps them. */
  readonly summed: readonly Site[];
  readonly isSummedOnDevice: boolean;
  /** Numbers per draw and observation to store as well. */
  readonly observations: number;
}): Needs {
  const { program, dimension, chains, maxTreeDepth, windowBytes, storedDraws, sites, observations } = options;
  const { hostBytes, deviceBytes, dataBytes } = program;
  const scalars = scalarCount(sites);
  const moments = momentBytes * chains * scalarCount(options.summed);
  const numbers = dimension * chains * vectorsPerChain(maxTreeDepth);
  const needs = (bytes: number, bytesPerNumber: number, moments: number): MemoryNeeds => ({
    data: Math.min(bytes, dataBytes),
    program: bytes - Math.min(bytes, dataBytes),
    trajectories: numbers * bytesPerNumber,
    moments,
  });
  const withWindow = (host: MemoryNeeds): MemoryNeeds => ({ ...host, trajectories: host.trajectories + windowBytes });
  const diskBytes = (scalars + observations) * chains * storedDraws * 8;
  if (deviceBytes === 0) return { host: withWindow(needs(hostBytes, 8, moments)), device: undefined, diskBytes };
  const [here, there] = options.isSummedOnDevice ? [0, moments] : [moments, 0];
  const host = { data: 0, program: hostBytes, trajectories: 0, moments: here };
  return { host: withWindow(host), device: needs(deviceBytes, 4, there), diskBytes };
}

/**
 * One line on what the fit will take, on the machine and on the device `label`. Throws InputError with advice when memory or
 * disk is too small. What a GPU has to give shows only when it is asked for.
 */
export function stateNeeds({ host, device, diskBytes }: Needs, label: string, folder: string): string {
  const memory = baseBytes + total(host);
  const free = freemem();
  if (memory > free) {
    throw new InputError(
      `the fit needs about ${megabytes(memory)} of memory and ${megabytes(free)} are free; use fewer chains, precision: single, or a machine with more`,
    );
  }
  const { bavail, bsize } = statfsSync(folder);
  const disk = bavail * bsize;
  if (diskBytes > disk) {
    throw new InputError(
      `the draws need about ${megabytes(diskBytes)} and ${megabytes(disk)} are free in ${folder}; name the sites to keep (keep: [...]) or choose another --out`,
    );
  }
  const own =
    device === undefined ? ` (${byPurpose(host)}, of ${megabytes(free)} free)` : ` (of ${megabytes(free)} free)`;
  const onDevice = device === undefined ? '' : `, on ${label} ${megabytes(total(device))} (${byPurpose(device)})`;
  return `memory: about ${megabytes(memory)}${own}${onDevice}; draws on disk: ${megabytes(diskBytes)} (of ${megabytes(disk)} free)`;
}

const total = ({ data, program, trajectories, moments }: MemoryNeeds): number =>
  data + program + trajectories + moments;

const byPurpose = ({ data, program, trajectories, moments }: MemoryNeeds): string =>
  `data ${megabytes(data)}, program ${megabytes(program)}, trajectories ${megabytes(trajectories)}${moments > 0 ? `, moments ${megabytes(moments)}` : ''}`;

function megabytes(bytes: number): string {
  if (bytes > 0 && bytes < 1e5) return `${(bytes / 1e3).toFixed(1)} kB`;
  const mega = bytes / 1e6;
  return mega >= 1000 ? `${(mega / 1000).toFixed(1)} GB` : `${mega >= 10 ? mega.toFixed(0) : mega.toFixed(1)} MB`;
}
