// Sampler state as JSON that comes back bit for bit: typed arrays in base64, numbers that JSON lacks by name.

const ARRAYS = { Float64Array, Float32Array, Int32Array, Uint32Array, Uint8Array } as const;
type ArrayName = keyof typeof ARRAYS;

const TAG = '$hierax';

/**
 * A value that `JSON.stringify` writes without loss. `value` may be made of plain records, arrays, typed arrays (those of
 * `ARRAYS`), strings, booleans, bigints, null and any numbers. Properties that are undefined are left out.
 * @throws Error for anything else (a Map, a function, an object of a class)
 */
export function encodeSnapshot(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : special(value);
  if (typeof value === 'bigint') return { [TAG]: 'bigint', value: value.toString() };
  if (typeof value !== 'object' || value === null) return checkPlain(value);
  if (Array.isArray(value)) return value.map((item: unknown) => (item === undefined ? null : encodeSnapshot(item)));
  if (ArrayBuffer.isView(value)) {
    const name = value.constructor.name;
    if (!(name in ARRAYS)) throw new Error(`a checkpoint cannot hold a ${name}`);
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { [TAG]: name, value: bytes.toString('base64') };
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new Error(`a checkpoint cannot hold a ${value.constructor.name}`);
  if (TAG in value) throw new Error(`a checkpoint cannot hold the key ${TAG}`);
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.filter(([, item]) => item !== undefined).map(([key, item]) => [key, encodeSnapshot(item)]),
  );
}

/** The inverse of `encodeSnapshot` after `JSON.parse`. */
export function decodeSnapshot(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(decodeSnapshot);
  const record = json as Record<string, unknown>;
  if (!(TAG in record)) {
    return Object.fromEntries(Object.entries(record).map(([key, item]) => [key, decodeSnapshot(item)]));
  }
  const text = record['value'] as string;
  if (record[TAG] === 'number') return Number(text);
  if (record[TAG] === 'bigint') return BigInt(text);
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
