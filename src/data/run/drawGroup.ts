// One group of draws in the store (posterior, sample_stats, log_likelihood, …): arrays [chain, draw, ...] that fill draw by draw.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../inputError.js';
import type { ReplaceOptions } from './atomicFile.js';
import { DrawColumn } from './drawColumn.js';
import type { DrawType } from './drawColumn.js';
import { errorCode } from './runStorageError.js';
import { checkSites, siteSize } from './siteDescription.js';
import type { Coordinates, SiteDescription } from './siteDescription.js';
import { consolidate, writeArrayMetadata, writeCoordinates, writeGroup, ZarrFiles } from './zarrFiles.js';
import type { ArrayDescription } from './zarrFiles.js';

/** A site with the type it is stored in, f64 unless said otherwise. */
export interface DrawSite extends SiteDescription {
  readonly type?: DrawType;
}

export interface DrawGroupLayout {
  readonly chains: number;
  /** Draws per chain that the group is to hold. */
  readonly draws: number;
  readonly sites: readonly DrawSite[];
  readonly coords: Coordinates;
}

/** The writer of one group. The first failure to write is final: what follows throws it again, so no draw is skipped. */
export class DrawGroup {
  readonly counts: number[];
  /** Draws of each chain that are on disk. */
  private readonly saved: number[];
  private readonly columns: { readonly column: DrawColumn; readonly offset: number }[] = [];
  private readonly size: number;
  private failure: unknown;

  private constructor(
    folder: string,
    readonly group: string,
    private readonly layout: DrawGroupLayout,
    options: ReplaceOptions,
  ) {
    this.counts = new Array<number>(layout.chains).fill(0);
    this.saved = [...this.counts];
    let offset = 0;
    for (const site of layout.sites) {
      const path = join(folder, group, site.name);
      const column = new DrawColumn(path, site.type ?? 'float64', site.shape, layout.chains, options);
      this.columns.push({ column, offset });
      offset += siteSize(site);
    }
    this.size = offset;
  }

  /**
   * Starts an empty group in the store at `folder` and lists it in the store's root.
   * @throws InputError when a dimension's name cannot be stored; RunStorageError when the disk refuses
   */
  static async create(folder: string, group: string, layout: DrawGroupLayout, options: ReplaceOptions = {}) {
    checkSites(layout.sites, layout.coords);
    const created = new DrawGroup(folder, group, layout, options);
    await created.writeMetadata(folder, options);
    return created;
  }

  /**
   * Takes a group up again after `counts[chain]` draws; what lies beyond is discarded. `draws` may have grown.
   * @throws InputError when the group on disk is another one, or lacks draws that are counted on
   */
  static async resume(
    folder: string,
    group: string,
    layout: DrawGroupLayout,
    counts: readonly number[],
    options: ReplaceOptions = {},
  ) {
    checkSites(layout.sites, layout.coords);
    const resumed = new DrawGroup(folder, group, layout, options);
    resumed.arrays().forEach((array) => checkArrayOnDisk(join(folder, group, array.name, 'zarr.json'), array));
    await resumed.writeMetadata(folder, options);
    counts.forEach((count, chain) => {
      resumed.columns.forEach(({ column }) => column.restore(chain, count));
      resumed.counts[chain] = resumed.saved[chain] = count;
    });
    return resumed;
  }

  /**
   * Adds the next draw of a chain.
   * @param draw its number, counted from 0: must be `counts[chain]`
   * @param values all sites one after the other, each row-major
   * @throws RunStorageError when a chunk that is now complete cannot be written
   */
  append(chain: number, draw: number, values: Float64Array): void {
    if (draw !== this.counts[chain] || draw >= this.layout.draws)
      throw new Error(
        `${this.group}: chain ${chain} expects draw ${this.counts[chain]} of ${this.layout.draws}, got ${draw}`,
      );
    if (values.length !== this.size)
      throw new Error(`${this.group}: a draw has ${this.size} numbers, got ${values.length}`);
    this.attempt(() => {
      for (const { column, offset } of this.columns) column.put(chain, draw, values, offset);
    });
    this.counts[chain]++;
    if (this.counts[chain] === this.layout.draws) this.flushChain(chain);
  }

  /** Puts every draw so far on disk: incomplete chunks are padded with fill, and written again when they are complete. */
  flush(): void {
    for (let chain = 0; chain < this.layout.chains; chain++) this.flushChain(chain);
  }

  private flushChain(chain: number): void {
    const count = this.counts[chain];
    if (count === this.saved[chain]) return;
    this.attempt(() => {
      for (const { column } of this.columns) if (count % column.plan.chunkDraws !== 0) column.flush(chain, count);
    });
    this.saved[chain] = count;
  }

  private attempt(write: () => void): void {
    if (this.failure) throw this.failure as Error;
    try {
      write();
    } catch (cause) {
      this.failure = cause;
      throw cause;
    }
  }

  private async writeMetadata(folder: string, options: ReplaceOptions): Promise<void> {
    const { chains, draws, sites, coords } = this.layout;
    const files = new ZarrFiles(folder, options);
    await writeGroup(files, [this.group], { inference_library: 'hierax', sites: sites.map((site) => site.name) });
    for (const array of this.arrays()) await writeArrayMetadata(files, this.group, array);
    const dims = sites.flatMap((site) => site.dims);
    await writeCoordinates(files, this.group, { chain: chains, draw: draws }, dims, coords);
    consolidate(folder, options);
  }

  private arrays(): ArrayDescription[] {
    const { chains, draws, sites } = this.layout;
    return sites.map((site, index) => {
      const { chunkDraws, chunkShape } = this.columns[index].column.plan;
      return {
        name: site.name,
        type: site.type ?? 'float64',
        shape: [chains, draws, ...site.shape],
        chunkShape: [1, chunkDraws, ...chunkShape],
        dims: ['chain', 'draw', ...site.dims],
        attributes: site.coefficientDims?.length ? { coefficient_dims: site.coefficientDims } : {},
      };
    });
  }
}

function checkArrayOnDisk(path: string, array: ArrayDescription): void {
  const other = (what: string): InputError =>
    new InputError(`${path}: ${what}; resume with the configuration that the run was started with`, { file: path });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') throw other(`the run has no site ${array.name}`);
    throw cause;
  }
  const stored = JSON.parse(text) as {
    shape: number[];
    data_type: string;
    dimension_names: string[];
    chunk_grid: { configuration: { chunk_shape: number[] } };
  };
  const inRun = [stored.shape.with(1, 0), stored.data_type, stored.dimension_names];
  const asked = [array.shape.with(1, 0), array.type, array.dims];
  if (JSON.stringify(inRun) !== JSON.stringify(asked))
    throw other(`the run has ${array.name} as [${stored.dimension_names.join(', ')}] of [${stored.shape.join(', ')}]`);
  if (JSON.stringify(stored.chunk_grid.configuration.chunk_shape) !== JSON.stringify(array.chunkShape))
    throw new InputError(
      `${path}: an earlier version of hierax, which cut draws into other files, began this run: fit again into a new --out folder`,
      { file: path },
    );
}
