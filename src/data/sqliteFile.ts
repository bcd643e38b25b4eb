// A reader of SQLite database files: the tables' rows, straight from the B-tree pages (sqlite.org/fileformat2.html).

import { existsSync, readFileSync, statSync } from 'node:fs';

export type SqliteValue = number | string | null;

export interface SqliteTable {
  readonly name: string;
  readonly columns: readonly SqliteColumn[];
  readonly rootPage: number;
  /** Why this reader cannot read it, or null. */
  readonly obstacle: string | null;
}

interface SqliteColumn {
  readonly name: string;
  /** INTEGER PRIMARY KEY: the row's own number, stored as null in the record. */
  readonly isRowId: boolean;
  /** Added later with a default, which old records do not hold. */
  readonly hasDefault: boolean;
}

export interface SqliteFile {
  readonly bytes: Buffer;
  readonly pageSize: number;
  /** Bytes of a page that hold content. */
  readonly usable: number;
  readonly encoding: 'utf8' | 'utf16le' | 'utf16be';
}

/** Opens a database. Throws RangeError when changes still wait in its write-ahead log. */
export function openSqlite(path: string): SqliteFile {
  if (existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0) {
    throw new RangeError('has changes that are not yet written to it (-wal); close the program that holds it open');
  }
  const bytes = readFileSync(path);
  const written = bytes.readUInt16BE(16);
  const pageSize = written === 1 ? 65536 : written;
  const encoding = (['utf8', 'utf16le', 'utf16be'] as const)[Math.max(0, bytes.readUInt32BE(56) - 1)];
  return { bytes, pageSize, usable: pageSize - bytes[20], encoding };
}

/** The tables of the schema, without SQLite's own. */
export function sqliteTables(file: SqliteFile): SqliteTable[] {
  const tables: SqliteTable[] = [];
  for (const [, [type, name, , rootPage, sql]] of sqliteRows(file, 1)) {
    if (type !== 'table' || typeof name !== 'string' || name.startsWith('sqlite_')) continue;
    tables.push({ name, rootPage: Number(rootPage), ...parseCreateTable(String(sql)) });
  }
  return tables;
}

/** Rows of the table B-tree under `rootPage`, in order: [rowid, values of the record]. */
export function* sqliteRows(file: SqliteFile, rootPage: number): Generator<[number, SqliteValue[]]> {
  const { bytes, pageSize } = file;
  const page = (rootPage - 1) * pageSize;
  const header = rootPage === 1 ? page + 100 : page;
  const kind = bytes[header];
  const cells = bytes.readUInt16BE(header + 3);
  if (kind === 0x05) {
    for (let cell = 0; cell < cells; cell++) {
      yield* sqliteRows(file, bytes.readUInt32BE(page + bytes.readUInt16BE(header + 12 + 2 * cell)));
    }
    yield* sqliteRows(file, bytes.readUInt32BE(header + 8));
  } else if (kind === 0x0d) {
    for (let cell = 0; cell < cells; cell++) {
      const [size, afterSize] = varint(bytes, page + bytes.readUInt16BE(header + 8 + 2 * cell));
      const [rowId, afterRowId] = varint(bytes, afterSize);
      yield [rowId, record(payload(file, afterRowId, size), file.encoding)];
    }
  } else {
    throw new RangeError(`is damaged: page ${rootPage} is no page of a table`);
  }
}

/** A cell's payload: what fits in the page, then the chain of overflow pages. */
function payload({ bytes, pageSize, usable }: SqliteFile, start: number, size: number): Buffer {
  const most = usable - 35;
  if (size <= most) return bytes.subarray(start, start + size);
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const wanted = least + ((size - least) % (usable - 4));
  const local = wanted <= most ? wanted : least;
  const parts = [bytes.subarray(start, start + local)];
  let page = bytes.readUInt32BE(start + local);
  for (let left = size - local; left > 0; left -= usable - 4) {
    const at = (page - 1) * pageSize;
    parts.push(bytes.subarray(at + 4, at + 4 + Math.min(left, usable - 4)));
    page = bytes.readUInt32BE(at);
  }
  return Buffer.concat(parts);
}

