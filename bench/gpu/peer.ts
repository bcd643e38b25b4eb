// What NumPyro was measured to do with the same models: the file that bench/gpu/peer.py writes.
import { readFileSync } from 'node:fs';
import { InputError } from '../../src/data/inputError.js';
import type { PeerModel } from './problems.js';

/** All chains together, as for hierax; null: not measured. */
export interface PeerFigures {
  readonly rows: number;
  readonly gradientMs: number | null;
  readonly leapfrogMs: number | null;
}

export interface Peer {
  /** `NumPyro 0.19, JAX 0.6 on NVIDIA H200` */
  readonly label: string;
  readonly chains: number;
  readonly models: Readonly<Partial<Record<PeerModel, PeerFigures>>>;
}

/** Throws InputError when the file cannot be read or is something else. */
export function readPeer(path: string): Peer {
  try {
    const peer = JSON.parse(readFileSync(path, 'utf8')) as Peer;
    if (typeof peer.label === 'string' && typeof peer.models === 'object') return peer;
  } catch (cause) {
    throw new InputError(`--numpyro ${path}: ${(cause as Error).message.split('\n')[0]}`, { file: path });
  }
  throw new InputError(`--numpyro ${path}: not a file that bench/gpu/peer.py wrote`, { file: path });
}
