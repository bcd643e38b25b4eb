// What is written as draws comes back as the same draws, by hierax's reader and by zarrita's own.

import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as zarr from 'zarrita';
import { InputError } from '../../src/data/inputError.js';
import { planChunks } from '../../src/data/run/chunkPlan.js';
import { DrawGroup } from '../../src/data/run/drawGroup.js';
import { openPosterior } from '../../src/data/run/posteriorReader.js';
import { PosteriorStore } from '../../src/data/run/posteriorStore.js';
import type { PosteriorLayout } from '../../src/data/run/posteriorStore.js';
import { writeConstantGroup, ZarrFiles } from '../../src/data/run/zarrFiles.js';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'hierax-store-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const LAYOUT: PosteriorLayout = {
  chains: 2,
  warmup: 20,
  draws: 230,
  sites: [
    { name: 'sigma', shape: [], dims: [] },
    { name: 'beta', shape: [3, 2], dims: ['größe #1?', 'coefficient'], coefficientDims: ['coefficient'] },
    { name: 'weights', shape: [90], dims: ['weights_dim'] },
  ],
  coords: { 'größe #1?': ['klein, "k"', '商店 🛒', ''], coefficient: ['Intercept', 'x=1'] },
  statistics: ['isDivergent', 'logDensity', 'treeDepth'],
};
const SIZE = 97;

/** A number that tells where it belongs. */
const valueAt = (chain: number, draw: number, index: number): number => chain * 1e6 + draw + index / 64;

function fill(store: PosteriorStore, phase: 'warmup' | 'sampling', chain: number, from: number, to: number): void {
  for (let draw = from; draw < to; draw++) {
    const values = Float64Array.from({ length: SIZE }, (_, index) => valueAt(chain, draw, index));
    const statistics = { isDivergent: draw % 3 === 0, logDensity: -draw, treeDepth: draw % 11 };
    store.append(chain, phase, draw, values, statistics);
  }
}

async function writeExample(path: string): Promise<PosteriorStore> {
  const store = await PosteriorStore.create(path, LAYOUT);
  fill(store, 'warmup', 1, 0, 20);
  fill(store, 'sampling', 1, 0, 150);
  fill(store, 'warmup', 0, 0, 20);
  fill(store, 'sampling', 0, 0, 230);
  fill(store, 'sampling', 1, 150, 230);
  return store;
}

