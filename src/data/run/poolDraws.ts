// The draws of several finished runs in one store: their chains one run's after the other's, in bounded memory.
import { openPosterior } from './posteriorReader.js';
import { PosteriorStore, statisticNames, type SampleStatistics, type StatisticName } from './posteriorStore.js';
import { siteSize } from './siteDescription.js';

/** Numbers that are read ahead, at most. */
const bufferLength = 2 ** 23;

/** Writes `path` anew from runs with the same sites, chains and draws. Warm-up stays where it is. */
export async function copyDraws(
  path: string,
  sources: readonly string[],
  statistics: readonly StatisticName[],
): Promise<void> {
  const readers = await Promise.all(sources.map((source) => openPosterior(source)));
  const [{ sites, coords, chains, draws }] = readers;
  const layout = { chains: chains * readers.length, warmup: 0, draws, sites, coords, statistics };
  const store = await PosteriorStore.create(path, layout);
  const size = sites.reduce((sum, site) => sum + siteSize(site), 0);
  const step = Math.max(1, Math.min(draws, 100 * Math.floor(bufferLength / (100 * size))));
  for (const [r, reader] of readers.entries()) {
    const told = statistics.length === 0 ? undefined : await openPosterior(sources[r], 'sample_stats');
    const traces = await Promise.all(
      statistics.map(async (name) => [name, await told!.readSite(statisticNames[name])] as const),
    );
    for (let chain = 0; chain < chains; chain++) {
      for (let from = 0; from < draws; from += step) {
        const count = Math.min(step, draws - from);
        const parts = await Promise.all(sites.map(({ name }) => reader.readDraws(name, chain, from, count)));
        const row = new Float64Array(size);
        for (let draw = 0; draw < count; draw++) {
          let offset = 0;
          for (const [s, site] of sites.entries()) {
            const length = siteSize(site);
            row.set(parts[s].subarray(draw * length, (draw + 1) * length), offset);
            offset += length;
          }
          store.append(r * chains + chain, 'sampling', from + draw, row, ofDraw(traces, chain, from + draw));
        }
      }
    }
  }
  store.flush();
}

function ofDraw(
  traces: readonly (readonly [StatisticName, readonly Float64Array[]])[],
  chain: number,
  draw: number,
): Partial<SampleStatistics> {
  return Object.fromEntries(
    traces.map(([name, values]) => {
      const value = values[chain][draw];
      return [name, name === 'isDivergent' ? value !== 0 : value];
    }),
  );
}
