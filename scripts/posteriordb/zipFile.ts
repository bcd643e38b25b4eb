// The first file of a zip archive, by its central directory (PKWARE APPNOTE 6.3, §4.3): stored or deflated.
import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

const endOfDirectory = 0x06054b50;
const directoryEntry = 0x02014b50;

/** Throws when the file is not a zip archive of the plain kind (one disk, no encryption, no ZIP64). */
export function readZipText(path: string | URL): string {
  const archive = readFileSync(path);
  let end = archive.length - 22;
  while (end >= 0 && archive.readUInt32LE(end) !== endOfDirectory) end--;
  if (end < 0) throw new Error(`${path}: not a zip archive`);
  const entry = archive.readUInt32LE(end + 16);
  if (archive.readUInt32LE(entry) !== directoryEntry)
    throw new Error(`${path}: no directory entry where one should be`);
  const method = archive.readUInt16LE(entry + 10);
  const length = archive.readUInt32LE(entry + 20);
  const header = archive.readUInt32LE(entry + 42);
  const start = header + 30 + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
  const content = archive.subarray(start, start + length);
  if (method === 0) return content.toString('utf8');
  if (method === 8) return inflateRawSync(content).toString('utf8');
  throw new Error(`${path}: compression method ${method} is not deflate`);
}
