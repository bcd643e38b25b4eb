// What DuckDB does not tell about a CSV file: its header and delimiter, and the line of a data row.

import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { createGunzip, constants, gunzipSync } from 'node:zlib';
import type { Readable } from 'node:stream';
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

interface CsvHeader {
  readonly delimiter: string;
  readonly names: readonly string[];
}

/**
 * The header: its names, and as delimiter that of comma, semicolon, tab and bar which occurs most in it outside quotes.
 * Both are fixed before reading, because a guess over all rows takes a file with one short row for a file of one column.
 */
export function csvHeader(path: string, shown: string): CsvHeader {
  const head = readHead(path, shown).replace(/^\uFEFF/, '');
  if (head.trim() === '')
    throw new InputError(`${shown}: is empty; a header line and rows are needed`, { file: shown });
  if (head.includes('\0'))
    throw new InputError(`${shown}: is no text file (it holds zero bytes); a CSV file in UTF-8 is needed`, {
      file: shown,
    });
  const header = head.split(/\r?\n|\r/, 1)[0];
  const bare = header.replace(/"[^"]*"/g, '');
  const counts = [',', ';', '\t', '|'].map((delimiter) => ({ delimiter, count: bare.split(delimiter).length - 1 }));
  counts.sort((a, b) => b.count - a.count);
  const { delimiter } = counts[0];
  const names = splitHeader(header, delimiter).map((name, index) => name || `column${index + 1}`);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) {
    throw new InputError(`${shown}: line 1 names the column '${twice}' twice; every column needs its own name`, {
      file: shown,
      line: 1,
      column: twice,
    });
  }
  return { delimiter, names };
}

function splitHeader(header: string, delimiter: string): string[] {
  const names: string[] = [];
  let quoted = false;
  let start = 0;
  for (let at = 0; at <= header.length; at++) {
    if (header[at] === '"') quoted = !quoted;
    if (at < header.length && (quoted || header[at] !== delimiter)) continue;
    names.push(
      header
        .slice(start, at)
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .replaceAll('""', '"'),
    );
    start = at + 1;
  }
  return names;
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
