// Summaries on threads are those of the calling thread, in order; a damaged file and a lost thread come through.
import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { summaryBlocks } from '../../src/cli/fit/summaryBlocks.js';
import { SummaryThreads } from '../../src/cli/fit/summaryThreads.js';
import { summariseRun } from '../../src/cli/fit/summaries.js';
import { InputError } from '../../src/data/inputError.js';
import { PosteriorStore } from '../../src/data/run/posteriorStore.js';
import { summariseNamed } from '../../src/diagnostics/index.js';
import { randomKey, stepKey } from '../../src/inference/random/streams.js';
import type { Model, Site } from '../../src/models/model.js';
import { temporaryFolder } from '../data/inputFiles.js';

const { folder } = temporaryFolder();
const path = join(folder, 'posterior.zarr');
const [chains, draws, superchains] = [3, 60, 3];

const site = (name: string, shape: number[], more: Partial<Site> = {}): Site => ({
  name,
  shape,
  dims: shape.map((_, axis) => `${name}_${axis}`),
  level: 'group',
  ...more,
});
const sites = [
  site('sigma', []),
  site('loadings', [3, 2], { rotation: { loadings: 'loadings', judgedBy: ['sigma'] } }),
  site('scores', [151, 2], { rotation: { loadings: 'loadings', judgedBy: ['sigma'] } }),
  site('effects', [401], { isFixed: ([element]) => element % 10 === 9 }),
];
const size = 1 + 6 + 302 + 401;
const model = { coords: {} } as Pick<Model, 'coords'> as Model;
const before = size - 401;

/** Draws of one scalar of all chains; some constant, stuck or not finite. */
function scalar(index: number): Float64Array[] {
  return Array.from({ length: chains }, (_, chain) => {
    const noise = new Float64Array(draws);
    stepKey(randomKey(7), chain, index).stream(0).fillNormal(noise);
    if (index > before && index % 7 === 3) noise.fill(2);
    if (index > before && index % 7 === 4 && chain === 1) noise.fill(1);
    if (index > before && index % 7 === 5) noise[chain] = NaN;
    return noise.map((value, i) => value + (i > 0 ? 0.5 * noise[i - 1] : 0));
  });
}
const scalars = Array.from({ length: size }, (_, index) => scalar(index));

beforeAll(async () => {
  const store = await PosteriorStore.create(path, { chains, warmup: 0, draws, sites, coords: {}, statistics: [] });
  for (let chain = 0; chain < chains; chain++)
    for (let draw = 0; draw < draws; draw++)
      store.append(
        chain,
        'sampling',
        draw,
        Float64Array.from(scalars, (own) => own[chain][draw]),
        {},
      );
  store.flush();
});

const summarise = (threads: number) => summariseRun(path, model, sites, threads, superchains);

describe('summaries on threads', () => {
  it('equal those of the calling thread, in model order and without what is fixed', async () => {
    const inTurn = await summarise(1);
    expect(inTurn.map(({ site: of, element }) => [of.name, element])).toEqual(
      sites.flatMap(({ name, shape, isFixed }) =>
        Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, element) => [name, element]).filter(
          ([, element]) => !isFixed?.([element as number]),
        ),
      ),
    );
    expect(await summarise(3)).toEqual(inTurn);
    const effects = inTurn.filter(({ site: of }) => of.name === 'effects');
    for (const { site: of, element, name, ...summary } of effects)
      expect({ name, ...summary }, `${of.name} ${element}`).toEqual(
        summariseNamed(name, scalars[before + element], superchains),
      );
  });

  it('read what is turned by whole rows, and divide large sites alone', () => {
    for (const own of sites) {
      const blocks = summaryBlocks(own, {}, 8 * chains * draws, 4);
      const row = own.rotation ? 2 : 1;
      let next = 0;
      for (const { start, count } of blocks) {
        expect([start, start % row, count % row]).toEqual([next, 0, 0]);
        next += count;
      }
      expect(blocks.length).toBe(next < 64 ? 1 : 4);
    }
    // So large that a thread takes several.
    const bytes = 8 * 1024 * 1024;
    expect(summaryBlocks(site('many', [100]), {}, bytes, 2).map(({ count }) => count)).toEqual(
      Array.from({ length: 25 }, () => 4),
    );
  });

  it('reject when the thread is lost', async () => {
    const failing = new SummaryThreads(1, { posteriorPath: path, superchains });
    const lost = expect(failing.summarise(summaryBlocks(sites[0], {}, 8, 1))).rejects.toThrow(/has ended/);
    await failing.dispose();
    await lost;
  });

  it('say in one line that a file is damaged', async () => {
    truncateSync(join(path, 'posterior', 'effects', 'c', '1', '0', '0'), 100);
    for (const threads of [1, 2]) {
      const failure = await summarise(threads).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(InputError);
      expect((failure as InputError).message).toMatch(/c\/1\/0\/0 is damaged/);
    }
    rmSync(path, { recursive: true });
  });
});
