// Draws of one array on their way to disk: a buffer per chain that is written as whole chunks and can be taken up again.

import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../inputError.js';
import { replaceFile, TEMPORARY_ENDING } from './atomicFile.js';
import type { ReplaceOptions } from './atomicFile.js';
import { planChunks } from './chunkPlan.js';
import type { ChunkPlan } from './chunkPlan.js';
import { errorCode, toStorageError } from './runStorageError.js';

/** Numeric types of draws: quantities, counts, flags (one byte each). */
export type DrawType = 'float64' | 'int32' | 'bool';
type DrawBuffer = Float64Array | Int32Array | Uint8Array;

const BUFFERS = { float64: Float64Array, int32: Int32Array, bool: Uint8Array } as const;

/** The writer of one array `[chain, draw, ...shape]`. Draws of a chain come in order; chains are independent. */
export class DrawColumn {
  readonly plan: ChunkPlan;
  /** Per chain `[block][draw in chunk][scalar in block]`. */
  private readonly buffers: DrawBuffer[];

  /** @param folder the array's folder, which holds its `zarr.json` */
  constructor(
    private readonly folder: string,
    readonly type: DrawType,
    shape: readonly number[],
    chains: number,
    private readonly options: ReplaceOptions,
  ) {
    this.plan = planChunks(shape, chains);
    const { blocks, chunkDraws, stride } = this.plan;
    this.buffers = Array.from({ length: chains }, () => {
      const buffer = new BUFFERS[type](blocks.length * chunkDraws * stride);
      return clear(buffer, 0, buffer.length);
    });
  }

  /** Takes one draw (row-major, from `offset` in `values`) and writes the chunk that it completes. */
  put(chain: number, draw: number, values: Float64Array, offset: number): void {
    const { blocks, chunkDraws, stride } = this.plan;
    const buffer = this.buffers[chain];
    const row = draw % chunkDraws;
    for (let block = 0; block < blocks.length; block++) {
      const { start, length } = blocks[block];
      const to = (block * chunkDraws + row) * stride;
      for (let i = 0; i < length; i++) buffer[to + i] = values[offset + start + i];
    }
    if (row < chunkDraws - 1) return;
    this.flush(chain, draw + 1);
    clear(buffer, 0, buffer.length);
  }

  /** Writes the chunk that the last of `count` draws lies in, complete or padded with fill. */
  flush(chain: number, count: number): void {
    const { blocks, chunkDraws } = this.plan;
    const chunk = Math.ceil(count / chunkDraws) - 1;
    for (let block = 0; block < blocks.length; block++)
      replaceFile(this.path(chain, chunk, block), asBytes(this.rows(chain, block)), this.options);
  }

  /**
   * Takes up a chain after `count` draws: later draws on disk are deleted, those of an incomplete chunk read back.
   * @throws InputError when a file that the checkpoint counts on is missing or damaged
   */
  restore(chain: number, count: number): void {
    const { blocks, chunkDraws, stride } = this.plan;
    const complete = Math.floor(count / chunkDraws);
    const rest = count % chunkDraws;
    this.deleteChunks(chain, complete + (rest > 0 ? 1 : 0));
    for (let block = 0; block < blocks.length; block++) {
      for (let chunk = 0; chunk < complete; chunk++) this.checkedPath(chain, chunk, block);
      if (rest === 0) continue;
      const rows = this.rows(chain, block);
      asBytes(rows).set(readFileSync(this.checkedPath(chain, complete, block)));
      clear(rows, rest * stride, rows.length);
    }
    if (rest > 0) this.flush(chain, count);
  }

  /** The path of a file of draws, once it is known to be there in full. */
  private checkedPath(chain: number, chunk: number, block: number): string {
    const path = this.path(chain, chunk, block);
    const expected = this.rows(chain, block).byteLength;
    const bytes = statSync(path, { throwIfNoEntry: false })?.size;
    if (bytes === expected) return path;
    const found = bytes === undefined ? 'is missing' : `has ${bytes} bytes instead of ${expected}`;
    throw new InputError(`${path} ${found}, so this run cannot be continued: fit again into a new --out folder`, {
      file: path,
    });
  }

  private deleteChunks(chain: number, from: number): void {
    const folder = join(this.folder, 'c', String(chain));
    try {
      for (const entry of readdirSync(folder))
        if (entry.endsWith(TEMPORARY_ENDING) || Number(entry) >= from)
          rmSync(join(folder, entry), { recursive: true, force: true });
    } catch (cause) {
      if (errorCode(cause) !== 'ENOENT') throw toStorageError(folder, cause);
    }
  }

  private rows(chain: number, block: number): DrawBuffer {
    const length = this.plan.chunkDraws * this.plan.stride;
    return this.buffers[chain].subarray(block * length, (block + 1) * length);
  }

  private path(chain: number, chunk: number, block: number): string {
    return join(this.folder, 'c', String(chain), String(chunk), this.plan.blocks[block].key);
  }
}

function clear(buffer: DrawBuffer, from: number, to: number): DrawBuffer {
  return buffer.fill(buffer instanceof Float64Array ? NaN : 0, from, to);
}

function asBytes(numbers: DrawBuffer): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
