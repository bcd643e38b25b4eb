// A Gibbs run as a plain record, from which it continues with the very draws it would have given.
import { decodeVector, type EncodedVector, encodeVector } from '../snapshot.js';
import { type ChainValues, packValues, unpackValues } from './chainValues.js';
import type { Learner } from './sampler.js';
import type { ResolvedGibbsSettings } from './settings.js';

/** Of the record's form and of how random numbers are consumed. */
const VERSION = 1;

export interface GibbsChainSnapshot {
  /** Sweeps done, burn-in included. */
  readonly sweeps: number;
  readonly values: EncodedVector;
  /** What it has learnt: by term the proposals of its scales, or all in one. */
  readonly proposals: readonly EncodedVector[];
}

export interface GibbsSnapshot {
  readonly version: typeof VERSION;
  readonly method: 'gibbs';
  /** What must be the same when the run is resumed. */
  readonly settings: Readonly<Record<string, string | number>>;
  /** By chain of the whole run; null for one that is no part of this run. */
  readonly chains: readonly (GibbsChainSnapshot | null)[];
}

/** The settings that decide a run's draws (`draws` may grow), as scalars. */
export function gibbsFingerprint(
  { chains, warmup, thin, seed, scheme, scan }: ResolvedGibbsSettings,
  dimension: number,
): GibbsSnapshot['settings'] {
  return { dimension, chains, warmup, thin, seed, scheme, scan };
}

export function makeGibbsSnapshot(settings: GibbsSnapshot['settings'], chains: GibbsSnapshot['chains']): GibbsSnapshot {
  return { version: VERSION, method: 'gibbs', settings, chains };
}

/** Throws RangeError naming the first setting in which a snapshot differs from the run that resumes it. */
export function checkGibbsResumable(snapshot: GibbsSnapshot, settings: GibbsSnapshot['settings']): void {
  const saved = snapshot as { readonly version: unknown; readonly method?: unknown };
  if (saved.version !== VERSION || saved.method !== 'gibbs')
    throw new RangeError('resume: the saved run is none of this Gibbs sampler; start it again');
  for (const [name, value] of Object.entries(settings)) {
    if (snapshot.settings[name] !== value) {
      throw new RangeError(
        `resume: the saved run has ${name} ${snapshot.settings[name]}, this one ${value}; they must agree`,
      );
    }
  }
}

export function saveChain(sweeps: number, values: ChainValues, proposals: readonly Learner[]): GibbsChainSnapshot {
  return {
    sweeps,
    values: encodeVector(packValues(values)),
    proposals: proposals.map((proposal) => encodeVector(proposal.pack())),
  };
}

/** Puts a saved chain's values into `values`; returns the sweeps it has done. Throws RangeError for a chain of another model. */
export function restoreChain(saved: GibbsChainSnapshot, values: ChainValues, proposals: readonly Learner[]): number {
  for (const [t, proposal] of proposals.entries())
    proposal.unpack(decodeVector(saved.proposals[t], proposal.pack().length));
  unpackValues(decodeVector(saved.values, packValues(values).length), values);
  return saved.sweeps;
}
