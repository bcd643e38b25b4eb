// What a run left behind, for comparisons byte by byte.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Contents of summary.json and of every file of the store, by name, in base64. */
export function results(out: string): Record<string, string> {
  const files = readdirSync(join(out, 'posterior.zarr'), { recursive: true, encoding: 'utf8' })
    .map((name) => join('posterior.zarr', name))
    .filter((name) => statSync(join(out, name)).isFile());
  return Object.fromEntries(
    ['summary.json', ...files.sort()].map((name) => [name, readFileSync(join(out, name), 'base64')]),
  );
}

export const jsonOf = <T>(out: string, name: string): T => JSON.parse(readFileSync(join(out, name), 'utf8')) as T;

export const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1)!;
