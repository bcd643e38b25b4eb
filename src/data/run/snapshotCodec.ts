// Sampler state as JSON that comes back bit for bit: typed arrays in base64, long ones as bytes beside it, numbers that JSON lacks by name.

const ARRAYS = { Float64Array, Float32Array, Int32Array, Uint32Array, Uint8Array } as const;
type ArrayName = keyof typeof ARRAYS;

const TAG = '$hierax';

/** Arrays of more bytes than these go beside the JSON: a string has no room for gigabytes. */
const mostInText = 2 ** 20;
const newline = 0x0a;

/**
 * A value that `JSON.stringify` writes without loss. `value` may be made of plain records, arrays, typed arrays (those of
 * `ARRAYS`), strings, booleans, bigints, null and any numbers. Properties that are undefined are left out.
 * @param beside takes the bytes of long arrays; without it they are in the JSON too
 * @throws Error for anything else (a Map, a function, an object of a class)
 */
export function encodeSnapshot(value: unknown, beside?: Uint8Array[]): unknown {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : special(value);
  if (typeof value === 'bigint') return { [TAG]: 'bigint', value: value.toString() };
  if (typeof value !== 'object' || value === null) return checkPlain(value);
  if (Array.isArray(value))
    return value.map((item: unknown) => (item === undefined ? null : encodeSnapshot(item, beside)));
  if (ArrayBuffer.isView(value)) {
    const name = value.constructor.name;
    if (!(name in ARRAYS)) throw new Error(`a checkpoint cannot hold a ${name}`);
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (beside === undefined || bytes.length <= mostInText) return { [TAG]: name, value: bytes.toString('base64') };
    beside.push(bytes);
    return { [TAG]: name, bytes: bytes.length };
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new Error(`a checkpoint cannot hold a ${value.constructor.name}`);
  if (TAG in value) throw new Error(`a checkpoint cannot hold the key ${TAG}`);
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.filter(([, item]) => item !== undefined).map(([key, item]) => [key, encodeSnapshot(item, beside)]),
  );
}

/** A record with a snapshot in it, as the pieces of a file: JSON, and after a line's end the bytes of long arrays in order. */
export function snapshotFile(record: Readonly<Record<string, unknown>>, snapshot: unknown): Uint8Array[] {
  const beside: Uint8Array[] = [];
  const text = JSON.stringify({ ...record, snapshot: encodeSnapshot(snapshot, beside) });
  return [Buffer.from(beside.length === 0 ? text : `${text}\n`), ...beside];
}

/** The inverse of `snapshotFile`. Throws SyntaxError for what is no such file. */
export function readSnapshotFile(file: Buffer): Readonly<Record<string, unknown>> {
  const end = file.indexOf(newline);
  const text = (end < 0 ? file : file.subarray(0, end)).toString('utf8');
  const record = JSON.parse(text) as Record<string, unknown>;
  return { ...record, snapshot: decodeSnapshot(record['snapshot'], { bytes: file, next: end + 1 }) };
}

/** Bytes of long arrays, and where the next of them begins. */
interface Beside {
  readonly bytes: Buffer;
  next: number;
}

/** The inverse of `encodeSnapshot` after `JSON.parse`. */
export function decodeSnapshot(json: unknown, beside?: Beside): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map((item) => decodeSnapshot(item, beside));
  const record = json as Record<string, unknown>;
  if (!(TAG in record)) {
    return Object.fromEntries(Object.entries(record).map(([key, item]) => [key, decodeSnapshot(item, beside)]));
  }
  const text = record['value'] as string;
  if (record[TAG] === 'number') return Number(text);
  if (record[TAG] === 'bigint') return BigInt(text);
  if (typeof record['bytes'] === 'number') {
    const from = beside!.next;
    beside!.next += record['bytes'];
    if (beside!.next > beside!.bytes.length) throw new SyntaxError('bytes are missing at the end');
    // A copy of its own: arrays begin at multiples of their elements.
    return new ARRAYS[record[TAG] as ArrayName](Uint8Array.from(beside!.bytes.subarray(from, beside!.next)).buffer);
  }
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new ARRAYS[record[TAG] as ArrayName](bytes.buffer);
}

function special(value: number): unknown {
  return { [TAG]: 'number', value: Object.is(value, -0) ? '-0' : String(value) };
}

function checkPlain(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') throw new Error('a checkpoint cannot hold a function');
  return value;
}
