// Where draws go: the store on disk, running moments of what is not stored, and the predictive check; and back from a checkpoint.
import type { Checkpoint } from '../../data/run/runFolder.js';
import type { DrawCounts } from '../../data/run/posteriorStore.js';
import { PosteriorStore } from '../../data/run/posteriorStore.js';
import {
  type EbfmiSnapshot,
  type MomentsSnapshot,
  RunningEbfmi,
  type RunningMoments,
} from '../../diagnostics/index.js';
import type {
  Draw,
  DrawInfo,
  GpuSiteReport,
  Method,
  MethodSnapshot,
  Phase,
  SitesWanted,
} from '../../inference/index.js';
import { sizeOf } from '../../kernels/program/tensorProgram.js';
import type { Model, Site } from '../../models/model.js';
import type { HeldOutCollector, HeldOutSums } from './heldOutRows.js';
import type { ObservationWriter } from './observationGroups.js';
import type { PredictiveCollector } from './predictiveCheck.js';
import type { SiteSource } from './siteSources.js';

/** What a checkpoint holds beside the draws on disk. */
export interface SavedState {
  readonly sampler: MethodSnapshot;
  readonly predictive: readonly (readonly [string, unknown])[];
  readonly moments: MomentsSnapshot | undefined;
  readonly energy: EbfmiSnapshot;
  readonly heldOut?: HeldOutSums;
  readonly seconds: { readonly warmup: number; readonly sampling: number };
}

export interface SinkLayout {
  readonly chains: number;
  /** Warm-up draws to store; 0 stores none. */
  readonly storedWarmup: number;
  readonly draws: number;
  readonly thin: number;
  /** What comes with every draw. */
  readonly statistics: Method['statistics'];
}

export class DrawSink {
  /** E-BFMI of all transitions after warm-up. */
  readonly energy: RunningEbfmi;

  private constructor(
    readonly store: PosteriorStore,
    private readonly layout: SinkLayout,
    private readonly sites: SiteSource,
    private readonly predictive: PredictiveCollector | undefined,
    private readonly heldOut: HeldOutCollector | undefined,
    private readonly observations: ObservationWriter,
    saved: SavedState | undefined,
  ) {
    this.energy = new RunningEbfmi(layout.chains, saved?.energy);
  }

  static async open(
    path: string,
    model: Model,
    keptSites: readonly Site[],
    layout: SinkLayout,
    sites: SiteSource,
    predictive: PredictiveCollector | undefined,
    heldOut: HeldOutCollector | undefined,
    openObservations: (counts: readonly number[] | undefined) => Promise<ObservationWriter>,
    checkpoint: Checkpoint | undefined,
  ): Promise<DrawSink> {
    const storeLayout = {
      chains: layout.chains,
      warmup: layout.storedWarmup,
      draws: layout.draws,
      sites: keptSites,
      coords: model.coords,
      statistics: layout.statistics,
    };
    const saved = checkpoint?.snapshot as SavedState | undefined;
    const store =
      checkpoint === undefined
        ? await PosteriorStore.create(path, storeLayout)
        : await PosteriorStore.resume(path, storeLayout, checkpoint.counts);
    const observations = await openObservations(checkpoint?.counts.map(({ sampling }) => sampling));
    return new DrawSink(store, layout, sites, predictive, heldOut, observations, saved);
  }

  async dispose(): Promise<void> {
    await this.observations.dispose();
  }

  get counts(): readonly DrawCounts[] {
    return this.store.counts;
  }

  /** What the device reports of draws, for the sampler. */
  get report(): GpuSiteReport | undefined {
    return this.sites.report;
  }

  /** Moments of the sites that are not stored, one after another; of a device as of the last checkpoint. */
  get moments(): RunningMoments | undefined {
    return this.sites.moments;
  }

  /** What is stored of a draw that a device reports. */
  wantsSites(phase: Phase, index: number): SitesWanted {
    if (!this.wants(phase, index)) return 'nothing';
    return phase === 'sampling' ? 'values and sums' : 'values';
  }

  /** Whether a draw's position is needed: for its sites, where no device reports them, and for what is made of single draws. */
  wantsPosition(phase: Phase, index: number): boolean {
    if (!this.wants(phase, index)) return false;
    if (this.sites.report === undefined) return true;
    if (phase === 'warmup') return false;
    const draw = Math.floor(index / this.layout.thin);
    return this.observations.isOpen || this.predictive?.isDue(draw) === true || this.heldOut?.isDue(draw) === true;
  }

  /** Whether anything but its energy is stored of a draw. */
  private wants(phase: Phase, index: number): boolean {
    const { thin, storedWarmup } = this.layout;
    return phase === 'sampling' ? index % thin === thin - 1 : index < storedWarmup;
  }

  write(draw: Draw<DrawInfo>): void {
    const isSampling = draw.phase === 'sampling';
    if (isSampling && draw.info.energy !== undefined) this.energy.push(draw.chain, draw.info.energy);
    if (!this.wants(draw.phase, draw.index)) return;
    const index = isSampling ? Math.floor(draw.index / this.layout.thin) : draw.index;
    const values = this.sites.take(draw, isSampling);
    this.store.append(draw.chain, draw.phase, index, values, draw.info);
    if (!isSampling || draw.position.length === 0) return;
    this.predictive?.offer(draw.chain, index, draw.position);
    this.heldOut?.offer(draw.chain, index, draw.position);
    this.observations.write(draw.chain, index, draw.position);
  }

  /**
   * The part of a checkpoint that lies outside the store; what the store does not hold is on disk then. At once, but for moments that a
   * device keeps.
   */
  state(sampler: MethodSnapshot, seconds: SavedState['seconds']): SavedState | Promise<SavedState> {
    this.observations.flush();
    const moments = this.sites.save();
    const state = (saved: MomentsSnapshot | undefined): SavedState => ({
      sampler,
      predictive: this.predictive === undefined ? [] : [...this.predictive.collected],
      moments: saved,
      energy: this.energy.snapshot(),
      ...(this.heldOut && { heldOut: this.heldOut.save() }),
      seconds,
    });
    return moments instanceof Promise ? moments.then(state) : state(moments);
  }
}

/** Scalars of a model's reported sites. */
export function scalarCount(sites: readonly Site[]): number {
  return sites.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}
