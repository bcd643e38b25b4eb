// The study "NUTS, ADVI and marginal NUTS on the processor or a GPU against Gibbs on the processor", on simulated three-level data.
//
//     npx tsx scripts/compare-gibbs.ts [--out DIR] [--rows N] [--markets N] [--devices cpu,webgpu] [any option of hierax compare-methods]
//
// Simulates with known truth (seed 1), fits by every method on every device named, and writes table, JSON and page. Started again, it goes
// on where it stopped. For your own data: hierax compare-methods CONFIG.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runCommandLine } from '../src/cli/commandLine.js';

const words = process.argv.slice(2);

/** Takes an option with its value out of `words`. */
function take(name: string, fallback: string): string {
  const at = words.indexOf(`--${name}`);
  return at < 0 ? fallback : words.splice(at, 2)[1];
}

const out = take('out', 'compare-gibbs');
const [rows, markets] = [take('rows', '20000'), take('markets', '50')];
const data = join(out, `data-${rows}-${markets}`);
if (!existsSync(data)) {
  await runCommandLine(['simulate', 'three-level', '--rows', rows, '--markets', markets, '--seed', '1', '--out', data]);
}
if (process.exitCode === undefined || process.exitCode === 0) {
  await runCommandLine([
    'compare-methods',
    join(data, 'config.yaml'),
    '--out',
    join(out, `methods-${rows}-${markets}`),
    ...words,
  ]);
}
