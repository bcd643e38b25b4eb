// What the page and its worker say to each other.
import type { CheckResult, NamedSummary } from '../../src/diagnostics/index.js';
import type { ColumnPreview, Roles } from './roles.js';

export type DeviceChoice = 'auto' | 'cpu' | 'webgpu';

export interface FitSettings {
  readonly roles: Roles;
  readonly covariance: 'diagonal' | 'full';
  readonly standardise: boolean;
  readonly chains: number;
  readonly warmup: number;
  readonly draws: number;
  readonly seed: number;
  readonly device: DeviceChoice;
}

export interface SimulationSettings {
  readonly rows: number;
  readonly products: number;
  /** 0: two levels. */
  readonly markets: number;
  /** Predictors that vary by row, by unit and by market. */
  readonly x: number;
  readonly z: number;
  readonly w: number;
  readonly seed: number;
}

export type ToWorker =
  | { readonly kind: 'open'; readonly file: File }
  | { readonly kind: 'simulate'; readonly settings: SimulationSettings }
  | { readonly kind: 'fit'; readonly settings: FitSettings }
  | { readonly kind: 'stop' };

/** A file whose header has been read. */
export interface OpenedFile {
  readonly file: File;
  readonly columns: readonly ColumnPreview[];
  /** A proposal. */
  readonly roles: Roles;
  /** True for data that the page has simulated. */
  readonly isSimulated: boolean;
}

/** What is about to be sampled. */
export interface FitBegin {
  readonly rows: number;
  readonly units: number;
  readonly markets: number | null;
  readonly dimension: number;
  /** Names of the population's scalars, in the order of `DrawBatch.values`. */
  readonly scalars: readonly string[];
  readonly chains: number;
  readonly warmup: number;
  readonly draws: number;
  /** Device and threads, in words; with `auto` the figures of each device. */
  readonly device: string;
}

/** Transitions in the order in which they were made; `[transition]` in every array. */
export interface DrawBatch {
  readonly chain: Int32Array;
  /** Number within the chain, from 0, warm-up included. */
  readonly transition: Int32Array;
  readonly isDivergent: Uint8Array;
  readonly stepSize: Float64Array;
  readonly leapfrogSteps: Int32Array;
  /** `[transition][scalar]` */
  readonly values: Float64Array;
}

export interface SummaryRow extends NamedSummary {
  readonly level: 'population' | 'group';
  /** The value that the data were simulated with. */
  readonly truth?: number;
}

export interface FitResult {
  readonly isComplete: boolean;
  /** Draws of each chain that the figures are made of. */
  readonly drawsPerChain: number;
  readonly rows: readonly SummaryRow[];
  /** Why there are no rows of groups, when there are none. */
  readonly note?: string;
  readonly checks: readonly CheckResult[];
  readonly divergences: number;
  readonly gradientEvaluations: number;
  readonly device: string;
  readonly seconds: {
    readonly read: number;
    readonly compile: number;
    readonly warmup: number;
    readonly sampling: number;
    readonly summary: number;
  };
}

export type FromWorker =
  | { readonly kind: 'opened'; readonly opened: OpenedFile }
  /** What is being done, before and after sampling. */
  | { readonly kind: 'stage'; readonly text: string }
  | { readonly kind: 'begun'; readonly begin: FitBegin }
  | { readonly kind: 'draws'; readonly batch: DrawBatch }
  | { readonly kind: 'finished'; readonly result: FitResult }
  /** One line; `isInput` when the data or the choices are at fault. */
  | { readonly kind: 'fault'; readonly text: string; readonly isInput: boolean };
