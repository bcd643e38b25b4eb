// Reads a stored group of draws: what there is, one scalar of all chains, or block by block in bounded memory.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as zarr from 'zarrita';
import { InputError } from '../inputError.js';
import { siteSize } from './siteDescription.js';
import type { Coordinates, SiteDescription } from './siteDescription.js';
import { type ChunkPlan, planChunks } from './chunkPlan.js';
import { ZarrFiles } from './zarrFiles.js';

/** Scalars `start … start + draws.length − 1` of a site: `draws[scalar][chain]` holds that chain's draws in order. */
export interface ScalarBlock {
  readonly start: number;
  readonly draws: readonly (readonly Float64Array[])[];
}

/** Memory that one block of `blocks` takes by default. */
const DEFAULT_BLOCK_BYTES = 64 * 1024 * 1024;

type StoredArray = zarr.Array<zarr.DataType, ZarrFiles>;

/** An open group of draws. Draws that are not written (yet) read as NaN. */
export class PosteriorReader {
  private constructor(
    private readonly files: ZarrFiles,
    private readonly arrays: ReadonlyMap<string, StoredArray>,
    readonly chains: number,
    readonly draws: number,
    /** In model order. */
    readonly sites: readonly SiteDescription[],
    readonly coords: Coordinates,
  ) {}

  /** @throws InputError when there is no such group */
  static async open(path: string, group: string): Promise<PosteriorReader> {
    const files = new ZarrFiles(path);
    if (!existsSync(join(path, group, 'zarr.json')))
      throw new InputError(`${path} holds no group ${group}: give the folder of a finished run`, { file: path });
    const { attrs } = await zarr.open.v3(files.at(group), { kind: 'group' });
    const names = attrs['sites'] as string[];
    const arrays = new Map<string, StoredArray>();
    for (const name of names) arrays.set(name, await zarr.open.v3(files.at(group, name), { kind: 'array' }));
    const sites = [...arrays].map(([name, array]) => describeSite(name, array));
    const coords = await readCoordinates(files, path, group, sites);
    const [chains, draws] = arrays.get(names[0])!.shape;
    return new PosteriorReader(files, arrays, chains, draws, sites, coords);
  }

  /** All draws of one scalar, per chain. For many scalars use `blocks`: this reads every file of the site's column. */
  async readSite(name: string, element = 0): Promise<readonly Float64Array[]> {
    return (await this.readBlock(name, element, 1)).draws[0];
  }

  /**
   * All draws of `count` scalars from number `start` (row-major) on. Takes 8 × count × chains × draws bytes, and one
   * file (under 8 MiB) at a time besides.
   */
  async readBlock(name: string, start: number, count: number): Promise<ScalarBlock> {
    const { array, plan } = this.planOf(name);
    const { chunkDraws, stride, blocks } = plan;
    const numbers = new Float64Array(count * this.chains * this.draws);
    const draws = Array.from({ length: count }, (_, scalar) =>
      Array.from({ length: this.chains }, (_unused, chain) => {
        const from = (scalar * this.chains + chain) * this.draws;
        return numbers.subarray(from, from + this.draws);
      }),
    );
    for (const block of blocks) {
      const from = Math.max(start, block.start);
      const to = Math.min(start + count, block.start + block.length);
      if (from >= to) continue;
      const key = block.key === '' ? [] : block.key.split('/').map(Number);
      for (let chain = 0; chain < this.chains; chain++) {
        for (let chunk = 0; chunk * chunkDraws < this.draws; chunk++) {
          const rows = await this.readChunk(array, name, [chain, chunk, ...key], chunkDraws * stride);
          const rowCount = Math.min(chunkDraws, this.draws - chunk * chunkDraws);
          const place = { numbers, at: ((from - start) * this.chains + chain) * this.draws + chunk * chunkDraws };
          copyColumns({ rows, rowCount, stride }, from - block.start, to - from, place, this.chains * this.draws);
        }
      }
    }
    return { start, draws };
  }

