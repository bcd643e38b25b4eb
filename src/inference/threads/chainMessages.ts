// What the main thread and the threads that draw chains say to each other.
import type { Draw } from '../chain.js';
import type { GibbsResult } from '../gibbs/run.js';
import type { GibbsModel, GibbsSettings } from '../gibbs/settings.js';
import type { GibbsSnapshot } from '../gibbs/snapshot.js';
import type { InitialisationError } from '../initialise.js';
import type { PortableDensity } from '../portableDensity.js';
import type { SampleResult } from '../sample.js';
import type { SampleSettings } from '../settings.js';
import type { Snapshot } from '../snapshot.js';

/** A thread that serves chains, as the thread that has started it sees it. */
export interface ChainWorker {
  post(message: ToChains): void;
  /** Hands over what comes from the thread; to be called once, at once. */
  listen(events: ChainWorkerEvents): void;
  /** Ends the thread, whatever it is doing. */
  end(): Promise<unknown>;
}

export interface ChainWorkerEvents {
  readonly onMessage: (message: FromChains) => void;
  readonly onError: (error: unknown) => void;
  /** The thread has ended; where threads tell. */
  readonly onExit: (code: number) => void;
}

/** The other end: what a thread that serves chains is told by, and answers through. */
export interface ChainPort {
  post(message: FromChains, transfer: ArrayBuffer[]): void;
  listen(onMessage: (message: ToChains) => void): void;
  /** Nothing more will come or go. */
  close(): void;
}

/** What a thread is to do for its part of the chains, with the settings of the whole run; without functions: those cannot travel. */
export type ChainWork =
  | {
      readonly method: 'hamiltonian';
      readonly dimension: number;
      readonly density: PortableDensity;
      readonly settings: SampleSettings;
      readonly resume: Snapshot | undefined;
    }
  | {
      readonly method: 'gibbs';
      readonly dimension: number;
      readonly model: GibbsModel;
      readonly settings: GibbsSettings;
      readonly resume: GibbsSnapshot | undefined;
    };

/** State and result of a thread's part of a run. */
export type PartSnapshot = Snapshot | GibbsSnapshot;
export type PartResult = SampleResult | GibbsResult;

/**
 * `time` may come before everything else and asks how long a gradient takes; `begin` comes once; `taken` answers a batch of
 * draws; `snapshot` asks for the pending draws and then the state after them, unless the run ends first.
 */
export type ToChains =
  | { readonly kind: 'time'; readonly density: PortableDensity; readonly start: ArrayLike<number> }
  | { readonly kind: 'begin'; readonly work: ChainWork }
  | { readonly kind: 'taken' | 'snapshot' | 'stop' };

/** Fields of an InitialisationError, whose class does not travel. */
export type FailedStart = Pick<InitialisationError, 'chain' | 'attempts' | 'notFinite' | 'dimension' | 'value'>;

/** In order: a snapshot or a result belongs to all draws posted before it, and to no other. */
export type FromChains =
  | { readonly kind: 'timed'; readonly milliseconds: number }
  | {
      readonly kind: 'draws';
      readonly draws: readonly Omit<Draw, 'position'>[];
      /** `[draw][dimension]`; room for more draws than there are. */
      readonly positions: Float64Array;
    }
  | { readonly kind: 'snapshot'; readonly snapshot: PartSnapshot }
  | { readonly kind: 'ended'; readonly result: PartResult }
  | { readonly kind: 'failed'; readonly error: unknown; readonly start?: FailedStart };
