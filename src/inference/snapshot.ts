// A run as a plain record that survives JSON bit for bit, from which it continues with the very draws it would have given.
import type { SavedLowRank, SavedMoments, SavedPairs, SavedVectors } from './phaseSpace/phaseSpaces.js';
import type { ResolvedSettings } from './settings.js';
import type { DualAveraging } from './warmup/dualAveraging.js';
import type { WarmupState } from './warmup/warmup.js';

/** Of the record's form and of what the numbers mean: random numbers are consumed otherwise than in version 1. */
const VERSION = 2;

/** Doubles as base64 of their bytes, little-endian: exact for every value, NaN and −0 included. */
export type EncodedVector = string;

/** A chain after its last finished transition. */
export interface ChainSnapshot {
  /** Transitions finished, warm-up included: the next draw's index. */
  readonly transitions: number;
  readonly position: EncodedVector;
  /** Step size, then the dual averaging's scalars in the order of their record. */
  readonly stepSizes: EncodedVector;
  readonly stage: number;
  readonly done: number;
  readonly isSearchPending: boolean;
  readonly inverseMass: EncodedVector;
  /** Inverse mass over the dense block; null where there is none (yet). */
  readonly blockInverseMass: EncodedVector | null;
  readonly momentCount: number;
  readonly momentMean: EncodedVector;
  readonly momentSquares: EncodedVector;
  readonly momentProducts: EncodedVector;
  /** Of a low-rank metric: its columns and eigenvalues once there are some, and the window's draws with their gradients. */
  readonly lowRank?: EncodedLowRank;
  readonly counts: ChainCounts;
}

interface EncodedLowRank {
  readonly eigenvalues: EncodedVector;
  readonly columns: EncodedVector;
  readonly rank: number;
  readonly gradientMean: EncodedVector;
  readonly gradientSquares: EncodedVector;
  readonly stride: number;
  readonly kept: number;
  /** `[kept][dimension]` */
  readonly draws: EncodedVector;
  readonly gradients: EncodedVector;
}

/** What a chain has done so far. */
export interface ChainCounts {
  /**
   * Evaluations of the log density and its gradient during warm-up (start and step-size searches included) and after it;
   * those made ahead in vain, where a device has lookahead, are not counted.
   */
  readonly warmupGradientEvaluations: number;
  readonly gradientEvaluations: number;
  /** Transitions after warm-up that diverged, and that stopped at the greatest tree depth. */
  readonly divergences: number;
  readonly maxTreeDepthHits: number;
}

/** A run: every chain at its own last draw; null for a chain that has not found its start yet, or is no part of this run. */
export interface Snapshot {
  readonly version: typeof VERSION;
  /** What must be the same when the run is resumed. */
  readonly settings: Readonly<Record<string, string | number>>;
  readonly chains: readonly (ChainSnapshot | null)[];
  /** Of ChEES-HMC: what the chains share (`EnsembleSnapshot`). */
  readonly trajectory?: EncodedVector;
}

/** A chain's state between two transitions. */
export interface ChainRecord {
  readonly transitions: number;
  readonly warmup: WarmupState;
  readonly counts: ChainCounts;
}

/** A run of the given settings at its chains. */
export function makeSnapshot(
  settings: Snapshot['settings'],
  chains: Snapshot['chains'],
  trajectory?: EncodedVector,
): Snapshot {
  return { version: VERSION, settings, chains, ...(trajectory !== undefined && { trajectory }) };
}

/** The settings that decide a run's draws (`draws` may grow), as scalars. */
export function settingsFingerprint(settings: ResolvedSettings, dimension: number): Snapshot['settings'] {
  const { method, chains, warmup, seed, targetAcceptance, maxTreeDepth, hmc } = settings;
  const common = {
    dimension,
    method,
    chains,
    warmup,
    seed,
    targetAcceptance,
    denseDimensions: settings.denseIndices.join(' '),
    ...(!settings.adaptsMetric && { metric: 'fixed' }),
    ...(settings.lowRank && { lowRankMetric: Object.values(settings.lowRank).join(' ') }),
  };
  if (method === 'chees') return { ...common, ...settings.chees, superchains: settings.superchains };
  return method === 'nuts' ? { ...common, maxTreeDepth } : { ...common, ...hmc };
}

/** Throws RangeError naming the first setting in which a snapshot differs from the run that resumes it. */
export function checkResumable(snapshot: Snapshot, settings: Snapshot['settings']): void {
  if (snapshot.version !== VERSION) {
    throw new RangeError(
      `resume: the saved run is of version ${String(snapshot.version)} of the sampler, this is ${VERSION}; start it again`,
    );
  }
  for (const name of Object.keys({ ...settings, ...snapshot.settings })) {
    const [saved, own] = [snapshot.settings, settings].map((of) => of[name] ?? 'not set');
    if (saved !== own)
      throw new RangeError(`resume: the saved run has ${name} ${saved}, this one ${own}; they must agree`);
  }
}

/** One run, of any method, from the snapshots of its parts. */
export function joinSnapshots<Parts extends { readonly chains: readonly unknown[] }>(parts: readonly Parts[]): Parts {
  const chains = parts[0].chains.map(
    (_, c) => parts.map((part) => part.chains[c]).find((chain) => chain !== null) ?? null,
  );
  return { ...parts[0], chains };
}

