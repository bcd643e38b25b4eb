// What DuckDB does not tell about a CSV file: its header and delimiter, and the line of a data row.

import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { createGunzip, constants, gunzipSync } from 'node:zlib';
import type { Readable } from 'node:stream';
import { type CsvHeader, parseCsvHeader } from './csvHeader.js';
import { InputError } from './inputError.js';

const headBytes = 1 << 16;

/** The first 64 KiB of a file, decompressed when its name ends in .gz. */
function readHead(path: string, shown: string): string {
  const buffer = Buffer.alloc(headBytes);
  const descriptor = openSync(path, 'r');
  const length = readSync(descriptor, buffer, 0, headBytes, 0);
  closeSync(descriptor);
  const bytes = buffer.subarray(0, length);
  if (!path.endsWith('.gz')) return bytes.toString('utf8');
  try {
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString('utf8');
  } catch {
    throw new InputError(`${shown}: is not a gzip file although its name ends in .gz`, { file: shown });
  }
}

/** The header of a file, from its first 64 KiB; see `parseCsvHeader`. */
export function csvHeader(path: string, shown: string): CsvHeader {
  return parseCsvHeader(readHead(path, shown), shown);
}

/**
 * The line (from 1) on which data row `row` (from 1, the header not counted) begins. Quoted line breaks belong to their
 * row; empty lines are no rows when there is more than one column. Reads the file up to that row; for messages only.
 */
export async function lineOfRow(path: string, row: number, columns: number): Promise<number> {
  const file = createReadStream(path);
  const stream: Readable = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  const skipsEmpty = columns > 1;
  let line = 1;
  let record = 0;
  let recordLine = 1;
  let recordBytes = 0;
  let quoted = false;
  for await (const chunk of stream) {
    for (const byte of chunk as Buffer) {
      if (byte === 0x0a) {
        line++;
        if (quoted) continue;
        if (recordBytes > 0 || !skipsEmpty) {
          if (record === row) {
            file.destroy();
            return recordLine;
          }
          record++;
        }
        recordLine = line;
        recordBytes = 0;
      } else if (byte !== 0x0d) {
        recordBytes++;
        if (byte === 0x22) quoted = !quoted;
      }
    }
  }
  return recordLine;
}
