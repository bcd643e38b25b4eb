// SHA-256 of prepared data: two runs with one fingerprint saw the same numbers in the same order.

import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';

/** Hex digest of a record of text, numbers, typed arrays, lists and records; keys count in alphabetical order. */
export function fingerprint(data: unknown): string {
  const hash = createHash('sha256');
  feed(hash, data);
  return hash.digest('hex');
}

/** Every value is preceded by its kind and size, so that no two different records give one stream of bytes. */
function feed(hash: Hash, value: unknown): void {
  if (ArrayBuffer.isView(value)) {
    hash.update(`${value.constructor.name} ${value.byteLength}\n`);
    hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  } else if (Array.isArray(value)) {
    hash.update(`list ${value.length}\n`);
    for (const item of value as unknown[]) feed(hash, item);
  } else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    hash.update(`record ${entries.length}\n`);
    for (const [key, item] of entries) {
      hash.update(`${JSON.stringify(key)}\n`);
      feed(hash, item);
    }
  } else {
    hash.update(`${typeof value} ${JSON.stringify(String(value))}\n`);
  }
}
