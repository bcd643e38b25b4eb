// bayesm's Gibbs sampler of the same regression (its errors have one variance for each group), where R has it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { essBulk } from '../../src/diagnostics/index.js';
import type { LinearHierarchy } from '../../src/models/linearHierarchy/structure.js';
import type { Measured } from './index.js';
import { wishart } from './problem.js';

/** The rows of a hierarchy of one term as CSV: group from 0, response, design. */
export function groupedRows({ rows, y, terms: [term] }: LinearHierarchy): string {
  const group = Int32Array.from({ length: rows }, (_, row) => term.rowStart.findLastIndex((first) => first <= row));
  return Array.from(y, (value, row) => [group[row], value, ...term.columns.map((x) => x[row])].join(',')).join('\n');
}

/** One chain of `draws` sweeps; undefined where it is not installed. */
export function bayesm(structure: LinearHierarchy, draws: number): Measured | undefined {
  try {
    execFileSync('Rscript', ['-e', 'library(bayesm)'], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'hierax-bayesm-'));
  try {
    writeFileSync(join(folder, 'data.csv'), groupedRows(structure));
    const script = fileURLToPath(new URL('./bayesm.R', import.meta.url));
    const settings = [String(draws), String(wishart.df), String(wishart.scale)];
    execFileSync('Rscript', [script, folder, ...settings], { stdio: ['ignore', 'ignore', 'inherit'] });
    const [timing, ...table] = readFileSync(join(folder, 'draws.csv'), 'utf8').trim().split('\n');
    const [heading, ...body] = table.map((line) => line.split(','));
    const burnIn = Math.floor(draws / 10);
    const ess = new Map(
      heading.map((name, i): [string, number] => [
        name.replaceAll('"', ''),
        essBulk([Float64Array.from(body.slice(burnIn), (line) => Number(line[i]))]),
      ]),
    );
    return { name: 'bayesm', seconds: Number(timing), sweeps: draws, draws: draws - burnIn, ess };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