export function encodeChain(record: ChainRecord, vectors: SavedVectors): ChainSnapshot {
  const { stage, done, isSearchPending, stepSize, dualAveraging } = record.warmup;
  const { count, logTarget, meanError, logStepSize, logAveraged } = dualAveraging;
  const { position, inverseMass, blockInverseMass, lowRank, moments } = vectors;
  return {
    transitions: record.transitions,
    position: encodeVector(position),
    stepSizes: encodeVector(Float64Array.of(stepSize, count, logTarget, meanError, logStepSize, logAveraged)),
    stage,
    done,
    isSearchPending,
    inverseMass: encodeVector(inverseMass),
    blockInverseMass: blockInverseMass ? encodeVector(blockInverseMass) : null,
    momentCount: moments.count,
    momentMean: encodeVector(moments.mean),
    momentSquares: encodeVector(moments.squares),
    momentProducts: encodeVector(moments.products),
    ...(moments.pairs && { lowRank: encodeLowRank(lowRank, moments.pairs) }),
    counts: record.counts,
  };
}

/** The record of a saved chain, and its vectors. Throws RangeError for vectors of the wrong length. */
export function decodeChain(
  saved: ChainSnapshot,
  dimension: number,
  { denseIndices }: Pick<ResolvedSettings, 'denseIndices'>,
): { readonly record: ChainRecord; readonly vectors: SavedVectors } {
  const [stepSize, count, logTarget, meanError, logStepSize, logAveraged] = decodeVector(saved.stepSizes, 6);
  const dualAveraging: DualAveraging = { count, logTarget, meanError, logStepSize, logAveraged };
  const { transitions, counts, stage, done, isSearchPending, blockInverseMass } = saved;
  const blockSize = denseIndices.length ** 2;
  const lowRank = saved.lowRank && decodeLowRank(saved.lowRank, saved.momentCount, dimension);
  return {
    record: { transitions, warmup: { stage, done, stepSize, isSearchPending, dualAveraging }, counts },
    vectors: {
      position: decodeVector(saved.position, dimension),
      inverseMass: decodeVector(saved.inverseMass, dimension),
      blockInverseMass: blockInverseMass === null ? undefined : decodeVector(blockInverseMass, blockSize),
      lowRank: lowRank?.part,
      moments: {
        count: saved.momentCount,
        mean: decodeVector(saved.momentMean, dimension),
        squares: decodeVector(saved.momentSquares, dimension),
        products: decodeVector(saved.momentProducts, blockSize),
        ...(lowRank && { pairs: lowRank.pairs }),
      },
    },
  };
}

function encodeLowRank(part: SavedLowRank | undefined, pairs: SavedPairs): EncodedLowRank {
  const { gradients, stride, keptDraws, keptGradients } = pairs;
  const none = new Float64Array(0);
  const { columns = none, eigenvalues = none } = part ?? {};
  return {
    eigenvalues: encodeVector(eigenvalues),
    columns: encodeVector(columns),
    rank: eigenvalues.length,
    gradientMean: encodeVector(gradients.mean),
    gradientSquares: encodeVector(gradients.squares),
    stride,
    kept: keptDraws.length,
    draws: encodeVector(joined(keptDraws)),
    gradients: encodeVector(joined(keptGradients)),
  };
}

function decodeLowRank(
  saved: EncodedLowRank,
  count: number,
  dimension: number,
): { readonly part: SavedLowRank | undefined; readonly pairs: SavedPairs } {
  const { rank, stride, kept } = saved;
  const moments: SavedMoments = {
    count,
    mean: decodeVector(saved.gradientMean, dimension),
    squares: decodeVector(saved.gradientSquares, dimension),
    products: new Float64Array(0),
  };
  const part = {
    columns: decodeVector(saved.columns, rank * dimension),
    eigenvalues: decodeVector(saved.eigenvalues, rank),
  };
  const rowsOf = (encoded: EncodedVector): Float64Array[] => {
    const all = decodeVector(encoded, kept * dimension);
    return Array.from({ length: kept }, (_, k) => all.slice(k * dimension, (k + 1) * dimension));
  };
  return {
    part: rank > 0 ? part : undefined,
    pairs: { gradients: moments, stride, keptDraws: rowsOf(saved.draws), keptGradients: rowsOf(saved.gradients) },
  };
}

function joined(rows: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(rows.length * (rows[0]?.length ?? 0));
  rows.forEach((row, k) => all.set(row, k * row.length));
  return all;
}

const CHUNK = 0x2000;

export function encodeVector(vector: Float64Array): EncodedVector {
  const view = new DataView(new ArrayBuffer(vector.length * 8));
  vector.forEach((value, i) => view.setFloat64(8 * i, value, true));
  const bytes = new Uint8Array(view.buffer);
  let text = '';
  for (let start = 0; start < bytes.length; start += CHUNK)
    text += String.fromCharCode(...bytes.subarray(start, start + CHUNK));
  return btoa(text);
}

export function decodeVector(encoded: EncodedVector, length: number): Float64Array {
  const text = atob(encoded);
  if (text.length !== 8 * length)
    throw new RangeError(`resume: a saved vector has ${text.length / 8} values, expected ${length}`);
  const view = new DataView(Uint8Array.from(text, (character) => character.charCodeAt(0)).buffer);
  return Float64Array.from({ length }, (_, i) => view.getFloat64(8 * i, true));
}
