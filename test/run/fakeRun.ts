// A whole run with a deterministic stand-in for a sampler whose next draw depends on its last: what kill and disk-full tests run.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { WriteBytes } from '../../src/data/run/atomicFile.js';
import { PosteriorStore } from '../../src/data/run/posteriorStore.js';
import type { PosteriorLayout } from '../../src/data/run/posteriorStore.js';
import { createRunFolder } from '../../src/data/run/runFolder.js';
import { siteSize } from '../../src/data/run/siteDescription.js';

export interface FakeRunOptions {
  readonly resume?: boolean;
  readonly write?: WriteBytes;
  /** Called after every round of draws. */
  readonly onRound?: (round: number) => void;
}

/** Products are so many that draws of `beta` take several files. */
export function fakeLayout(products: number): PosteriorLayout {
  return {
    chains: 3,
    warmup: 110,
    draws: 210,
    sites: [
      { name: 'sigma', shape: [], dims: [] },
      {
        name: 'beta',
        shape: [products, 2],
        dims: ['product', 'coefficient'],
        coefficientDims: ['coefficient'],
      },
    ],
    coords: {
      product: Array.from({ length: products }, (_, index) => `product ${index}`),
      coefficient: ['Intercept', 'log price'],
    },
  };
}

/** Chain c takes c + 1 draws per round, and there is a checkpoint after every 25th round. */
export async function fakeRun(dir: string, layout: PosteriorLayout, options: FakeRunOptions = {}): Promise<void> {
  const folder = createRunFolder(dir, options);
  try {
    const { write } = options;
    const size = layout.sites.reduce((total, site) => total + siteSize(site), 0);
    const checkpoint = folder.loadCheckpoint();
    const starts = Array.from({ length: layout.chains }, (_, chain) => new Float64Array(size).fill(chain + 0.1));
    folder.writeRun({ seed: 1 });
    const store = checkpoint
      ? await PosteriorStore.resume(folder.posteriorPath, layout, checkpoint.counts, { write })
      : await PosteriorStore.create(folder.posteriorPath, layout, { write });
    const { positions } = checkpoint ? (checkpoint.snapshot as { positions: Float64Array[] }) : { positions: starts };
    for (let round = 1; store.counts.some(({ sampling }) => sampling < layout.draws); round++) {
      positions.forEach((position, chain) => {
        for (let repeat = 0; repeat <= chain; repeat++) drawNext(store, layout, chain, position);
      });
      if (round % 25 === 0) folder.saveCheckpoint(store, { positions });
      options.onRound?.(round);
    }
    folder.writeDiagnostics({ method: 'fake', ebfmi: [NaN, undefined, 1] });
    folder.writeSummary([]);
    folder.finish();
  } finally {
    folder.release();
  }
}

function drawNext(store: PosteriorStore, layout: PosteriorLayout, chain: number, position: Float64Array): void {
  const { warmup, sampling } = store.counts[chain];
  if (sampling === layout.draws) return;
  const phase = warmup < layout.warmup ? 'warmup' : 'sampling';
  const draw = phase === 'warmup' ? warmup : sampling;
  for (let i = 0; i < position.length; i++) position[i] = Math.sin(1.7 * position[i] + i + chain) * 3;
  store.append(chain, phase, draw, position, {
    isDivergent: position[0] > 2.5,
    energy: position[0] * 2,
    logDensity: -position[0],
    stepSize: 0.25,
    treeDepth: draw % 5,
    leapfrogSteps: 2 ** (draw % 5) - 1,
    acceptanceRate: 0.8,
  });
}

/** Every file below a folder with a digest of its content. */
export function fileDigests(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  const digest = (path: string): string => createHash('sha1').update(readFileSync(path)).digest('hex');
  return Object.fromEntries(paths.map((path) => [relative(folder, path), digest(path)]));
}
