// A fit of `gpu-fit` under way, in a file from which it goes on.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { InputError } from '../../src/data/inputError.js';
import type { MomentsSnapshot } from '../../src/diagnostics/index.js';
import type { Snapshot } from '../../src/inference/index.js';
import type { PopulationCoordinates } from './roundHierarchical.js';

export interface SavedFit {
  /** From the pilot fit. */
  readonly coordinates: PopulationCoordinates;
  readonly seconds: { pilot: number; compile: number; warmup: number; sampling: number };
  /** Absent until the first checkpoint after it. */
  readonly run?: SavedRun;
}

interface SavedRun {
  readonly snapshot: Snapshot;
  /** Draws so far, `[parameter][chain][draw]`. */
  readonly population: Float64Array[][];
  readonly sums: MomentsSnapshot | undefined;
  readonly counts: {
    leapfrogSteps: number;
    divergences: number;
    acceptance: number;
    stepSize: number;
    finished: number;
  };
  /** `[chain][draw]` */
  readonly energies: Float64Array[];
}

/** Undefined where there is no file. Throws InputError for one of other settings. */
export function readState<State = SavedFit>(file: string, settings: object): State | undefined {
  if (!existsSync(file)) return undefined;
  const { of, state } = deserialize(readFileSync(file)) as { of: string; state: State };
  if (of !== JSON.stringify(settings)) throw new InputError(`--checkpoint ${file}: of a fit with other options, ${of}`);
  return state;
}

export function writeState(file: string, settings: object, state: object): void {
  writeFileSync(`${file}.new`, serialize({ of: JSON.stringify(settings), state }));
  renameSync(`${file}.new`, file);
}
