// Gibbs sampling as a method: models that declare their linear Gaussian structure; chains divided over threads, or all on one GPU.
import { cpuDevice } from '../../kernels/cpu/cpuDevice.js';
import { randomKey, stepKey } from '../random/streams.js';
import { HierarchyPositions } from '../linearHierarchy/positions.js';
import { type GibbsListener, GibbsRun } from '../gibbs/run.js';
import { type GibbsSampler, type Learner, samplerOf, type Sweeps } from '../gibbs/sampler.js';
import { gibbsRefusal, type GibbsModel, type GibbsSettings, resolveGibbsSettings } from '../gibbs/settings.js';
import type { GibbsSnapshot } from '../gibbs/snapshot.js';
import { startValues } from '../gibbs/start.js';
import { ChainThreads, divideChains } from '../threads/chainThreads.js';
import type { Method, MethodSettings } from './method.js';

const usual = { chains: 4, warmup: 1000, draws: 1000 } as const;
/** Sweeps that are timed, at least, and milliseconds after which no more are. */
const fewest = 5;
const patience = 100;

export const gibbs: Method = {
  name: 'gibbs',
  title: 'Gibbs sampling',
  effort: 'sweeps',
  statistics: [],
  draws: 'chains',
  usual,
  refusal: gibbsRefusal,
  prepare: async (model, device, { chains, threads }, starters) => {
    const parts = device.name === 'cpu' && starters !== undefined ? divideChains(chains, threads) : [];
    const isDivided = parts.length > 1;
    const chainThreads = isDivided ? new ChainThreads(chains, threads, starters!.startChainWorker) : undefined;
    const lanes = isDivided ? Math.max(...parts.map(({ count }) => count)) : chains;
    const own = isDivided ? cpuDevice({ precision: device.precision }) : device;
    const { dimension } = new HierarchyPositions(model);
    // Of the usual scheme: what it weighs and how long it takes is known before the run.
    const sampler = samplerOf(model, resolveGibbsSettings({}).scheme);
    const sweep = await sampler.compile(own, lanes).catch(async (error: unknown) => {
      await chainThreads?.dispose();
      throw error;
    });
    const { memoryBytes } = sweep;
    const copies = isDivided ? parts.length + 1 : 1;
    return {
      dimension,
      threads: isDivided ? parts.length : 1,
      memory: {
        hostBytes: device.name === 'cpu' ? memoryBytes * copies : 0,
        deviceBytes: device.name === 'cpu' ? 0 : memoryBytes,
        dataBytes: sweep.dataBytes,
      },
      precision: device.precision,
      division: isDivided ? `${parts.length} threads, which divide the chains` : 'all chains in one batch',
      timeStep: () => timeSweep(sweep, sampler, model, lanes),
      run: async (settings, listener, { signal, resume, checkpointInterval }) => {
        const options = { signal, checkpointInterval, ...(resume && { resume: resume as GibbsSnapshot }) };
        const all = ownSettings(settings, chains);
        const heard: GibbsListener = listener;
        const result = await (chainThreads === undefined
          ? new GibbsRun(model, all, heard, { ...options, device }).run()
          : chainThreads.runGibbs(model, dimension, all, heard, options));
        return {
          isComplete: result.isComplete,
          snapshot: result.snapshot,
          findings: [],
          chains: result.chains.map((chain) => chain && { effort: chain.sweeps }),
        };
      },
      dispose: async () => {
        await chainThreads?.dispose();
        await sweep.dispose();
      },
    };
  },
};

function ownSettings({ warmup, draws, seed, gibbs: own }: MethodSettings, chains: number): GibbsSettings {
  return { ...own, chains, warmup: warmup ?? usual.warmup, draws: draws ?? usual.draws, seed: seed ?? 1 };
}

/** Median milliseconds of one sweep of all lanes, from their starts. */
async function timeSweep(
  sweep: Sweeps<Learner>,
  sampler: GibbsSampler,
  model: GibbsModel,
  lanes: number,
): Promise<number> {
  const key = randomKey('timing');
  const chains = Array.from({ length: lanes }, (_, lane) => ({
    lane,
    values: startValues(model, key, lane),
    learners: sampler.newLearners(),
  }));
  const times: number[] = [];
  const begun = performance.now();
  for (let step = 0; times.length < fewest || (performance.now() - begun < patience && times.length < 1000); step++) {
    const start = performance.now();
    await sweep.sweep(
      chains.map((chain) => ({
        ...chain,
        key: stepKey(key, chain.lane, step),
        progress: { sweep: step, warmup: 0 },
      })),
      sweep.scanned,
    );
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}
