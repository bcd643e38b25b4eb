// Draws as they come from the sampler, streamed to `posterior.zarr` in ArviZ's InferenceData layout.

import { rmSync } from 'node:fs';
import type { ReplaceOptions } from './atomicFile.js';
import { DrawGroup } from './drawGroup.js';
import type { DrawGroupLayout, DrawSite } from './drawGroup.js';
import type { DrawType } from './drawColumn.js';
import { toStorageError } from './runStorageError.js';
import type { Coordinates, SiteDescription } from './siteDescription.js';

/** What a sampler tells about one draw; a method leaves out what it has not, and the layout says which it has. */
export interface SampleStatistics {
  readonly isDivergent: boolean;
  /** Hamiltonian at the start of the trajectory. */
  readonly energy: number;
  readonly logDensity: number;
  readonly stepSize: number;
  readonly treeDepth: number;
  readonly leapfrogSteps: number;
  readonly acceptanceRate: number;
}

export type StatisticName = keyof SampleStatistics;

/** ArviZ's names and the stored types. */
const STATISTICS: Readonly<Record<StatisticName, { readonly name: string; readonly type: DrawType }>> = {
  isDivergent: { name: 'diverging', type: 'bool' },
  energy: { name: 'energy', type: 'float64' },
  logDensity: { name: 'lp', type: 'float64' },
  stepSize: { name: 'step_size', type: 'float64' },
  treeDepth: { name: 'tree_depth', type: 'int32' },
  leapfrogSteps: { name: 'n_steps', type: 'int32' },
  acceptanceRate: { name: 'acceptance_rate', type: 'float64' },
};

/** What they are called in the store. */
export const statisticNames = Object.fromEntries(
  Object.entries(STATISTICS).map(([statistic, { name }]) => [statistic, name]),
) as Readonly<Record<StatisticName, string>>;

export type Phase = 'warmup' | 'sampling';

export interface PosteriorLayout {
  readonly chains: number;
  /** Warm-up draws per chain to keep; 0 stores no warm-up groups. */
  readonly warmup: number;
  readonly draws: number;
  readonly sites: readonly SiteDescription[];
  readonly coords: Coordinates;
  /** Statistics that every draw comes with; all of them by default, none for methods without trajectories. */
  readonly statistics?: readonly StatisticName[];
}

/** How many draws a chain has stored. */
export interface DrawCounts {
  readonly warmup: number;
  readonly sampling: number;
}

interface PhaseGroups {
  readonly values: DrawGroup;
  readonly statistics?: DrawGroup;
}

/** The writer of the draws of one run. Chains progress independently; each chain's draws come in order. */
export class PosteriorStore {
  private readonly row: Float64Array;

  private constructor(
    private readonly layout: PosteriorLayout,
    private readonly names: readonly StatisticName[],
    private readonly phases: Readonly<Partial<Record<Phase, PhaseGroups>>>,
  ) {
    this.row = new Float64Array(names.length);
  }

  /**
   * Starts an empty store at `path`; whatever lies there is deleted.
   * @throws InputError when a dimension's name cannot be stored; RunStorageError when the disk refuses
   */
  static async create(path: string, layout: PosteriorLayout, options: ReplaceOptions = {}): Promise<PosteriorStore> {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (cause) {
      throw toStorageError(path, cause);
    }
    return PosteriorStore.open(layout, (name, group) => DrawGroup.create(path, name, group, options));
  }

  /**
   * Takes a store up again after the draws that a checkpoint counts; later ones are discarded.
   * @throws InputError when the store on disk belongs to another model or lacks draws that are counted on
   */
  static async resume(
    path: string,
    layout: PosteriorLayout,
    counts: readonly DrawCounts[],
    options: ReplaceOptions = {},
  ): Promise<PosteriorStore> {
    return PosteriorStore.open(layout, (name, group, phase) => {
      const perChain = counts.map((count) => count[phase]);
      return DrawGroup.resume(path, name, group, perChain, options);
    });
  }

  private static async open(
    layout: PosteriorLayout,
    openGroup: (name: string, group: DrawGroupLayout, phase: Phase) => Promise<DrawGroup>,
  ): Promise<PosteriorStore> {
    const names = layout.statistics ?? (Object.keys(STATISTICS) as StatisticName[]);
    const statisticSites: DrawSite[] = names.map((name) => ({ ...STATISTICS[name], shape: [], dims: [] }));
    const openPhase = async (phase: Phase, prefix: string, draws: number): Promise<PhaseGroups | undefined> => {
      if (draws === 0) return undefined;
      const { chains, sites, coords } = layout;
      const values = await openGroup(`${prefix}posterior`, { chains, draws, sites, coords }, phase);
      if (names.length === 0) return { values };
      const group = { chains, draws, sites: statisticSites, coords: {} };
      return { values, statistics: await openGroup(`${prefix}sample_stats`, group, phase) };
    };
    const warmup = await openPhase('warmup', 'warmup_', layout.warmup);
    const sampling = await openPhase('sampling', '', layout.draws);
    return new PosteriorStore(layout, names, { warmup, sampling });
  }

  /** Draws stored of each chain, those in incomplete chunks included. */
  get counts(): DrawCounts[] {
    const count = (phase: Phase, chain: number): number => this.phases[phase]?.values.counts[chain] ?? 0;
    return Array.from({ length: this.layout.chains }, (_, chain) => ({
      warmup: count('warmup', chain),
      sampling: count('sampling', chain),
    }));
  }

  /**
   * Adds the next draw of a chain; its numbers are copied.
   * @param draw its number within the phase, counted from 0
   * @param values all sites one after the other in the layout's order, each row-major, in model units
   * @param statistics at least those that the layout names
   * @throws RunStorageError when it cannot be written; nothing that was stored before is lost
   */
  append(
    chain: number,
    phase: Phase,
    draw: number,
    values: Float64Array,
    statistics: Partial<SampleStatistics> = {},
  ): void {
    const groups = this.phases[phase];
    if (!groups) throw new Error(`the store keeps no ${phase} draws`);
    this.names.forEach((name, index) => {
      const value = statistics[name];
      if (value === undefined) throw new Error(`draw ${draw} of chain ${chain} comes without ${name}`);
      this.row[index] = Number(value);
    });
    groups.values.append(chain, draw, values);
    groups.statistics?.append(chain, draw, this.row);
  }

  /** Puts every draw so far on disk. Call it before a checkpoint that counts on them, and when leaving early. */
  flush(): void {
    for (const groups of Object.values(this.phases)) {
      groups?.values.flush();
      groups?.statistics?.flush();
    }
  }
}
