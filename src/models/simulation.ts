// How a registered model is simulated by `hierax simulate`: options with their ranges, rows in blocks, the truth beside them.
import type { OutputColumn } from '../data/writeTable.js';

/** Independent random numbers in order: uniform on (0, 1), and standard normal. */
export interface SimulationRandom {
  uniform(): number;
  normal(): number;
}

/** A true value under the name by which a fit reports it. */
export interface NamedValue {
  readonly name: string;
  readonly value: number;
}

/** An option of the command line. */
export type SimulationOption =
  | {
      readonly kind: 'count';
      readonly describe: string;
      /** Undefined: depends on the others. */
      readonly default: number | undefined;
      readonly least: number;
      readonly most: number;
    }
  | {
      readonly kind: 'number';
      readonly describe: string;
      readonly default: number;
      readonly least: number;
      readonly most: number;
    }
  | { readonly kind: 'word'; readonly describe: string; readonly default: string; readonly known: readonly string[] };

/** Values of the options, checked one by one. */
export type SimulationSettings = Readonly<Record<string, number | string | undefined>>;

export interface SimulatedData {
  readonly rows: number;
  /** Every scalar of every reported site, in the order of summary.json. */
  readonly truth: readonly NamedValue[];
  /** The rows, to be gone through once. Arrays are used again by the next block. */
  readonly blocks: Iterable<readonly OutputColumn[]>;
  /** CONFIG.yaml that fits them, for the file and the seed of the simulation. */
  readonly config: (file: string, seed: number) => string;
}

export interface ModelSimulator {
  readonly options: Readonly<Record<string, SimulationOption>>;
  /** Checks the options against each other; throws InputError (`--rows must be at least …`). */
  readonly plan: (settings: SimulationSettings) => (random: SimulationRandom) => SimulatedData;
}

/** `P01`, `P02`, …: as many digits as the last needs, at least two, so that text order is number order. */
export function levelLabels(letter: string, count: number): string[] {
  const digits = Math.max(2, String(count).length);
  return Array.from({ length: count }, (_, index) => letter + String(index + 1).padStart(digits, '0'));
}
