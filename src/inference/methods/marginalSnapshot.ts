// A saved run of marginal NUTS: the map from its positions to the scales, and the chains of the way it went.
import type { SavedProposals } from '../marginal/proposals.js';
import type { Marginal, ScaleMap } from '../marginal/marginalDensity.js';
import type { UnitDesign } from '../marginal/unitPolynomials.js';
import { decodeVector, encodeVector, type EncodedVector, type Snapshot } from '../snapshot.js';
import type { MethodSnapshot } from './method.js';

/** Chains whose proposals walk over a surrogate. */
export interface SurrogateProgress {
  readonly design: UnitDesign;
  /** Evaluations of the density that the surrogate took. */
  readonly evaluations: number;
  /** By chain. */
  readonly stepSizes: readonly number[];
  readonly proposals: SavedProposals;
}

/** How far a run is: NUTS on the density itself, or by a surrogate. */
export type MarginalProgress = { readonly run: Snapshot } | { readonly surrogate: SurrogateProgress };

interface SavedSurrogate {
  readonly centre: EncodedVector;
  readonly factor: EncodedVector;
  readonly size: number;
  readonly evaluations: number;
  readonly stepSizes: EncodedVector;
  readonly proposals: SavedProposals;
}

interface MarginalSnapshot {
  readonly kind: 'marginal';
  readonly scales: string;
  readonly centre: EncodedVector;
  readonly map: EncodedVector;
  readonly units: EncodedVector;
  readonly bends: EncodedVector;
  readonly run?: Snapshot;
  readonly surrogate?: SavedSurrogate;
}

export function saveMarginal({ kinds }: Marginal, map: ScaleMap, progress: MarginalProgress): MethodSnapshot {
  const snapshot: MarginalSnapshot = {
    kind: 'marginal',
    scales: kinds.join(' '),
    centre: encodeVector(map.centre),
    map: encodeVector(map.map),
    units: encodeVector(map.units),
    bends: encodeVector(map.bends),
    ...('run' in progress ? progress : { surrogate: saveSurrogate(progress.surrogate) }),
  };
  return snapshot;
}

/** Throws RangeError for a snapshot of another method, or of other scales. */
export function savedMarginal(
  { kinds, dimension }: Marginal,
  resume: MethodSnapshot,
): { readonly map: ScaleMap; readonly progress: MarginalProgress } {
  const { kind, scales, centre, map, units, bends, run, surrogate } = resume as Partial<MarginalSnapshot>;
  if (
    kind !== 'marginal' ||
    scales !== kinds.join(' ') ||
    centre === undefined ||
    map === undefined ||
    units === undefined ||
    bends === undefined ||
    (run === undefined && surrogate === undefined)
  ) {
    throw new RangeError('resume: the saved run is not one of marginal NUTS on these scales; start it again');
  }
  return {
    map: {
      centre: decodeVector(centre, dimension),
      map: decodeVector(map, dimension * dimension),
      units: decodeVector(units, dimension),
      bends: decodeVector(bends, dimension),
    },
    progress: run === undefined ? { surrogate: savedSurrogate(surrogate!) } : { run },
  };
}

function saveSurrogate({ design, evaluations, stepSizes, proposals }: SurrogateProgress): SavedSurrogate {
  return {
    centre: encodeVector(design.centre),
    factor: encodeVector(design.factor),
    size: design.centre.length,
    evaluations,
    stepSizes: encodeVector(Float64Array.from(stepSizes)),
    proposals,
  };
}

function savedSurrogate({
  centre,
  factor,
  size,
  evaluations,
  stepSizes,
  proposals,
}: SavedSurrogate): SurrogateProgress {
  return {
    design: { centre: decodeVector(centre, size), factor: decodeVector(factor, size * size) },
    evaluations,
    stepSizes: [...decodeVector(stepSizes, proposals.chains.length)],
    proposals,
  };
}