describe('the store', () => {
  it('gives back every draw of every scalar, its dimensions and levels', async () => {
    const path = join(scratch, 'example.zarr');
    await writeExample(path);
    const posterior = await openPosterior(path);
    expect([posterior.chains, posterior.draws]).toEqual([2, 230]);
    expect(posterior.sites).toEqual(LAYOUT.sites.map((site) => ({ coefficientDims: [], ...site })));
    expect(posterior.coords).toEqual(LAYOUT.coords);
    let index = 0;
    for (const { name } of posterior.sites) {
      for await (const block of posterior.blocks(name, 8 * 2 * 230 * 4)) {
        expect(block.draws.length).toBeLessThanOrEqual(4);
        for (const scalar of block.draws) {
          const expected = [0, 1].map((chain) =>
            Float64Array.from({ length: 230 }, (_, t) => valueAt(chain, t, index)),
          );
          expect(scalar).toEqual(expected);
          index++;
        }
      }
    }
    expect(index).toBe(SIZE);
    expect((await posterior.readSite('beta', 4))[1][229]).toBe(valueAt(1, 229, 5));
  });

  it('stores statistics under the names and types of ArviZ, warm-up apart', async () => {
    const path = join(scratch, 'statistics.zarr');
    await writeExample(path);
    const statistics = await openPosterior(path, 'sample_stats');
    expect(statistics.sites.map((site) => site.name)).toEqual(['diverging', 'lp', 'tree_depth']);
    expect([...(await statistics.readSite('diverging'))[0].subarray(0, 4)]).toEqual([1, 0, 0, 1]);
    expect((await statistics.readSite('lp'))[1][200]).toBe(-200);
    expect((await statistics.readSite('tree_depth'))[1][21]).toBe(10);
    const warmup = await openPosterior(path, 'warmup_posterior');
    expect(warmup.draws).toBe(20);
    expect((await warmup.readSite('weights', 3))[0][19]).toBe(valueAt(0, 19, 10));
  });

  it('is plain Zarr v3: zarrita reads it whole, and the root lists every node', async () => {
    const path = join(scratch, 'plain.zarr');
    await writeExample(path);
    await writeConstantGroup(
      path,
      'observed_data',
      [{ name: 'y', shape: [3], dims: ['row'], values: Float64Array.of(1, NaN, 3) }],
      {},
    );
    const likelihood = await DrawGroup.create(path, 'log_likelihood', {
      chains: 2,
      draws: 3,
      sites: [{ name: 'y', shape: [3], dims: ['row'] }],
      coords: {},
    });
    for (const chain of [1, 0])
      for (let draw = 0; draw < 3; draw++) likelihood.append(chain, draw, Float64Array.of(chain, draw, 7));
    const files = new ZarrFiles(path);
    const beta = await zarr.open.v3(files.at('posterior', 'beta'), { kind: 'array' });
    expect(beta.dimensionNames).toEqual(['chain', 'draw', 'größe #1?', 'coefficient']);
    expect(beta.chunks).toEqual([1, 1000, 3, 2]);
    const { data, shape } = await zarr.get(beta as zarr.Array<'float64', ZarrFiles>);
    expect(shape).toEqual([2, 230, 3, 2]);
    expect([...data.subarray(-6)]).toEqual([1, 2, 3, 4, 5, 6].map((index) => valueAt(1, 229, index)));
    const y = await zarr.open.v3(files.at('observed_data', 'y'), { kind: 'array' });
    expect((await zarr.get(y)).data).toEqual(Float64Array.of(1, NaN, 3));
    const levels = await zarr.open.v3(files.at('posterior', 'größe #1?'), { kind: 'array' });
    expect((await zarr.get(levels)).data).toEqual(LAYOUT.coords['größe #1?']);
    const pointwise = await openPosterior(path, 'log_likelihood');
    expect(await pointwise.readSite('y', 1)).toEqual([Float64Array.of(0, 1, 2), Float64Array.of(0, 1, 2)]);
    const root = JSON.parse(readFileSync(join(path, 'zarr.json'), 'utf8')) as {
      consolidated_metadata: { metadata: Record<string, unknown> };
    };
    const nodes = Object.keys(root.consolidated_metadata.metadata);
    expect(nodes).toContain('posterior/größe #1?');
    expect(nodes).toContain('log_likelihood/y');
    expect(nodes.filter((node) => !node.includes('/'))).toEqual([
      'log_likelihood',
      'observed_data',
      'posterior',
      'sample_stats',
      'warmup_posterior',
      'warmup_sample_stats',
    ]);
  });

  it('cuts a site that is too large for one file, each file under 8 MiB', async () => {
    const path = join(scratch, 'large.zarr');
    const site = { name: 'unit', shape: [2, 6000, 3], dims: ['market', 'customer', 'effect'] };
    const layout = { chains: 1, warmup: 0, draws: 3, sites: [site], coords: {}, statistics: [] };
    const store = await PosteriorStore.create(path, layout);
    const draw = (t: number): Float64Array => Float64Array.from({ length: 36_000 }, (_, index) => index * 4 + t);
    for (let t = 0; t < 3; t++) store.append(0, 'sampling', t, draw(t));
    const files = new ZarrFiles(path);
    const array = await zarr.open.v3(files.at('posterior', 'unit'), { kind: 'array' });
    expect(array.chunks).toEqual([1, 100, 1, 3495, 3]);
    expect(statSync(join(path, 'posterior/unit/c/0/0/1/1/0')).size).toBeLessThan(8 * 2 ** 20);
    const whole = await zarr.get(array as zarr.Array<'float64', ZarrFiles>);
    expect(whole.data.subarray(36_000, 72_000)).toEqual(draw(1));
    const { draws } = await (await openPosterior(path)).readBlock('unit', 10_480, 7_600);
    expect(draws.map(([chain]) => chain[2])).toEqual([...draw(2).subarray(10_480, 18_080)]);
  });

  it('plans files that cover every scalar once, whatever the shape, within 8 MiB and the buffer', () => {
    for (const shape of [[], [1], [7], [3, 4], [20_000], [5, 1, 3000, 4], [584_000, 5], [2, 30_000, 1]]) {
      for (const chains of [1, 4, 64]) {
        const { blocks, stride, chunkDraws, chunkShape } = planChunks(shape, chains);
        const size = shape.reduce((a, b) => a * b, 1);
        expect(stride * chunkDraws * 8).toBeLessThan(8 * 2 ** 20);
        expect(chunkShape.every((length, axis) => length >= 1 && length <= shape[axis])).toBe(true);
        if (chunkDraws > 1) expect(chains * size * chunkDraws * 8).toBeLessThanOrEqual(128 * 2 ** 20);
        let next = 0;
        for (const block of blocks) {
          expect(block.start).toBe(next);
          expect(block.length).toBeLessThanOrEqual(stride);
          next += block.length;
        }
        expect(next).toBe(size);
      }
    }
  });
});