function record(bytes: Buffer, encoding: SqliteFile['encoding']): SqliteValue[] {
  const [headerSize, first] = varint(bytes, 0);
  const values: SqliteValue[] = [];
  let body = headerSize;
  for (let at = first; at < headerSize;) {
    const [type, next] = varint(bytes, at);
    at = next;
    const size = type >= 12 ? (type - 12) >> 1 : [0, 1, 2, 3, 4, 6, 8, 8, 0, 0][type];
    values.push(value(bytes.subarray(body, body + size), type, encoding));
    body += size;
  }
  return values;
}

/** A value by its serial type; whole numbers beyond 2⁵³ come as text, so that keys stay exact. */
function value(bytes: Buffer, type: number, encoding: SqliteFile['encoding']): SqliteValue {
  if (type === 0) return null;
  if (type <= 5) return bytes.readIntBE(0, bytes.length);
  if (type === 6) {
    const whole = bytes.readBigInt64BE(0);
    return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole.toString();
  }
  if (type === 7) return bytes.readDoubleBE(0);
  if (type <= 9) return type - 8;
  if (type % 2 === 0) return bytes.toString('hex');
  return encoding === 'utf16be' ? Buffer.from(bytes).swap16().toString('utf16le') : bytes.toString(encoding);
}

/** A big-endian base-128 number of up to nine bytes: [value, offset behind it]. */
function varint(bytes: Buffer, start: number): [number, number] {
  let whole = 0;
  for (let index = 0; index < 8; index++) {
    const byte = bytes[start + index];
    whole = whole * 128 + (byte & 0x7f);
    if (byte < 0x80) return [whole, start + index + 1];
  }
  return [Number(BigInt.asIntN(64, (BigInt(whole) << 8n) | BigInt(bytes[start + 8]))), start + 9];
}

/** Column names from CREATE TABLE: the parts between its outer brackets, less the constraints of the table. */
function parseCreateTable(sql: string): Pick<SqliteTable, 'columns' | 'obstacle'> {
  const plain = sql.replace(/--[^\n]*/g, ' ').replace(/\/\*[\s\S]*?\*\//g, ' ');
  const end = plain.lastIndexOf(')');
  const inner = plain.slice(plain.indexOf('(') + 1, end);
  const obstacle = /^\s*CREATE\s+VIRTUAL/i.test(plain)
    ? 'is a virtual table'
    : /WITHOUT\s+ROWID/i.test(plain.slice(end))
      ? 'is a WITHOUT ROWID table'
      : /\bAS\s*\(/i.test(inner)
        ? 'has generated columns'
        : null;
  const isConstraint = /^(CONSTRAINT|PRIMARY\s+KEY|UNIQUE|CHECK|FOREIGN\s+KEY)\b/i;
  const parts = splitOutside(inner);
  const keyOfTable = parts.map(
    (part) => /PRIMARY\s+KEY\s*\(\s*([^,)]+?)\s*\)/i.exec(isConstraint.test(part) ? part : '')?.[1],
  );
  const keys = keyOfTable.filter((name) => name !== undefined).map(unquote);
  const columns = parts
    .filter((part) => !isConstraint.test(part))
    .map((part) => {
      const written = /^("(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|'[^']*'|\S+)\s*([\s\S]*)$/.exec(part)!;
      const name = unquote(written[1]);
      const isInteger = /^INTEGER\b(?!\s*\()/i.test(written[2]);
      const isKey = /^INTEGER\s+PRIMARY\s+KEY\b(?!\s+DESC)/i.test(written[2]) || keys.includes(name);
      return { name, isRowId: isInteger && isKey, hasDefault: /\bDEFAULT\b/i.test(written[2]) };
    });
  return { columns, obstacle };
}

const unquote = (name: string): string => name.replace(/^["`['](.*)["`\]']$/, '$1').replaceAll('""', '"');

/** Splits at commas outside brackets and quotes. */
function splitOutside(list: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  let quote = '';
  for (let at = 0; at < list.length; at++) {
    const character = list[at];
    if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '[') quote = ']';
    else if ('"\'`'.includes(character)) quote = character;
    else if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === ',' && depth === 0) {
      parts.push(list.slice(start, at).trim());
      start = at + 1;
    }
  }
  parts.push(list.slice(start).trim());
  return parts.filter((part) => part !== '');
}
