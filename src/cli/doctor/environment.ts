// What the machine and the installation offer, found by trying it.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { rowsOf, withDuckDB } from '../../data/duckdb.js';

/** The least version of Node, from `engines` of this package: `20.19`. */
export function requiredNode(): string {
  const file = new URL('../../../package.json', import.meta.url);
  const { engines } = JSON.parse(readFileSync(file, 'utf8')) as { engines: { node: string } };
  return engines.node.replace(/^>=\s*/, '');
}

/** Whether version `actual` (20.20.2) is `least` (20.19) or later. */
export function isAtLeast(actual: string, least: string): boolean {
  const [a, b] = [actual, least].map((version) => version.split('.').map((part) => Number.parseInt(part, 10)));
  for (let i = 0; i < b.length; i++) if ((a[i] ?? 0) !== b[i]) return (a[i] ?? 0) > b[i];
  return true;
}

/** Asks the engine to validate a module of one function: `i8x16.popcnt(i8x16.splat(0))`. */
export function hasSimd(): boolean {
  const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  const type = [0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b];
  const declaration = [0x03, 0x02, 0x01, 0x00];
  const body = [0x00, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x62, 0x0b];
  const code = [0x0a, body.length + 2, 0x01, body.length, ...body];
  return WebAssembly.validate(Uint8Array.from([...header, ...type, ...declaration, ...code]));
}

/** Whether WebAssembly memory can be shared among threads. */
export function hasSharedMemory(): boolean {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  return memory.buffer instanceof SharedArrayBuffer;
}

/** Version of DuckDB, asked of the engine itself. Throws what loading or asking throws. */
export async function duckDBVersion(): Promise<string> {
  const [row] = await withDuckDB((connection) => rowsOf(connection, 'SELECT version() AS version'));
  return String(row.version);
}

/**
 * Writes and removes a file in `folder`, or in the nearest folder above it that exists; returns the folder tried.
 * Throws the error of the file system.
 */
export function tryWriting(folder: string): string {
  let existing = resolve(folder);
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const trial = mkdtempSync(join(existing, '.hierax-doctor-'));
  try {
    writeFileSync(join(trial, 'trial'), 'written');
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
  return existing;
}
