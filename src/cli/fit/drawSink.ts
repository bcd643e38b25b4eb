// Where draws go: the store on disk, running moments of what is not stored, and the predictive check; and back from a checkpoint.
import type { Checkpoint } from '../../data/run/runFolder.js';
import type { DrawCounts } from '../../data/run/posteriorStore.js';
import { PosteriorStore } from '../../data/run/posteriorStore.js';
import { type EbfmiSnapshot, type MomentsSnapshot, RunningEbfmi, RunningMoments } from '../../diagnostics/index.js';
import type { Draw, DrawInfo, Evaluator, Method, MethodSnapshot, Phase } from '../../inference/index.js';
import { sizeOf } from '../../kernels/program/tensorProgram.js';
import type { Model, Site } from '../../models/model.js';
import type { ObservationWriter } from './observationGroups.js';
import type { PredictiveCollector } from './predictiveCheck.js';

/** What a checkpoint holds beside the draws on disk. */
export interface SavedState {
  readonly sampler: MethodSnapshot;
  readonly predictive: readonly (readonly [string, unknown])[];
  readonly moments: MomentsSnapshot | undefined;
  readonly energy: EbfmiSnapshot;
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
  /** Moments of the sites that are not stored, one after another. */
  readonly moments: RunningMoments | undefined;
  /** E-BFMI of all transitions after warm-up. */
  readonly energy: RunningEbfmi;
  private readonly all: Float64Array;
  private readonly stored: Float64Array;
  private readonly rest: Float64Array;
  private readonly pieces: readonly { readonly offset: number; readonly size: number; readonly isStored: boolean }[];

  private constructor(
    readonly store: PosteriorStore,
    private readonly layout: SinkLayout,
    private readonly sites: Evaluator,
    private readonly predictive: PredictiveCollector | undefined,
    private readonly observations: ObservationWriter,
    keptSites: readonly Site[],
    saved: SavedState | undefined,
  ) {
    this.energy = new RunningEbfmi(layout.chains, saved?.energy);
    let offset = 0;
    this.pieces = sites.outputs.map(({ name, size }) => {
      const piece = { offset, size, isStored: keptSites.some((site) => site.name === name) };
      offset += size;
      return piece;
    });
    const sizeOfPieces = (isStored: boolean): number =>
      this.pieces.filter((piece) => piece.isStored === isStored).reduce((sum, { size }) => sum + size, 0);
    this.all = new Float64Array(offset);
    this.stored = new Float64Array(sizeOfPieces(true));
    this.rest = new Float64Array(sizeOfPieces(false));
    if (this.rest.length === 0) return;
    const options = { chains: layout.chains, dimension: this.rest.length, drawsPerChain: layout.draws };
    this.moments =
      saved?.moments === undefined ? new RunningMoments(options) : RunningMoments.restore(options, saved.moments);
  }

  static async open(
    path: string,
    model: Model,
    keptSites: readonly Site[],
    layout: SinkLayout,
    sites: Evaluator,
    predictive: PredictiveCollector | undefined,
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
    return new DrawSink(store, layout, sites, predictive, observations, keptSites, saved);
  }

  async dispose(): Promise<void> {
    await this.observations.dispose();
  }

  get counts(): readonly DrawCounts[] {
    return this.store.counts;
  }

  /** Whether anything but its energy is stored of a draw. */
  wants(phase: Phase, index: number): boolean {
    const { thin, storedWarmup } = this.layout;
    return phase === 'sampling' ? index % thin === thin - 1 : index < storedWarmup;
  }

  write(draw: Draw<DrawInfo>): void {
    const isSampling = draw.phase === 'sampling';
    if (isSampling && draw.info.energy !== undefined) this.energy.push(draw.chain, draw.info.energy);
    if (!this.wants(draw.phase, draw.index)) return;
    const index = isSampling ? Math.floor(draw.index / this.layout.thin) : draw.index;
    if (this.sites.evaluate(draw.position, this.all) !== undefined) {
      throw new Error('reported sites need a device that evaluates at once');
    }
    let stored = 0;
    let rest = 0;
    for (const { offset, size, isStored } of this.pieces) {
      const values = this.all.subarray(offset, offset + size);
      if (isStored) {
        this.stored.set(values, stored);
        stored += size;
      } else {
        this.rest.set(values, rest);
        rest += size;
      }
    }
    this.store.append(draw.chain, draw.phase, index, this.stored, draw.info);
    if (!isSampling) return;
    this.moments?.push(draw.chain, this.rest);
    this.predictive?.offer(draw.chain, index, draw.position);
    this.observations.write(draw.chain, index, draw.position);
  }

  /** The part of a checkpoint that lies outside the store; what the store does not hold is on disk when it returns. */
  state(sampler: MethodSnapshot, seconds: SavedState['seconds']): SavedState {
    this.observations.flush();
    return {
      sampler,
      predictive: this.predictive === undefined ? [] : [...this.predictive.collected],
      moments: this.moments?.snapshot(),
      energy: this.energy.snapshot(),
      seconds,
    };
  }
}

/** Scalars of a model's reported sites. */
export function scalarCount(sites: readonly Site[]): number {
  return sites.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}