  /** Draws `from … from + count − 1` of a chain, all scalars of a site: `[draw][scalar]`. */
  async readDraws(name: string, chain: number, from: number, count: number): Promise<Float64Array> {
    const { array, plan } = this.planOf(name);
    const { chunkDraws, stride, blocks } = plan;
    const size = blocks.reduce((sum, { length }) => sum + length, 0);
    const draws = new Float64Array(count * size);
    for (const block of blocks) {
      const key = block.key === '' ? [] : block.key.split('/').map(Number);
      for (let chunk = Math.floor(from / chunkDraws); chunk * chunkDraws < from + count; chunk++) {
        const numbers = await this.readChunk(array, name, [chain, chunk, ...key], chunkDraws * stride);
        const first = Math.max(from, chunk * chunkDraws);
        const end = Math.min(from + count, (chunk + 1) * chunkDraws);
        for (let draw = first; draw < end; draw++) {
          const place = (draw - chunk * chunkDraws) * stride;
          for (let i = 0; i < block.length; i++) draws[(draw - from) * size + block.start + i] = numbers[place + i];
        }
      }
    }
    return draws;
  }

  /** Goes through all scalars of a site in blocks of at most `maxBytes` (at least one scalar each). */
  async *blocks(name: string, maxBytes = DEFAULT_BLOCK_BYTES): AsyncGenerator<ScalarBlock> {
    const site = this.sites.find((candidate) => candidate.name === name);
    if (!site) throw new Error(`there is no site ${name}`);
    const size = siteSize(site);
    const count = Math.max(1, Math.floor(maxBytes / (8 * this.chains * this.draws)));
    for (let start = 0; start < size; start += count)
      yield await this.readBlock(name, start, Math.min(count, size - start));
  }

  /** How a site is cut into files. */
  private planOf(name: string): { readonly array: StoredArray; readonly plan: ChunkPlan } {
    const array = this.arrays.get(name);
    if (!array) throw new Error(`there is no site ${name}`);
    const plan = planChunks(array.shape.slice(2), this.chains, array.chunks[1]);
    if (array.chunks.slice(2).reduce((a, b) => a * b, 1) !== plan.stride)
      throw new InputError(`${this.files.folder}: ${name} is cut into files in a way hierax does not write`);
    return { array, plan };
  }

  private async readChunk(array: StoredArray, name: string, key: number[], length: number): Promise<ArrayLike<number>> {
    const place = `${name}/c/${key.join('/')}`;
    let data: unknown;
    try {
      data = (await array.getChunk(key)).data;
    } catch (cause) {
      throw damaged(this.files.folder, place, cause);
    }
    const numbers =
      data instanceof zarr.BoolArray
        ? new Uint8Array(data.buffer, data.byteOffset, data.length)
        : (data as Float64Array);
    if (numbers.length !== length) throw damaged(this.files.folder, place);
    return numbers;
  }
}

/** Columns that are copied together: what one read of a row's memory brings. */
const together = 8;

/** Columns `first … first + count − 1` of the rows of a file, `[row][column]`, each to where the last one went and `pitch` further. */
function copyColumns(
  file: { readonly rows: ArrayLike<number>; readonly rowCount: number; readonly stride: number },
  first: number,
  count: number,
  to: { readonly numbers: Float64Array; readonly at: number },
  pitch: number,
): void {
  const { rows, rowCount, stride } = file;
  for (let begin = 0; begin < count; begin += together) {
    const end = Math.min(begin + together, count);
    for (let row = 0; row < rowCount; row++) {
      const from = row * stride + first;
      const target = to.at + row;
      for (let column = begin; column < end; column++) to.numbers[target + column * pitch] = rows[from + column];
    }
  }
}

/**
 * Opens a group of `posterior.zarr`: sites, dimensions and coordinates now, draws on demand.
 * @throws InputError when the store or the group is not there
 */
export async function openPosterior(path: string, group = 'posterior'): Promise<PosteriorReader> {
  return PosteriorReader.open(path, group);
}

function damaged(path: string, place: string, cause?: unknown): InputError {
  const error = new InputError(`${path}: the file ${place} is damaged: fit again`, { file: path });
  error.cause = cause;
  return error;
}

function describeSite(name: string, array: StoredArray): SiteDescription {
  const coefficientDims = (array.attrs['coefficient_dims'] ?? []) as string[];
  return { name, shape: array.shape.slice(2), dims: (array.dimensionNames ?? []).slice(2), coefficientDims };
}

async function readCoordinates(
  files: ZarrFiles,
  path: string,
  group: string,
  sites: readonly SiteDescription[],
): Promise<Coordinates> {
  const coords: Record<string, readonly string[]> = {};
  for (const dim of new Set(sites.flatMap((site) => site.dims))) {
    if (!existsSync(join(path, group, dim, 'zarr.json'))) continue;
    const array = await zarr.open.v3(files.at(group, dim), { kind: 'array' });
    coords[dim] = (await array.getChunk([0])).data as string[];
  }
  return coords;
}
