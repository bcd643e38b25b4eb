// The one interface of inference methods: what each needs of a model, and how it runs. Draws are positions of the model, whatever the method.
import type { Device } from '../../kernels/device.js';
import type { Model } from '../../models/model.js';
import type { AdviOptions } from '../advi/settings.js';
import type { Draw, Phase } from '../chain.js';
import type { ReportedSites } from '../compiledModel.js';
import type { GibbsSettings } from '../gibbs/settings.js';
import type { GpuSiteReport } from '../gpu/gpuSiteReport.js';
import type { TransitionInfo } from '../kernel.js';
import type { ChainResult } from '../sample.js';
import type { PathfinderOptions } from '../pathfinder/pathfinder.js';
import type { SampleSettings } from '../settings.js';
import type { SitesWanted } from '../siteReport.js';
import type { Initialisation } from '../startPositions.js';
import type { ProgramMemory, ThreadStarters } from '../threads/compileChains.js';

export type { ProgramMemory, ThreadStarters };

export type MethodName =
  'nuts' | 'hmc' | 'chees' | 'marginal' | 'gibbs' | 'advi' | 'pathfinder' | 'reml' | 'ols' | 'ridge';

/** Statistics that may be stored with a draw. */
export type Statistic = Exclude<keyof TransitionInfo, 'reachedMaxTreeDepth'>;

/** What a method tells of a draw: those of `TransitionInfo` that its `statistics` name. */
export type DrawInfo = Partial<TransitionInfo>;

export interface Method {
  readonly name: MethodName;
  /** As people call it. */
  readonly title: string;
  /** What the effort is counted in. */
  readonly effort: 'gradients' | 'sweeps';
  /** What comes with every draw. */
  readonly statistics: readonly Statistic[];
  /** Draws of a chain depend on each other, and converge; or they are independent draws of an approximation. */
  readonly draws: 'chains' | 'independent';
  /** Chains, warm-up and draws of a run that does not say. */
  readonly usual: { readonly chains: number; readonly warmup: number; readonly draws: number };
  /** Names of the devices it runs on; undefined: any. */
  readonly devices?: readonly string[];
  /** What the model lacks for this method, in one line; undefined where it lacks nothing. */
  refusal(model: Model): string | undefined;
  /** Compiles what the method works with. Rejects with what the device throws. */
  prepare(model: Model, device: Device, sizes: RunSizes, starters?: ThreadStarters): Promise<PreparedMethod>;
}

export interface RunSizes {
  readonly chains: number;
  /** Threads of the host, at most. */
  readonly threads: number;
}

/** Settings of a run; each method takes those that it knows. */
export interface MethodSettings extends Omit<SampleSettings, 'method' | 'part'> {
  /** HMC, NUTS and ChEES; default jitter. */
  readonly initialisation?: Initialisation;
  readonly gibbs?: Pick<GibbsSettings, 'scheme' | 'scan'>;
  readonly advi?: AdviOptions;
  readonly pathfinder?: PathfinderOptions;
}

/** A method that is compiled for a model on a device, with the threads that it will run on. */
export interface PreparedMethod {
  /** Of the positions handed out. */
  readonly dimension: number;
  /** Of the host. */
  readonly threads: number;
  readonly memory: ProgramMemory;
  readonly precision: 'double' | 'single';
  /** How the work is divided, in words. */
  readonly division: string;
  /** Milliseconds of one gradient, or sweep, of all chains: the median of a few, when the device is warm. */
  timeStep(start: ArrayLike<number>): Promise<number>;
  /** Compiles sites that the device reports by itself, for `MethodOptions`; absent where positions are on the host anyway. */
  report?(sites: ReportedSites): Promise<GpuSiteReport | undefined>;
  run(settings: MethodSettings, listener: MethodListener, options: MethodOptions): Promise<MethodResult>;
  /** Ends the threads, whatever they are doing; more than once does no harm. */
  dispose(): Promise<void>;
}

export interface MethodListener {
  readonly onDraw: (draw: Draw<DrawInfo>) => void;
  /** Whether a draw's position is needed; methods may give all of them. */
  readonly wantsDraw?: (chain: number, phase: Phase, index: number) => boolean;
  /** What is needed of a draw's sites, where the options name a report. */
  readonly wantsSites?: (chain: number, phase: Phase, index: number) => SitesWanted;
  /** Called when the draws handed out so far are exactly those that the snapshot has behind it. With a report it is waited for. */
  readonly onCheckpoint?: (snapshot: MethodSnapshot) => void | Promise<void>;
}

export interface MethodOptions {
  readonly signal?: AbortSignal;
  readonly resume?: MethodSnapshot;
  /** Milliseconds between checkpoints, at least; default: none before the end. */
  readonly checkpointInterval?: number;
  /** What `PreparedMethod.report` has made; it outlasts the run. */
  readonly report?: GpuSiteReport;
}

/** A plain record that survives JSON, of the method's own making; the same method takes it up again. */
export type MethodSnapshot = object;

export interface MethodResult {
  /** False when the run was stopped by its signal. */
  readonly isComplete: boolean;
  /** By chain; undefined for one that was stopped before its first draw. */
  readonly chains: readonly (ChainEffort | undefined)[];
  readonly snapshot: MethodSnapshot;
  /** What the method says of its own result, beyond what the draws show. */
  readonly findings: readonly Finding[];
}

/** What a chain has cost. */
export interface ChainEffort {
  /** In the unit of the method's `effort`, warm-up included. */
  readonly effort: number;
  /** Of Hamiltonian methods. */
  readonly hamiltonian?: ChainResult;
}

/** A verdict with its reason and, unless it passes, what to do about it. */
export interface Finding {
  readonly name: string;
  readonly status: 'pass' | 'review' | 'fail';
  readonly detail: string;
}
