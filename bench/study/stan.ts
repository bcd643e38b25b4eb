// Stan's NUTS on the study's regression, in both parametrisations, where R has rstan.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { essBulk } from '../../src/diagnostics/index.js';
import type { LinearHierarchy } from '../../src/models/linearHierarchy/structure.js';
import { groupedRows } from '../gibbs/bayesm.js';
import type { Contender } from './index.js';

export interface StanLength {
  readonly chains: number;
  readonly warmup: number;
  readonly draws: number;
}

/** Both parametrisations one after the other, on one core; undefined where rstan is not installed. Throws when R fails otherwise. */
export function stan(structure: LinearHierarchy, length: StanLength): Contender[] | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'hierax-study-'));
  try {
    writeFileSync(join(folder, 'data.csv'), groupedRows(structure));
    const contenders: Contender[] = [];
    for (const centred of [true, false]) {
      const name = `Stan NUTS, ${centred ? 'centred' : 'non-centred'}`;
      console.error(`${name}: ${length.chains} chains × (${length.warmup} + ${length.draws}), some minutes`);
      const own = run(folder, centred, length);
      if (own === undefined) return undefined;
      contenders.push({ name, ...own });
    }
    return contenders;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(folder: string, centred: boolean, { chains, warmup, draws }: StanLength) {
  const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const numbers = [Number(centred), chains, warmup, draws].map(String);
  const r = spawnSync('Rscript', [file('stan.R'), file('hierarchy.stan'), folder, ...numbers], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (r.error !== undefined || r.status === 3) return undefined;
  if (r.status !== 0) throw new Error(`Rscript ended with ${r.status}`);
  const [first, heading, ...body] = readFileSync(join(folder, 'draws.csv'), 'utf8').trim().split('\n');
  const [seconds, effort] = first.split(' ').map(Number);
  const names = heading.split(',').map((name) => name.replaceAll('"', ''));
  const rows = body.map((line) => line.split(',').map(Number));
  const chainsOf = (column: number): Float64Array[] =>
    Array.from({ length: chains }, (_, chain) =>
      Float64Array.from(rows.slice(chain * draws, (chain + 1) * draws), (row) => row[column]),
    );
  // Stan counts from 1.
  const own = (name: string): string => name.replace(/\d+/, (place) => String(Number(place) - 1));
  const ess = new Map(names.map((name, i): [string, number] => [own(name), essBulk(chainsOf(i))]));
  const all = names.map((name, i): [string, Float64Array[]] => [own(name), chainsOf(i)]);
  return { seconds, effort, ess, draws: new Map(all) };
}
