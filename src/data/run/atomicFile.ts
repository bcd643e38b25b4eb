// Replaces a file as a whole or not at all: temporary name, write, (fsync,) rename.

import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode, toStorageError } from './runStorageError.js';

/** Writes all bytes to an open file, or throws. Exchanged in tests for one that fails. */
export type WriteBytes = (descriptor: number, bytes: Uint8Array) => void;

/** Ending of files that are being written; whoever finds one may delete it. */
export const TEMPORARY_ENDING = '.tmp';

/** `writeSync` may write less than asked; this goes on until all is written. */
export const writeAllBytes: WriteBytes = (descriptor, bytes) => {
  let offset = 0;
  while (offset < bytes.length) offset += writeSync(descriptor, bytes, offset, bytes.length - offset);
};

/** How a file is written: the writing function, and whether to wait until it is on the disk itself. */
export interface ReplaceOptions {
  readonly write?: WriteBytes;
  /** fsync before the rename: survives a power cut, not only a killed process. */
  readonly sync?: boolean;
}

/**
 * Writes `path`, in pieces or as one, so that a reader, or a process that continues after a kill, finds either the old content or the new.
 * Missing folders are made. One process writes in a folder at a time (see `runLock.ts`), so the temporary name is fixed.
 * @throws RunStorageError when it cannot be written; the old content is then still there
 */
export function replaceFile(
  path: string,
  bytes: Uint8Array | readonly Uint8Array[],
  options: ReplaceOptions = {},
): void {
  const temporary = path + TEMPORARY_ENDING;
  try {
    const descriptor = openForWriting(temporary);
    try {
      for (const piece of bytes instanceof Uint8Array ? [bytes] : bytes)
        (options.write ?? writeAllBytes)(descriptor, piece);
      if (options.sync) fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw toStorageError(path, cause);
  }
}

function openForWriting(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (cause) {
    if (errorCode(cause) !== 'ENOENT') throw cause;
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'w');
  }
}
