// Writes the benchmark's data for other programs: raw little-endian arrays, and `meta.json` with their shapes.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BenchmarkProblem, peerModelOf } from './problems.js';

/** Writes to DIR/logistic, DIR/hierarchical, DIR/three-level. */
export function exportData(folder: string, { name, model, rows, dimension }: BenchmarkProblem): void {
  const own = join(folder, peerModelOf(name));
  mkdirSync(own, { recursive: true });
  const arrays: Record<string, { readonly shape: readonly number[]; readonly dtype: string }> = {};
  for (const [key, { shape, values, dtype }] of Object.entries(model.data)) {
    const copy = dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values);
    writeFileSync(join(own, `${key}.bin`), copy);
    arrays[key] = { shape, dtype: dtype === 'int32' ? 'int32' : 'float32' };
  }
  writeFileSync(join(own, 'meta.json'), JSON.stringify({ rows, dimension, arrays }, undefined, 2));
}