describe('misuse and damage', () => {
  it('draws out of order, of the wrong length, without statistics or of a phase that is not kept are refused', async () => {
    const store = await PosteriorStore.create(join(scratch, 'misuse.zarr'), { ...LAYOUT, warmup: 0 });
    const statistics = { isDivergent: false, logDensity: 0, treeDepth: 0 };
    const values = new Float64Array(SIZE);
    expect(() => store.append(0, 'sampling', 1, values, statistics)).toThrow(/expects draw 0/);
    expect(() => store.append(0, 'sampling', 0, values.subarray(1), statistics)).toThrow(/97 numbers, got 96/);
    expect(() => store.append(0, 'sampling', 0, values, { isDivergent: true })).toThrow(/without logDensity/);
    expect(() => store.append(0, 'warmup', 0, values, statistics)).toThrow(/keeps no warmup draws/);
    store.append(0, 'sampling', 0, values, statistics);
    expect(store.counts).toEqual([
      { warmup: 0, sampling: 1 },
      { warmup: 0, sampling: 0 },
    ]);
  });

  it('a grouping column whose name cannot be stored is the user’s to mend', async () => {
    const refused = (dim: string, levels: number): Promise<unknown> => {
      const site = { name: 'beta', shape: [2], dims: [dim] };
      const coords = { [dim]: Array.from({ length: levels }, String) };
      return PosteriorStore.create(join(scratch, 'refused.zarr'), { ...LAYOUT, sites: [site], coords });
    };
    await expect(refused('beta', 2)).rejects.toThrow(
      "the name 'beta' of a grouping is taken in the results: rename the column",
    );
    await expect(refused('draw', 2)).rejects.toThrow(InputError);
    await expect(refused('spend/week', 2)).rejects.toThrow(/without slashes/);
    await expect(refused('product', 3)).rejects.toThrow(/dimension product has 3 levels, in site beta 2/);
  });

  it('a damaged file and a group that is not there are named', async () => {
    const path = join(scratch, 'damaged.zarr');
    await writeExample(path);
    truncateSync(join(path, 'posterior/weights/c/1/1/0'), 800);
    const posterior = await openPosterior(path);
    await expect(posterior.readSite('weights', 0)).rejects.toThrow(/weights\/c\/1\/1\/0 is damaged/);
    await expect(openPosterior(path, 'log_likelihood')).rejects.toThrow(/holds no group log_likelihood/);
  });
});
